/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/delivery.h"
#include "store/order.h"
#include "store/run.h"

/* The plan becomes rows that are due. */

static bool add_order(const struct fleet_item *item, struct store *store, struct err *err)
{
	AUTO_ORDER struct order order = {
		.certificate = xstrdup(item->certificate->name),
		.host = xstrdup(item->host->name),
		.ca = xstrdup(item->certificate->ca->name),
		.dns = fleet_dns(item->certificate),
		.alias = xstrdup(item->certificate->challenge_alias),
		.profile = xstrdup(item->certificate->profile),
		.key_type = item->certificate->key,
		.is_key_on_target = item->certificate->key_on == KEY_ON_TARGET,
		.intent = fleet_intent(item->certificate, item->host),
		.reason = xstrdup(item->reason),
		.state = ORDER_WAIT,
		.state_since_ms = clock_now_ms(),
		.run_at_ms = clock_now_ms(),
		.created_at = clock_now(),
	};
	struct event event = { .name = "order.planned",
		               .certificate = order.certificate,
		               .host = order.host };

	config_certificate_names(item->certificate, item->host, &order.names);
	snprintf(event.text, sizeof(event.text), "%s", item->reason);
	return store_order_add(store, &order, &event, err);
}

/* A person who starts a run has mended something, perhaps: what waits is tried now,
 * unless it is the CA that said when. */
static bool hurry_order(const struct fleet_item *item, struct store *store,
                        struct err *err)
{
	return store_order_hurry(store, item->order_id, clock_now_ms(), err);
}

static bool put_delivery(const struct fleet_item *item, struct store *store,
                         enum delivery_state state, struct err *err)
{
	AUTO_DELIVERY struct delivery row = { 0 };
	struct event event = { .name = "delivery.due",
		               .certificate = item->certificate->name,
		               .host = item->host->name };
	bool found;

	if (!store_delivery_find(store, item->certificate->name, item->host->name, &row,
	                         &found, err))
		return false;
	if (!found) {
		row.certificate = xstrdup(item->certificate->name);
		row.host = xstrdup(item->host->name);
	}
	row.wanted_id = item->wanted_id;
	if (state == DELIVERY_PUSH) {
		free(row.reason);
		row.reason = xstrdup(item->reason);
	}
	row.state = state;
	row.run_at_ms = clock_now_ms();
	snprintf(event.text, sizeof(event.text), "%s", item->reason);
	/* Looking changes nothing, so nothing is noted of it. */
	return store_delivery_put(store, &row, state == DELIVERY_PUSH ? &event : NULL,
	                          err);
}

static bool give_up(const struct fleet_item *item, struct store *store, struct err *err)
{
	const struct event event = { .name = "order.abandoned",
		                     .certificate = item->certificate->name,
		                     .host = item->host->name,
		                     .order_id = item->stale_id,
		                     .text = "the configuration was changed since" };

	return store_order_abandon(store, item->stale_id, clock_now_ms(), &event, err);
}

static bool adopt(const struct fleet_item *item, struct store *store, struct err *err)
{
	if (item->stale_id && !give_up(item, store, err))
		return false;
	switch (item->action) {
	case FLEET_ISSUE: return add_order(item, store, err);
	case FLEET_GO_ON: return hurry_order(item, store, err);
	case FLEET_DELIVER: return put_delivery(item, store, DELIVERY_PUSH, err);
	case FLEET_VERIFY: return put_delivery(item, store, DELIVERY_VERIFY, err);
	case FLEET_WAIT:
	case FLEET_BLOCKED:
	case FLEET_ACTION_COUNT: break;
	}
	return true;
}

bool fleet_order_anew(const struct config *config, struct store *store,
                      const char *certificate, const char *host, struct err *err)
{
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_STRLIST struct strlist only = { 0 };
	const struct strlist force = { 0 };
	const struct fleet_wish wish = { &only, &force };

	strlist_add(&only, certificate);
	if (!fleet_plan(config, store, &wish, &plan, err))
		return false;
	for (size_t i = 0; i < plan.count; i++)
		if (str_eq(plan.items[i].host->name, host) &&
		    str_eq(plan.items[i].certificate->name, certificate) &&
		    plan.items[i].action == FLEET_ISSUE)
			return adopt(&plan.items[i], store, err);
	return true;
}

/* Orders of places that the configuration no longer wants. */
struct orphans {
	const struct fleet_plan *plan;
	struct order_mark {
		int64_t id;
		char *certificate, *host;
	} * items;
	size_t count;
};

static bool is_planned(const struct fleet_plan *plan, const struct order *order)
{
	for (size_t i = 0; i < plan->count; i++)
		if (str_eq(plan->items[i].certificate->name, order->certificate) &&
		    str_eq(plan->items[i].host->name, order->host))
			return true;
	return false;
}

static bool note_orphan(void *arg, const struct order *order, struct err *err)
{
	struct orphans *orphans = arg;

	(void)err;
	if (is_planned(orphans->plan, order))
		return true;
	orphans->items = xrealloc(orphans->items, orphans->count + 1,
	                          sizeof(*orphans->items));
	orphans->items[orphans->count++] = (struct order_mark){
		order->id, xstrdup(order->certificate), xstrdup(order->host)
	};
	return true;
}

static void orphans_deinit(struct orphans *orphans)
{
	for (size_t i = 0; i < orphans->count; i++) {
		free(orphans->items[i].certificate);
		free(orphans->items[i].host);
	}
	free(orphans->items);
}

/* What they have set in the DNS is to be removed. */
static bool abandon(const struct orphans *orphans, struct store *store, struct err *err)
{
	for (size_t i = 0; i < orphans->count; i++) {
		const struct event event = {
			.name = "order.abandoned",
			.certificate = orphans->items[i].certificate,
			.host = orphans->items[i].host,
			.order_id = orphans->items[i].id,
			.text = "the configuration does not want it any more"
		};

		if (!store_order_abandon(store, event.order_id, clock_now_ms(), &event,
		                         err))
			return false;
	}
	return true;
}

/* The run is about the places of the plan and no others: not about what --only leaves
 * out. Orders that are given up are run to their end. */
static bool focus(const struct fleet_plan *plan, const struct orphans *orphans,
                  struct store *store, struct err *err)
{
	size_t count = plan->count + orphans->count;
	AUTO_FREE struct store_place *places = xcalloc(count, sizeof(*places));

	for (size_t i = 0; i < plan->count; i++) {
		places[i].certificate = plan->items[i].certificate->name;
		places[i].host = plan->items[i].host->name;
	}
	for (size_t i = 0; i < orphans->count; i++) {
		places[plan->count + i].certificate = orphans->items[i].certificate;
		places[plan->count + i].host = orphans->items[i].host;
	}
	return store_focus(store, places, count, err);
}

bool fleet_adopt(const struct fleet_plan *plan, struct store *store, struct err *err)
{
	CLEANUP(orphans_deinit) struct orphans orphans = { .plan = plan };
	struct err ignored = { 0 };
	bool good;

	if (plan->is_whole && !store_order_each_open(store, note_orphan, &orphans, err))
		return false;
	if (!focus(plan, &orphans, store, err) || !store_begin(store, err))
		return false;
	good = abandon(&orphans, store, err) &&
	       store_order_hurry_tidy(store, clock_now_ms(), err);
	for (size_t i = 0; good && i < plan->count; i++)
		good = adopt(&plan->items[i], store, err);
	return store_end(store, good, good ? err : &ignored) && good;
}
