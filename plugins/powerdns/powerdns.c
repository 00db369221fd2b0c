/* SPDX-License-Identifier: Apache-2.0 */
/*
 * powerdns - the HTTP API of the PowerDNS Authoritative Server
 *
 * The API knows whole sets only: all TXT values of a name are replaced at once, so those
 * of others are read first and written back. What was read may be old by then; therefore
 * it is done where a reading shows all as it is to be, and never with a writing.
 */
#include <certferry/dns_provider.h>
#include <string.h>
#include <strings.h>

enum { ROUNDS = 4 };

static const struct dns_option options[] = {
	{ "api-url", DNS_REQUIRED,
	  "its API: https://dns.example.net:8081, or http:// on "
	  "loopback" },
	{ "api-key", DNS_REQUIRED | DNS_SECRET, "api-key of its pdns.conf" },
	{ "server-id", 0, "localhost (default), as every pdns_server calls itself" },
	{ DNS_OPTION_CA, 0, "PEM certificates to trust instead of the system's" },
	{ 0 }
};

struct job {
	const struct dns_host *host;
	struct dns_change *changes, *end;
	const char *url; /* of the zone */
	const char *headers[3];
	const char *body; /* the sets to write, a comma before each */
};

/* What stands at a path made as by printf, "" where there is nothing. */
#define JSON(host, reply, ...) \
	((host)->json((host), (reply), (host)->text((host), __VA_ARGS__)) ?: "")

/* The next change, from c on, of that name and that content (NULL: any), or NULL. */
static struct dns_change *find(const struct job *job, struct dns_change *c,
                               const char *name, const char *content)
{
	for (; c < job->end; c++)
		if (strcmp(c->record.name, name) == 0 &&
		    (!content || strcmp(content, job->host->text(job->host, "\"%s\"",
		                                                 c->record.value)) == 0))
			return c;
	return NULL;
}

/* One exchange, and what its status means. */
static enum dns_result ask(const struct job *job, struct dns_http *io)
{
	const struct dns_host *host = job->host;
	enum dns_result result;
	const char *why;

	io->headers = job->headers;
	io->body_len = io->body ? strlen(io->body) : 0;
	result = host->http(host, io);
	if (result != DNS_OK || (io->status >= 200 && io->status < 300))
		return result;
	why = host->json(host, io->reply, "error");
	result = io->status == 429 || io->status >= 500 ? DNS_TEMPORARY : DNS_REFUSED;
	if (io->status == 401 || io->status == 403) {
		result = DNS_DENIED;
		why = "the api-key is refused: compare it with api-key in pdns.conf";
	} else if (io->status == 404) {
		result = DNS_NO_ZONE;
		why = "no such zone there, or another server-id, or no api=yes";
	}
	return host->fail(host, result, "%s: HTTP %d: %s", job->url, io->status,
	                  why ? why : "no reason given");
}

/* The path of the name's TXT set; old servers send the whole zone. */
static const char *find_set(const struct dns_host *host, const char *reply,
                            const char *name)
{
	const char *full = host->text(host, "%s.", name);
	size_t count = host->json_count(host, reply, "rrsets");

	for (size_t i = 0; i < count; i++)
		if (strcasecmp(JSON(host, reply, "rrsets.%zu.name", i), full) == 0 &&
		    strcmp(JSON(host, reply, "rrsets.%zu.type", i), "TXT") == 0)
			return host->text(host, "rrsets.%zu", i);
	return "none";
}

/* Adds the name's set to the body where it must change; others' values and TTL stay. */
static void plan(struct job *job, const char *name, const char *reply)
{
	const struct dns_host *host = job->host;
	const char *set = find_set(host, reply, name), *records = "";
	const char *ttl = JSON(host, reply, "%s.ttl", set);
	size_t count = host->json_count(host, reply, host->text(host, "%s.records", set));
	int undone = 0;

	for (struct dns_change *c = find(job, job->changes, name, NULL); c;
	     c = find(job, c + 1, name, NULL)) {
		if (c->remove)
			continue;
		undone++;
		records = host->text(host,
		                     "%s,{\"content\":\"\\\"%s\\\"\",\"disabled\":false}",
		                     records, c->record.value);
	}
	for (size_t i = 0; i < count; i++) {
		const char *content = JSON(host, reply, "%s.records.%zu.content", set, i);
		const char *off = JSON(host, reply, "%s.records.%zu.disabled", set, i);
		const struct dns_change *ours = find(job, job->changes, name, content);

		if (ours)
			undone += ours->remove ? 1 : -1;
		else
			records = host->text(host, "%s,{\"content\":%s,\"disabled\":%s}",
			                     records, host->json_quote(host, content),
			                     off);
	}
	if (undone == 0)
		return;
	job->body = host->text(
	    host,
	    "%s,{\"name\":\"%s.\",\"type\":\"TXT\",\"changetype\":\"%s\","
	    "\"ttl\":%s,\"records\":[%s]}",
	    job->body, name, *records ? "REPLACE" : "DELETE",
	    *ttl ? ttl : host->text(host, "%u", job->changes->record.ttl),
	    *records ? records + 1 : "");
}

static enum dns_result read_all(struct job *job)
{
	job->body = "";
	for (struct dns_change *c = job->changes; c < job->end; c++) {
		const char *name = c->record.name;
		struct dns_http io = { .method = "GET" };
		enum dns_result result;

		if (find(job, job->changes, name, NULL) != c)
			continue;
		io.url = job->host->text(job->host, "%s?rrset_name=%s.&rrset_type=TXT",
		                         job->url, name);
		result = ask(job, &io);
		if (result != DNS_OK)
			return result;
		/* What is not read must not pass for an empty set: it would be replaced.
		 */
		if (!*JSON(job->host, io.reply, "name"))
			return job->host->fail(job->host, DNS_TEMPORARY,
			                       "%s: the answer is no zone", io.url);
		plan(job, name, io.reply);
	}
	return DNS_OK;
}

static enum dns_result change(const struct dns_host *host, struct dns_change *changes,
                              size_t count)
{
	const char *url = host->option(host, "api-url");
	const char *id = host->option(host, "server-id");
	size_t len = strlen(url);
	struct job job = { .host = host, .changes = changes, .end = changes + count };

	if (!DNS_HOST_HAS(host, text))
		return host->fail(host, DNS_REFUSED, "certferry is older than this");
	while (len > 0 && url[len - 1] == '/')
		len--;
	job.url = host->text(host, "%.*s/api/v1/servers/%s/zones/%s.", (int)len, url,
	                     id ? id : "localhost", changes->record.zone);
	job.headers[0] = host->text(host, "X-API-Key: %s", host->option(host, "api-key"));
	job.headers[1] = "Content-Type: application/json";
	for (int round = 0; round < ROUNDS; round++) {
		struct dns_http io = { .method = "PATCH", .url = job.url };
		enum dns_result result = read_all(&job);

		if (result != DNS_OK || !*job.body)
			return result;
		io.body = host->text(host, "{\"rrsets\":[%s]}", job.body + 1);
		result = ask(&job, &io);
		if (result != DNS_OK)
			return result;
	}
	return host->fail(host, DNS_TEMPORARY,
	                  "%s: what was written is not there: who else writes it?",
	                  job.url);
}

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	return change(host, &(struct dns_change){ .record = *record }, 1);
}

static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	return change(host, &(struct dns_change){ .remove = 1, .record = *record }, 1);
}

DNS_PROVIDER(.name = "powerdns", .summary = "PowerDNS Authoritative Server, its HTTP API",
             .options = options, .present = present, .cleanup = cleanup,
             .change = change);
