/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/pace.h"
#include "store/run.h"

/*
 * Batches: a provider is asked once for all that the ledger wants of it at the moment,
 * whichever orders want it. The ledger is the queue; a row says what is to be done, and
 * changes or goes only after the provider did it.
 */

enum {
	BATCH_DEADLINE_S = 120,
	HOLD_LEAST_S = 5,       /* where the provider only says "too much" */
	HOLD_GROWS_TO_S = 600,  /* where it does so again and again */
	HELD_MOST_S = 24 * 3600 /* and then it is a refusal */
};

/* What the provider said of a change. */
static bool is_code(const struct err *outcome, const char *code)
{
	return outcome->kind == ERR_TEMPORARY && str_eq(outcome->code, code);
}

static bool tell_person(struct store *store, const struct txt *txt, bool remove,
                        struct err *err)
{
	struct event event = { .name = remove ? "txt.left" : "txt.asked",
		               .order_id = txt->order_id };

	snprintf(event.text, sizeof(event.text), "%.250s: to be %s by hand (dns.%.60s)",
	         txt->name, remove ? "removed" : "set", txt->dns);
	log_info(NULL, event.name, "%s", event.text);
	return store_event_add(store, &event, err);
}

/* The row's change is done, or is for a person to do. An order may have ended meanwhile,
 * or another has taken the value over: then the row is another batch's. */
static bool settle(struct store *store, const struct txt *txt, bool remove, bool by_hand,
                   struct err *err)
{
	struct event event = { .name = "txt.removed", .order_id = txt->order_id };
	enum txt_state state = by_hand ? TXT_ASKED : TXT_SET;
	struct err why = { 0 };

	if (remove && !by_hand) {
		snprintf(event.text, sizeof(event.text), "%.250s", txt->name);
		return store_txt_remove(store, txt->id, &event, err);
	}
	if (!store_txt_set_state(store, txt->id, remove ? TXT_LEFT : state, &why)) {
		*err = why;
		return why.kind == ERR_NOT_FOUND;
	}
	return !by_hand || tell_person(store, txt, remove, err);
}

/* Another order whose row was taken along need not wait until it looks by itself. */
static bool tell_owner(struct store *store, const struct txt *txt,
                       const struct batch *batch, struct err *err)
{
	return txt->order_id == 0 || txt->order_id == batch->order_id ||
	       store_order_hurry(store, txt->order_id, clock_now_ms(), err);
}

static void note_failure(struct batch *batch, const struct txt *txt,
                         const struct err *why)
{
	struct batch_failure *failure;

	batch->failures = xrealloc(batch->failures, batch->failure_count + 1,
	                           sizeof(*batch->failures));
	failure = &batch->failures[batch->failure_count++];
	*failure = (struct batch_failure){ .txt_id = txt->id,
		                           .name = xstrdup(txt->name),
		                           .value = xstrdup(txt->value),
		                           .why = *why };
}

void batch_deinit(struct batch *batch)
{
	for (size_t i = 0; i < batch->failure_count; i++) {
		free(batch->failures[i].name);
		free(batch->failures[i].value);
	}
	free(TAKE(batch->failures));
	batch->failure_count = 0;
}

/* Nobody would look whether a person has done it. */
static void refuse_blind_hand(const struct batch *batch, struct err *outcome)
{
	const struct issue_dns *dns = batch->desk->settings;

	if (batch->remove || !is_code(outcome, "by-hand") ||
	    (dns->propagation != ISSUE_BLIND && dns->propagation != ISSUE_SETTLE))
		return;
	(void)err_set(outcome, ERR_CONFIG,
	              "a person sets these records, but with this propagation nobody "
	              "looks whether they are there: set dns.%s.propagation to "
	              "authoritative or to resolvers",
	              dns->name);
}

static bool settle_row(struct store *store, const struct txt *txt,
                       struct provider_change *change, struct batch *batch,
                       struct err *err)
{
	bool by_hand;

	refuse_blind_hand(batch, &change->outcome);
	by_hand = is_code(&change->outcome, "by-hand");
	if (by_hand || change->outcome.kind == ERR_NONE)
		return settle(store, txt, change->remove, by_hand, err) &&
		       tell_owner(store, txt, batch, err);
	if (!is_code(&change->outcome, "rate-limited") &&
	    (batch->only || (txt->order_id != 0 && txt->order_id == batch->order_id)))
		note_failure(batch, txt, &change->outcome);
	return true;
}

int64_t batch_hold_s(int retry_after, int in_a_row)
{
	int64_t wait_s = HOLD_LEAST_S;

	for (int i = 0; i < in_a_row && wait_s < HOLD_GROWS_TO_S; i++)
		wait_s *= 2;
	if (wait_s > HOLD_GROWS_TO_S)
		wait_s = HOLD_GROWS_TO_S;
	if (retry_after > wait_s)
		wait_s = retry_after;
	/* One more, as the clock counts whole seconds: not to be early. */
	return (wait_s < HELD_MOST_S ? wait_s : HELD_MOST_S) + 1;
}

bool batch_is_held(int64_t until, int64_t now)
{
	return until > now && until <= now + HELD_MOST_S + 1;
}

static bool has_got_on(const struct provider_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (changes[i].outcome.kind == ERR_NONE ||
		    is_code(&changes[i].outcome, "by-hand"))
			return true;
	return false;
}

/* A provider that asks for time gets it from everybody. */
static bool hold(struct store *store, const struct provider_change *changes, size_t count,
                 struct batch *batch, struct err *err)
{
	struct dns_desk *desk = batch->desk;
	int64_t wait_s = 0;

