/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner.h"
#include "sandbox/sandbox.h"

/*
 * Removing does not descend: a directory in the scratch directory is emptied into it,
 * files away and directories moved up, until there is nothing left. So a chain of ten
 * thousand directories takes no more stack or descriptors than one does.
 */

enum { ROUNDS_MAX = 100000 };

DEFINE_CLEANUP(DIR *, closedir);
#define AUTO_DIR CLEANUP(closedirp)

char *scratch_make(struct err *err)
{
	AUTO_FREE char *path = xstrdup("/tmp/" SANDBOX_SCRATCH "XXXXXX");

	if (!mkdtemp(path)) {
		(void)err_set_errno(err, ERR_INTERNAL, "a scratch directory in /tmp");
		return NULL;
	}
	return TAKE(path);
}

static DIR *open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool is_dots(const char *name)
{
	return str_eq(name, ".") || str_eq(name, "..");
}

/* Its files are removed, its directories moved to top under new names. */
static void empty_into(int top, const char *name, unsigned *counter)
{
	AUTO_DIR DIR *dir = NULL;
	const struct dirent *entry;
	int at;

	/* A program may have taken its own rights away. */
	(void)!fchmodat(top, name, 0700, 0);
	dir = open_dir(top, name);
	at = dir ? dirfd(dir) : -1;
	while (at >= 0 && (entry = readdir(dir)) != NULL) {
		char moved[40];

		if (is_dots(entry->d_name) || unlinkat(at, entry->d_name, 0) == 0)
			continue;
		/* Moving a directory writes to it: "..". */
		(void)!fchmodat(at, entry->d_name, 0700, 0);
		snprintf(moved, sizeof(moved), ".certferry-%u", (*counter)++);
		(void)!renameat(at, entry->d_name, top, moved);
	}
	(void)!unlinkat(top, name, AT_REMOVEDIR);
}

/* One look through the top; true if there was something. */
static bool empty_once(int top, unsigned *counter)
{
	AUTO_DIR DIR *dir = open_dir(top, ".");
	const struct dirent *entry;
	bool any = false;

	while (dir && (entry = readdir(dir)) != NULL) {
		if (is_dots(entry->d_name))
			continue;
		any = true;
		if (unlinkat(top, entry->d_name, 0) < 0)
			empty_into(top, entry->d_name, counter);
	}
	return any;
}

void scratch_remove(const char *path)
{
	unsigned counter = 0;

	(void)!chmod(path, 0700);
	AUTO_CLOSE int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	for (int i = 0; top >= 0 && i < ROUNDS_MAX && empty_once(top, &counter); i++)
		;
	(void)!rmdir(path);
}
