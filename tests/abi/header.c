/* SPDX-License-Identifier: Apache-2.0 */
/* The header alone, with every macro used; as C99, C17 and C++ by header.sh.
 * What may be left out is left out: no dialect warns of it. */
#include <certferry/dns_provider.h>

static const struct dns_option options[] = { { "url", DNS_REQUIRED, "where" },
	                                     { DNS_OPTION_CA, 0, "the service's CA" },
	                                     { "token", DNS_REQUIRED | DNS_SECRET,
	                                       "a secret" },
	                                     { NULL, 0, NULL } };

static enum dns_result run(const struct dns_host *host, const char *value)
{
	const char *const argv[] = { "/bin/true", value, NULL };
	struct dns_program io = { argv, NULL, NULL, 0, NULL };

	return host->run(host, &io);
}

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	struct dns_http io = { "GET", record->value, NULL, NULL, 0, 0, NULL, 0 };

	if (!DNS_HOST_HAS(host, update))
		return host->fail(host, DNS_REFUSED, "%s", record->name);
	host->log(host, "%s %u", record->zone, (unsigned)record->ttl);
	io.body = host->json_quote(host, host->text(host, "%s.", record->name));
	host->pause(host, 1);
	return host->http(host, &io) == DNS_OK && host->json(host, io.reply, "id") &&
	               host->json_count(host, io.reply, "errors") == 0
	           ? DNS_OK
	           : run(host, record->value);
}

static enum dns_result change(const struct dns_host *host, struct dns_change *changes,
                              size_t count)
{
	struct dns_update update = { host->option(host, "url"),
		                     changes[0].record.zone,
		                     "k",
		                     "hmac-sha256",
		                     host->option(host, "token"),
		                     changes,
		                     count };

	return host->update(host, &update);
}

/* clang-format off */
DNS_PROVIDER(
	.name = "header",
	.summary = "compiles",
	.options = options,
	.present = present,
	.cleanup = present,
	.change = change,
);
