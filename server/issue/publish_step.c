/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/run.h"

/*
 * Each name gets a place and an entry, its value goes into the ledger, and the entries'
 * providers make the records. Every part may run twice: what is there already is passed
 * over.
 */

/* An entry for which nobody looks at the DNS, and of which the configuration says the
 * zone, needs no DNS: a network may have none. */
static const char *zone_without_dns(const struct dns_desks *desks, const char *name)
{
	const struct dns_desk *desk = issue_choose(desks, name, NULL);

	if (!desk || (desk->settings->propagation != ISSUE_BLIND &&
	              desk->settings->propagation != ISSUE_SETTLE))
		return NULL;
	return issue_zone_listed(desk->settings, name);
}

static bool locate(struct issue *issue, const struct order *order,
                   const struct dns_desks *desks, struct authz *authz, struct err *err)
{
	const struct issue_aim aim = { .name = authz->name,
		                       .alias = order->alias,
		                       .is_direct = issue_is_direct(desks) };
	struct dns_place place;

	if (authz->target)
		return true;
	if (issue_place_of(issue, &aim, &place, err)) {
		authz->target = xstrdup(place.name);
		free(authz->zone);
		authz->zone = xstrdup(place.zone.name);
		return true;
	}
	if (order->alias || !zone_without_dns(desks, authz->txt_name))
		return false;
	log_info(NULL, "dns.place.unseen", "%s: %s; taken as it is", authz->txt_name,
	         err->msg);
	*err = (struct err){ 0 };
	authz->target = xstrdup(authz->txt_name);
	free(authz->zone);
	authz->zone = xstrdup(zone_without_dns(desks, authz->txt_name));
	return true;
}

static bool assign(const struct order *order, const struct dns_desks *desks,
                   struct authz *authz, struct err *err)
{
	const struct dns_desk *desk;

	if (authz->dns)
		return true;
	desk = issue_choose(desks, authz->target, authz->refused);
	if (!desk)
		return err_set(err, ERR_CONFIG,
		               "%s: the record is to be made at %s, which is in none of "
		               "the zones of dns %s",
		               authz->name, authz->target, order->dns);
	authz->dns = xstrdup(desk->settings->name);
	return true;
}

static bool add_row(struct issue *issue, const struct authz *authz, struct err *err)
{
	const struct dns_desk *desk = issue_dns_find(issue, authz->dns, err);

	if (!desk)
		return false;
	struct txt txt = {
		.order_id = authz->order_id,
		.dns = authz->dns,
		.zone = xstrdup(
		    issue_zone_for(desk->settings, authz->target, authz->zone)),
		.name = authz->target,
		.value = authz->txt_value,
		.challenge = str_eq(authz->target, authz->txt_name) ? NULL
		                                                    : authz->txt_name,
		.created_at = clock_now(),
	};
	bool good = store_txt_add(issue->settings.store, &txt, err);

	free(txt.zone);
	return good;
}

/* Its row, of those that stand or are to stand; NULL: it has none. */
static const struct txt *row_of(const struct txt_list *rows, const struct authz *authz)
{
	for (size_t i = 0; i < rows->len; i++) {
		const struct txt *row = &rows->items[i];

		if (row->state != TXT_UNWANTED && row->state != TXT_LEFT &&
		    str_eq(row->dns, authz->dns) && str_eq(row->name, authz->target) &&
		    str_eq(row->value, authz->txt_value))
			return row;
	}
	return NULL;
}

/* Into the ledger, before the provider hears of it; with what was found out. */
static bool want(struct issue *issue, const struct order *order, struct authz_list *all,
                 bool is_new, struct err *err)
{
	struct store *store = issue->settings.store;
	const struct txt_filter filter = { .order_id = order->id, .is_any_state = true };
	AUTO_TXT_LIST struct txt_list rows = { 0 };
	struct err ignored = { 0 };
	bool good = true;

	if (!store_txt_list(store, &filter, &rows, err) || !store_begin(store, err))
		return false;
	for (size_t i = 0; good && i < all->len; i++) {
		struct authz *authz = &all->items[i];

		good = !is_new || store_authz_save(store, authz, err);
		if (!row_of(&rows, authz))
			good = good && add_row(issue, authz, err);
	}
	return store_end(store, good, good ? err : &ignored) && good;
}

