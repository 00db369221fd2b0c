/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/run.h"

/*
 * Batches: a provider is asked once for all that the ledger wants of it at the moment,
 * whichever orders want it. The ledger is the queue; a row says what is to be done, and
 * changes or goes only after the provider did it.
 */

enum { BATCH_DEADLINE_S = 120, SWEEP_BUSY_MS = 500 };

struct dns_desk *issue_dns_find(struct issue *issue, const char *name, struct err *err)
{
	for (size_t i = 0; i < issue->settings.dns_count; i++)
		if (str_eq(issue->dns[i].settings->name, name))
			return &issue->dns[i];
	(void)err_set(err, ERR_CONFIG, "the configuration has no dns entry '%s' any more",
	              name);
	return NULL;
}

static bool settle(struct store *store, const struct txt *txt, bool remove,
                   struct err *err)
{
	struct event event = { .name = "txt.removed", .order_id = txt->order_id };
	struct err why = { 0 };

	/* An order may have ended meanwhile: then the value is removed by a later batch.
	 */
	if (!remove && !store_txt_set_state(store, txt->id, TXT_SET, &why)) {
		*err = why;
		return why.kind == ERR_NOT_FOUND;
	}
	if (!remove)
		return true;
	snprintf(event.text, sizeof(event.text), "%.250s", txt->name);
	return store_txt_remove(store, txt->id, &event, err);
}

/* Another order whose row was taken along need not wait until it looks by itself. */
static bool tell_owner(struct store *store, const struct txt *txt,
                       const struct batch *batch, struct err *err)
{
	return txt->order_id == batch->order_id ||
	       store_order_hurry(store, txt->order_id, clock_now_ms(), err);
}

/* Rows whose change is done move on; why one of order_id is not is told. */
static bool settle_all(struct store *store, const struct txt_list *rows,
                       const struct provider_change *changes, struct batch *batch,
                       struct err *err)
{
	struct err ignored = { 0 };
	bool good;

	if (!store_begin(store, err))
		return false;
	good = true;
	for (size_t i = 0; good && i < rows->len; i++) {
		const struct provider_change *change = &changes[i];

		if (change->outcome.kind == ERR_NONE) {
			good = settle(store, &rows->items[i], change->remove, err) &&
			       tell_owner(store, &rows->items[i], batch, err);
			batch->has_more = rows->len == PROVIDER_BATCH_MAX;
		} else if (rows->items[i].order_id == batch->order_id) {
			batch->failed = change->outcome;
			/* The code is the provider's. Only after a refusal by the CA must
			 * the next order wait. */
			batch->failed.code[0] = '\0';
		}
	}
	return store_end(store, good, good ? err : &ignored) && good;
}

static bool run(struct issue *issue, const struct dns_desk *desk,
                const struct txt_list *rows, struct provider_change *changes,
                struct err *err)
{
	const struct provider_call call = {
		.provider = desk->settings->provider,
		.options = desk->settings->options,
		.option_count = desk->settings->option_count,
		.changes = changes,
		.change_count = rows->len,
	};
	int64_t begun = clock_mono_ms();
	bool good = provider_run(&issue->settings.home, &call, BATCH_DEADLINE_S, err);

	log_debug(NULL, "dns.batch", "%s: %zu changes in %lld ms: %s",
	          desk->settings->name, rows->len, (long long)(clock_mono_ms() - begun),
	          good ? "done" : err->msg);
	return good;
}

static bool run_batch(struct issue *issue, struct batch *batch, struct err *err)
{
	const struct issue_dns *dns = batch->desk->settings;
	AUTO_TXT_LIST struct txt_list rows = { 0 };
	AUTO_FREE struct provider_change *changes = NULL;
	struct err whole = { 0 };
	const struct txt_filter filter = {
		.dns = dns->name,
		.state = batch->remove ? TXT_UNWANTED : TXT_WANTED,
		.limit = PROVIDER_BATCH_MAX,
		/* Rows that keep failing must not fill it for ever. */
		.first = batch->order_id
	};

	if (!store_txt_list(issue->settings.store, &filter, &rows, err))
		return false;
	if (rows.len == 0)
		return true;
	changes = xcalloc(rows.len, sizeof(*changes));
	for (size_t i = 0; i < rows.len; i++) {
		changes[i] = (struct provider_change){
			.remove = batch->remove,
			.zone = rows.items[i].zone,
			.name = rows.items[i].name,
			.value = rows.items[i].value,
			.ttl_s = dns->ttl_s,
		};
	}
	/* When the batch as a whole fails, each change that is not done carries why. */
	if (!run(issue, batch->desk, &rows, changes, &whole))
		log_warn(NULL, "dns.batch.failed", "%s: %s", dns->name, whole.msg);
	return settle_all(issue->settings.store, &rows, changes, batch, err);
}

bool issue_batch(struct issue *issue, struct batch *batch, struct err *err)
{
	bool good;

	batch->busy = pthread_mutex_trylock(&batch->desk->lock) != 0;
	if (batch->busy)
		return true;
	good = run_batch(issue, batch, err);
	pthread_mutex_unlock(&batch->desk->lock);
	return good;
}

bool issue_janitor_start(struct issue *issue, struct err *err)
{
	int64_t count;

	if (!store_txt_unwant_orphans(issue->settings.store, &count, err))
		return false;
	if (count > 0)
		log_info(NULL, "txt.orphans",
		         "%lld TXT values of an earlier run are removed",
		         (long long)count);
	for (size_t i = 0; i < issue->settings.dns_count; i++)
		issue->dns[i].is_swept = count == 0;
	return true;
}

/* One batch. Where another's is running, or more is left, it comes again. */
static bool sweep(struct issue *issue, struct dns_desk *desk, struct err *err)
{
	struct batch batch = { .desk = desk, .remove = true };

	if (!issue_batch(issue, &batch, err))
		return false;
	if (batch.busy)
		__atomic_store_n(&desk->sweep_at_ms, clock_now_ms() + SWEEP_BUSY_MS,
		                 __ATOMIC_SEQ_CST);
	if (batch.busy || batch.has_more)
		__atomic_store_n(&desk->is_swept, false, __ATOMIC_SEQ_CST);
	return true;
}

bool issue_janitor_step(void *arg, int64_t now_ms, bool *did, struct err *err)
{
	struct issue *issue = arg;

	*did = false;
	for (size_t i = 0; i < issue->settings.dns_count && !*did; i++) {
		struct dns_desk *desk = &issue->dns[i];

		if (__atomic_load_n(&desk->sweep_at_ms, __ATOMIC_SEQ_CST) > now_ms ||
		    __atomic_exchange_n(&desk->is_swept, true, __ATOMIC_SEQ_CST))
			continue;
		*did = true;
		if (!sweep(issue, desk, err))
			return false;
	}
	return true;
}

bool issue_janitor_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err)
{
	struct issue *issue = arg;

	(void)err;
	*any = false;
	*run_at_ms = 0;
	for (size_t i = 0; i < issue->settings.dns_count; i++) {
		struct dns_desk *desk = &issue->dns[i];
		int64_t at_ms = __atomic_load_n(&desk->sweep_at_ms, __ATOMIC_SEQ_CST);

		if (__atomic_load_n(&desk->is_swept, __ATOMIC_SEQ_CST))
			continue;
		*run_at_ms = *any && *run_at_ms < at_ms ? *run_at_ms : at_ms;
		*any = true;
	}
	return true;
}
