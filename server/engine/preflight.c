/* SPDX-License-Identifier: Apache-2.0 */
#include "preflight.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "issue/preflight.h"
#include "sched/sched.h"

#include "internal.h"

/*
 * The plan is taken apart into questions: one a host, with all certificates that are to
 * go there, and one for each name of a place. sched asks them, several at a time; what is
 * the same for many (a name, a credential) issue asks once.
 */

enum { WORKERS_MAX = 64 };

struct visit {
	const char *host;
	struct strlist certificates;
};

/* One name of one place, and what it points to. */
struct inquiry {
	struct issue_question question;
	struct strlist name;
	char *dns;
};

struct job {
	struct engine *engine;
	struct findings *out;
	struct visit *visits;
	struct inquiry *inquiries;
	size_t visit_count, inquiry_count;
	atomic_size_t visits_begun, inquiries_begun;
	bool is_alias_only;
};

static void job_deinit(struct job *job)
{
	for (size_t i = 0; i < job->visit_count; i++)
		strlist_deinit(&job->visits[i].certificates);
	for (size_t i = 0; i < job->inquiry_count; i++) {
		strlist_deinit(&job->inquiries[i].name);
		free(job->inquiries[i].dns);
	}
	free(job->visits);
	free(job->inquiries);
}

static void add_inquiry(struct job *job, const struct fleet_item *item, const char *name)
{
	struct inquiry *inquiry;

	job->inquiries = xrealloc(job->inquiries, job->inquiry_count + 1,
	                          sizeof(*job->inquiries));
	inquiry = &job->inquiries[job->inquiry_count++];
	*inquiry = (struct inquiry){ .dns = fleet_dns(item->certificate) };
	strlist_add(&inquiry->name, name);
	inquiry->question = (struct issue_question){
		.certificate = item->certificate->name,
		.host = item->host->name,
		.ca = item->certificate->ca->name,
		.dns = inquiry->dns,
		.alias = item->certificate->challenge_alias,
	};
}

static void add_inquiries(struct job *job, const struct fleet_item *item)
{
	AUTO_STRLIST struct strlist names = { 0 };

	config_certificate_names(item->certificate, item->host, &names);
	for (size_t i = 0; i < names.len; i++)
		add_inquiry(job, item, names.items[i]);
}

static void add_visit(struct job *job, const struct fleet_item *item)
{
	struct visit *visit = NULL;

	for (size_t i = 0; i < job->visit_count && !visit; i++)
		if (str_eq(job->visits[i].host, item->host->name))
			visit = &job->visits[i];
	if (!visit)
		visit = &job->visits[job->visit_count++];
	visit->host = item->host->name;
	strlist_add(&visit->certificates, item->certificate->name);
}

static void take_apart(struct job *job, const struct fleet_plan *plan, bool is_full)
{
	const struct fleet_item *last = NULL;

	job->visits = xcalloc(plan->count + 1, sizeof(*job->visits));
	for (size_t i = 0; i < plan->count; i++) {
		const struct fleet_item *item = &plan->items[i];
		bool is_asked = is_full ? !last || !fleet_same_place(last, item)
		                        : item->action == FLEET_ISSUE;

		last = item;
		if (!is_asked ||
		    (job->is_alias_only && !item->certificate->challenge_alias))
			continue;
		add_inquiries(job, item);
		if (!job->is_alias_only)
			add_visit(job, item);
	}
}

static bool visit_step(void *arg, int64_t now_ms, bool *did, struct err *err)
{
	struct job *job = arg;
	size_t at = atomic_fetch_add(&job->visits_begun, 1);

	(void)now_ms;
	*did = at < job->visit_count;
	return !*did || deploy_check(job->engine->deploy, job->visits[at].host,
	                             &job->visits[at].certificates, job->out, err);
}

static bool inquiry_step(void *arg, int64_t now_ms, bool *did, struct err *err)
{
	struct job *job = arg;
	size_t at = atomic_fetch_add(&job->inquiries_begun, 1);

	(void)now_ms;
	*did = at < job->inquiry_count;
	if (!*did)
		return true;
	/* The array does not move any more. */
	job->inquiries[at].question.names = &job->inquiries[at].name;
	return (job->is_alias_only ? issue_check_alias : issue_check)(
	    job->engine->issue, &job->inquiries[at].question, job->out, err);
}

