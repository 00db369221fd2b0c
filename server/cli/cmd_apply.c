/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <pthread.h>
#include <unistd.h>

#include "base/log.h"

/* plan and apply */

static const char *const no_yes = "no yes, so nothing was done";

bool cmd_plan(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	const struct fleet_wish wish = { &args->only, &args->force };

	if (!session_config(&session, args, err) || !session_store(&session, err) ||
	    !fleet_plan(session.config, session.store, &wish, &plan, err))
		return false;
	plan_print(&plan, args->json);
	return true;
}

/* Signals come to one thread that waits for them: the first asks the run to end, with
 * what is running brought to its end; the second ends the process, which loses nothing
 * either. */
struct watch {
	pthread_t thread;
	sigset_t set;
	atomic_bool stop;
};

static void *watch_signals(void *arg)
{
	struct watch *watch = arg;
	int got;

	while (sigwait(&watch->set, &got) == 0) {
		if (got == SIGUSR1)
			return NULL;
		if (atomic_exchange(&watch->stop, true))
			_exit(130);
		log_warn(NULL, "run.stop",
		         "ending after the steps that are running; once more to "
		         "end at once");
	}
	return NULL;
}

static bool watch_start(struct watch *watch, struct err *err)
{
	sigemptyset(&watch->set);
	sigaddset(&watch->set, SIGINT);
	sigaddset(&watch->set, SIGTERM);
	sigaddset(&watch->set, SIGHUP);
	sigaddset(&watch->set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &watch->set, NULL);
	return pthread_create(&watch->thread, NULL, watch_signals, watch) == 0 ||
	       err_set(err, ERR_INTERNAL, "cannot start a thread");
}

static void watch_end(struct watch *watch)
{
	pthread_kill(watch->thread, SIGUSR1);
	pthread_join(watch->thread, NULL);
}

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

static bool run(struct session *session, const struct args *args,
                const struct fleet_plan *plan, bool *is_stopped, struct err *err)
{
	CLEANUP(live_freep) struct live *live = live_new(works(plan), args->verbose);
	CLEANUP(engine_freep) struct engine *engine = NULL;
	const struct progress progress = live_progress(live);
	struct watch watch = { 0 };
	bool good;

	engine = engine_new(session->config, &session->paths, session->store, &progress,
	                    err);
	if (!engine || !fleet_adopt(plan, session->store, err) ||
	    !watch_start(&watch, err))
		return false;
	good = engine_run(engine, &watch.stop, err);
	watch_end(&watch);
	*is_stopped = atomic_load(&watch.stop);
	return good;
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
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	const struct fleet_wish wish = { &args->only, &args->force };
	int64_t since = 0;
	bool is_stopped = false;

	if (!session_config(&session, args, err) || !session_check(&session, err) ||
	    !session_store(&session, err) ||
	    !fleet_plan(session.config, session.store, &wish, &plan, err))
		return false;
	if (args->verbose >= 0)
		plan_print(&plan, false);
	if (!go_ahead(args, &plan, err) || !outcome_mark(&session, &since, err) ||
	    !run(&session, args, &plan, &is_stopped, err))
		return false;
	if (outcome_print(&session, &plan, since, args->verbose < 0, err))
		return true;
	return is_stopped ? err_context(err, "stopped by a signal") : false;
}
