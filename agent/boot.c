/* SPDX-License-Identifier: Apache-2.0 */
#include "boot.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { FILE_BYTES_MAX = 4 << 20, FIRST_SECONDS = 60, LAST_SECONDS = 600 };

static volatile sig_atomic_t stopped;
static char id[64];
static struct rlimit core_before, file_before;

static void on_signal(int signal)
{
	if (stopped && signal == SIGALRM)
		_exit(1);
	stopped = 1;
	/* Time to put back what was switched, and no more. */
	if (signal == SIGALRM)
		alarm(LAST_SECONDS);
}

static void read_id(void)
{
	AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id) - 1);

	id[n > 0 ? n : 0] = '\0';
	id[strcspn(id, "\n")] = '\0';
}

static void set_limit(__rlimit_resource_t what, rlim_t soft, struct rlimit *before)
{
	struct rlimit now;

	if (getrlimit(what, &now) < 0)
		return;
	*before = now;
	if (now.rlim_cur > soft)
		now.rlim_cur = soft;
	setrlimit(what, &now);
}

/* 0, 1 and 2 are there, so that no file of ours gets such a number. */
static void fill_descriptors(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	closefrom(STDERR_FILENO + 1);
}

void boot_clean(void)
{
	static const int stops[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	const struct sigaction stop = { .sa_handler = on_signal };
	sigset_t none;

	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C", 1);
	fill_descriptors();
	umask(077);
	if (chdir("/") < 0)
		_exit(1);
	set_limit(RLIMIT_CORE, 0, &core_before);
	set_limit(RLIMIT_FSIZE, FILE_BYTES_MAX, &file_before);
	prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* While the policy is read nothing is begun yet, and the end is the end. */
	sigaction(SIGALRM, &usual, NULL);
	alarm(FIRST_SECONDS);
	sigaction(SIGCHLD, &usual, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* A file larger than the limit is an error of write(), as a full disk is. */
	sigaction(SIGXFSZ, &ignore, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		sigaction(stops[i], &stop, NULL);
	read_id();
}

const char *boot_id(void)
{
	return id;
}

void boot_set_alarm(unsigned seconds)
{
	const struct sigaction stop = { .sa_handler = on_signal };

	sigaction(SIGALRM, &stop, NULL);
	alarm(seconds);
}

bool boot_is_stopped(void)
{
	return stopped;
}

void boot_give_limits_back(void)
{
	static const int mine[] = { SIGHUP,  SIGINT,  SIGTERM, SIGQUIT,
		                    SIGALRM, SIGPIPE, SIGXFSZ, SIGCHLD };
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t none;

	if (file_before.rlim_max)
		setrlimit(RLIMIT_FSIZE, &file_before);
	if (core_before.rlim_max)
		setrlimit(RLIMIT_CORE, &core_before);
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		sigaction(mine[i], &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	alarm(0);
}
