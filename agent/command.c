/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "beneath.h"
#include "boot.h"
#include "runner.h"

enum {
	OUTPUT_MAX = 1 << 20,
	KILL_AFTER_MS = 2000,
	PAUSE_MS = 20,
	NOEXEC_SEAL = 8, /* MFD_NOEXEC_SEAL, which came after the headers of Debian 12 */
};

/*
 * Memory of a fixed size as a file: a daemon that keeps it as its output can write to its
 * end and no further, and loses nothing but that text. How far it got is the position
 * that all who have the file share.
 */
static int make_output(void)
{
	/* Servers may demand the first kind, and older kernels know the second only. */
	int fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING | NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, OUTPUT_MAX) < 0 ||
	                fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void read_output(int fd, char *out, size_t size)
{
	off_t len = lseek(fd, 0, SEEK_CUR);
	char bytes[RUNNER_TEXT];
	size_t want = size - 1;
	ssize_t n;

	*out = '\0';
	if (len <= 0)
		return;
	if ((off_t)want > len)
		want = (size_t)len;
	n = pread(fd, bytes, want, len - (off_t)want);
	for (ssize_t i = 0; i < n; i++) {
		out[i] = bytes[i];
		if (bytes[i] < ' ' || bytes[i] > '~')
			out[i] = ' ';
		out[i + 1] = '\0';
	}
}

static _Noreturn void become(const struct policy_command *command, int output)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
			     "/sbin:/bin";
	static char locale[] = "LC_ALL=C", home[] = "HOME=/";
	char *const env[] = { path, locale, home, NULL };
	char **argv = xcalloc(command->argv.len + 1, sizeof(char *));
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	memcpy(argv, command->argv.items, command->argv.len * sizeof(char *));
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(127);
	closefrom(STDERR_FILENO + 1);
	boot_give_limits_back();
	execvpe(argv[0], argv, env);
	dprintf(STDERR_FILENO, "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

static bool has_ended(pid_t pid, int *status)
{
	pid_t found;

	do
		found = waitpid(pid, status, WNOHANG);
	while (found < 0 && errno == EINTR);
	return found != 0;
}

/* False: the time is up. */
static bool wait_for(pid_t pid, int64_t deadline_ms, int *status)
{
	while (!has_ended(pid, status)) {
		if (clock_left_ms(deadline_ms) == 0)
			return false;
		usleep(PAUSE_MS * 1000);
	}
	return true;
}

/* What hangs in the kernel, or became another user and listens to nobody, is not waited
 * for any longer: it is late in any case, and the way back is not. */
static void end(pid_t pid, int *status)
{
	kill(-pid, SIGTERM);
	if (!wait_for(pid, clock_deadline_ms(KILL_AFTER_MS), status)) {
		kill(pid, SIGKILL);
		(void)!wait_for(pid, clock_deadline_ms(KILL_AFTER_MS), status);
	}
	/* Those of its group that did not listen to TERM. */
	kill(-pid, SIGKILL);
}

void runner_command(const struct policy_command *command, struct runner_result *result)
{
	AUTO_CLOSE int output = make_output();
	pid_t pid = output < 0 ? -1 : fork();

	*result = (struct runner_result){ .status = 127 << 8 };
	if (pid == 0)
		become(command, output);
	if (pid < 0) {
		snprintf(result->text, sizeof(result->text), "cannot be started: %s",
		         strerror(errno));
		return;
	}
	setpgid(pid, pid);
	result->is_late = !wait_for(
	    pid, clock_deadline_ms(command->timeout_s * INT64_C(1000)), &result->status);
	if (result->is_late)
		end(pid, &result->status);
	read_output(output, result->text, sizeof(result->text));
}
