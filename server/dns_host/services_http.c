/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "host.h"

static enum dns_result report(const struct dns_host *services, const struct err *err)
{
	enum dns_result result = err->kind == ERR_TEMPORARY ? DNS_TEMPORARY
	                         : err->kind == ERR_CONFIG  ? DNS_BAD_OPTION
	                                                    : DNS_REFUSED;

	return services->fail(services, result, "%s", err->msg);
}

static bool get_client(struct host *host, struct err *err)
{
	const struct http_settings settings = {
		.ca_pem = host->services.option(&host->services, DNS_OPTION_CA),
		.plain_loopback = true,
		.user_agent = "certferry/" CERTFERRY_VERSION,
		.timeout_s = HOST_HTTP_TIMEOUT_S,
		.reply_max = HOST_REPLY_MAX,
	};

	if (!host->http)
		host->http = http_new(&settings, err);
	return host->http != NULL;
}

/* Counted before it is made: one that times out may have been taken. */
static enum dns_result keep_pace(struct host *host)
{
	struct host_pace *pace = &host->pace;
	enum dns_result result;

	if (pace->max == 0 || pace->spent + pace->requests < pace->max) {
		pace->requests += pace->requests < WIRE_REQUESTS_MAX;
		return DNS_OK;
	}
	result = host->services.fail(
	    &host->services, DNS_RATE_LIMITED,
	    "certferry keeps to this service's limit of %d requests in %d s", pace->max,
	    pace->window_s);
	host->retry_after = pace->spent > 0 && pace->free_in_s > 0 ? pace->free_in_s
	                                                           : pace->window_s;
	return result;
}

/* What a call holds is not freed: the provider may read it until the process ends. */
enum dns_result host_http(const struct dns_host *services, struct dns_http *io)
{
	static const char *const want[] = { "retry-after", NULL };
	struct host *host = host_of(services);
	struct http_call *call = NULL;
	enum dns_result result;
	struct err err;

	io->status = 0;
	io->reply = "";
	io->reply_len = 0;
	result = keep_pace(host);
	if (result != DNS_OK)
		return result;
	call = NEW(struct http_call);
	call->method = io->method;
	call->url = io->url;
	call->headers = io->headers;
	call->body = io->body;
	call->body_len = io->body_len;
	call->want = want;
	if (!get_client(host, &err) || !http_do(host->http, call, &err)) {
		result = report(services, &err);
		http_call_deinit(call);
		free(call);
		return result;
	}
	io->status = call->status;
	io->reply = call->reply.data;
	io->reply_len = call->reply.len;
	/* Stands until the next exchange: a fail() after this one passes it on. */
	host->retry_after = http_retry_after(call->got[0], clock_now());
	return DNS_OK;
}
