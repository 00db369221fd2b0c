/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RUN_H
#define STORE_RUN_H
#include <stddef.h>

#include "store.h"

/* run - what one run of the engine asks of the store beside its rows */

struct store_place {
	const char *certificate;
	const char *host;
};

/*
 * From now on, in this process, only rows of these places are claimed and waited for: a
 * run is about its plan. Without places nothing is claimed. Before the first call all
 * are.
 */
bool store_focus(struct store *store, const struct store_place *places, size_t count,
                 struct err *err) MUST_CHECK;

/* Makes a waiting order due now, unless the CA has said when to come back. */
bool store_order_hurry(struct store *store, int64_t id, int64_t now_ms,
                       struct err *err) MUST_CHECK;

/* Makes all orders that are in ORDER_TIDY due now. */
bool store_order_hurry_tidy(struct store *store, int64_t now_ms,
                            struct err *err) MUST_CHECK;

/* An order that nobody wants any more goes to ORDER_TIDY, so that its TXT values are
 * removed. */
bool store_order_abandon(struct store *store, int64_t id, int64_t now_ms,
                         const struct event *event, struct err *err) MUST_CHECK;

/* Makes orders that wait for their turn look again at once: as many as there is room for
 * with in_flight_max, and as many more, since some may have to wait for other reasons.
 * All of them would be a crowd: they look by themselves from time to time. */
bool store_order_wake(struct store *store, int in_flight_max, int64_t now_ms,
                      struct err *err) MUST_CHECK;

/* How many orders in a row, up to now, were refused by the CA (ended without a
 * certificate, with a code) for this place? */
bool store_order_refusals(struct store *store, const char *certificate, const char *host,
                          int *count, struct err *err) MUST_CHECK;
/* How many orders of this place were begun since then, for that very reason, and got
 * their certificate? */
struct order_like {
	const char *certificate, *host, *reason;
	int64_t since;
};
bool store_order_count(struct store *store, const struct order_like *like, int *count,
                       struct err *err) MUST_CHECK;

/* Is another order under way that has not come to ORDER_TIDY, and is due by then? */
bool store_order_has_company(struct store *store, int64_t id, int64_t by_ms, bool *yes,
                             struct err *err) MUST_CHECK;

/* The SHA-256 of a key's public part. */
bool store_key_fingerprint(struct store *store, int64_t id, unsigned char out[32],
                           struct err *err) MUST_CHECK;
#endif
