/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/delivery.h"
#include "store/order.h"
#include "store/run.h"

#include "warn.h"

const char *const fleet_action_names[] = {
	[FLEET_ISSUE] = "issue",   [FLEET_GO_ON] = "go on", [FLEET_DELIVER] = "deliver",
	[FLEET_VERIFY] = "verify", [FLEET_WAIT] = "wait",   [FLEET_BLOCKED] = "blocked",
};
_Static_assert(ARRAY_SIZE(fleet_action_names) == FLEET_ACTION_COUNT,
               "an action has no name");

/* Seconds from a refusal by the CA to the next order for the same place: five failed
 * authorizations an hour lock a name, so the second try is soon and the fourth is not. */
static const int refused_wait_s[] = { 60, 600, 6000, 86400 };

/* Seconds from a certificate whose key the server has lost to the next order, by how many
 * were begun for that in the last week: five a week is what CAs give for one set of
 * names, and a server that loses every key must not use them up. */
static const int lost_wait_s[] = { 0, 6 * 3600, 3 * 86400 };
static const char lost_reason[] = "the server no longer has the key of its certificate";
enum { LOST_WEEK_S = 7 * 86400 };

/* All that is known about one place. */
struct place {
	const struct config_certificate *certificate;
	const struct config_host *host;
	const struct fleet_wish *wish;
	bool has_certificate, has_order, has_delivery, is_enrolled;
	struct certificate newest;
	struct order order;
	struct delivery delivery;
	int refusals; /* orders in a row that ended without a certificate */
	int losses;   /* orders of the last week for a key that was lost */
};

static void place_deinit(struct place *place)
{
	certificate_deinit(&place->newest);
	order_deinit(&place->order);
	delivery_deinit(&place->delivery);
}

static bool load(struct place *place, struct store *store, struct err *err)
{
	const char *name = place->certificate->name, *host = place->host->name;
	struct host_key keys[HOST_KEYS_MAX];
	const struct order_like lost = { name, host, lost_reason,
		                         clock_now() - LOST_WEEK_S };
	size_t count;

	if (!store_certificate_newest(store, name, host, &place->newest,
	                              &place->has_certificate, err) ||
	    !store_order_newest(store, name, host, &place->order, &place->has_order,
	                        err) ||
	    !store_delivery_find(store, name, host, &place->delivery,
	                         &place->has_delivery, err) ||
	    !store_order_refusals(store, name, host, &place->refusals, err) ||
	    !store_order_count(store, &lost, &place->losses, err) ||
	    !store_host_keys_load(store, host, keys, &count, err))
		return false;
	place->is_enrolled = count > 0;
	return true;
}

static bool is_forced(const struct place *place)
{
	AUTO_FREE char *both = xasprintf("%s/%s", place->certificate->name,
	                                 place->host->name);

	return strlist_has(place->wish->force, place->certificate->name) ||
	       strlist_has(place->wish->force, both);
}

/* The server said so when the newest one was delivered. */
static bool has_lost_key(const struct place *place)
{
	const struct delivery *row = &place->delivery;

	return place->certificate->key_on == KEY_ON_TARGET && place->has_certificate &&
	       place->has_delivery && row->state == DELIVERY_PUSH &&
	       row->wanted_id == place->newest.id &&
	       str_eq(row->last.code, DELIVERY_NO_KEY);
}

/* Why a new certificate is due here; NULL where none is. */
static const char *why_due(const struct place *place)
{
	const char *why;

	if (is_forced(place))
		return "forced";
	if (!place->has_certificate)
		return "missing";
	AUTO_FREE char *intent = fleet_intent(place->certificate, place->host);

	if (!str_eq(intent, place->newest.intent))
		return "its names, key type, CA or profile were changed in the "
		       "configuration";
	if (has_lost_key(place))
		return lost_reason;
	return clock_now() >= fleet_renewal(place->certificate, &place->newest, &why)
	           ? why
	           : NULL;
}

/* Is the newest order for what the configuration wants now, and by the same ways? Where
 * the names are proved matters until they are. */
