/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/dnsname.h"
#include "base/mem.h"
#include "store/run.h"

/* The steps of an order that have to do with its TXT records. */

enum {
	BUSY_MS = 20,       /* another order's batch is at the provider ... */
	BUSY_MOST_MS = 200, /* ... perhaps for long: each look is a write */
	SPREAD_FIRST_MS = 100,
	SPREAD_MOST_MS = 10000,
	GATHER_MS = 1000,
	ANSWERED_MS = 20, /* the CA needs a moment to look, beside the way there */
};

static bool find_zone(struct issue *issue, const struct issue_dns *dns,
                      struct authz *authz, struct err *err)
{
	struct dns_zone zone;

	if (authz->zone)
		return true;
	const char *best = NULL;

	for (size_t i = 0; dns->zones && i < dns->zones->len; i++) {
		const char *one = dns->zones->items[i];

		if (dnsname_is_below(authz->txt_name, one) &&
		    (!best || strlen(one) > strlen(best)))
			best = one;
	}
	if (!best && dns->zones && dns->zones->len)
		return err_set(err, ERR_CONFIG,
		               "%s: in none of the zones of dns.%s.zones", authz->name,
		               dns->name);
	if (!best) {
		if (!issue_zone_of(issue, authz->txt_name, &zone, err))
			return false;
		best = zone.name;
	}
	authz->zone = xstrdup(best);
	return true;
}

/* Into the ledger, once, before the provider hears of it; with the zones that were found.
 */
static bool want(struct issue *issue, const struct order *order, struct authz_list *all,
                 struct err *err)
{
	struct store *store = issue->settings.store;
	AUTO_TXT_LIST struct txt_list wanted = { 0 }, set = { 0 };
	const struct txt_filter in_want = { .order_id = order->id, .state = TXT_WANTED };
	const struct txt_filter is_set = { .order_id = order->id, .state = TXT_SET };

	if (!store_txt_list(store, &in_want, &wanted, err) ||
	    !store_txt_list(store, &is_set, &set, err))
		return false;
	if (wanted.len + set.len > 0)
		return true;
	struct err ignored = { 0 };
	bool good = true;

	if (!store_begin(store, err))
		return false;
	for (size_t i = 0; good && i < all->len; i++) {
		struct txt txt = { .order_id = order->id,
			           .dns = order->dns,
			           .zone = all->items[i].zone,
			           .name = all->items[i].txt_name,
			           .value = all->items[i].txt_value,
			           .created_at = clock_now() };

		good = store_authz_save(store, &all->items[i], err) &&
		       store_txt_add(store, &txt, err);
	}
	return store_end(store, good, good ? err : &ignored) && good;
}

static bool is_published(struct issue *issue, const struct order *order, bool *out,
                         struct err *err)
{
	AUTO_TXT_LIST struct txt_list wanted = { 0 };

	const struct txt_filter filter = { .order_id = order->id,
		                           .state = TXT_WANTED,
		                           .limit = 1 };

	if (!store_txt_list(issue->settings.store, &filter, &wanted, err))
		return false;
	*out = wanted.len == 0;
	return true;
}

bool issue_publish(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_AUTHZ_LIST struct authz_list all = { 0 };
	struct batch batch = { .desk = issue_dns_find(issue, order->dns, err),
		               .order_id = order->id };
	bool done;

	if (!batch.desk || !store_authz_list(issue->settings.store, order->id, &all, err))
		return false;
	for (size_t i = 0; i < all.len; i++)
		if (!find_zone(issue, batch.desk->settings, &all.items[i], err))
			return false;
	if (!want(issue, order, &all, err) || !is_published(issue, order, &done, err))
		return false;
	if (!done && !issue_batch(issue, &batch, err))
		return false;
	if (batch.failed.kind != ERR_NONE) {
		*err = batch.failed;
		return err_context(err, "dns.%s", order->dns);
	}
	if (!done && !is_published(issue, order, &done, err))
		return false;
	if (done)
		issue_enter(order, ORDER_SPREAD);
	else
		issue_look_again(order, 0, BUSY_MS, BUSY_MOST_MS);
	return true;
}

static bool is_first_of_its_name(const struct authz_list *all, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (str_eq(all->items[i].txt_name, all->items[at].txt_name))
			return false;
	return true;
}

/* Asks for all values of one TXT name at once: apex and wildcard share it. */
static bool ask_name(struct issue *issue, const struct authz_list *all, size_t at,
                     bool *shown, struct buf *lagging, struct err *err)
{
	AUTO_STRLIST struct strlist values = { 0 };
	const struct authz *authz = &all->items[at];
	struct dns_zone zone;

	for (size_t i = at; i < all->len; i++)
		if (str_eq(all->items[i].txt_name, authz->txt_name))
			strlist_add(&values, all->items[i].txt_value);
	if (!issue_zone_servers(issue, authz->zone, &zone, err) ||
	    !dns_txt_ask(&issue->settings.dns_settings, &zone, authz->txt_name, &values,
	                 shown, err))
		return false;
	if (!*shown) {
		buf_addf(lagging, "%s%s: ", lagging->len ? "; " : "", authz->txt_name);
		dns_zone_format(&zone, lagging);
	}
	return true;
}

bool issue_spread(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_AUTHZ_LIST struct authz_list all = { 0 };
	AUTO_BUF struct buf lagging = BUF_INIT(16 * 1024);
	struct dns_desk *desk = issue_dns_find(issue, order->dns, err);

	if (!desk || !store_authz_list(issue->settings.store, order->id, &all, err))
		return false;
	for (size_t i = 0; i < all.len; i++) {
		bool shown = true;

		if (is_first_of_its_name(&all, i) &&
		    !ask_name(issue, &all, i, &shown, &lagging, err))
			return false;
	}
	if (lagging.len == 0) {
		issue_enter(order, ORDER_ANSWER);
		return true;
	}
	if (issue_is_overdue(order, desk->settings->spread_timeout_s))
		/* Final for this order, so that its values are removed; the CA was not
		 * asked, so the next run may begin a new one at once. */
		return err_set(err, ERR_REMOTE,
		               "not on every authoritative server after %d s; the CA was "
		               "not asked: %s",
		               desk->settings->spread_timeout_s, lagging.data);
	issue_look_again(order, 0, SPREAD_FIRST_MS, SPREAD_MOST_MS);
	return true;
}

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

bool issue_tidy(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_TXT_LIST struct txt_list left = { 0 };
	struct store *store = issue->settings.store;
	struct batch batch = { .desk = issue_dns_find(issue, order->dns, err),
		               .remove = true,
		               .order_id = order->id };
	const struct txt_filter filter = { .dns = order->dns,
		                           .order_id = order->id,
		                           .state = TXT_UNWANTED,
		                           .limit = 1 };
	bool gathers;

	if (!batch.desk || !store_txt_unwant_order(store, order->id, err) ||
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
	if (!issue_batch(issue, &batch, err))
		return false;
	if (batch.failed.kind != ERR_NONE) {
		*err = batch.failed;
		return err_context(err, "dns.%s", order->dns);
	}
	order->run_at_ms = clock_now_ms();
	if (batch.busy)
		issue_look_again(order, 0, BUSY_MS, BUSY_MOST_MS);
	return true;
}
