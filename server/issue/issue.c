/* SPDX-License-Identifier: Apache-2.0 */
#include "issue.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/run.h"

#include "check.h"
#include "internal.h"

static const struct {
	issue_step_fn *run;
} states[] = {
	[ORDER_WAIT] = { issue_wait },         [ORDER_CREATE] = { issue_create },
	[ORDER_PUBLISH] = { issue_publish },   [ORDER_SPREAD] = { issue_spread },
	[ORDER_ANSWER] = { issue_answer },     [ORDER_VALIDATE] = { issue_validate },
	[ORDER_FINALIZE] = { issue_finalize }, [ORDER_COLLECT] = { issue_collect },
	[ORDER_TIDY] = { issue_tidy },         [ORDER_DONE] = { NULL },
};
_Static_assert(ARRAY_SIZE(states) == ORDER_STATE_COUNT, "a state has no row");

/* Seconds before the next try: soon once, since many troubles are a moment long, then as
 * Let's Encrypt's integration guide asks. One more failure than rows ends the order. */
static const int backoff_s[] = { 5, 60, 600, 6000, 86400 };

/* But what the CA has perhaps issued already is asked for as long as CAs keep an order:
 * to begin anew would get a second certificate. */
enum { KEPT_FOR_S = 7 * 86400 };

struct issue *issue_new(const struct issue_settings *settings)
{
	struct issue *issue = NEW(struct issue);

	issue->settings = *settings;
	issue->cas = xcalloc(settings->ca_count, sizeof(*issue->cas));
	issue->dns = xcalloc(settings->dns_count, sizeof(*issue->dns));
	issue->places = place_shelf_new();
	issue->checks = check_memo_new();
	issue->watch = watch_new();
	for (size_t i = 0; i < settings->ca_count; i++) {
		issue->cas[i].settings = &settings->cas[i];
		pthread_mutex_init(&issue->cas[i].lock, NULL);
	}
	for (size_t i = 0; i < settings->dns_count; i++) {
		issue->dns[i].settings = &settings->dns[i];
		pthread_mutex_init(&issue->dns[i].lock, NULL);
	}
	return issue;
}

void issue_free(struct issue *issue)
{
	if (!issue)
		return;
	for (size_t i = 0; i < issue->settings.ca_count; i++) {
		issue_ca_close(&issue->cas[i]);
		strlist_deinit(&issue->cas[i].repeated);
		pthread_mutex_destroy(&issue->cas[i].lock);
	}
	for (size_t i = 0; i < issue->settings.dns_count; i++)
		pthread_mutex_destroy(&issue->dns[i].lock);
	place_shelf_free(issue->places);
	check_memo_free(issue->checks);
	watch_free(issue->watch);
	txt_list_deinit(&issue->left.rows);
	free(issue->cas);
	free(issue->dns);
	free(issue);
}

void issue_enter(struct order *order, enum order_state state)
{
	order->state = state;
	order->state_since_ms = order->run_at_ms = clock_now_ms();
	order->attempts = 0;
	order->polls = 0;
	issue_waits_for(order, NULL);
}

void issue_waits_for(struct order *order, const char *text)
{
	free(order->waits_for);
	order->waits_for = xstrdup(text);
}

void issue_look_again(struct order *order, int retry_after, int64_t first_ms,
                      int64_t most_ms)
{
	int64_t wait_ms = first_ms;

	for (int i = 0; i < order->polls && wait_ms < most_ms; i++)
		wait_ms *= 2;
	if (wait_ms > most_ms)
		wait_ms = most_ms;
	order->polls++;
	order->run_at_ms = clock_now_ms() +
	                   (retry_after ? retry_after * INT64_C(1000) : wait_ms);
}

bool issue_is_overdue(const struct order *order, int64_t seconds)
{
	return clock_now_ms() - order->state_since_ms > seconds * 1000;
}

static bool is_tried_again(const struct order *order, const struct err *why)
{
	bool is_at_end = order->state == ORDER_FINALIZE || order->state == ORDER_COLLECT;

	if (!err_infos[why->kind].retry)
		return false;
	return (size_t)order->attempts < ARRAY_SIZE(backoff_s) ||
	       (is_at_end && !issue_is_overdue(order, KEPT_FOR_S));
}