static bool is_of_today(const struct place *place)
{
	const struct order *order = &place->order;
	const struct config_certificate *wanted = place->certificate;
	AUTO_FREE char *intent = fleet_intent(wanted, place->host);
	AUTO_FREE char *dns = fleet_dns(wanted);
	bool is_proved = order->state == ORDER_FINALIZE || order->state == ORDER_COLLECT;
	bool same_ways = str_eq(dns, order->dns) &&
	                 str_eq(wanted->challenge_alias, order->alias);

	return str_eq(intent, order->intent) && str_eq(wanted->ca->name, order->ca) &&
	       (same_ways || is_proved);
}

/* The newest order ended without a certificate, refused by the CA: when is the next? */
static int64_t refused_until(const struct place *place)
{
	const struct order *order = &place->order;
	size_t last = ARRAY_SIZE(refused_wait_s) - 1;
	size_t at = place->refusals > 1 ? (size_t)place->refusals - 1 : 0;
	int wait_s = refused_wait_s[at < last ? at : last];

	if (!place->has_order || order->state < ORDER_TIDY || order->certificate_id ||
	    !order->last.code[0] || is_forced(place))
		return 0;
	/* What was changed since is a new cause. */
	if (!is_of_today(place))
		return 0;
	if (order->last.retry_after > wait_s)
		wait_s = order->last.retry_after;
	return order->last_at + wait_s;
}

static int64_t lost_until(const struct place *place)
{
	size_t last = ARRAY_SIZE(lost_wait_s) - 1;
	size_t at = (size_t)place->losses < last ? (size_t)place->losses : last;

	return place->newest.created_at + lost_wait_s[at];
}

static void say(struct fleet_item *item, enum fleet_action action, const char *reason)
{
	item->action = action;
	snprintf(item->reason, sizeof(item->reason), "%s", reason);
}

static void decide_open(const struct place *place, struct fleet_item *item)
{
	const struct order *order = &place->order;
	bool waits = order->attempts > 0 && order->last.retry_after > 0 &&
	             order->run_at_ms > clock_now_ms();

	say(item, waits ? FLEET_WAIT : FLEET_GO_ON,
	    order->attempts    ? order->last.msg
	    : order->waits_for ? order->waits_for
	                       : order->reason);
	item->order_id = order->id;
	item->until = order->run_at_ms / 1000;
}

static bool decide_order(const struct place *place, struct fleet_item *item)
{
	const struct order *order = &place->order;
	const char *why = why_due(place);
	int64_t until = refused_until(place);

	/* One that is only tidied up after has come to its end. */
	if (place->has_order && order->state < ORDER_TIDY) {
		if (is_of_today(place)) {
			decide_open(place, item);
			return true;
		}
		item->stale_id = order->id;
	}
	if (!why)
		return false;
	if (until > clock_now()) {
		say(item, FLEET_WAIT, order->last.msg);
		item->until = until;
	} else if (why == lost_reason && lost_until(place) > clock_now()) {
		say(item, FLEET_WAIT,
		    "the server no longer has the key of its certificate, again: what "
		    "removes it there?");
		item->until = lost_until(place);
	} else {
		say(item, FLEET_ISSUE, why);
	}
	return true;
}

static void decide_delivery(const struct place *place, struct fleet_item *item)
{
	const struct delivery *row = &place->delivery;
	AUTO_FREE char *setup = fleet_setup(place->certificate, place->host);

	item->wanted_id = place->newest.id;
	if (!place->has_delivery || !row->installed_id)
		say(item, FLEET_DELIVER, "not installed yet");
	else if (row->installed_id != place->newest.id)
		say(item, FLEET_DELIVER, "a new certificate");
	else if (!str_eq(setup, row->installed_setup))
		say(item, FLEET_DELIVER,
		    "where or how it is installed was changed in the configuration");
	else if (row->state == DELIVERY_PUSH)
		say(item, FLEET_DELIVER, row->reason ? row->reason : "not installed yet");
	else
		say(item, FLEET_VERIFY, "installed; is it still so?");
}

static struct fleet_item *add_item(const struct place *place, struct fleet_plan *plan)
{
	struct fleet_item *item;

	plan->items = xrealloc(plan->items, plan->count + 1, sizeof(*plan->items));
	item = &plan->items[plan->count++];
	*item = (struct fleet_item){ .certificate = place->certificate,
		                     .host = place->host };
	return item;
}

/* A renewal that fails, or waits for a person, must not keep us from caring for what is
 * there. */