	for (size_t i = 0; i < count; i++) {
		int retry_after = changes[i].outcome.retry_after;

		if (is_code(&changes[i].outcome, "rate-limited") &&
		    batch_hold_s(retry_after, desk->held_in_a_row) > wait_s)
			wait_s = batch_hold_s(retry_after, desk->held_in_a_row);
	}
	desk->held_in_a_row = wait_s && !has_got_on(changes, count)
	                          ? desk->held_in_a_row + 1
	                          : 0;
	if (!wait_s)
		return true;
	batch->held_s = clock_now() + wait_s;
	log_warn(NULL, "dns.held", "%s: not asked for %lld s, for its rate limit",
	         desk->settings->name, (long long)wait_s);
	return store_pace_hold(store, desk->settings->name, batch->held_s, err);
}

/* Rows whose change is done move on; why others are not is told. */
static bool settle_all(struct store *store, const struct txt *rows,
                       struct provider_change *changes, size_t count, struct batch *batch,
                       struct err *err)
{
	struct err ignored = { 0 };
	bool good;

	if (!store_begin(store, err))
		return false;
	good = hold(store, changes, count, batch, err);
	for (size_t i = 0; good && i < count; i++)
		good = settle_row(store, &rows[i], &changes[i], batch, err);
	batch->has_more = has_got_on(changes, count) && count == PROVIDER_BATCH_MAX;
	return store_end(store, good, good ? err : &ignored) && good;
}

/* The provider does it, and what it spent of its limit is booked, whatever came of it. */
static bool run(struct issue *issue, const struct dns_desk *desk,
                struct provider_change *changes, size_t count, struct err *err)
{
	const struct issue_dns *dns = desk->settings;
	struct pace pace = { 0 };
	struct err whole = { 0 };
	int64_t begun = clock_mono_ms();

	if (!store_pace_load(issue->settings.store, dns->name, clock_now(), &pace, err))
		return false;
	struct provider_toll toll = { .spent = pace.spent, .free_in_s = pace.free_in_s };
	const struct provider_call call = {
		.provider = dns->provider,
		.options = dns->options,
		.option_count = dns->option_count,
		.changes = changes,
		.change_count = count,
		.toll = &toll,
	};
	bool good = provider_run(&issue->settings.home, &call, BATCH_DEADLINE_S, &whole);

	log_debug(NULL, "dns.batch", "%s: %zu changes in %lld ms: %s", dns->name, count,
	          (long long)(clock_mono_ms() - begun), good ? "done" : whole.msg);
	/* When the batch as a whole fails, each change that is not done carries why. */
	if (!good)
		log_warn(NULL, "dns.batch.failed", "%s: %s", dns->name, whole.msg);
	return toll.requests == 0 || toll.window_s == 0 ||
	       store_pace_spend(issue->settings.store, dns->name, toll.requests,
	                        toll.window_s, clock_now(), err);
}

static bool run_rows(struct issue *issue, struct batch *batch, const struct txt *rows,
                     size_t count, struct err *err)
{
	AUTO_FREE struct provider_change *changes = xcalloc(count, sizeof(*changes));

	for (size_t i = 0; i < count; i++)
		changes[i] = (struct provider_change){
			.remove = batch->remove,
			.zone = rows[i].zone,
			.name = rows[i].name,
			.value = rows[i].value,
			.ttl_s = batch->desk->settings->ttl_s,
			.challenge = rows[i].challenge,
		};
	return run(issue, batch->desk, changes, count, err) &&
	       settle_all(issue->settings.store, rows, changes, count, batch, err);
}

static bool run_batch(struct issue *issue, struct batch *batch, struct err *err)
{
	AUTO_TXT_LIST struct txt_list rows = { 0 };
	struct pace pace = { 0 };
	const struct txt_filter filter = {
		.dns = batch->desk->settings->name,
		.state = batch->remove ? TXT_UNWANTED : TXT_WANTED,
		.limit = PROVIDER_BATCH_MAX,
		/* Rows that keep failing must not fill it for ever. */
		.first = batch->order_id,
		.is_free = batch->remove,
	};

	if (!store_pace_load(issue->settings.store, filter.dns, clock_now(), &pace, err))
		return false;
	batch->held_s = batch_is_held(pace.hold_until, clock_now()) ? pace.hold_until : 0;
	if (batch->held_s)
		return true;
	if (batch->only)
		return run_rows(issue, batch, batch->only, 1, err);
	if (!store_txt_list(issue->settings.store, &filter, &rows, err))
		return false;
	return rows.len == 0 || run_rows(issue, batch, rows.items, rows.len, err);
}

bool issue_batch(struct issue *issue, struct batch *batch, struct err *err)
{
	bool good;

	if (batch->only)
		pthread_mutex_lock(&batch->desk->lock);
	else
		batch->busy = pthread_mutex_trylock(&batch->desk->lock) != 0;
	if (batch->busy)
		return true;
	good = run_batch(issue, batch, err);
	pthread_mutex_unlock(&batch->desk->lock);
	return good;
}

bool issue_hold(struct issue *issue, struct order *order, const struct batch *batch,
                struct err *err)
{
	char until[CLOCK_TEXT], text[200];

	clock_format(batch->held_s, until);
	snprintf(text, sizeof(text), "dns.%.100s may not be asked before %s: rate limit",
	         batch->desk->settings->name, until);
	if (issue_is_overdue(order, HELD_MOST_S))
		return err_set(err, ERR_REMOTE, "%s; that for more than %d hours", text,
		               HELD_MOST_S / 3600);
	order->run_at_ms = batch->held_s * 1000;
	issue_waits_for(order, text);
	/* Nobody waits for tidying. */
	if (order->state != ORDER_TIDY)
		issue_report(issue, order, PROGRESS_WAITS, text);
	return true;
}
