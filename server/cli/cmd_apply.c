/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <unistd.h>

#include "base/finding.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/preflight.h"

#include "watch.h"

/* apply */

static const char *const no_yes = "no yes, so nothing was done";
static const char *const stopped = "stopped by a signal";

/* The places at which something is done: a place may have two rows, and what is blocked
 * or only waits has no part in the run. */
static size_t works(const struct fleet_plan *plan)
{
	const struct fleet_item *last = NULL;
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct fleet_item *item = &plan->items[i];

		if (item->action == FLEET_BLOCKED || item->action == FLEET_WAIT ||
		    (last && fleet_same_place(last, item)))
			continue;
		last = item;
		count++;
	}
	return count;
}

/* One run: its engine is the one that makes the checks too, so that what they found out
 * of CA and DNS is not asked again. */
struct run {
	struct session *session;
	const struct args *args;
	struct fleet_plan plan;
	struct findings found;
	struct watch watch;
	struct live *live; /* NULL until the checks are over */
	struct engine *engine;
};

static void run_deinit(struct run *run)
{
	engine_free(run->engine);
	live_free(run->live);
	findings_deinit(&run->found);
	fleet_plan_deinit(&run->plan);
}

static void report(void *arg, const struct progress_event *event)
{
	const struct run *run = arg;

	if (!run->live)
		return;
	const struct progress to = live_progress(run->live);

	to.report(to.arg, event);
}

static bool issues(const struct fleet_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].action == FLEET_ISSUE)
			return true;
	return false;
}

/* What a check keeps away is remembered: a run by cron has no other reader, and status
 * says it of what a person must mend. */
static bool note_blocked(struct run *run, const struct fleet_item *item, struct err *err)
{
	struct event event = { .name = item->is_passing ? "order.postponed"
		                                        : "order.blocked",
		               .certificate = item->certificate->name,
		               .host = item->host->name };

	snprintf(event.text, sizeof(event.text), "%s", item->reason);
	log_info(NULL, event.name, "%s/%s: %s", event.certificate, event.host,
	         item->reason);
	return store_event_add(run->session->store, &event, err);
}

static bool keep_back(struct run *run, struct err *err)
{
	AUTO_BUF struct buf places = BUF_INIT(256 * 1024);
	struct store *store = run->session->store;
	struct err ignored = { 0 };
	bool good = true;

	engine_block(&run->plan, &run->found);
	if (!store_begin(store, err))
		return false;
	for (size_t i = 0; good && i < run->plan.count; i++) {
		const struct fleet_item *item = &run->plan.items[i];

		if (!item->is_kept_back)
			continue;
		good = note_blocked(run, item, err);
		buf_addf(&places, "%s%s/%s", places.len ? ", " : "",
		         item->certificate->name, item->host->name);
	}
	if (!store_end(store, good, good ? err : &ignored) || !good)
		return false;
	if (places.len && run->args->verbose >= 0)
		printf("No new certificate for now: %s; what else is to do goes on.\n",
		       places.data);
	return true;
}

/* A secondary that lags is waited for: who sits before it should know. */
static void say_checking(const struct run *run, const char *text)
{
	if (run->args->verbose == 0 && terminal_width(stdout) > 0)
		printf("\r\033[K%s", text);
	fflush(stdout);
}

static bool check(struct run *run, struct err *err)
{
	int verbose = run->args->verbose;
	bool good;

	if (run->args->no_check || !issues(&run->plan))
		return true;
	say_checking(run, "Checking DNS, credentials and servers ...");
	good = engine_preflight(run->engine, &run->plan, false, &run->watch.stop,
	                        &run->found, err);
	say_checking(run, "");
	if (!good)
		return false;
	if (verbose >= 0)
		findings_print(&run->found, verbose > 0 ? FINDING_OK : FINDING_FAILED,
		               stdout);
	if (verbose >= 0)
		findings_sum_up(&run->found, stdout);
	return keep_back(run, err);
}

/* Between the start of the watch and its end. */
static bool work(struct run *run, struct err *err)
{
	if (!check(run, err))
		return false;
	/* Checks that were not all made say nothing. */
	if (atomic_load(&run->watch.stop))
		return err_set(err, ERR_TEMPORARY, "nothing was begun");
	fflush(stdout);
	run->live = live_new(works(&run->plan), run->args->verbose);
	return fleet_adopt(&run->plan, run->session->store, err) &&
	       engine_run(run->engine, &run->watch.stop, err);
}

static bool go(struct run *run, struct err *err)
{
	struct session *session = run->session;
	const struct progress progress = { .report = report, .arg = run };
	bool good;

	run->engine = engine_new(session->config, &session->paths, session->store,
	                         &progress, err);
	if (!run->engine || !watch_start(&run->watch, err))
		return false;
	good = work(run, err);
	watch_end(&run->watch);
	/* It has the terminal until here. */
	live_free(TAKE(run->live));
	return good ||
	       (atomic_load(&run->watch.stop) ? err_context(err, "%s", stopped) : false);
}

static bool go_ahead(const struct args *args, const struct fleet_plan *plan,
                     struct err *err)
{
	char answer[8] = "";

	if (args->yes || !fleet_plan_has_work(plan) || !isatty(STDIN_FILENO) ||
	    !isatty(STDOUT_FILENO))
		return true;
	printf("Go ahead? [yes/no] ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		printf("\n");
	else if (str_eq(str_trim(answer), "yes") || str_eq(answer, "y"))
		return true;
	return err_set(err, ERR_INPUT, "%s", no_yes);
}

bool cmd_apply(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	CLEANUP(run_deinit) struct run run = { .session = &session, .args = args };
	const struct fleet_wish wish = { &args->only, &args->force };
	int64_t since = 0;

	findings_init(&run.found);
	if (!session_config(&session, args, err) || !session_check(&session, err) ||
	    !session_store(&session, err) ||
	    !fleet_plan(session.config, session.store, &wish, &run.plan, err))
		return false;
	if (args->verbose >= 0)
		plan_print(&run.plan, NULL, false);
	if (!go_ahead(args, &run.plan, err) || !outcome_mark(&session, &since, err) ||
	    !go(&run, err))
		return false;
	if (outcome_print(&session, &run.plan, since, args->verbose < 0, err))
		return true;
	return atomic_load(&run.watch.stop) ? err_context(err, "%s", stopped) : false;
}
