/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEP_STDERR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEEP_STDERR 1
#endif
#endif

static int plan_files(posix_spawn_file_actions_t *files, int socket)
{
	int r = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);

	if (!r)
		r = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
#ifndef KEEP_STDERR
	if (!r)
		r = posix_spawn_file_actions_addopen(files, 2, "/dev/null", O_WRONLY, 0);
#endif
	/* Our end has a number above 3, since 0 to 3 are taken from it here. */
	if (!r)
		r = posix_spawn_file_actions_adddup2(files, socket, CHILD_FD);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(files, CHILD_FD + 1);
	return r;
}

static int spawn(pid_t *pid, const char *program, const char *name, int socket)
{
	char *const argv[] = { (char *)(uintptr_t)name, NULL }, *const env[] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	/* Its own process group: a terminal's Ctrl-C is for us to act upon. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	r = plan_files(&files, socket);
	if (!r)
		r = posix_spawn(pid, program, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

bool child_start(struct child *child, const char *program, const char *name,
                 struct err *err)
{
	int pair[2];

	*child = (struct child){ .fd = -1, .name = name };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, ERR_INTERNAL, "socket pair for %s", name);
	AUTO_CLOSE int ours = pair[0];
	AUTO_CLOSE int low = pair[1];
	AUTO_CLOSE int theirs = fcntl(low, F_DUPFD_CLOEXEC, 10);
	if (theirs < 0)
		return err_set_errno(err, ERR_INTERNAL, "socket pair for %s", name);
	errno = spawn(&child->pid, program, name, theirs);
	if (errno) {
		child->pid = 0;
		return err_set_errno(err, ERR_INTERNAL, "cannot start %s", program);
	}
	child->fd = TAKE_FD(ours);
	return true;
}

bool child_send(struct child *child, const void *bytes, size_t len, int64_t deadline_ms,
                struct err *err)
{
	return frame_send(child->fd, bytes, len, deadline_ms, err) ||
	       err_context(err, "%s", child->name);
}

/* It has closed its socket: give it a moment to end, then say how it did. */
static bool say_how_it_ended(struct child *child, struct err *err)
{
	int status = 0;
	pid_t pid = 0;

	for (int i = 0; i < 100 && pid == 0; i++) {
		pid = waitpid(child->pid, &status, WNOHANG);
		if (pid == 0)
			usleep(10 * 1000);
	}
	if (pid != child->pid)
		return err_set(err, ERR_INTERNAL, "%s closed without an answer",
		               child->name);
	child->pid = 0;
	if (WIFSIGNALED(status))
		return err_set(err, ERR_INTERNAL, "%s was killed by signal %d",
		               child->name, WTERMSIG(status));
	return err_set(err, ERR_INTERNAL, "%s ended with status %d and without an answer",
	               child->name, WEXITSTATUS(status));
}

bool child_receive(struct child *child, struct buf *frame, int64_t deadline_ms,
                   struct err *err)
{
	bool ended;

	if (!frame_receive(child->fd, frame, &ended, deadline_ms, err))
		return err_context(err, "%s", child->name);
	return !ended || say_how_it_ended(child, err);
}

void child_end(struct child *child)
{
	if (child->fd >= 0)
		close(child->fd);
	child->fd = -1;
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	child->pid = 0;
}

/* Whoever starts after a parent that was killed finds the field empty: nobody goes on
 * setting records or writing files in a dead run's name. */
static void end_with_parent(void)
{
	struct pollfd parent = { .fd = CHILD_FD };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&parent, 1, 0) > 0 && (parent.revents & POLLHUP))
		_exit(2);
}

void child_enter(unsigned wall_s)
{
	struct stat st;
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const struct rlimit none = { 0, 0 };

	if (fstat(CHILD_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("This program is started by certferry, not by hand.\n", stderr);
		_exit(2);
	}
	end_with_parent();
	closefrom(CHILD_FD + 1);
	fcntl(CHILD_FD, F_SETFD, FD_CLOEXEC);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	/* A server that hangs up is an error to tell, not the end of the process. */
	sigaction(SIGPIPE, &ignore, NULL);
	alarm(wall_s);
}
