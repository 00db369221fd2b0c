/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PACE_H
#define STORE_PACE_H
#include "store.h"

/*
 * pace - how much of a provider's rate limit a credential (a dns entry) has used up
 *
 * Kept in the store, so that a run which begins a minute after another one knows what
 * that one has spent. What is older than its window is dropped.
 */
struct pace {
	int spent;          /* requests within the window */
	int free_in_s;      /* until the oldest of them leaves it */
	int64_t hold_until; /* the provider said: not before; 0: it did not */
};

bool store_pace_load(struct store *store, const char *dns, int64_t now, struct pace *out,
                     struct err *err) MUST_CHECK;
bool store_pace_spend(struct store *store, const char *dns, int requests, int window_s,
                      int64_t now, struct err *err) MUST_CHECK;
bool store_pace_hold(struct store *store, const char *dns, int64_t until,
                     struct err *err) MUST_CHECK;
#endif
