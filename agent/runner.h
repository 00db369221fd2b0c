/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_RUNNER_H
#define AGENT_RUNNER_H
#include <sys/types.h>

#include "policy.h"

/*
 * runner - who starts the commands of services
 *
 * A process of its own, made before a byte of the issuer is read: the one that reads
 * frames and PEM then enters the sandbox, where nothing can be executed, while this one
 * knows the policy and takes two numbers: which service, test or reload. Each command
 * runs in its own process group with an empty environment but PATH, LC_ALL and HOME,
 * /dev/null as input, its output in memory, and ends after its time limit (TERM, then
 * KILL). A daemon that it leaves behind holds nothing of ours.
 *
 * It also holds the locks of services (a file each in the policy's state directory,
 * flock): when the session is killed in the middle of a reload, the lock stays until that
 * has ended.
 */
enum { RUNNER_TEXT = 320 };

struct runner {
	pid_t pid;
	int fd;
	int slack_ms; /* above a command's own limit, for its answer to come */
	int owed;     /* answers that did not come in time */
	const struct policy *policy;
	int locks[POLICY_SERVICES_MAX]; /* -1: none */
};

struct runner_result {
	int status;             /* as of waitpid() */
	bool is_late;           /* ended by us */
	char text[RUNNER_TEXT]; /* the end of what it printed, printable */
};

bool runner_start(struct runner *runner, const struct policy *policy,
                  struct err *err) MUST_CHECK;
bool runner_run(struct runner *runner, size_t service, enum policy_action action,
                struct runner_result *result, struct err *err) MUST_CHECK;
/* Takes the locks of all services of the set, waiting a little where others hold one. */
bool runner_lock(struct runner *runner, uint64_t services, struct err *err) MUST_CHECK;
void runner_end(struct runner *runner);
#define AUTO_RUNNER CLEANUP(runner_end)

/* For tests: a command, in this process. */
void runner_command(const struct policy_command *command, struct runner_result *result);
#endif
