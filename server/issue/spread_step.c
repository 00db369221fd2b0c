/* SPDX-License-Identifier: Apache-2.0 */
#include "sight.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/run.h"

/*
 * Until every TXT name of the order shows its values, by the mode of the entry that made
 * them. What was seen is in watch.c; here are the looks, and what is told of them.
 */

enum {
	STAY_MS = 20 * 1000, /* less than a run waits for what is due later: it stays */
	KEPT_FOR_S = 600,    /* so long any CA keeps an order */
	TEXT_MAX = 16 * 1024,
	WAITS_TEXT = 400
};

/* What the order waits for, gathered over its names. Times are of the monotonic clock. */
struct spreading {
	struct authz_list all;
	struct txt_list asked; /* by hand, of this order */
	bool is_direct;
	bool is_over;
	int64_t machine_ms; /* when the next look at what a machine does is due, ... */
	int64_t person_ms;  /* ... and at what a person does; INT64_MAX: none */
	int64_t settle_ms;  /* until when the last of them settles; 0: none does */
	bool is_person_due; /* what a person does was looked at just now */
	size_t by_hand;     /* records that a person is to set and that are not shown */
	bool is_news;       /* and has not been told of in this run */
	struct buf lagging; /* who lacks what, for status */
	struct buf table;   /* what everyone said just now */
};

static void spreading_deinit(struct spreading *work)
{
	authz_list_deinit(&work->all);
	txt_list_deinit(&work->asked);
	buf_wipe(&work->lagging);
	buf_wipe(&work->table);
}

static bool is_same_place(const struct authz *a, const struct authz *b)
{
	return str_eq(a->target, b->target) && str_eq(a->dns, b->dns);
}

static bool is_first_of_its_place(const struct authz_list *all, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (is_same_place(&all->items[i], &all->items[at]))
			return false;
	return true;
}

static size_t count_asked(const struct txt_list *asked, const struct authz *authz)
{
	size_t count = 0;

	for (size_t i = 0; i < asked->len; i++)
		count += str_eq(asked->items[i].name, authz->target) &&
		         str_eq(asked->items[i].dns, authz->dns);
	return count;
}

static bool sight_of(struct issue *issue, const struct spreading *work, size_t at,
                     struct sight *out, struct err *err)
{
	const struct authz *authz = &work->all.items[at];
	const struct issue_dns *dns;

	*out = (struct sight){ .authz = authz,
		               .desk = issue_dns_find(issue, authz->dns, err),
		               .is_direct = work->is_direct };
	if (!out->desk)
		return false;
	dns = out->desk->settings;
	for (size_t i = at; i < work->all.len; i++)
		if (is_same_place(&work->all.items[i], authz))
			strlist_add(&out->values, work->all.items[i].txt_value);
	out->rule = (struct watch_rule){
		.propagation = dns->propagation,
		.is_by_hand = count_asked(&work->asked, authz) > 0,
		.settle_s = dns->settle_s,
	};
	out->note = watch_of(issue->watch, authz->order_id, authz->id);
	if (!out->note->begun_ms) {
		out->note->begun_ms = clock_mono_ms();
		out->note->look_at_ms = clock_mono_ms() + watch_first_ms(&out->rule);
	}
	return true;
}

/* Nobody is asked: only time passes, and it is counted from when it was published, so
 * that it passes between runs as well. */
static bool is_timed(const struct watch_rule *rule)
{
	return rule->propagation == ISSUE_SETTLE || rule->propagation == ISSUE_BLIND;
}

/* Milliseconds until it is over, without a look. */
static int64_t left_ms(const struct order *order, const struct sight *sight)
{
	const struct issue_dns *dns = sight->desk->settings;
	int64_t now_ms = clock_mono_ms();

	if (sight->rule.propagation == ISSUE_BLIND)
		return 0;
	if (sight->rule.propagation == ISSUE_SETTLE)
		return order->state_since_ms + dns->wait_s * INT64_C(1000) -
		       clock_now_ms();
	return watch_left_ms(sight->note, &sight->rule, now_ms);
}

static void sooner(int64_t *at_ms, int64_t than_ms)
{
	if (than_ms < *at_ms)
		*at_ms = than_ms;
}

