/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_PREFLIGHT_H
#define ENGINE_PREFLIGHT_H
#include "base/finding.h"
#include "engine.h"

/*
 * preflight - all checks that a plan gives rise to, several at a time
 *
 * With is_full, for every place of the plan (plan --check); else for those only at which
 * a new order is to be made (apply). Names at the DNS, entries at their providers, hosts
 * over SSH. An error is one of the store or of our own.
 */
bool engine_preflight(struct engine *engine, const struct fleet_plan *plan, bool is_full,
                      const atomic_bool *stop, struct findings *out,
                      struct err *err) MUST_CHECK;

/* The CNAMEs of certificates with a challenge-alias, for those that are to be issued:
 * what `plan` says of them. No store, no provider and no host is touched. */
bool engine_check_aliases(struct engine *engine, const struct fleet_plan *plan,
                          struct findings *out, struct err *err) MUST_CHECK;

/* Places at which something failed are not issued for: their items become FLEET_BLOCKED,
 * with what was found. What is under way or installed already goes on. */
void engine_block(struct fleet_plan *plan, const struct findings *found);
#endif
