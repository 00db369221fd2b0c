/* SPDX-License-Identifier: Apache-2.0 */
/*
 * example - a whole provider, small and explained, to be copied
 *
 * The service is made up. Its API is of the kind that most have:
 *
 *     Authorization: Bearer TOKEN                           with each request
 *     GET    /v1/zones/ZONE/records?type=TXT&name=NAME      {"records": [{"id",
 * "value"}]} POST   /v1/zones/ZONE/records  {"type", "name", "value", "ttl"}          201
 *     DELETE /v1/zones/ZONE/records/ID                                         204
 *     errors: a status of 400 or more and {"message": "..."}
 *
 * docs/writing-a-provider.md goes through it and says what to do with the copy.
 */
#include <certferry/dns_provider.h>
#include <string.h>

/*
 * 1. What stands in the configuration. certferry checks it before anything of this file
 * runs: no unknown option, every required one there. The value of a DNS_SECRET option
 * comes from a file, and is *** wherever it shows up in a text.
 */
static const struct dns_option options[] = {
	{ "api-token", DNS_REQUIRED | DNS_SECRET,
	  "token with the right to edit records" },
	{ "api-url", 0, "other than https://api.dns.example, without a final /" },
	{ 0 }
};

/*
 * 2. What the statuses mean. The result decides what certferry does next; the text is for
 * the operator: who refused what, and what to change.
 */
static const struct {
	int status;
	enum dns_result result;
	const char *text;
} answers[] = {
	{ 401, DNS_DENIED, "the api-token is wrong or has ended" },
	{ 403, DNS_DENIED, "the api-token may not edit records of this zone" },
	{ 404, DNS_NO_ZONE, "the api-token's account has no such zone" },
	{ 429, DNS_RATE_LIMITED, "too many requests" }, /* its Retry-After is obeyed */
	{ 0, DNS_REFUSED, "the service refuses" },
};

static enum dns_result explain(const struct dns_host *host,
                               const struct dns_record *record, const struct dns_http *io)
{
	const char *why = host->json(host, io->reply, "message");
	size_t i = 0;

	if (io->status < 400)
		return DNS_OK;
	if (!why)
		why = "no reason given";
	if (io->status >= 500)
		return host->fail(host, DNS_TEMPORARY, "HTTP %d: %s", io->status, why);
	while (answers[i].status && answers[i].status != io->status)
		i++;
	return host->fail(host, answers[i].result, "zone %s: HTTP %d: %s (%s)",
	                  record->zone, io->status, answers[i].text, why);
}

/*
 * 3. Every request is made here. A result of host->http() that is not DNS_OK (no
 * connection, no answer) has its text already: return it as it is.
 */
static enum dns_result call(const struct dns_host *host, const struct dns_record *record,
                            struct dns_http *io)
{
	const char *token = host->text(host, "Authorization: Bearer %s",
	                               host->option(host, "api-token"));
	const char *const headers[] = { token, "Content-Type: application/json", NULL };
	enum dns_result result;

	io->headers = headers;
	io->body_len = io->body ? strlen(io->body) : 0;
	result = host->http(host, io);
	return result == DNS_OK ? explain(host, record, io) : result;
}

static const char *records_url(const struct dns_host *host,
                               const struct dns_record *record)
{
	const char *base = host->option(host, "api-url");

	/* What the host gives stays until the process ends: nothing is freed. */
	return host->text(host, "%s/v1/zones/%s/records",
	                  base ? base : "https://api.dns.example", record->zone);
}

/*
 * 4. Which of the name's records is ours? Its value tells: certferry keeps no ids, so
 * that it can clean up after a crash as well. *id is NULL where there is none.
 */
static enum dns_result find(const struct dns_host *host, const struct dns_record *record,
                            const char **id)
{
	struct dns_http io = { .method = "GET" };
	enum dns_result result;
	size_t count;

	*id = NULL;
	io.url = host->text(host, "%s?type=TXT&name=%s", records_url(host, record),
	                    record->name);
	result = call(host, record, &io);
	if (result != DNS_OK)
		return result;
	count = host->json_count(host, io.reply, "records");
	for (size_t i = 0; i < count && !*id; i++) {
		const char *value = host->json(host, io.reply,
		                               host->text(host, "records.%zu.value", i));

		if (value && strcmp(value, record->value) == 0)
			*id = host->json(host, io.reply,
			                 host->text(host, "records.%zu.id", i));
	}
	return DNS_OK;
}

/*
 * 5. The first promise: the value stands beside any other at that name, and if it is
 * there already, that is success.
 */
static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	struct dns_http io = { .method = "POST" };
	const char *id;
	enum dns_result result = find(host, record, &id);

	if (result != DNS_OK || id)
		return result;
	io.url = records_url(host, record);
	io.body = host->text(host,
	                     "{\"type\":\"TXT\",\"name\":%s,\"value\":%s,\"ttl\":%u}",
	                     host->json_quote(host, record->name),
	                     host->json_quote(host, record->value), record->ttl);
	return call(host, record, &io);
}

/* 6. The second: that one value goes, and if it is not there, that is success. */
static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	struct dns_http io = { .method = "DELETE" };
	const char *id;
	enum dns_result result = find(host, record, &id);

	if (result != DNS_OK || !id)
		return result;
	io.url = host->text(host, "%s/%s", records_url(host, record), id);
	return call(host, record, &io);
}

/* 7. The name is that of the folder and of the file. */
DNS_PROVIDER(.name = "example", .summary = "a made-up service, to copy from",
             .options = options, .present = present, .cleanup = cleanup);