static void wait_for_time(struct spreading *work, int64_t left)
{
	int64_t until_ms = clock_mono_ms() + left;

	if (left <= 0)
		return;
	work->is_over = false;
	sooner(&work->machine_ms, until_ms);
	if (until_ms > work->settle_ms)
		work->settle_ms = until_ms;
}

static int timeout_s(const struct sight *sight)
{
	return sight->rule.is_by_hand ? sight->desk->settings->by_hand_timeout_s
	                              : sight->desk->settings->spread_timeout_s;
}

/* Where a person is waited for, days may lie between two runs: then what machines have to
 * do is given its time anew. */
static bool is_late(const struct order *order, const struct spreading *work,
                    const struct sight *sight)
{
	int64_t most_ms = timeout_s(sight) * INT64_C(1000);

	if (!issue_is_overdue(order, timeout_s(sight)))
		return false;
	return sight->rule.is_by_hand || work->asked.len == 0 ||
	       clock_mono_ms() - sight->note->begun_ms > most_ms;
}

/* Final for this order, so that its values are removed; the CA was not asked, so the next
 * run may begin a new one at once. */
static bool give_up(const struct spreading *work, const struct sight *sight,
                    struct err *err)
{
	int seconds = timeout_s(sight);
	char span[CLOCK_TEXT];

	if (sight->rule.is_by_hand)
		return err_set(err, ERR_REMOTE,
		               "nobody has set the TXT record by hand within %s; the CA "
		               "was not asked: %s",
		               clock_format_duration(seconds, span), work->table.data);
	return err_set(err, ERR_REMOTE,
	               "not on every %s server after %d s; the CA was not asked: %s",
	               sight->rule.propagation == ISSUE_RESOLVERS ? "asked"
	                                                          : "authoritative",
	               seconds, work->table.data);
}

static void note_lagging(struct spreading *work, const struct sight *sight)
{
	const char *text = sight->note->text;

	buf_addf(&work->lagging, "%s%s: %s", work->lagging.len ? "; " : "",
	         sight->authz->target, text[0] ? text : "not looked at yet");
}

static void wait_for_look(struct spreading *work, struct sight *sight)
{
	struct watch_note *note = sight->note;

	work->is_over = false;
	if (!sight->rule.is_by_hand || note->shows > 0) {
		sooner(&work->machine_ms, note->look_at_ms);
		note_lagging(work, sight);
		return;
	}
	/* Who has set it is not to look for a mistake of his own. */
	if (note->is_somewhere)
		note_lagging(work, sight);
	sooner(&work->person_ms, note->look_at_ms);
	work->by_hand += count_asked(&work->asked, sight->authz);
	work->is_news |= !note->is_told;
	note->is_told = true;
}

static bool is_look_due(const struct watch_note *note)
{
	return note->look_at_ms <= clock_mono_ms() && !note->agreed_ms;
}

static bool watch_one(struct issue *issue, const struct order *order,
                      struct spreading *work, struct sight *sight, struct err *err)
{
	struct watch_note *note = sight->note;
	bool is_due = is_look_due(note);

	work->is_person_due |= is_due && sight->rule.is_by_hand;
	if (is_timed(&sight->rule)) {
		wait_for_time(work, left_ms(order, sight));
		return true;
	}
	/* Where the second look is due at once it needs no step of its own. */
	for (int i = 0; i < 2 && is_look_due(note); i++)
		if (!sight_look(issue, order, sight, &work->table, err))
			return false;
	if (is_due && note->shows == 0 && is_late(order, work, sight))
		return give_up(work, sight, err);
	if (note->agreed_ms)
		wait_for_time(work, left_ms(order, sight));
	else
		wait_for_look(work, sight);
	return true;
}

