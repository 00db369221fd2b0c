/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/run.h"

/*
 * What dead runs left in the DNS is removed, entry by entry. And what persons were asked
 * to remove is looked for once per run: a row of which no server shows the value any more
 * has done its service.
 */

enum {
	SWEEP_BUSY_MS = 500,
	LEFT_MAX = 200,        /* rows that a run looks for, the oldest */
	LEFT_FAILURES_MAX = 3, /* in a row: the DNS is not for today */
};

static bool load_left(struct issue *issue, struct err *err)
{
	const struct txt_filter filter = { .state = TXT_LEFT, .limit = LEFT_MAX };

	txt_list_deinit(&issue->left.rows);
	issue->left.failures = 0;
	if (!store_txt_list(issue->settings.store, &filter, &issue->left.rows, err))
		return false;
	__atomic_store_n(&issue->left.next, 0, __ATOMIC_SEQ_CST);
	return true;
}

bool issue_janitor_start(struct issue *issue, struct err *err)
{
	int64_t count;

	if (!store_txt_unwant_orphans(issue->settings.store, &count, err))
		return false;
	if (count > 0)
		log_info(NULL, "txt.orphans",
		         "%lld TXT values of an earlier run are to be removed",
		         (long long)count);
	for (size_t i = 0; i < issue->settings.dns_count; i++)
		issue->dns[i].is_swept = count == 0;
	return load_left(issue, err);
}

/* One batch. Where another's is running, or more is left, it comes again. */
static bool sweep(struct issue *issue, struct dns_desk *desk, struct err *err)
{
	AUTO_BATCH struct batch batch = { .desk = desk, .remove = true };
	int64_t again_ms = 0;

	if (!issue_batch(issue, &batch, err))
		return false;
	if (batch.busy)
		again_ms = clock_now_ms() + SWEEP_BUSY_MS;
	if (batch.held_s)
		again_ms = batch.held_s * 1000;
	__atomic_store_n(&desk->sweep_at_ms, again_ms, __ATOMIC_SEQ_CST);
	if (again_ms || batch.has_more)
		__atomic_store_n(&desk->is_swept, false, __ATOMIC_SEQ_CST);
	return true;
}

bool issue_clean_name(struct issue *issue, struct dns_desk *desk, const char *name,
                      struct err *err)
{
	AUTO_TXT_LIST struct txt_list unwanted = { 0 };
	AUTO_BATCH struct batch batch = { .desk = desk, .remove = true };
	const struct txt_filter filter = { .dns = desk->settings->name,
		                           .name = name,
		                           .state = TXT_UNWANTED,
		                           .limit = 1,
		                           .is_free = true };

	return store_txt_list(issue->settings.store, &filter, &unwanted, err) &&
	       (unwanted.len == 0 || issue_batch(issue, &batch, err));
}

/* Whom its entry has asked for it: a network may have no way to others. */
static bool find_servers(struct issue *issue, const struct txt *txt, struct dns_zone *out,
                         struct err *err)
{
	AUTO_FREE struct dns_place *place = NEW(struct dns_place);
	struct err ignored = { 0 };
	const struct dns_desk *desk = issue_dns_find(issue, txt->dns, &ignored);

	if (desk && desk->settings->propagation == ISSUE_RESOLVERS)
		return dns_resolvers(desk->settings->resolvers, out, err);
	if (!dns_place_find(&issue->settings.dns_settings, txt->name, true, place, err))
		return false;
	*out = place->zone;
	return true;
}

/* True in *is_gone where servers that know it say that the value is no more. */
static bool look_for(struct issue *issue, const struct txt *txt, bool *is_gone,
                     struct err *err)
{
	AUTO_FREE struct dns_zone *zone = NEW(struct dns_zone);
	AUTO_STRLIST struct strlist values = { 0 };
	struct dns_look look;
	size_t lacks = 0, silent = 0;

	strlist_add(&values, txt->value);
	if (!find_servers(issue, txt, zone, err) ||
	    !dns_txt_look(&issue->settings.dns_settings, zone, txt->name, &values, &look,
	                  err))
		return false;
	for (size_t i = 0; i < zone->count; i++) {
		lacks += zone->servers[i].answer == DNS_LACKS;
		silent += zone->servers[i].answer == DNS_SILENT;
	}
	if (silent == zone->count)
		return err_set(err, ERR_TEMPORARY, "none of the servers answers");
	*is_gone = !look.any_shows && lacks > 0 && lacks * 2 >= zone->count;
	return true;
}

/* A look that fails is no news; the row stays for the next run. */
static bool forget_left(struct issue *issue, struct left_rows *left, struct err *err)
{
	const struct txt *txt = &left->rows.items[left->next];
	struct event event = { .name = "txt.removed", .order_id = txt->order_id };
	struct err why = { 0 };
	bool is_gone = false;

	if (!look_for(issue, txt, &is_gone, &why)) {
		log_info(NULL, "txt.left", "%s: %s", txt->name, why.msg);
		left->failures++;
		return true;
	}
	left->failures = 0;
	snprintf(event.text, sizeof(event.text), "%.250s, by hand", txt->name);
	return !is_gone || store_txt_remove(issue->settings.store, txt->id, &event, err);
}

static bool has_left(const struct issue *issue)
{
	return __atomic_load_n(&issue->left.next, __ATOMIC_SEQ_CST) <
	       issue->left.rows.len;
}

/* One row. Only one step of this queue runs at a time. */
static bool step_left(struct issue *issue, struct err *err)
{
	bool good = forget_left(issue, &issue->left, err);
	size_t next = issue->left.failures < LEFT_FAILURES_MAX ? issue->left.next + 1
	                                                       : issue->left.rows.len;

	__atomic_store_n(&issue->left.next, next, __ATOMIC_SEQ_CST);
	return good;
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
	if (*did || !has_left(issue))
		return true;
	*did = true;
	return step_left(issue, err);
}

bool issue_janitor_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err)
{
	struct issue *issue = arg;

	(void)err;
	*any = has_left(issue);
	*run_at_ms = 0;
	for (size_t i = 0; i < issue->settings.dns_count && !has_left(issue); i++) {
		struct dns_desk *desk = &issue->dns[i];
		int64_t at_ms = __atomic_load_n(&desk->sweep_at_ms, __ATOMIC_SEQ_CST);

		if (__atomic_load_n(&desk->is_swept, __ATOMIC_SEQ_CST))
			continue;
		*run_at_ms = *any && *run_at_ms < at_ms ? *run_at_ms : at_ms;
		*any = true;
	}
	return true;
}
