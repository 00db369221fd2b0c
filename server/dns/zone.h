/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_ZONE_H
#define DNS_ZONE_H
#include "dns.h"
#include "message.h"

/*
 * zone - the two halves of dns_zone_find(), and the servers of a delegation
 *
 * All by questions to the resolver. Any thread.
 */

/* The nearest name, from name upwards, that has a SOA, into zone[DNS_NAME_TEXT]. */
bool zone_climb(const struct dns_settings *settings, const char *name, char *zone,
                struct err *err) MUST_CHECK;

/* Makes out the zone of that name, with all addresses of its NS set. */
bool zone_fill(const struct dns_settings *settings, const char *name,
               struct dns_zone *out, struct err *err) MUST_CHECK;

/* The same from a referral, which says the name and the servers. Its glue counts for
 * those whose address the resolver does not know. */
bool zone_fill_child(const struct dns_settings *settings,
                     const struct dns_reply *referral, struct dns_zone *out,
                     struct err *err) MUST_CHECK;

/* One question to the resolver. */
bool zone_ask(const struct dns_settings *settings, const char *name, enum dns_type type,
              struct dns_reply *answer, struct err *err) MUST_CHECK;
#endif