/* All are due from the beginning. */
static bool visit_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err)
{
	struct job *job = arg;

	(void)err;
	*run_at_ms = 0;
	*any = atomic_load(&job->visits_begun) < job->visit_count;
	return true;
}

static bool inquiry_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err)
{
	struct job *job = arg;

	(void)err;
	*run_at_ms = 0;
	*any = atomic_load(&job->inquiries_begun) < job->inquiry_count;
	return true;
}

static bool work_off(struct job *job, const atomic_bool *stop, struct err *err)
{
	const struct engine *engine = job->engine;
	const struct sched_queue queues[] = {
		{ "visit", job, engine->deliveries_max, visit_step, visit_next },
		{ "inquiry", job, engine->workers, inquiry_step, inquiry_next },
	};
	size_t steps = job->visit_count + job->inquiry_count;
	size_t workers = (size_t)engine->workers + (size_t)engine->deliveries_max;
	struct sched_limits limits = { .stop = stop };

	if (steps == 0)
		return true;
	workers = workers < steps ? workers : steps;
	limits.workers = (int)(workers < WORKERS_MAX ? workers : WORKERS_MAX);
	if (!sched_run(queues, ARRAY_SIZE(queues), &limits, err))
		return false;
	findings_sort(job->out);
	return true;
}

static void tell(const struct findings *found)
{
	static const enum log_level levels[] = { [FINDING_OK] = LOG_DEBUG,
		                                 [FINDING_NOTE] = LOG_INFO,
		                                 [FINDING_FAILED] = LOG_INFO };

	for (size_t i = 0; i < found->len; i++) {
		const struct finding *row = &found->items[i];

		/* One record or name is a finding of each certificate that needs it. */
		if (findings_is_repeat(found, i))
			continue;
		log_line(levels[row->result], NULL, "check.result", "%s: %s: %s: %s",
		         row->subject, row->check, finding_result_names[row->result],
		         row->text);
	}
}

bool engine_preflight(struct engine *engine, const struct fleet_plan *plan, bool is_full,
                      const atomic_bool *stop, struct findings *out, struct err *err)
{
	CLEANUP(job_deinit) struct job job = { .engine = engine, .out = out };

	take_apart(&job, plan, is_full);
	if (!work_off(&job, stop, err))
		return false;
	tell(out);
	return true;
}

bool engine_check_aliases(struct engine *engine, const struct fleet_plan *plan,
                          struct findings *out, struct err *err)
{
	CLEANUP(job_deinit)
	struct job job = { .engine = engine, .out = out, .is_alias_only = true };

	take_apart(&job, plan, false);
	return work_off(&job, NULL, err);
}

static bool is_about(const struct finding *row, const struct fleet_item *item)
{
	return row->result == FINDING_FAILED &&
	       (!row->certificate || str_eq(row->certificate, item->certificate->name)) &&
	       (!row->host || str_eq(row->host, item->host->name));
}

static char *why(const struct finding *row)
{
	bool is_named = str_starts(row->text, row->subject);

	return xasprintf("%s%s%s%s%s", is_named ? "" : row->subject, is_named ? "" : ": ",
	                 row->text, *row->advice ? "; " : "", row->advice);
}

/* What keeps the item back: what a person must mend comes before what may pass. */
static const struct finding *obstacle(const struct findings *found,
                                      const struct fleet_item *item)
{
	const struct finding *first = NULL;

	for (size_t i = 0; i < found->len; i++) {
		const struct finding *row = &found->items[i];

		if (is_about(row, item) &&
		    (!first || (first->is_passing && !row->is_passing)))
			first = row;
	}
	return first;
}

void engine_block(struct fleet_plan *plan, const struct findings *found)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct finding *row = NULL;

		if (plan->items[i].action == FLEET_ISSUE)
			row = obstacle(found, &plan->items[i]);
		if (!row)
			continue;
		AUTO_FREE char *reason = why(row);

		fleet_block(plan, i, reason, row->is_passing);
	}
}
