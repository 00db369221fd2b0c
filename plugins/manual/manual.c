/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manual - a person sets the records
 *
 * It changes nothing anywhere: DNS_BY_HAND makes certferry keep the record on its list of
 * what a person is to do, and look at the name servers until it is done.
 */
#include <certferry/dns_provider.h>

static const struct dns_option options[] = { { 0 } };

static enum dns_result present(const struct dns_host *host,
                               const struct dns_record *record)
{
	return host->fail(host, DNS_BY_HAND,
	                  "add to zone %s, beside what is there: %s. %u IN TXT \"%s\" "
	                  "(certferry pending shows all)",
	                  record->zone, record->name, record->ttl, record->value);
}

static enum dns_result cleanup(const struct dns_host *host,
                               const struct dns_record *record)
{
	return host->fail(host, DNS_BY_HAND,
	                  "remove from zone %s: %s. IN TXT \"%s\" (certferry pending "
	                  "shows all)",
	                  record->zone, record->name, record->value);
}

DNS_PROVIDER(.name = "manual", .summary = "a person sets the records", .options = options,
             .present = present, .cleanup = cleanup);
