/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_HOST_HOST_H
#define DNS_HOST_HOST_H
#include <certferry/dns_provider.h>

#include "http/http.h"
#include "provider/wire.h"

/*
 * host - what a provider may call, and where its words go
 *
 * One struct host serves one batch in one process, from one thread; what it gives
 * out lives as long as the process. Text of a provider leaves through host_clean():
 * each secret is replaced by ***, also the longer words of one (a key file's secret
 * inside its text).
 */
enum { HOST_SECRETS_MAX = 64, HOST_HTTP_TIMEOUT_S = 30, HOST_REPLY_MAX = 1 << 20 };

struct host {
	struct dns_host services; /* services.ctx is this struct */
	const struct wire_request *request;
	struct http *http; /* made by the first call */
	char *secrets[HOST_SECRETS_MAX];
	size_t secret_count;
	int logs;

	char text[WIRE_TEXT_MAX + 1]; /* of the last fail(), cleaned */
	int retry_after;
};

/* Wires the services up and learns the request's secrets, by what the daemon says and
 * by the provider's table. */
void host_init(struct host *host, const struct wire_request *request);
void host_learn_options(struct host *host, const struct dns_option *options);
void host_learn_secret(struct host *host, const char *text);

/* Sends one frame to the daemon; a daemon that is gone ends the process. */
void host_answer(const struct wire_answer *answer);

struct host *host_of(const struct dns_host *services);

/* The services that have files of their own. */
enum dns_result host_http(const struct dns_host *services, struct dns_http *io);
enum dns_result host_update(const struct dns_host *services,
                            const struct dns_update *update);
#endif
