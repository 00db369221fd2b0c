/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_HOST_BATCH_H
#define DNS_HOST_BATCH_H
#include "host.h"

/*
 * batch - a provider's changes, done and answered one by one
 *
 * The host has the last word before a provider hears of a change: only TXT values
 * of the base64url alphabet, inside the zone, at a name with a label "_acme-challenge"
 * or one that such a name leads to. Changes of one zone go to the provider's change()
 * together where it has one.
 */
struct batch {
	struct host *host;
	const struct dns_provider *provider;
	struct wire_change *changes;
	size_t count;
};

/* False, and the text is said, where the options do not fit the provider's table. */
bool batch_check_options(const struct batch *batch, struct wire_answer *end) MUST_CHECK;

void batch_run(const struct batch *batch);
#endif
