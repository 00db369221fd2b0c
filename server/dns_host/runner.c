/* SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"

#include <linux/sched.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "sandbox/sandbox.h"

enum { SEND_MS = 1000, END_MS = 3000, ALARM_SPARES_S = 5 };

/* The runner's own state. */
struct service {
	int fd;
	uid_t owner; /* who, beside root, may own a program */
	const struct runner_settings *settings;
};

struct user {
	uid_t uid;
	gid_t gid;
};

static bool find_user(const char *name, struct user *out, struct err *err)
{
	const struct passwd *found = NULL;

	if (!name && geteuid() != 0) {
		*out = (struct user){ geteuid(), getegid() };
		return true;
	}
	found = getpwnam(name ? name : "nobody");
	if (!found)
		return err_set(err, ERR_CONFIG, "there is no user '%.64s' here",
		               name ? name : "nobody");
	if (found->pw_uid == 0)
		return err_set(err, ERR_CONFIG,
		               "programs do not run as root: name another user (option "
		               "`user`), one that may read what the program needs");
	if (geteuid() != 0 && found->pw_uid != geteuid())
		return err_set(err, ERR_CONFIG,
		               "certferry does not run as root here, so it cannot run a "
		               "program as user '%.64s'",
		               name);
	*out = (struct user){ found->pw_uid, found->pw_gid };
	return true;
}

static bool starts_entry(const char *entry, const char *name, size_t len)
{
	return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* Ours come last, and only where the request has none of that name. */
static void add_default(struct runner_program *program, size_t *count, char *entry)
{
	size_t len = strcspn(entry, "=");

	for (size_t i = 0; i < *count; i++)
		if (starts_entry(program->env[i], entry, len)) {
			free(entry);
			return;
		}
	program->env[(*count)++] = entry;
}

static bool read_texts(const struct buf *frame, struct runner_program *program,
                       struct err *err)
{
	const char *at = frame->data + sizeof(uint32_t), *end = frame->data + frame->len;
	size_t args = 0, envs = 0;
	uint32_t argc = 0;

	if (frame->len < sizeof(argc) || frame->data[frame->len - 1] != '\0')
		return err_set(err, ERR_INTERNAL, "a request that is none");
	memcpy(&argc, frame->data, sizeof(argc));
	for (; at < end; at += strlen(at) + 1) {
		if (args < argc && args < RUNNER_ARGS_MAX)
			program->argv[args++] = xstrdup(at);
		else if (args == argc && envs < RUNNER_ENV_MAX && strchr(at, '='))
			program->env[envs++] = xstrdup(at);
		else if (args == argc && envs == RUNNER_ENV_MAX)
			return err_set(err, ERR_CONFIG,
			               "more than %d lines of environment",
			               RUNNER_ENV_MAX);
		else
			return err_set(err, ERR_INTERNAL, "a request that is none");
	}
	if (args == 0 || args != argc)
		return err_set(err, ERR_INTERNAL, "a request that is none");
	add_default(program, &envs,
	            xstrdup("PATH=/usr/local/sbin:/usr/local/bin:"
	                    "/usr/sbin:/usr/bin:/sbin:/bin"));
	add_default(program, &envs, xstrdup("LANG=C.UTF-8"));
	add_default(program, &envs, xasprintf("HOME=%s", program->scratch));
	add_default(program, &envs, xasprintf("TMPDIR=%s", program->scratch));
	return true;
}

static void program_deinit(struct runner_program *program)
{
	for (char **arg = program->argv; *arg; arg++)
		free(*arg);
	for (char **entry = program->env; *entry; entry++) {
		explicit_bzero(*entry, strlen(*entry));
		free(*entry);
	}
}
#define AUTO_PROGRAM CLEANUP(program_deinit)

static struct runner_answer run(const struct service *service, const struct buf *frame,
                                struct buf *output)
{
	struct err err = { 0 };
	AUTO_FREE char *scratch = scratch_make(&err);
	AUTO_PROGRAM struct runner_program program = {
		.scratch = scratch,
		.deadline_ms = service->settings->deadline_ms - RUNNER_SPARES_MS,
		.parent_fd = service->fd,
	};
	struct runner_answer answer = { .result = RUNNER_REFUSED };

	/* A shell that is told to read the operator's program executes it all the same.
	 */
	if (scratch && read_texts(frame, &program, &err) &&
	    trust_program(service->settings->program, service->owner, &err) &&
	    trust_program(program.argv[0], service->owner, &err))
		answer = program_run(&program, output);
	else
		buf_addf(output, "%s", err.msg);
	if (scratch)
		scratch_remove(scratch);
	return answer;
}

static bool serve_one(const struct service *service, struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX), output = BUF_INIT(FRAME_MAX);
	AUTO_BUF struct buf reply = BUF_INIT(FRAME_MAX);
	struct runner_answer answer;
	bool ended;

	if (!frame_receive(service->fd, &frame, &ended, service->settings->deadline_ms,
	                   err) ||
	    ended)
		return false;
	answer = run(service, &frame, &output);
	buf_add(&reply, &answer, sizeof(answer));
	buf_add(&reply, output.data, output.len);
	return frame_send(service->fd, reply.data, reply.len, clock_deadline_ms(SEND_MS),
	                  err);
}

static void too_late(int number)
{
	(void)number;
	_exit(1);
}

static _Noreturn void serve(const struct service *service)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	const struct sigaction end = { .sa_handler = too_late };
	struct err err;

	sigaction(SIGCHLD, &usual, NULL);
	/* The first process of a namespace gets only signals that it has a handler for.
	 */
	sigaction(SIGALRM, &end, NULL);
	/* Not killed with dns-host: it has to clean up first. It sees the hang-up. */
	prctl(PR_SET_PDEATHSIG, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	alarm((unsigned)clock_left_ms(service->settings->deadline_ms) / 1000 +
	      ALARM_SPARES_S);
	while (serve_one(service, &err))
		;
	_exit(0);
}

/* With process numbers of its own, where that is allowed (we are root, and in no
 * container that forbids it): programs can signal nobody else, and all that they have
 * started ends with the runner, whatever it did to get away. */
static pid_t fork_apart(void)
{
	struct clone_args args = { .flags = CLONE_NEWPID, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? fork() : (pid_t)pid;
}

bool runner_start(struct runner *runner, const struct runner_settings *settings,
                  struct err *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct user as;
	struct err why;
	int pair[2];
	pid_t pid;

	if (!find_user(settings->user, &as, err))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, ERR_INTERNAL, "socket pair for the runner");
	AUTO_CLOSE int ours = pair[0];
	AUTO_CLOSE int theirs = pair[1];
	/* Nobody waits for it by its number: it is gone when its socket is. */
	sigaction(SIGCHLD, &ignore, NULL);
	pid = fork_apart();
	if (pid < 0)
		return err_set_errno(err, ERR_INTERNAL, "no process for the runner");
	if (pid > 0) {
		runner->fd = TAKE_FD(ours);
		return true;
	}
	const struct service service = { theirs, geteuid(), settings };
	/* certferry must see dns-host's end, and dns-host is to see ours. */
	close(CHILD_FD);
	close(TAKE_FD(ours));
	if (!sandbox_drop_user(as.uid, as.gid, &why))
		_exit(1);
	serve(&service);
}

void runner_end(struct runner *runner)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct err ignored;
	bool ended = false;

	if (runner->fd < 0)
		return;
	shutdown(runner->fd, SHUT_WR);
	while (!ended && frame_receive(runner->fd, &frame, &ended,
	                               clock_deadline_ms(END_MS), &ignored))
		;
	close(TAKE_FD(runner->fd));
}
