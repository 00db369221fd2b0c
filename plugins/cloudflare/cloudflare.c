/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloudflare - zones at Cloudflare, by its API v4 and an API token
 *
 * Many changes go in one request of the batch call (it takes 200, certferry's batches
 * have 100), which does all of them or none; what it refuses, the host tries again one
 * by one. cloudflare.md is the manual.
 */
#include <certferry/dns_provider.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define API_URL "https://api.cloudflare.com/client/v4"
enum { LOOKS = 4, PAUSE_MS = 1500, TTL_MIN = 60 };

/* clang-format off */
#define RECORD "{\"type\":\"TXT\",\"name\":\"%s\",\"content\":\"\\\"%s\\\"\",\"ttl\":%u,\"comment\":\"certferry\"}"
#define NO_ANSWER "asked about zone %s, Cloudflare gave no answer of its API, but HTTP %d and %zu bytes (is api-url right?)"
#define REFUSED "Cloudflare refuses %s on %s by %s: %s (\"%s\", code %s, HTTP %s)"
#define BAD_TOKEN "%s is empty, or has a space or a line break inside: it is one word"
#define TOO_OLD "this certferry is older than its cloudflare plugin"
#define LIST "/zones/%s/dns_records?type=TXT&per_page=100&page=%d%s%.*s"
#define NO_ZONE "Cloudflare shows this token %zu active zones for %s: give it Zone:Zone:Read on the one, or set zone-id"

static const struct dns_option options[] = {
	{ "api-token", DNS_REQUIRED | DNS_SECRET, "API token with Zone:DNS:Edit, and Zone:Zone:Read unless zone-token or zone-id is set" },
	{ "zone-token", DNS_SECRET, "API token with Zone:Zone:Read, where api-token may not look up zones" },
	{ "zone-id", 0, "id of the only zone of this entry: no zone is looked up then" },
	{ "api-url", 0, "where the API is (default " API_URL ")" },
	{ DNS_OPTION_CA, 0, "certificates to trust in place of the system's" },
	{ 0 }
};

/* What Cloudflare's error codes mean, then HTTP's; DNS_OK: it is as wanted already. */
static const struct meaning { const char *code; enum dns_result result; const char *text; } meanings[] = {
	{ "429", DNS_RATE_LIMITED, "too many requests in 5 minutes, by all tools and windows of this user" },
	{ "81057", DNS_OK, "" }, { "81058", DNS_OK, "" }, { "81044", DNS_OK, "" }, { "1032", DNS_OK, "" },
	{ "0", DNS_NO_ZONE, "the token is not for this zone" },
	{ "1001", DNS_NO_ZONE, "is zone-id right?" }, { "7003", DNS_NO_ZONE, "is zone-id right?" },
	{ "1038", DNS_REFUSED, "use the provider manual, or delegate by a CNAME to a zone that has an API (docs/providers.md)" },
	{ "81045", DNS_REFUSED, "the zone is full: remove records, or change its plan" },
	{ "81053", DNS_REFUSED, "a CNAME stands there" }, { "81054", DNS_REFUSED, "a CNAME stands there" },
	{ "6003", DNS_DENIED, "this is no whole API token (nor is the Global API Key one)" },
	{ "9103", DNS_DENIED, "this is no API token (nor is the Global API Key one)" },
	{ "9109", DNS_DENIED, "the token is wrong, expired, revoked, or lacks this right, or is not for our address" },
	{ "10000", DNS_DENIED, "the token is wrong, or lacks this right" },
	{ "401", DNS_DENIED, "the token is wrong" }, { "403", DNS_DENIED, "the token lacks this right" },
	{ NULL, DNS_REFUSED, "Cloudflare's manual may know why" },
};
/* clang-format on */

struct job {
	const struct dns_host *host;
	struct dns_change *changes;
	size_t count;
	const char *zone, *zone_id; /* zone_id NULL: it is being looked up */
	const char **ids;           /* of those records that are there */
	const char *reply;
};

/* A member of a row of the reply; "" where it is not there. */
static const char *get(const struct job *job, size_t row, const char *member)
{
	const struct dns_host *host = job->host;
	const char *path = host->text(host, "result.%zu.%s", row, member);
	const char *found = host->json(host, job->reply, path);

	return found ? found : "";
}

