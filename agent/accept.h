/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_ACCEPT_H
#define AGENT_ACCEPT_H
#include "crypto/cert.h"
#include "policy.h"

/*
 * accept - may this certificate be installed in the slot?
 *
 * Asked before the disk is touched: its names are within the slot's, the key is its own
 * and strong enough (key_parse() knows no weak one; Ed25519 is for SSH), its dates hold,
 * each certificate of the chain is signed by the next, and it is not older than the one
 * that is installed, unless the policy allows that. installed is NULL where none is.
 * ERR_DENIED is the policy's no, ERR_REMOTE a certificate that is wrong in itself.
 */
bool accept_check(const struct policy_slot *slot, const struct cert *cert,
                  const struct key *key, const struct cert *installed, int64_t now,
                  struct err *err) MUST_CHECK;

/* The names alone: of a certificate, or of a request for one. */
bool accept_names(const struct policy_slot *slot, const struct strlist *names,
                  struct err *err) MUST_CHECK;
#endif
