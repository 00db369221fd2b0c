/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/dnsname.h"
#include "base/mem.h"
#include "crypto/csr.h"
#include "crypto/key.h"

/* The steps of an order with the CA up to its end; collect_step.c fetches the
 * certificate. Those with the DNS are in challenge_steps.c. */

enum {
	TURN_FIRST_MS = 200,
	TURN_MOST_MS = 2000,
	LEFT_OUT_MS = 600 * 1000,  /* longer than a run waits */
	READY_TIMEOUT_S = 15 * 60, /* for the CA to look at the TXT records */
	PROVED_FOR_S = 3600,       /* how long a proved name surely needs no new proof */
};

/* Looks again soon; but not before the one of the same names does, where that has to wait
 * itself, or the run would never end. One that this run is not about does nothing. */
static bool await_turn(struct issue *issue, struct order *order, struct err *err)
{
	struct order_twin twin;
	char text[300];

	if (!store_order_twin(issue->settings.store, order, &twin, err))
		return false;
	issue_look_again(order, 0, TURN_FIRST_MS, TURN_MOST_MS);
	if (twin.found && twin.run_at_ms > order->run_at_ms)
		order->run_at_ms = twin.run_at_ms;
	if (!twin.is_left_out) {
		issue_waits_for(order, NULL);
		return true;
	}
	order->run_at_ms = clock_now_ms() + LEFT_OUT_MS;
	snprintf(text, sizeof(text),
	         "for the order of %s, of the same names, which this run leaves out",
	         twin.name);
	issue_waits_for(order, text);
	issue_report(issue, order, PROGRESS_WAITS, text);
	return true;
}

bool issue_wait(struct issue *issue, struct order *order, struct err *err)
{
	struct store *store = issue->settings.store;
	struct ca_desk *desk = issue_ca_open(issue, order->ca, err);
	const struct event event = { .name = "order.begun",
		                     .certificate = order->certificate,
		                     .host = order->host,
		                     .order_id = order->id,
		                     .text = "its turn has come" };
	struct err ignored = { 0 };
	bool may = false, good;

	if (!desk)
		return false;
	order->account_id = desk->account_id;
	/* Asked and taken in one transaction, or two orders could both start. */
	if (!store_begin(store, err))
		return false;
	good = store_order_may_start(store, order, issue->settings.orders_max, &may, err);
	if (good && may) {
		issue_enter(order, ORDER_CREATE);
		good = store_order_save(store, order, false, &event, err);
	}
	if (!store_end(store, good, good ? err : &ignored) || !good)
		return false;
	return may || await_turn(issue, order, err);
}

/* The key is committed before the CA hears of the order. */
static bool have_key(struct issue *issue, struct order *order, struct err *err)
{
	struct store *store = issue->settings.store;
	AUTO_KEY struct key *key = NULL;
	struct err ignored = { 0 };
	bool good;

	if (order->is_key_on_target)
		return issue_have_csr(issue, order, err);
	if (order->key_id)
		return true;
	key = key_new(order->key_type, err);
	if (!key || !store_begin(store, err))
		return false;
	good = store_key_add(store, key, "certificate", &order->key_id, err) &&
	       store_order_save(store, order, false, NULL, err);
	return store_end(store, good, good ? err : &ignored) && good;
}

/* A new order, its URL committed at once; or the one of which the URL is known. */
static bool have_order(struct issue *issue, struct acme *acme, struct order *order,
                       struct acme_order *out, struct err *err)
{
	struct event event = { .name = "order.created",
		               .certificate = order->certificate,
		               .host = order->host,
		               .order_id = order->id };

	if (order->url)
		return acme_order_get(acme, order->url, &order->names, out, err);
	if (!acme_order_new(acme, &order->names, order->profile, NULL, out, err))
		return false;
	order->url = xstrdup(out->url);
	order->finalize_url = xstrdup(out->finalize);
	snprintf(event.text, sizeof(event.text), "%.380s", out->url);
	return store_order_save(issue->settings.store, order, false, &event, err);
}

static bool is_ours(const struct order *order, const char *name, struct err *err)
{
	return strlist_has(&order->names, name) ||
	       err_set(err, ERR_REMOTE,
	               "the CA asks to prove '%.100s', which is not in the order", name);
}

static bool is_provable(const struct acme_authz *authz, struct err *err)
{
	if (authz->status != ACME_PENDING)
		return err_set(err, ERR_REMOTE,
		               "%s: the CA says its authorization is %s%s%s", authz->name,
		               acme_status_names[authz->status],
		               authz->problem.kind ? ": " : "", authz->problem.msg);
	if (!authz->challenge_url)
		return err_set(err, ERR_REMOTE,
		               "%s: the CA offers no dns-01 challenge for it",
		               authz->name);
	return true;
}

static bool note_authz(struct issue *issue, const struct order *order, const char *url,
                       const struct acme_authz *seen, struct err *err)
{
	CLEANUP(authz_list_deinit) struct authz_list one = { 0 };

	if (seen->status == ACME_VALID)
		return store_authorized(
		    issue->settings.store, order, seen->name,
		    seen->expires ? seen->expires : clock_now() + PROVED_FOR_S, err);
	if (!is_provable(seen, err))
		return false;
	one.items = NEW(struct authz);
	one.len = 1;
	*one.items = (struct authz){
		.order_id = order->id,
		.name = xstrdup(seen->name),
		.url = xstrdup(url),
		.challenge_url = xstrdup(seen->challenge_url),
		.txt_name = xasprintf("_acme-challenge.%s", dnsname_base(seen->name)),
		.txt_value = xstrdup(seen->txt_value),
	};
	return store_authz_save(issue->settings.store, one.items, err);
}