/* What is to be done at the entry; false in *any: nothing. */
static bool is_wanted_at(struct issue *issue, const struct order *order,
                         const struct dns_desk *desk, bool *any, struct err *err)
{
	AUTO_TXT_LIST struct txt_list wanted = { 0 };
	const struct txt_filter filter = { .dns = desk->settings->name,
		                           .order_id = order->id,
		                           .state = TXT_WANTED,
		                           .limit = 1 };

	if (!store_txt_list(issue->settings.store, &filter, &wanted, err))
		return false;
	*any = wanted.len > 0;
	return true;
}

static bool is_published(struct issue *issue, const struct order *order,
                         const struct authz_list *all, bool *out, struct err *err)
{
	const struct txt_filter filter = { .order_id = order->id, .is_any_state = true };
	AUTO_TXT_LIST struct txt_list rows = { 0 };

	if (!store_txt_list(issue->settings.store, &filter, &rows, err))
		return false;
	*out = true;
	for (size_t i = 0; i < all->len; i++) {
		const struct txt *row = row_of(&rows, &all->items[i]);

		*out &= row && row->state != TXT_WANTED;
	}
	return true;
}

/* One batch at each entry that has something to do. */
struct publishing {
	const struct dns_desks *desks;
	struct authz_list all;
	struct batch held; /* of an entry that may not be asked now; the longest */
	struct err failed; /* why the step failed */
};

static void publishing_deinit(struct publishing *work)
{
	authz_list_deinit(&work->all);
}

static struct authz *authz_of(const struct authz_list *all,
                              const struct batch_failure *failure, const char *entry)
{
	for (size_t i = 0; i < all->len; i++)
		if (str_eq(all->items[i].dns, entry) &&
		    str_eq(all->items[i].target, failure->name) &&
		    str_eq(all->items[i].txt_value, failure->value))
			return &all->items[i];
	return NULL;
}

/* Where the record may have been made all the same (a crash after it, a reply that was
 * lost the time before), it is removed like any other. */
static bool drop_row(struct store *store, const struct order *order,
                     const struct batch_failure *failure, struct err *err)
{
	bool may_be_there = failure->why.kind == ERR_INTERNAL || order->attempts > 0;
	struct err why = { 0 };

	if (!may_be_there)
		return store_txt_remove(store, failure->txt_id, NULL, err);
	if (store_txt_set_state(store, failure->txt_id, TXT_UNWANTED, &why))
		return true;
	*err = why;
	return why.kind == ERR_NOT_FOUND;
}

static bool pass_on(struct issue *issue, const struct order *order, struct authz *authz,
                    const struct batch_failure *failure, const char *next,
                    struct err *err)
{
	struct store *store = issue->settings.store;
	struct event event = { .name = "dns.passed_on",
		               .certificate = order->certificate,
		               .host = order->host,
		               .order_id = order->id };
	struct err ignored = { 0 };
	AUTO_FREE char *before = authz->refused;
	bool good;

	snprintf(event.text, sizeof(event.text), "%.60s: %.180s; now %.60s for %.60s",
	         authz->dns, failure->why.msg, next, authz->name);
	authz->refused = issue_refused_add(before, authz->dns, failure->why.msg);
	free(authz->dns);
	authz->dns = xstrdup(next);
	log_warn(NULL, event.name, "%s", event.text);
	if (!store_begin(store, err))
		return false;
	good = drop_row(store, order, failure, err) &&
	       store_authz_save(store, authz, err) && store_event_add(store, &event, err);
	return store_end(store, good, good ? err : &ignored) && good;
}