static enum dns_result judge(const struct job *job, int status, const char *token)
{
	const struct dns_host *host = job->host;
	const char *success = host->json(host, job->reply, "success");
	const char *code = host->json(host, job->reply, "errors.0.code");
	const char *why = host->json(host, job->reply, "errors.0.error_chain.0.message");
	const char *http = host->text(host, "%d", status);
	const struct meaning *row = meanings;

	if (status >= 500 || (status != 429 && !success))
		return host->fail(host, DNS_TEMPORARY, NO_ANSWER, job->zone, status,
		                  strlen(job->reply));
	if (success && strcmp(success, "true") == 0)
		return DNS_OK;
	code = code ? code : "none";
	why = why ? why : host->json(host, job->reply, "errors.0.message");
	while (row->code && strcmp(row->code, code) != 0 && strcmp(row->code, http) != 0)
		row++;
	if (row->result == DNS_OK) /* In a batch it spoilt the others. */
		return job->count > 1 ? DNS_REFUSED : DNS_OK;
	return host->fail(host, row->result, REFUSED,
	                  job->zone_id ? "Zone:DNS:Edit" : "Zone:Zone:Read", job->zone,
	                  token, row->text, why ? why : "no reason given", code, http);
}

static enum dns_result ask(struct job *job, const char *method, const char *path,
                           const char *body)
{
	static const char space[] = " \t\r\n";
	const struct dns_host *host = job->host;
	const char *headers[] = { NULL, "Content-Type: application/json", NULL };
	const char *url = host->option(host, "api-url"), *name = "zone-token", *token;
	struct dns_http io = { .method = method, .headers = headers, .body = body };
	enum dns_result result;
	size_t len;

	if (job->zone_id || !host->option(host, name))
		name = "api-token";
	token = host->option(host, name);
	token += strspn(token, space); /* People paste it with space around. */
	len = strcspn(token, space);
	if (len == 0 || token[len + strspn(token + len, space)])
		return host->fail(host, DNS_BAD_OPTION, BAD_TOKEN, name);
	headers[0] = host->text(host, "Authorization: Bearer %.*s", (int)len, token);
	io.url = host->text(host, "%s%s", url ? url : API_URL, path);
	io.body_len = body ? strlen(body) : 0;
	result = host->http(host, &io);
	job->reply = io.reply;
	return result == DNS_OK ? judge(job, io.status, name) : result;
}

/* The zone as certferry found it, else its parents: never a list of all zones. */
static enum dns_result find_zone(struct job *job)
{
	const struct dns_host *host = job->host;
	const char *id = host->option(host, "zone-id"), *dot = job->zone;
	size_t found = id ? 1 : 0;

	for (const char *at = dot; !found && (dot = strchr(at, '.')); at = dot + 1) {
		const char *path = host->text(host, "/zones?status=active&name=%s", at);
		enum dns_result result = ask(job, "GET", path, NULL);

		if (result != DNS_OK && result != DNS_NO_ZONE)
			return result;
		for (size_t i = host->json_count(host, job->reply, "result"); i-- > 0;)
			if (strcasecmp(get(job, i, "name"), at) == 0 && ++found)
				id = get(job, i, "id");
	}
	job->zone_id = id;
	return found == 1 ? DNS_OK
	                  : host->fail(host, found ? DNS_BAD_OPTION : DNS_NO_ZONE,
	                               NO_ZONE, found, job->zone);
}

/* Which change the row of the list is about: name and content must be the very same. */
static void note(struct job *job, size_t row)
{
	const char *name = get(job, row, "name"), *content = get(job, row, "content");
	size_t len = strlen(content), quote = len > 1 && *content == '"';

	for (size_t i = 0; i < job->count; i++) {
		const struct dns_record *record = &job->changes[i].record;

		if (strcasecmp(name, record->name) == 0 &&
		    strlen(record->value) == len - 2 * quote &&
		    memcmp(content + quote, record->value, len - 2 * quote) == 0)
			job->ids[i] = get(job, row, "id");
	}
}

