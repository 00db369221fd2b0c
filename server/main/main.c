/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/*
 * certferry - the issuer's program
 *
 * What must hold before the first key is read: nobody else can trace this process
 * or read a core of it, files are made for their owner only, and a peer that closes a
 * socket is an error where it happens and not a signal.
 */
/* Where one of the three was closed, the next file opened would get its number: a
 * message of ours would land in the store. */
static void fill_standard_files(void)
{
	int fd = 0;

	while (fd >= 0 && fd < 2)
		fd = open("/dev/null", O_RDWR);
	if (fd > 2)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	fill_standard_files();
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	sigaction(SIGPIPE, &ignore, NULL);
	return cli_main(argc, argv);
}
