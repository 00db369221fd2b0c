/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/cert.h"
#include "fleet/fleet.h"
#include "store/run.h"

#include "internal.h"

/* Where an order says what it waits for, this says that it is a person. */
#define BY_HAND "certferry pending"

const char *const view_state_names[] = {
	[VIEW_DONE] = "done",       [VIEW_DUE] = "due",       [VIEW_WORKING] = "working",
	[VIEW_WAITING] = "waiting", [VIEW_FAILED] = "failed", [VIEW_BLOCKED] = "blocked",
};
_Static_assert(ARRAY_SIZE(view_state_names) == VIEW_STATE_COUNT, "a state has no name");

bool view_is_installed(const struct view *view)
{
	return view->has_certificate && view->has_delivery &&
	       view->delivery.installed_id == view->certificate.id;
}

bool view_is_served(const struct view *view)
{
	return view->has_certificate && view->has_delivery && view->delivery.is_served &&
	       memcmp(view->delivery.served_sha256, view->certificate.sha256,
	              sizeof(view->certificate.sha256)) == 0;
}

static void set(struct view *view, enum view_state state, const char *reason)
{
	view->state = state;
	snprintf(view->reason, sizeof(view->reason), "%s", reason ? reason : "");
}

static void set_failed(struct view *view, const struct err *why, int64_t run_at_ms,
                       bool is_open)
{
	bool again = is_open && err_infos[why->kind].retry;

	set(view, again ? VIEW_WAITING : VIEW_FAILED, why->msg);
	view->err = why;
	view->waits_until = again ? run_at_ms / 1000 : 0;
}

/* That no new one comes does not mean that there is none. */
static void set_not_renewed(struct view *view, bool is_open)
{
	const struct order *order = &view->order;
	char until[CLOCK_TEXT];

	set_failed(view, &order->last, order->run_at_ms, is_open);
	if (!view_is_installed(view))
		return;
	clock_format(view->certificate.not_after, until);
	snprintf(view->reason, sizeof(view->reason),
	         "not renewed; installed is one that ends %s: %.300s", until,
	         order->last.msg);
}

/* The order itself knows which of the records are shown already. */
static void set_by_hand(struct view *view)
{
	const char *known = view->order.waits_for;
	AUTO_FREE char *all = xasprintf("set %zu TXT record%s: " BY_HAND, view->by_hand,
	                                view->by_hand == 1 ? "" : "s");

	set(view, VIEW_WAITING, known ? known : all);
	view->waits_until = view->order.run_at_ms / 1000;
}

/* The rows speak first: what is under way or failed says more than what is due. An order
 * that failed is history when no new certificate is due, or when the next is not to be
 * like it. */
static bool judge_rows(struct view *view, const struct fleet_item *next)
{
	const struct order *order = &view->order;
	const struct delivery *delivery = &view->delivery;
	bool is_open = view->has_order && order->state < ORDER_TIDY && !next->stale_id;
	bool has_ended = view->has_order && order->state >= ORDER_TIDY &&
	                 !order->certificate_id;
	bool is_due = next->action == FLEET_ISSUE || next->action == FLEET_WAIT;

	if ((is_open && order->attempts > 0) || (has_ended && is_due))
		set_not_renewed(view, is_open);
	else if (is_open && view->by_hand)
		set_by_hand(view);
	else if (is_open)
		set(view, VIEW_WORKING,
		    order->waits_for ? order->waits_for
		                     : order_state_names[order->state]);
	else if (view->has_delivery && delivery->state != DELIVERY_DONE &&
	         delivery->last.kind != ERR_NONE)
		set_failed(view, &delivery->last, delivery->run_at_ms, true);
	else
		return false;
	return true;
}

/* A new certificate is due, and at the last look it would have been of no use. */
static bool judge_blocked(struct view *view, struct store *store,
                          const struct fleet_item *next, struct err *err)
{
	char why[sizeof(view->reason)];
	bool found = false;

	if (next->action != FLEET_ISSUE ||
	    !store_event_blocked(store, view->wanted->name, view->at->name, why, &found,
	                         err) ||
	    !found)
		return false;
	set(view, VIEW_BLOCKED, why);
	return true;
}

static void judge(struct view *view, struct store *store, struct err *err)
{
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_STRLIST struct strlist none = { 0 };
	const struct fleet_wish wish = { &none, &none };
	struct config_certificate one = *view->wanted;
	const struct config_host *at = view->at;
	const struct config config = { .certificates = &one, .certificate_count = 1 };

	one.hosts = &at;
	one.host_count = 1;
	if (!fleet_plan(&config, store, &wish, &plan, err))
		return;
	if (plan.items[0].action == FLEET_BLOCKED)
		set(view, VIEW_BLOCKED, plan.items[0].reason);
	else if (judge_blocked(view, store, &plan.items[0], err))
		return;
	else if (judge_rows(view, &plan.items[0]))
		/* Refused by the CA: the next order is not begun before this time. */
		view->waits_until = plan.items[0].action == FLEET_WAIT
		                        ? plan.items[0].until
		                        : view->waits_until;
	else if (plan.items[0].action == FLEET_VERIFY)
		set(view, VIEW_DONE, view->delivery.served);
	else
		set(view, VIEW_DUE, plan.items[0].reason);
}

/* In these states an order may wait for a person; and when everything is set it may wait
 * on for another reason. */
static bool count_by_hand(struct view *view, struct store *store, struct err *err)
{
	AUTO_TXT_LIST struct txt_list asked = { 0 };
	const struct txt_filter filter = { .order_id = view->order.id,
		                           .state = TXT_ASKED };

	if (!view->has_order ||
	    (view->order.state != ORDER_PUBLISH && view->order.state != ORDER_SPREAD))
		return true;
	if (!store_txt_list(store, &filter, &asked, err))
		return false;
	if (!view->order.waits_for || strstr(view->order.waits_for, BY_HAND))
		view->by_hand = asked.len;
	return true;
}

/* Of a key that was made on the server, the certificate alone knows it. */
static bool load_fingerprint(struct view *view, struct store *store, struct err *err)
{
	const char *pem = view->certificate.cert_pem;
	AUTO_CERT struct cert cert = { 0 };

	if (view->certificate.key_id)
		return store_key_fingerprint(store, view->certificate.key_id,
		                             view->key_sha256, err);
	if (!cert_parse(pem, strlen(pem), &cert, err))
		return false;
	memcpy(view->key_sha256, cert.spki_sha256, sizeof(view->key_sha256));
	return true;
}

bool view_load(struct view *view, struct store *store,
               const struct config_certificate *wanted, const struct config_host *at,
               struct err *err)
{
	bool was_asked;

	view->wanted = wanted;
	view->at = at;
	if (!store_certificate_newest(store, wanted->name, at->name, &view->certificate,
	                              &view->has_certificate, err) ||
	    !store_order_newest(store, wanted->name, at->name, &view->order,
	                        &view->has_order, err) ||
	    !store_delivery_find(store, wanted->name, at->name, &view->delivery,
	                         &view->has_delivery, err) ||
	    !store_transport_find(store, at->name, &view->transport, &was_asked, err))
		return false;
	if (view->has_certificate && !load_fingerprint(view, store, err))
		return false;
	if (!count_by_hand(view, store, err))
		return false;
	judge(view, store, err);
	return err->kind == ERR_NONE;
}

void view_deinit(struct view *view)
{
	certificate_deinit(&view->certificate);
	order_deinit(&view->order);
	delivery_deinit(&view->delivery);
}
