/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "fleet.h"

/* A failed check keeps a new certificate away, and nothing else. */
static void add_meanwhile(struct fleet_plan *plan, size_t at)
{
	struct fleet_item *item;

	plan->items = xrealloc(plan->items, plan->count + 1, sizeof(*plan->items));
	item = &plan->items[at];
	memmove(item + 2, item + 1, (plan->count - at - 1) * sizeof(*item));
	plan->count++;
	item[1] = (struct fleet_item){ .action = item->meanwhile,
		                       .certificate = item->certificate,
		                       .host = item->host,
		                       .wanted_id = item->wanted_id };
	snprintf(item[1].reason, sizeof(item[1].reason), "%s",
	         item->meanwhile == FLEET_VERIFY ? "installed; is it still so?"
	                                         : "not installed as it is wanted");
}

void fleet_block(struct fleet_plan *plan, size_t at, const char *reason, bool is_passing)
{
	struct fleet_item *item = &plan->items[at];

	item->action = FLEET_BLOCKED;
	item->is_kept_back = true;
	item->is_passing = is_passing;
	snprintf(item->reason, sizeof(item->reason), "%s", reason);
	if (item->meanwhile != FLEET_BLOCKED)
		add_meanwhile(plan, at);
}