/* Reads all pages of the records whose names begin as those of the changes do. */
static enum dns_result list(struct job *job)
{
	const struct dns_host *host = job->host;
	const char *name = job->changes[0].record.name, *seen = "0", *total = NULL;
	size_t len = strlen(name), rows = 1, sum = 0;

	for (size_t i = 1; i < job->count; i++)
		while (strncmp(name, job->changes[i].record.name, len) != 0)
			len--;
	for (int page = 1; rows > 0 && (!total || strcmp(total, seen) != 0); page++) {
		const char *by_name = len ? "&name.startswith=" : "";
		enum dns_result result = ask(
		    job, "GET",
		    host->text(host, LIST, job->zone_id, page, by_name, (int)len, name),
		    NULL);

		if (result != DNS_OK)
			return result;
		rows = host->json_count(host, job->reply, "result");
		for (size_t i = 0; i < rows; i++)
			note(job, i);
		seen = host->text(host, "%zu", sum += rows);
		total = host->json(host, job->reply, "result_info.total_count");
	}
	return DNS_OK;
}

/* The list may lack what was written a moment ago: only after a few looks it is gone. */
static enum dns_result find_records(struct job *job)
{
	for (int look = 1;; look++) {
		enum dns_result result = list(job);
		size_t i = 0;

		while (i < job->count && (!job->changes[i].remove || job->ids[i]))
			i++;
		if (result != DNS_OK || i == job->count || look == LOOKS)
			return result;
		job->host->pause(job->host, PAUSE_MS);
	}
}

/* What is to be done still, as members of a JSON array. */
static const char *items(const struct job *job, uint32_t remove)
{
	const struct dns_host *host = job->host;
	const char *all = "";

	for (size_t i = 0; i < job->count; i++) {
		const struct dns_record *it = &job->changes[i].record;
		uint32_t ttl = it->ttl < TTL_MIN ? TTL_MIN : it->ttl;

		if (job->changes[i].remove != remove || (job->ids[i] != NULL) != remove)
			continue;
		all = host->text(
		    host, "%s%s%s", all, *all ? "," : "",
		    remove ? host->text(host, "{\"id\":\"%s\"}", job->ids[i])
			   : host->text(host, RECORD, it->name, it->value, ttl));
	}
	return all;
}

static enum dns_result write_all(struct job *job, uint32_t remove)
{
	const struct dns_host *host = job->host;
	const char *path = host->text(host, "/zones/%s/dns_records", job->zone_id);
	const char *all = items(job, remove), *kind = remove ? "deletes" : "posts";
	enum dns_result result = DNS_OK;

	if (*all && job->count > 1)
		result = ask(job, "POST", host->text(host, "%s/batch", path),
		             host->text(host, "{\"%s\":[%s]}", kind, all));
	else if (*all && remove)
		result = ask(job, "DELETE", host->text(host, "%s/%s", path, job->ids[0]),
		             NULL);
	else if (*all)
		result = ask(job, "POST", path, all);
	for (size_t i = 0; result == DNS_OK && i < job->count; i++)
		if (job->changes[i].remove == remove)
			job->changes[i].result = DNS_OK;
	return result;
}

static enum dns_result change(const struct dns_host *host, struct dns_change *changes,
                              size_t count)
{
	struct job job = { host, changes, count, changes[0].record.zone, NULL, NULL, "" };
	enum dns_result result;

	if (!DNS_HOST_HAS(host, pause))
		return host->fail(host, DNS_REFUSED, TOO_OLD);
	job.ids = calloc(count, sizeof(*job.ids));
	result = find_zone(&job);
	if (result == DNS_OK && (count > 1 || changes[0].remove))
		result = find_records(&job);
	for (uint32_t remove = 2; result == DNS_OK && remove-- > 0;)
		result = write_all(&job, remove);
	free(job.ids);
	return result;
}

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	struct dns_change only = { .record = *record };

	return change(host, &only, 1);
}

static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	struct dns_change only = { .remove = 1, .record = *record };

	return change(host, &only, 1);
}

/* clang-format off */
DNS_PROVIDER(
	.name = "cloudflare",
	.summary = "zones at Cloudflare, by an API token",
	.options = options, .present = present, .cleanup = cleanup, .change = change,
	.requests_max = 1200, .requests_window_s = 300,
);