/* A failure leaves the order waiting, or on its way out. Returns true where it waits. */
static bool fall_back(struct order *order, const struct err *why)
{
	size_t last = ARRAY_SIZE(backoff_s) - 1;

	order->last_at = clock_now();
	/* Why it failed is worth more than that its TXT could not be removed either. */
	if (order->state != ORDER_TIDY || order->last.kind == ERR_NONE)
		order->last = *why;
	if (is_tried_again(order, why)) {
		size_t at = (size_t)order->attempts < last ? (size_t)order->attempts
		                                           : last;
		int64_t wait_s = backoff_s[at];

		order->attempts++;
		if (why->retry_after > wait_s)
			wait_s = why->retry_after;
		order->run_at_ms = clock_now_ms() + wait_s * 1000;
		return true;
	}
	/* Published values are removed on every way out. */
	issue_enter(order, order->state < ORDER_TIDY ? ORDER_TIDY : ORDER_DONE);
	return false;
}

void issue_report(struct issue *issue, const struct order *order, enum progress_kind kind,
                  const char *text)
{
	const struct progress *to = &issue->settings.progress;
	const struct progress_event event = {
		.kind = kind,
		.what = "order",
		.certificate = order->certificate,
		.host = order->host,
		.state = order_state_names[order->state],
		.text = text,
		.until = order->run_at_ms / 1000,
	};

	if (to->report)
		to->report(to->arg, &event);
}

static const char *event_name(const struct order *order, bool failed)
{
	if (failed)
		return order->state == ORDER_TIDY || order->state == ORDER_DONE
		           ? "order.failed"
		           : "order.waits";
	if (order->state != ORDER_DONE)
		return "order.state";
	return order->certificate_id ? "order.done" : "order.ended";
}

/* Saves the order with its event and lets go of it. */
static bool save(struct issue *issue, const struct order *order, enum order_state before,
                 const struct err *why, struct err *err)
{
	bool failed = why->kind != ERR_NONE;
	struct event event = { .name = event_name(order, failed),
		               .certificate = order->certificate,
		               .host = order->host,
		               .order_id = order->id };

	if (!failed && order->state == before)
		return store_order_save(issue->settings.store, order, true, NULL, err);
	if (failed)
		snprintf(event.text, sizeof(event.text), "%s: %.370s",
		         order_state_names[before], why->msg);
	else
		snprintf(event.text, sizeof(event.text), "%s",
		         order_state_names[order->state]);
	return store_order_save(issue->settings.store, order, true, &event, err);
}

static void tell(struct issue *issue, const struct order *order, enum order_state before,
                 const struct err *why, bool waits)
{
	AUTO_FREE char *name = xasprintf("%s/%s", order->certificate, order->host);
	const struct log_about about = { .what = "order", .name = name, .id = order->id };

	if (why->kind != ERR_NONE) {
		log_line(waits ? LOG_WARN : LOG_ERROR, &about, event_name(order, true),
		         "%s: %s", order_state_names[before], why->msg);
		/* Tidying is not what people wait for: the ledger keeps what is left. */
		if (before != ORDER_TIDY)
			issue_report(issue, order,
			             waits ? PROGRESS_WAITS : PROGRESS_FAILED, why->msg);
	} else if (order->state != before) {
		log_info(&about, event_name(order, false), "%s",
		         order_state_names[order->state]);
		issue_report(issue, order,
		             order->state == ORDER_DONE ? PROGRESS_DONE : PROGRESS_STEP,
		             order->certificate_id ? NULL : order->last.msg);
	}
}

bool issue_step(void *arg, int64_t now_ms, bool *did, struct err *err)
{
	struct issue *issue = arg;
	AUTO_ORDER struct order order = { 0 };
	struct err why = { 0 };
	bool waits = false, is_begun_anew = false;

	if (!store_order_claim(issue->settings.store, now_ms, &order, did, err))
		return false;
	if (!*did)
		return true;
	enum order_state before = order.state;

	/* The clock was set back: what counts from then would take that much longer. */
	if (order.state_since_ms > clock_now_ms())
		order.state_since_ms = clock_now_ms();
	if (!states[order.state].run(issue, &order, &why)) {
		is_begun_anew = issue_is_lost(issue, &order, &why);
		waits = fall_back(&order, &why);
	} else if (order.state != before && order.state < ORDER_TIDY) {
		order.last = (struct err){ 0 }; /* it is over */
	}
	if (!save(issue, &order, before, &why, err) ||
	    (is_begun_anew && !issue_begin_anew(issue, &order, err)))
		return false;
	tell(issue, &order, before, &why, waits || is_begun_anew);
	/* Its names are proved, or it is out of the way: others may go. */
	if (waits || (order.state != before && order.state >= ORDER_FINALIZE))
		return store_order_wake(issue->settings.store, issue->settings.orders_max,
		                        clock_now_ms(), err);
	return true;
}

bool issue_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err)
{
	struct issue *issue = arg;

	return store_order_next(issue->settings.store, run_at_ms, any, err);
}
