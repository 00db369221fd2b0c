/* SPDX-License-Identifier: Apache-2.0 */
/* The header alone, with every macro used; as C99, C17 and C++ by header.sh. */
#include <certferry/dns_provider.h>

static const struct dns_option options[] = { { "url", DNS_REQUIRED, "where" },
	                                     { "token", DNS_REQUIRED | DNS_SECRET,
	                                       "a secret" },
	                                     { NULL, 0, NULL } };

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	struct dns_http io = { "GET", record->value, NULL, NULL, 0, 0, NULL, 0 };

	if (!DNS_HOST_HAS(host, update))
		return host->fail(host, DNS_REFUSED, "%s", record->name);
	host->log(host, "%s %u", record->zone, (unsigned)record->ttl);
	return host->http(host, &io);
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
