/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/dnsname.h"
#include "base/mem.h"
#include "store/run.h"

/* The steps of an order with its challenges at the CA, and what is cleaned up after them.
 */

enum {
	GATHER_MS = 1000,
	ANSWERED_MS = 20, /* the CA needs a moment to look, beside the way there */
};

/* CAs refuse a second answer; it may have been given by a run that died, or by another
 * order to which the CA gave the same authorization. */
static bool answer(struct acme *acme, const struct authz *authz, struct err *err)
{
	AUTO_ACME_AUTHZ struct acme_authz seen = { 0 };
	struct err ignored = { 0 };

	if (acme_challenge_answer(acme, authz->challenge_url, err))
		return true;
	if (err->kind != ERR_REMOTE || !acme_authz_get(acme, authz->url, &seen, &ignored))
		return false;
	return seen.status != ACME_PENDING || seen.challenge_status != ACME_PENDING;
}

bool issue_answer(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_AUTHZ_LIST struct authz_list all = { 0 };
	struct ca_desk *desk = issue_ca_open(issue, order->ca, err);

	if (!desk || !store_authz_list(issue->settings.store, order->id, &all, err))
		return false;
	for (size_t i = 0; i < all.len; i++) {
		if (all.items[i].is_answered)
			continue;
		if (!answer(desk->acme, &all.items[i], err))
			return err_context(err, "%s", all.items[i].name);
		all.items[i].is_answered = true;
		if (!store_authz_save(issue->settings.store, &all.items[i], err))
			return false;
	}
	issue_enter(order, ORDER_VALIDATE);
	order->run_at_ms += ANSWERED_MS;
	return true;
}

/* While other orders are under way, removing gathers for a moment, since nobody waits for
 * it: one batch then serves many. */
static bool is_gathering(struct store *store, struct order *order, bool *yes,
                         struct err *err)
{
	*yes = false;
	if (order->polls > 0 || order->attempts > 0)
		return true;
	if (!store_order_has_company(store, order->id, clock_now_ms() + GATHER_MS, yes,
	                             err))
		return false;
	if (*yes)
		issue_look_again(order, 0, GATHER_MS, GATHER_MS);
	return true;
}

/* What is left at the entry of this first row, and of no other row before it. */
static bool is_first_of_its_entry(const struct txt_list *rows, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (str_eq(rows->items[i].dns, rows->items[at].dns))
			return false;
	return true;
}

/* What came of the batches of one round. */
struct tidying {
	struct batch held;
	struct err failed;
	bool is_busy;
};

/* An entry that fails, or is gone from the configuration, keeps no other from removing
 * its records. */
static bool tidy_at(struct issue *issue, const struct order *order, const char *entry,
                    struct tidying *work, struct err *err)
{
	AUTO_BATCH struct batch batch = { .desk = issue_dns_find(issue, entry,
		                                                 &work->failed),
		                          .remove = true,
		                          .order_id = order->id };

	if (!batch.desk)
		return true;
	if (!issue_batch(issue, &batch, err))
		return false;
	work->is_busy |= batch.busy;
	if (batch.held_s > work->held.held_s)
		work->held = (struct batch){ .desk = batch.desk, .held_s = batch.held_s };
	if (batch.failure_count == 0)
		return true;
	work->failed = batch.failures[0].why;
	/* The code is the provider's, not the CA's. */
	work->failed.code[0] = '\0';
	(void)err_context(&work->failed, "dns.%s", entry);
	return true;
}

bool issue_tidy(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_TXT_LIST struct txt_list left = { 0 };
	struct store *store = issue->settings.store;
	/* What another order wants at another entry is the janitor's, afterwards. */
	const struct txt_filter filter = { .order_id = order->id,
		                           .state = TXT_UNWANTED,
		                           .is_free = true };
	struct tidying work = { 0 };
	bool gathers;

	watch_forget(issue->watch, order->id);
	if (!store_txt_unwant_order(store, order->id, err) ||
	    !store_txt_list(store, &filter, &left, err))
		return false;
	if (left.len == 0) {
		issue_enter(order, ORDER_DONE);
		return true;
	}
	if (!is_gathering(store, order, &gathers, err))
		return false;
	if (gathers)
		return true;
	for (size_t i = 0; i < left.len; i++)
		if (is_first_of_its_entry(&left, i) &&
		    !tidy_at(issue, order, left.items[i].dns, &work, err))
			return false;
	if (work.failed.kind != ERR_NONE) {
		*err = work.failed;
		return false;
	}
	order->run_at_ms = clock_now_ms();
	if (work.held.held_s)
		return issue_hold(issue, order, &work.held, err);
	if (work.is_busy)
		issue_look_again(order, 0, ISSUE_BUSY_MS, ISSUE_BUSY_MOST_MS);
	return true;
}
