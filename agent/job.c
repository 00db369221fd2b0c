/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <sys/wait.h>

#include "base/mem.h"
#include "say.h"

const char job_no_key[] = "no-key";

void job_fail_slot(const struct delivery *delivery, const struct err *err)
{
	say("%s %s %.*s", str_eq(err->code, job_no_key) ? job_no_key : "slot-failed",
	    delivery->name, SAY_TEXT_MAX, err->msg);
}

void job_deinit(struct job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->deliveries[i];

		for (size_t j = 0; j < AGENTWIRE_FILE_COUNT; j++)
			secret_free(delivery->pem[j]);
		strlist_deinit(&delivery->names);
		cert_deinit(&delivery->cert);
		key_free(delivery->key);
		place_close(&delivery->place);
	}
	free(job->deliveries);
	job->deliveries = NULL;
	job->count = 0;
}

static void describe(const char *name, enum policy_action action,
                     const struct policy_command *command,
                     const struct runner_result *result, struct buf *text)
{
	buf_addf(text, "%s: %s ", name, policy_action_names[action]);
	if (result->is_late)
		buf_addf(text, "did not end within %d s", command->timeout_s);
	else if (WIFSIGNALED(result->status))
		buf_addf(text, "was ended by signal %d", WTERMSIG(result->status));
	else
		buf_addf(text, "ended with status %d", WEXITSTATUS(result->status));
	if (*result->text)
		buf_addf(text, ": %s", result->text);
}

static bool run_one(const struct job *job, size_t service, enum policy_action action,
                    struct buf *text)
{
	const struct policy_service *row = &job->policy->services[service];
	struct runner_result result;
	struct err err;

	if (!runner_run(job->runner, service, action, &result, &err)) {
		buf_addf(text, "%s: %s", row->name, err.msg);
		return false;
	}
	if (!result.is_late && WIFEXITED(result.status) &&
	    WEXITSTATUS(result.status) == 0)
		return true;
	describe(row->name, action, &row->run[action], &result, text);
	return false;
}

bool services_run(const struct job *job, uint64_t set, enum policy_action action,
                  uint64_t *done, struct buf *text)
{
	for (size_t i = 0; i < job->policy->service_count; i++) {
		uint64_t bit = UINT64_C(1) << i;

		if (!(set & bit) || job->policy->services[i].run[action].argv.len == 0)
			continue;
		*done |= bit;
		if (!run_one(job, i, action, text))
			return false;
	}
	return true;
}
