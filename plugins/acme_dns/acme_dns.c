/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acme_dns - the small server made for DNS-01 and nothing else (joohoi/acme-dns)
 *
 * An account is one name, to which _acme-challenge.NAME leads by a CNAME. The service
 * keeps the last two values posted and knows no removal, so that there is nothing to
 * clean up, and a third value at once would push out the first.
 */
#include <certferry/dns_provider.h>
#include <string.h>
#include <strings.h>

enum { KEPT = 2 };

static const struct dns_option options[] = {
	{ "api-url", DNS_REQUIRED, "the service: https://auth.acme-dns.io" },
	{ "username", DNS_REQUIRED, "as the service gave it at registration" },
	{ "password", DNS_REQUIRED | DNS_SECRET, "likewise" },
	{ "subdomain", DNS_REQUIRED, "likewise; or the whole name, its fulldomain" },
	{ DNS_OPTION_CA, 0, "PEM certificates to trust instead of the system's" },
	{ 0 }
};

/* The account's name is SUBDOMAIN.domain.of.the.service; `subdomain` has all of it or
 * the first label. */
static enum dns_result check_name(const struct dns_host *host, const char *name)
{
	const char *ours = host->option(host, "subdomain");
	size_t len = strlen(ours);
	const char *rest = strchr(ours, '.') ? "." : ".DOMAIN-OF-THE-SERVICE.";

	if (len > 0 && ours[len - 1] == '.')
		len--;
	if (strncasecmp(name, ours, len) == 0 &&
	    (name[len] == '\0' || (name[len] == '.' && !strchr(ours, '.'))))
		return DNS_OK;
	return host->fail(host, DNS_NO_ZONE,
	                  "%s is not this account's name; what is needed is: "
	                  "%s. IN CNAME %.*s%s",
	                  name, name, (int)len, ours, rest);
}

static enum dns_result explain(const struct dns_host *host, const struct dns_http *io)
{
	const char *why = host->json(host, io->reply, "error");

	if (io->status == 200 && host->json(host, io->reply, "txt"))
		return DNS_OK;
	if (io->status == 200)
		return host->fail(host, DNS_TEMPORARY,
		                  "%s: what answers there is not acme-dns: is api-url "
		                  "right?",
		                  io->url);
	if (io->status == 401)
		return host->fail(host, DNS_DENIED,
		                  "%s: HTTP 401: username, password and subdomain are "
		                  "not of one account, or its allowfrom lacks this host",
		                  io->url);
	if (io->status == 404)
		return host->fail(host, DNS_BAD_OPTION,
		                  "%s: HTTP 404: api-url does not lead to acme-dns",
		                  io->url);
	return host->fail(
	    host, io->status == 429 || io->status >= 500 ? DNS_TEMPORARY : DNS_REFUSED,
	    "%s: HTTP %d: %s", io->url, io->status, why ? why : "no reason given");
}

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	const char *headers[] = { "Content-Type: application/json", NULL, NULL, NULL };
	struct dns_http io = { .method = "POST", .headers = headers };
	const char *subdomain = host->option(host, "subdomain");
	const char *url = host->option(host, "api-url");
	size_t len = strlen(url);
	enum dns_result result;

	if (!DNS_HOST_HAS(host, text))
		return host->fail(host, DNS_REFUSED,
		                  "certferry is older than its plugin");
	result = check_name(host, record->name);
	if (result != DNS_OK)
		return result;
	headers[1] = host->text(host, "X-Api-User: %s", host->option(host, "username"));
	headers[2] = host->text(host, "X-Api-Key: %s", host->option(host, "password"));
	while (len > 0 && url[len - 1] == '/')
		len--;
	io.url = host->text(host, "%.*s/update", (int)len, url);
	subdomain = host->text(host, "%.*s", (int)strcspn(subdomain, "."), subdomain);
	io.body = host->text(host, "{\"subdomain\":%s,\"txt\":\"%s\"}",
	                     host->json_quote(host, subdomain), record->value);
	io.body_len = strlen(io.body);
	result = host->http(host, &io);
	return result == DNS_OK ? explain(host, &io) : result;
}

/* What is there stays until two newer values have come. */
static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	(void)host;
	(void)record;
	return DNS_OK;
}

/* A second order in the same batch would push out the values of the first. */
static enum dns_result change(const struct dns_host *host, struct dns_change *changes,
                              size_t count)
{
	enum dns_result result = DNS_OK;
	int posted = 0;

	for (size_t i = 0; i < count; i++) {
		if (changes[i].remove) {
			changes[i].result = DNS_OK;
			continue;
		}
		if (posted++ == KEPT)
			return host->fail(host, DNS_TEMPORARY,
			                  "the service keeps two values, and two are on "
			                  "their way: this one waits");
		result = present(host, &changes[i].record);
		if (result != DNS_OK)
			return result;
		changes[i].result = DNS_OK;
	}
	return DNS_OK;
}

DNS_PROVIDER(.name = "acme_dns", .summary = "acme-dns, a name server for challenges only",
             .options = options, .present = present, .cleanup = cleanup,
             .change = change);