/* Which names are still to be proved? Read once: a second run of the step finds the rows.
 */
static bool note_authzs(struct issue *issue, struct acme *acme, const struct order *order,
                        const struct acme_order *seen, struct err *err)
{
	AUTO_AUTHZ_LIST struct authz_list known = { 0 };

	if (!store_authz_list(issue->settings.store, order->id, &known, err))
		return false;
	for (size_t i = 0; i < seen->authorizations.len; i++) {
		const char *url = seen->authorizations.items[i];
		AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };
		bool is_known = false;

		for (size_t k = 0; k < known.len; k++)
			is_known |= str_eq(known.items[k].url, url);
		if (is_known)
			continue;
		if (!acme_authz_get(acme, url, &authz, err) ||
		    !is_ours(order, authz.name, err) ||
		    !note_authz(issue, order, url, &authz, err))
			return false;
	}
	return true;
}

bool issue_create(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order seen = { 0 };
	struct ca_desk *desk = issue_ca_open(issue, order->ca, err);

	if (!desk || !have_key(issue, order, err) ||
	    !have_order(issue, desk->acme, order, &seen, err))
		return false;
	if (!order->finalize_url)
		order->finalize_url = xstrdup(seen.finalize);
	if (seen.status == ACME_READY) {
		issue_enter(order, ORDER_FINALIZE);
		return true;
	}
	if (seen.status != ACME_PENDING)
		return err_set(err, ERR_REMOTE, "the new order is %s, not pending",
		               acme_status_names[seen.status]);
	if (!note_authzs(issue, desk->acme, order, &seen, err))
		return false;
	issue_enter(order, ORDER_PUBLISH);
	return true;
}

/* An order that turned invalid does not say why; its authorizations do. */
bool issue_explain_invalid(struct issue *issue, struct acme *acme,
                           const struct order *order, const struct acme_order *seen,
                           struct err *err)
{
	AUTO_AUTHZ_LIST struct authz_list known = { 0 };

	if (!store_authz_list(issue->settings.store, order->id, &known, err))
		return false;
	for (size_t i = 0; i < known.len; i++) {
		AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };

		if (!acme_authz_get(acme, known.items[i].url, &authz, err))
			return false;
		if (authz.problem.kind == ERR_NONE)
			continue;
		*err = authz.problem;
		return err_context(err, "%s", known.items[i].name);
	}
	if (seen->problem.kind != ERR_NONE) {
		*err = seen->problem;
		return false;
	}
	return err_set(err, ERR_REMOTE, "the CA says the order is %s and gives no reason",
	               acme_status_names[seen->status]);
}

static bool proved(struct issue *issue, const struct order *order, struct err *err)
{
	struct store *store = issue->settings.store;
	struct err ignored = { 0 };
	bool good = true;

	if (!store_begin(store, err))
		return false;
	for (size_t i = 0; good && i < order->names.len; i++)
		good = store_authorized(store, order, order->names.items[i],
		                        clock_now() + PROVED_FOR_S, err);
	return store_end(store, good, good ? err : &ignored) && good;
}

bool issue_validate(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order seen = { 0 };
	struct ca_desk *desk = issue_ca_open(issue, order->ca, err);

	if (!desk || !acme_order_get(desk->acme, order->url, &order->names, &seen, err))
		return false;
	if (seen.status == ACME_READY) {
		issue_enter(order, ORDER_FINALIZE);
		return proved(issue, order, err);
	}
	if (seen.status == ACME_PROCESSING || seen.status == ACME_VALID) {
		issue_enter(order, ORDER_COLLECT);
		return true;
	}
	if (seen.status != ACME_PENDING)
		return issue_explain_invalid(issue, desk->acme, order, &seen, err);
	if (issue_is_overdue(order, READY_TIMEOUT_S))
		return err_set(err, ERR_REMOTE,
		               "the CA did not look at the TXT records within %d minutes",
		               READY_TIMEOUT_S / 60);
	issue_look_again(order, seen.retry_after, ISSUE_LOOK_FIRST_MS,
	                 ISSUE_LOOK_MOST_MS);
	return true;
}

static bool send_csr(struct issue *issue, struct acme *acme, const struct order *order,
                     struct err *err)
{
	if (order->is_key_on_target)
		return acme_order_finalize(acme, order->finalize_url, order->csr.data,
		                           order->csr.len, err);

	AUTO_KEY struct key *key = store_key_load(issue->settings.store, order->key_id,
	                                          err);
	AUTO_BUF struct buf csr = BUF_INIT(64 * 1024);

	return key && csr_new(key, &order->names, &csr, err) &&
	       acme_order_finalize(acme, order->finalize_url, csr.data, csr.len, err);
}

bool issue_finalize(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order seen = { 0 };
	struct ca_desk *desk = issue_ca_open(issue, order->ca, err);
	struct err why = { 0 };

	if (!desk)
		return false;
	if (!send_csr(issue, desk->acme, order, &why)) {
		/* Sent already by a run that died? The order's state tells. */
		if (!str_eq(why.code, "orderNotReady")) {
			*err = why;
			return false;
		}
		if (!acme_order_get(desk->acme, order->url, &order->names, &seen, err))
			return false;
		if (seen.status != ACME_PROCESSING && seen.status != ACME_VALID) {
			*err = why;
			return false;
		}
	}
	issue_enter(order, ORDER_COLLECT);
	return true;
}