static void tell(struct issue *issue, struct order *order, const struct spreading *work)
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX * 2);
	char until[CLOCK_TEXT], person[100], shown[WAITS_TEXT];
	const char *plural = work->by_hand == 1 ? "" : "s";
	int64_t settled_at = clock_now_ms() + work->settle_ms - clock_mono_ms();

	if (work->by_hand)
		buf_addf(&text, "; set %zu TXT record%s: certferry pending",
		         work->by_hand, plural);
	if (work->settle_ms)
		buf_addf(&text, "; settles until %s",
		         clock_format((settled_at + 999) / 1000, until));
	if (work->lagging.len)
		buf_addf(&text, "; %s", work->lagging.data);
	snprintf(shown, sizeof(shown), "%s", text.len > 2 ? text.data + 2 : "");
	issue_waits_for(order, shown);
	if (!work->is_news)
		return;
	snprintf(person, sizeof(person), "set %zu TXT record%s: certferry pending",
	         work->by_hand, plural);
	issue_report(issue, order, PROGRESS_WAITS, person);
}

static void come_again(struct order *order, const struct spreading *work)
{
	int64_t now_ms = clock_mono_ms(), next_ms = work->machine_ms;

	/* A run stays with what machines do, however long that takes; for a person it
	 * would be a run that never ends. */
	if (next_ms != INT64_MAX)
		sooner(&next_ms, now_ms + STAY_MS);
	sooner(&next_ms, work->person_ms);
	order->polls++;
	order->run_at_ms = clock_now_ms() + (next_ms > now_ms ? next_ms - now_ms : 0);
}

static bool watch_all(struct issue *issue, const struct order *order,
                      struct spreading *work, struct err *err)
{
	for (size_t i = 0; i < work->all.len; i++) {
		AUTO_SIGHT struct sight sight = { 0 };

		if (is_first_of_its_place(&work->all, i) &&
		    (!sight_of(issue, work, i, &sight, err) ||
		     !watch_one(issue, order, work, &sight, err)))
			return false;
	}
	return true;
}

/* A person may take days, and CAs end orders after hours or days: what is asked is then
 * in vain, and a new order asks anew. A CA that cannot be asked now is no news. */
static bool is_kept_at_ca(struct issue *issue, const struct order *order, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order seen = { 0 };
	struct err why = { 0 };
	struct ca_desk *desk;
	bool good;

	if (!issue_is_overdue(order, KEPT_FOR_S))
		return true;
	desk = issue_ca_open(issue, order->ca, &why);
	good = desk && acme_order_get(desk->acme, order->url, &order->names, &seen, &why);
	if (good && seen.status == ACME_INVALID)
		return err_set(err, ERR_REMOTE,
		               "the CA ended the order while it waited for a person; "
		               "a new one asks for new values");
	if (good || err_infos[why.kind].retry)
		return true;
	*err = why;
	return err_context(err, "the CA ended the order while it waited for a person; "
	                        "a new one asks for new values");
}

/* Of an order that an earlier release has published, the places are not known. */
static bool has_places(const struct authz_list *all)
{
	for (size_t i = 0; i < all->len; i++)
		if (!all->items[i].target || !all->items[i].dns)
			return false;
	return true;
}

bool issue_spread(struct issue *issue, struct order *order, struct err *err)
{
	CLEANUP(spreading_deinit)
	struct spreading work = { .is_over = true,
		                  .machine_ms = INT64_MAX,
		                  .person_ms = INT64_MAX,
		                  .lagging = BUF_INIT(TEXT_MAX),
		                  .table = BUF_INIT(TEXT_MAX) };
	AUTO_DNS_DESKS struct dns_desks desks = { 0 };
	const struct txt_filter asked = { .order_id = order->id, .state = TXT_ASKED };

	if (!issue_dns_list(issue, order->dns, &desks, err) ||
	    !store_authz_list(issue->settings.store, order->id, &work.all, err) ||
	    !store_txt_list(issue->settings.store, &asked, &work.asked, err))
		return false;
	if (!has_places(&work.all)) {
		issue_enter(order, ORDER_PUBLISH);
		return true;
	}
	work.is_direct = issue_is_direct(&desks);
	if (!watch_all(issue, order, &work, err) ||
	    (work.is_person_due && !is_kept_at_ca(issue, order, err)))
		return false;
	if (work.is_over) {
		watch_forget(issue->watch, order->id);
		issue_enter(order, ORDER_ANSWER);
		return true;
	}
	come_again(order, &work);
	tell(issue, order, &work);
	return true;
}
