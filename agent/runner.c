/* SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/mem.h"
#include "beneath.h"
#include "boot.h"

enum { LOCK_WAIT_MS = 60 * 1000, LOCK_PAUSE_US = 100 * 1000, ANSWER_SLACK_MS = 15000 };

struct request {
	unsigned char service, action;
};

static void answer(int fd, const struct policy *policy, const struct buf *frame)
{
	struct runner_result result = { 0 };
	struct request request;
	struct err err;

	if (frame->len != sizeof(request))
		_exit(1);
	memcpy(&request, frame->data, sizeof(request));
	if (request.service >= policy->service_count ||
	    request.action >= POLICY_ACTION_COUNT)
		_exit(1);
	runner_command(&policy->services[request.service].run[request.action], &result);
	if (!frame_send(fd, &result, sizeof(result), clock_deadline_ms(ANSWER_SLACK_MS),
	                &err))
		_exit(1);
}

/* Nothing of the session is held: sshd waits for all who have its descriptors. */
static void leave_session(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(1);
	close(null);
	setsid();
	alarm(0);
}

/* The session's end is the end of its socket. An honest one tests and reloads each
 * service once, and reloads it once more with the old files. */
static _Noreturn void serve(int fd, const struct policy *policy)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	const int64_t a_day_ms = INT64_C(24) * 3600 * 1000;
	size_t left = policy->service_count * (POLICY_ACTION_COUNT + 1);
	bool ended = false;
	struct err err;

	leave_session();
	while (frame_receive(fd, &frame, &ended, clock_deadline_ms(a_day_ms), &err) &&
	       !ended && left-- > 0)
		answer(fd, policy, &frame);
	_exit(0);
}

static int open_lock(int dir, const char *service)
{
	AUTO_FREE char *name = xasprintf("%s.lock", service);

	return beneath_open(dir, name, O_RDWR | O_CREAT, 0600);
}

static bool open_locks(struct runner *runner, struct err *err)
{
	const struct policy *policy = runner->policy;
	AUTO_CLOSE int dir = beneath_directory(policy->state, BENEATH_OURS | BENEATH_MAKE,
	                                       err);

	if (dir < 0)
		return err_context(err, "state");
	for (size_t i = 0; i < policy->service_count; i++) {
		runner->locks[i] = open_lock(dir, policy->services[i].name);
		if (runner->locks[i] < 0)
			return err_set_errno(err, ERR_CONFIG, "%s/%s.lock", policy->state,
			                     policy->services[i].name);
	}
	return true;
}

bool runner_start(struct runner *runner, const struct policy *policy, struct err *err)
{
	int pair[2];

	*runner =
	    (struct runner){ .fd = -1, .slack_ms = ANSWER_SLACK_MS, .policy = policy };
	for (size_t i = 0; i < POLICY_SERVICES_MAX; i++)
		runner->locks[i] = -1;
	if (policy->service_count > 0 && !open_locks(runner, err))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, ERR_INTERNAL, "socket pair");
	runner->pid = fork();
	if (runner->pid == 0) {
		close(pair[0]);
		serve(pair[1], policy);
	}
	close(pair[1]);
	runner->fd = pair[0];
	return runner->pid > 0 || err_set_errno(err, ERR_INTERNAL, "fork");
}

static bool take_answer(const struct runner *runner, int64_t deadline,
                        struct runner_result *result, struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	bool ended = false;

	if (!frame_receive(runner->fd, &frame, &ended, deadline, err))
		return err_context(err, "the process that runs commands");
	if (ended || frame.len != sizeof(*result))
		return err_set(err, ERR_INTERNAL,
		               "the process that runs commands has ended");
	memcpy(result, frame.data, sizeof(*result));
	return true;
}

bool runner_run(struct runner *runner, size_t service, enum policy_action action,
                struct runner_result *result, struct err *err)
{
	const struct request request = { (unsigned char)service, (unsigned char)action };
	int limit_s = runner->policy->services[service].run[action].timeout_s;
	int64_t deadline = clock_deadline_ms(limit_s * INT64_C(1000) + runner->slack_ms);

	if (!frame_send(runner->fd, &request, sizeof(request), deadline, err))
		return err_context(err, "the process that runs commands");
	/* One that was given up may still be answered, and that says nothing of this. */
	for (runner->owed++; runner->owed > 0; runner->owed--)
		if (!take_answer(runner, deadline, result, err))
			return false;
	return true;
}

static bool lock_one(struct runner *runner, size_t service, int64_t deadline,
                     struct err *err)
{
	while (flock(runner->locks[service], LOCK_EX | LOCK_NB) < 0) {
		if (clock_left_ms(deadline) == 0 || boot_is_stopped())
			return err_set(err, ERR_TEMPORARY,
			               "another delivery works on service %s",
			               runner->policy->services[service].name);
		usleep(LOCK_PAUSE_US);
	}
	return true;
}

/* In the policy's order, so that no two sessions wait for each other. */
bool runner_lock(struct runner *runner, uint64_t services, struct err *err)
{
	int64_t deadline = clock_deadline_ms(LOCK_WAIT_MS);

	for (size_t i = 0; i < runner->policy->service_count; i++)
		if ((services & UINT64_C(1) << i) && !lock_one(runner, i, deadline, err))
			return false;
	return true;
}

void runner_end(struct runner *runner)
{
	if (runner->pid <= 0)
		return;
	close(runner->fd);
	while (waitpid(runner->pid, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < POLICY_SERVICES_MAX; i++)
		closep(&runner->locks[i]);
	runner->pid = 0;
}
