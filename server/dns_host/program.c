/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "runner.h"
#include "sandbox/sandbox.h"

enum {
	TICK_MS = 20,
	KILL_MS = 1000,
	PROGRAM_MEMORY_MAX = 1 << 30,
	NOT_RUNNABLE = 126, /* as a shell says it */
	NOT_FOUND = 127,
	READ_MAX = 4096,
};

/* In the new process. What goes wrong is said where the program would have spoken. */
static _Noreturn void become(const struct runner_program *program, int output)
{
	const struct sandbox_limits limits = {
		.cpu_s = (unsigned)clock_left_ms(program->deadline_ms) / 1000 + 1,
		.memory_max = PROGRAM_MEMORY_MAX,
		.scratch = program->scratch,
	};
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	struct err err;

	sigaction(SIGPIPE, &usual, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	dup2(output, 1);
	dup2(output, 2);
	closefrom(3);
	if (chdir(program->scratch) < 0)
		_exit(NOT_RUNNABLE);
	if (!sandbox_enter(SANDBOX_PROGRAM, &limits, &err)) {
		dprintf(2, "%s\n", err.msg);
		_exit(NOT_RUNNABLE);
	}
	execve(program->argv[0], program->argv, program->env);
	dprintf(2, "%s: %s\n", program->argv[0], strerrordesc_np(errno));
	_exit(errno == ENOENT ? NOT_FOUND : NOT_RUNNABLE);
}

/* The last RUNNER_OUTPUT_MAX bytes are kept: what went wrong stands at the end. False
 * where there is nothing more to come. */
static bool take_output(int pipe, struct buf *output)
{
	char bytes[READ_MAX];
	ssize_t n = read(pipe, bytes, sizeof(bytes));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (output->len + (size_t)n > RUNNER_OUTPUT_MAX) {
		size_t drop = output->len + (size_t)n - RUNNER_OUTPUT_MAX;

		memmove(output->data, output->data + drop, output->len - drop);
		output->len -= drop;
	}
	buf_add(output, bytes, (size_t)n);
	return true;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	/* Not reaped yet: its number must stand for its group until that is killed. */
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/* Until it ends (true), its time is up, or nobody waits for it any more. A process that
 * it left behind may hold the pipe open, so its end is not waited for there. */
static bool wait_for(const struct runner_program *program, pid_t pid, int pipe,
                     struct buf *output)
{
	struct pollfd fds[] = { { .fd = program->parent_fd }, { pipe, POLLIN, 0 } };
	bool ended = false;

	while (!ended && clock_left_ms(program->deadline_ms) > 0 &&
	       !(fds[0].revents & (POLLHUP | POLLERR))) {
		poll(fds, ARRAY_SIZE(fds), TICK_MS);
		ended = has_ended(pid);
		if ((fds[1].revents & (POLLIN | POLLHUP)) && !take_output(pipe, output))
			fds[1].fd = -1;
	}
	while (ended && fds[1].fd >= 0 && poll(&fds[1], 1, 0) > 0 &&
	       take_output(pipe, output))
		;
	return ended;
}

/* 0: it is gone, or was never a process. */
static int64_t parent_of(const char *pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%s/stat", pid);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[512] = "", *parent = NULL;
	int64_t number = 0;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	/* "7 (any name) S 1 ...": the name may hold what it likes. */
	parent = strrchr(text, ')');
	if (!parent || strlen(parent) < 5)
		return 0;
	parent += 4;
	parent[strcspn(parent, " ")] = '\0';
	return str_to_i64(parent, 1, INT32_MAX, &number) ? number : 0;
}

static void kill_children(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int64_t pid;

	while (dir && (entry = readdir(dir)) != NULL)
		if (str_to_i64(entry->d_name, 2, INT32_MAX, &pid) &&
		    parent_of(entry->d_name) == getpid())
			kill((pid_t)pid, SIGKILL);
	if (dir)
		closedir(dir);
}

/* The program, its group, and what left the group: whoever loses its parent becomes our
 * child (PR_SET_CHILD_SUBREAPER), so that this ends when there are none. Where we are the
 * first process of our numbers all others are killed at once, however fast they fork. */
static int kill_all(pid_t pid)
{
	int64_t deadline = clock_deadline_ms(KILL_MS);
	int status = 0, one = 0;
	pid_t got = 0;

	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	while ((got = waitpid(-1, &one, WNOHANG)) >= 0 && clock_left_ms(deadline) > 0)
		if (got == 0) {
			if (getpid() == 1)
				kill(-1, SIGKILL);
			else
				kill_children();
			usleep(1000);
		}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct runner_answer program_run(struct runner_program *program, struct buf *output)
{
	int pair[2];
	bool ended;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0) {
		buf_addf(output, "no pipe: %s", strerrordesc_np(errno));
		return (struct runner_answer){ .result = RUNNER_REFUSED };
	}
	AUTO_CLOSE int ours = pair[0];
	AUTO_CLOSE int theirs = pair[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid < 0) {
		buf_addf(output, "no new process: %s", strerrordesc_np(errno));
		return (struct runner_answer){ .result = RUNNER_REFUSED };
	}
	if (pid == 0)
		become(program, theirs);
	close(TAKE_FD(theirs));
	ended = wait_for(program, pid, ours, output);
	return (struct runner_answer){ .result = ended ? RUNNER_ENDED : RUNNER_TIMED_OUT,
		                       .status = kill_all(pid) };
}
