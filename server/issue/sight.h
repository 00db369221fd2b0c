/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ISSUE_SIGHT_H
#define ISSUE_SIGHT_H
#include "internal.h"

/*
 * sight - one TXT name of an order, as spread_step.c looks at it
 *
 * The note is watch.c's and lives on; the rest is made for one step.
 */
/* The values at one TXT name and entry: apex and wildcard share it. */
struct sight {
	const struct authz *authz; /* the first of them */
	const struct dns_desk *desk;
	struct strlist values;
	struct watch_rule rule;
	struct watch_note *note;
	bool is_direct; /* how its place is found */
};
void sight_deinit(struct sight *sight);
#define AUTO_SIGHT CLEANUP(sight_deinit)

/*
 * Asks whom the rule says, and counts it in the note; what everyone said goes into table.
 * A look that cannot be made is as one that sees nothing, until the time is up: DNS
 * servers have bad minutes. But what is wrong for good ends the order.
 */
bool sight_look(struct issue *issue, const struct order *order, struct sight *sight,
                struct buf *table, struct err *err) MUST_CHECK;
#endif