/* All reasons: of this entry, and of those before it. */
static void explain(const struct authz *authz, const struct err *why, struct err *err)
{
	AUTO_BUF struct buf before = BUF_INIT(4096);

	*err = *why;
	/* The code is the provider's. Only after a refusal by the CA must the next order
	 * wait. */
	err->code[0] = '\0';
	if (!authz)
		return;
	(void)err_context(err, "dns.%s", authz->dns);
	if (!authz->refused)
		return;
	size_t len = strlen(err->msg);

	for (const char *at = authz->refused; *at; at++)
		buf_addf(&before, *at == '\n' ? "; dns." : "%c", *at);
	/* Room for each, rather than the first in full. */
	if (len > sizeof(err->msg) / 2)
		len = sizeof(err->msg) / 2;
	snprintf(err->msg + len, sizeof(err->msg) - len, "; before it, dns.%s",
	         before.data);
}

/* Why rows were not made: to the next entry, where there is one and this one will never
 * do it. */
static bool take_failures(struct issue *issue, const struct order *order,
                          struct publishing *work, const struct batch *batch,
                          struct err *err)
{
	const char *entry = batch->desk->settings->name;

	for (size_t i = 0; i < batch->failure_count; i++) {
		const struct batch_failure *failure = &batch->failures[i];
		struct authz *authz = authz_of(&work->all, failure, entry);
		const struct dns_desk *next = NULL;

		if (authz && failure->why.kind != ERR_TEMPORARY) {
			AUTO_FREE char *refused = issue_refused_add(authz->refused, entry,
			                                            "");

			next = issue_choose(work->desks, authz->target, refused);
		}
		if (!next)
			explain(authz, &failure->why, &work->failed);
		else if (!pass_on(issue, order, authz, failure, next->settings->name,
		                  err))
			return false;
	}
	return true;
}

static bool publish_at(struct issue *issue, const struct order *order,
                       struct dns_desk *desk, struct publishing *work, struct err *err)
{
	AUTO_BATCH struct batch batch = { .desk = desk, .order_id = order->id };
	bool any = false;

	if (!is_wanted_at(issue, order, desk, &any, err))
		return false;
	if (!any)
		return true;
	if (!issue_batch(issue, &batch, err) ||
	    !take_failures(issue, order, work, &batch, err))
		return false;
	if (batch.held_s > work->held.held_s)
		work->held = (struct batch){ .desk = desk, .held_s = batch.held_s };
	return true;
}

static bool prepare(struct issue *issue, const struct order *order,
                    const struct dns_desks *desks, struct authz_list *all,
                    struct err *err)
{
	bool is_new = false;

	for (size_t i = 0; i < all->len; i++) {
		is_new |= !all->items[i].target || !all->items[i].dns;
		if (!locate(issue, order, desks, &all->items[i], err) ||
		    !assign(order, desks, &all->items[i], err))
			return false;
	}
	return want(issue, order, all, is_new, err);
}

bool issue_publish(struct issue *issue, struct order *order, struct err *err)
{
	AUTO_DNS_DESKS struct dns_desks desks = { 0 };
	CLEANUP(publishing_deinit) struct publishing work = { .desks = &desks };
	bool done;

	if (!issue_dns_list(issue, order->dns, &desks, err) ||
	    !store_authz_list(issue->settings.store, order->id, &work.all, err) ||
	    !prepare(issue, order, &desks, &work.all, err))
		return false;
	for (size_t i = 0; i < desks.len; i++)
		if (!publish_at(issue, order, desks.items[i], &work, err))
			return false;
	if (work.failed.kind != ERR_NONE) {
		*err = work.failed;
		return false;
	}
	if (!is_published(issue, order, &work.all, &done, err))
		return false;
	if (done)
		issue_enter(order, ORDER_SPREAD);
	else if (work.held.held_s)
		return issue_hold(issue, order, &work.held, err);
	else
		issue_look_again(order, 0, ISSUE_BUSY_MS, ISSUE_BUSY_MOST_MS);
	return true;
}