static bool is_cared_for(const struct place *place, const struct fleet_item *item)
{
	const struct order *order = &place->order;

	return place->has_certificate && place->newest.not_after > clock_now() &&
	       (item->action == FLEET_WAIT ||
	        (item->action == FLEET_GO_ON &&
	         (order->attempts > 0 || order->waits_for)));
}

/* A new certificate is to come; what if it does not? */
static void note_meanwhile(const struct place *place, struct fleet_item *item)
{
	struct fleet_item other = { .action = FLEET_BLOCKED };

	if (place->has_certificate && place->newest.not_after > clock_now())
		decide_delivery(place, &other);
	item->meanwhile = other.action;
	item->wanted_id = other.wanted_id;
}

static void decide(const struct place *place, struct fleet_plan *plan)
{
	struct fleet_item *item = add_item(place, plan);

	if (!place->is_enrolled) {
		say(item, FLEET_BLOCKED, "");
		snprintf(item->reason, sizeof(item->reason),
		         "no host key is known: certferry host enroll %s",
		         place->host->name);
		return;
	}
	if (!decide_order(place, item))
		decide_delivery(place, item);
	else if (item->action == FLEET_ISSUE)
		note_meanwhile(place, item);
	else if (is_cared_for(place, item))
		decide_delivery(place, add_item(place, plan));
}

static bool is_wished(const struct fleet_wish *wish,
                      const struct config_certificate *certificate,
                      const struct config_host *host)
{
	return wish->only->len == 0 || strlist_has(wish->only, certificate->name) ||
	       strlist_has(wish->only, host->name);
}

static bool is_on(const struct config_certificate *certificate, const char *host)
{
	for (size_t i = 0; i < certificate->host_count; i++)
		if (str_eq(certificate->hosts[i]->name, host))
			return true;
	return false;
}

static bool check_names(const struct config *config, const struct strlist *names,
                        const char *option, bool hosts_too, struct err *err)
{
	for (size_t i = 0; i < names->len; i++) {
		AUTO_FREE char *name = xstrdup(names->items[i]);
		const struct config_certificate *certificate;
		char *slash = strchr(name, '/');
		bool known;

		if (slash && !hosts_too)
			*slash = '\0';
		certificate = config_certificate_find(config, name);
		known = certificate || (hosts_too && config_host_find(config, name));
		if (known && slash && !hosts_too)
			known = is_on(certificate, slash + 1);
		if (!known)
			return err_set(err, ERR_INPUT,
			               "%s %s: the configuration has no %s of that name",
			               option, names->items[i],
			               hosts_too ? "certificate or host"
			               : slash   ? "certificate on a host"
			                         : "certificate");
	}
	return true;
}

static bool plan_certificate(const struct config_certificate *certificate,
                             struct store *store, const struct fleet_wish *wish,
                             struct fleet_plan *out, struct err *err)
{
	fleet_warn(certificate, &out->warnings);
	for (size_t i = 0; i < certificate->host_count; i++) {
		CLEANUP(place_deinit)
		struct place place = { .certificate = certificate,
			               .host = certificate->hosts[i],
			               .wish = wish };

		if (!is_wished(wish, certificate, place.host))
			continue;
		if (!load(&place, store, err))
			return false;
		decide(&place, out);
	}
	return true;
}

bool fleet_plan(const struct config *config, struct store *store,
                const struct fleet_wish *wish, struct fleet_plan *out, struct err *err)
{
	if (!check_names(config, wish->only, "--only", true, err) ||
	    !check_names(config, wish->force, "--force", false, err))
		return false;
	out->is_whole = wish->only->len == 0;
	for (size_t i = 0; i < config->certificate_count; i++)
		if (!plan_certificate(&config->certificates[i], store, wish, out, err))
			return false;
	return true;
}

void fleet_plan_deinit(struct fleet_plan *plan)
{
	free(plan->items);
	strlist_deinit(&plan->warnings);
	*plan = (struct fleet_plan){ 0 };
}

bool fleet_same_place(const struct fleet_item *a, const struct fleet_item *b)
{
	return a->certificate == b->certificate && a->host == b->host;
}

bool fleet_plan_has_work(const struct fleet_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].action != FLEET_VERIFY &&
		    plan->items[i].action != FLEET_WAIT)
			return true;
	return false;
}
