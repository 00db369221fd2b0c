/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/finding.h"
#include "engine/preflight.h"

#include "watch.h"

/* plan: what apply would do; with --check also what would fail */

static bool has_alias(const struct fleet_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->items[i].action == FLEET_ISSUE &&
		    plan->items[i].certificate->challenge_alias)
			return true;
	return false;
}

static bool check(struct engine *engine, const struct fleet_plan *plan,
                  struct findings *found, struct err *err)
{
	struct watch watch = { 0 };
	bool good;

	if (!watch_start(&watch, err))
		return false;
	good = engine_preflight(engine, plan, true, &watch.stop, found, err);
	watch_end(&watch);
	if (good && atomic_load(&watch.stop))
		return err_set(err, ERR_TEMPORARY, "stopped by a signal");
	return good;
}

static bool look(struct session *session, const struct args *args,
                 const struct fleet_plan *plan, struct findings *found, struct err *err)
{
	const struct progress nobody = { 0 };
	CLEANUP(engine_freep) struct engine *engine = NULL;

	if (!args->check && !has_alias(plan))
		return true;
	engine = engine_new(session->config, &session->paths, session->store, &nobody,
	                    err);
	if (!engine)
		return false;
	return args->check ? check(engine, plan, found, err)
	                   : engine_check_aliases(engine, plan, found, err);
}

static bool judge(const struct findings *found, struct err *err)
{
	size_t failed = 0;

	for (size_t i = 0; i < found->len; i++)
		failed += found->items[i].result == FINDING_FAILED;
	return failed == 0 || err_set(err, ERR_REMOTE, "%zu of %zu check%s failed",
	                              failed, found->len, found->len == 1 ? "" : "s");
}

bool cmd_plan(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_FLEET_PLAN struct fleet_plan plan = { 0 };
	AUTO_FINDINGS struct findings found = { 0 };
	const struct fleet_wish wish = { &args->only, &args->force };

	findings_init(&found);
	if (!session_config(&session, args, err) ||
	    (args->check && !session_check(&session, err)) ||
	    !session_store(&session, err) ||
	    !fleet_plan(session.config, session.store, &wish, &plan, err))
		return false;
	if (!args->json && args->verbose >= 0)
		plan_print(&plan, NULL, false);
	fflush(stdout);
	if (!look(&session, args, &plan, &found, err))
		return false;
	if (args->json)
		plan_print(&plan, &found, true);
	else
		findings_print(
		    &found, args->check && args->verbose >= 0 ? FINDING_OK : FINDING_NOTE,
		    stdout);
	return !args->check || judge(&found, err);
}
