/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "beneath.h"
#include "boot.h"
#include "commands.h"
#include "job.h"

/* rollback SLOT: by hand, on the server. The generation before becomes the live one, is
 * tested and reloaded; if that fails, all is as it was. */

enum { BY_HAND_S = 24 * 3600 };

struct search {
	const char *live;
	char found[80];
};

/* Names begin with the time, so that the greatest is the youngest. */
static void look_at(void *arg, const char *name)
{
	struct search *search = arg;

	if (!str_eq(name, search->live) && strcmp(name, search->found) > 0)
		snprintf(search->found, sizeof(search->found), "%s", name);
}

static bool find_other(const struct place *place, struct search *search, struct err *err)
{
	search->live = place->old;
	beneath_list(place->dir, "gen-", look_at, search);
	return *search->found || err_set(err, ERR_NOT_FOUND,
	                                 "%s: no other generation is kept", place->path);
}

static bool bring_up(struct job *job, struct buf *text)
{
	uint64_t tested = 0;

	return services_run(job, job->services, POLICY_TEST, &tested, text) &&
	       services_run(job, job->services, POLICY_RELOAD, &job->reloaded, text);
}

static bool switch_to(struct job *job, struct place *place, const char *generation,
                      struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(2048), after = BUF_INIT(2048);
	uint64_t done = 0;
	struct err why = { 0 };

	if (!place_name_all(place, generation, err) ||
	    !place_point(place, generation, err))
		return false;
	if (bring_up(job, &text))
		return true;
	if (!place_point(place, place->old, &why)) {
		place_leave_unfinished(place);
		return err_set(err, ERR_INTERNAL, "%.200s; and back: %.150s", text.data,
		               why.msg);
	}
	if (!services_run(job, job->reloaded, POLICY_RELOAD, &done, &after)) {
		place_leave_unfinished(place);
		return err_set(err, ERR_INTERNAL, "%.200s; and after it: %.150s",
		               text.data, after.data);
	}
	return err_set(err, ERR_TEMPORARY, "%.300s; all is as it was", text.data);
}

static bool roll_back(struct job *job, const struct policy_slot *slot, struct err *err)
{
	AUTO_PLACE struct place place = PLACE_INIT;
	struct search search = { .found = "" };

	if (!place_open(&place, slot->directory, false, err) ||
	    !place_lock(&place, err) || !find_other(&place, &search, err) ||
	    !runner_lock(job->runner, job->services, err) ||
	    !switch_to(job, &place, search.found, err))
		return false;
	place_settle(&place);
	printf("%s/live is %s now\n", slot->directory, search.found);
	return true;
}

int command_rollback(const struct policy *policy, const char *slot)
{
	const struct policy_slot *row = policy_slot(policy, slot);
	AUTO_RUNNER struct runner runner = { .fd = -1 };
	struct job job = { .policy = policy, .runner = &runner };
	struct err err = { 0 };

	if (!row) {
		fprintf(stderr, "%s: the policy has no such slot\n", slot);
		return err_infos[ERR_NOT_FOUND].exit_code;
	}
	boot_set_alarm(BY_HAND_S);
	job.services = row->services;
	if (runner_start(&runner, policy, &err) && roll_back(&job, row, &err))
		return 0;
	fprintf(stderr, "%s: %s\n", slot, err.msg);
	return err_infos[err.kind].exit_code;
}
