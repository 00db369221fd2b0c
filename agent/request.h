/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_REQUEST_H
#define AGENT_REQUEST_H
#include "job.h"

/*
 * request - a key that is made here and never leaves
 *
 * It lies in the slot's directory as .request/privkey.pem (0700, 0600) until a
 * certificate for it was committed. Asked again within REQUEST_DAYS for a key of the same
 * kind, the same key signs the request again: a lost answer costs no certificate.
 */
enum { REQUEST_DAYS = 7 };

/* The key that the delivery's certificate is for: of the request, or the live one.
 * After place_lock(). NULL: neither is; the error's code is job_no_key. */
struct key *request_key(const struct delivery *delivery, struct err *err) MUST_CHECK;

/* Does the live key fit the live certificate? The issuer, who has none, cannot tell. */
bool request_has_key(const struct delivery *delivery) MUST_CHECK;

/* The certificate is there for good: the next request makes a new key. */
void request_done(const struct delivery *delivery);

/* Is one open? For status. */
bool request_is_open(const struct place *place);
#endif
