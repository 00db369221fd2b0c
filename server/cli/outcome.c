/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/mem.h"

#include "pending.h"
#include "view.h"

/* What a run came to: how many are as wanted, and of each other one why and what next. */

struct tally {
	size_t by_state[VIEW_STATE_COUNT];
	size_t by_hand; /* of those that wait: for a person */
	size_t all;
};

static void add_row(struct table *table, const struct view *view)
{
	AUTO_FREE char *place = xasprintf("%s/%s", view->wanted->name, view->at->name);
	char when[CLOCK_TEXT] = "-";
	const char *const cells[] = { place, view_state_names[view->state], when,
		                      view->reason };

	if (view->waits_until)
		clock_format(view->waits_until, when);
	table_add(table, cells);
}

/* The store knows nothing of what a check has kept away. */
static void note_blocked(struct view *view, const struct fleet_item *item)
{
	if (item->action != FLEET_BLOCKED)
		return;
	view->state = item->is_passing ? VIEW_WAITING : VIEW_BLOCKED;
	view->by_hand = 0;
	view->waits_until = 0;
	snprintf(view->reason, sizeof(view->reason), "%s", item->reason);
}

/* Of one that was forced, nothing is due any more when its order has failed; who forced
 * it wants to know all the same. */
static void note_forced(struct view *view, const struct fleet_item *item)
{
	const struct order *order = &view->order;

	if (item->action != FLEET_ISSUE || view->state != VIEW_DONE ||
	    order->state < ORDER_TIDY || order->certificate_id)
		return;
	view->state = VIEW_FAILED;
	snprintf(view->reason, sizeof(view->reason), "not renewed: %.300s",
	         order->last.msg);
}

static void count(struct tally *tally, const struct view *view)
{
	tally->all++;
	tally->by_state[view->state]++;
	if (view->state == VIEW_WAITING && view->by_hand)
		tally->by_hand++;
}

static bool judge(const struct tally *tally, struct err *err)
{
	size_t stuck = tally->by_state[VIEW_FAILED] + tally->by_state[VIEW_BLOCKED] +
	               tally->by_hand;
	size_t open = tally->all - tally->by_state[VIEW_DONE] - stuck;

	if (stuck)
		return err_set(
		    err, ERR_REMOTE,
		    "%zu of %zu need%s somebody: see above; the rest is done or "
		    "goes on by itself",
		    stuck, tally->all, stuck == 1 ? "s" : "");
	if (open)
		return err_set(err, ERR_TEMPORARY,
		               "%zu of %zu wait%s; the next apply goes on from there",
		               open, tally->all, open == 1 ? "s" : "");
	return true;
}

static bool note_id(void *arg, const struct event *event, struct err *err)
{
	(void)err;
	*(int64_t *)arg = event->id;
	return true;
}

/* Looking leaves no event, so a newer one says that something was done. */
bool outcome_mark(struct session *session, int64_t *id, struct err *err)
{
	*id = 0;
	return store_event_each(session->store, 0, 1, note_id, id, err);
}

static bool is_second_of_place(const struct fleet_plan *plan, size_t at)
{
	return at > 0 && fleet_same_place(&plan->items[at], &plan->items[at - 1]);
}

/* What a person has to do, in full: cron mails it. What is only left behind is no reason
 * for a mail. */
static bool print_pending(struct session *session, const struct tally *tally, bool quiet,
                          struct err *err)
{
	AUTO_PENDING struct pending pending = { 0 };
	FILE *to = quiet ? stderr : stdout;

	if (!pending_load(&pending, session->config, session->store, err))
		return false;
	if (pending.len == 0 || (quiet && !tally->by_hand))
		return true;
	fprintf(to, "\n");
	pending_print(&pending, to);
	return true;
}

static bool add_places(struct session *session, const struct fleet_plan *plan,
                       struct table *table, struct tally *tally, struct err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		AUTO_VIEW struct view view = { 0 };

		if (is_second_of_place(plan, i))
			continue;
		if (!view_load(&view, session->store, plan->items[i].certificate,
		               plan->items[i].host, err))
			return false;
		note_blocked(&view, &plan->items[i]);
		note_forced(&view, &plan->items[i]);
		count(tally, &view);
		if (view.state != VIEW_DONE)
			add_row(table, &view);
	}
	return true;
}

bool outcome_print(struct session *session, const struct fleet_plan *plan, int64_t since,
                   bool quiet, struct err *err)
{
	static const char *const columns[] = { "CERTIFICATE", "STATE", "AGAIN AT",
		                               "WHY" };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	struct tally tally = { 0 };
	int64_t newest = 0;

	if (!outcome_mark(session, &newest, err))
		return false;
	if (!add_places(session, plan, table, &tally, err))
		return false;
	if (tally.by_state[VIEW_DONE] < tally.all)
		table_print(table, quiet ? stderr : stdout);
	if (!print_pending(session, &tally, quiet, err))
		return false;
	if (!quiet)
		printf("%zu of %zu certificate%s installed as wanted%s\n",
		       tally.by_state[VIEW_DONE], tally.all,
		       tally.all == 1 ? " is" : "s are",
		       newest > since || fleet_plan_has_work(plan) ||
		               tally.by_state[VIEW_DONE] < tally.all
		           ? "."
		           : "; nothing was to do.");
	return judge(&tally, err);
}
