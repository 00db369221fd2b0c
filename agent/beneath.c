/* SPDX-License-Identifier: Apache-2.0 */
#include "beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

enum { STEP = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* Tests turn it off; a kernel without it says so each time, which costs nothing. */
static bool no_openat2;

void beneath_without_openat2(bool without)
{
	no_openat2 = without;
}

/* Component by component; only the last one gets the flags. */
static int walk(int dir, const char *path, int flags, mode_t mode)
{
	AUTO_CLOSE int at = -1;
	char step[256];

	for (;;) {
		size_t len = strcspn(path, "/");
		int next;

		if (len == 0 || len >= sizeof(step)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(step, path, len);
		step[len] = '\0';
		if (str_eq(step, "..")) {
			errno = EXDEV;
			return -1;
		}
		if (!path[len])
			break;
		next = openat(at < 0 ? dir : at, step, STEP);
		if (next < 0)
			return -1;
		closep(&at);
		at = next;
		path += len + 1;
	}
	return openat(at < 0 ? dir : at, step, flags, mode);
}

int beneath_open(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (__u64)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	errno = ENOSYS;
	if (!no_openat2)
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	/* EPERM: filters of old container programs answer so to a call they do not know;
	 * where it was meant, the walk is told the same. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk(dir, path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	return (int)fd;
}

/* Could somebody else put another directory in place of what is in this one? */
static bool check_step(int fd, const char *path, unsigned whose, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", path);
	if (st.st_uid != 0 && ((whose & BENEATH_ROOTS) || st.st_uid != geteuid()))
		return err_set(err, ERR_CONFIG,
		               "%s belongs to uid %u, who may rename what is in it: it "
		               "must be root's%s",
		               path, st.st_uid, whose & BENEATH_ROOTS ? "" : " or ours");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
		return err_set(err, ERR_CONFIG,
		               "others may rename what is in %s: chmod go-w %s", path,
		               path);
	return true;
}

static bool check_last(int fd, const char *path, unsigned whose, struct err *err)
{
	struct stat st;

	if (!(whose & BENEATH_OURS))
		return check_step(fd, path, whose, err);
	if (fstat(fd, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", path);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_CONFIG, "%s belongs to uid %u, and we are %u",
		               path, st.st_uid, geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_CONFIG, "others may write to %s: chmod go-w %s",
		               path, path);
	return true;
}

static bool make_step(int dir, const char *name, const char *path, struct err *err)
{
	mode_t before = umask(022);
	int r = mkdirat(dir, name, 0755);

	umask(before);
	return r == 0 || errno == EEXIST || err_set_errno(err, ERR_CONFIG, "%s", path);
}

static int open_step(int dir, const char *name, const char *path, bool is_last,
                     struct err *err)
{
	int flags = is_last ? O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : STEP;
	int fd = openat(dir, name, flags);

	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		(void)err_set(
		    err, ERR_CONFIG,
		    "%s is a link or a file: the policy must name the directory "
		    "itself",
		    path);
	else if (fd < 0)
		(void)err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_CONFIG,
		                    "%s", path);
	return fd;
}

/* One step down; path is cut behind its name for the time of it. */
static int step_down(int dir, char *path, char *name, unsigned whose, struct err *err)
{
	char *end = strchr(name, '/');
	AUTO_CLOSE int next = -1;
	struct err why = { 0 };

	if (end)
		*end = '\0';
	next = open_step(dir, name, path, !end, err);
	if (next < 0 && err->kind == ERR_NOT_FOUND && (whose & BENEATH_MAKE) &&
	    make_step(dir, name, path, err))
		next = open_step(dir, name, path, !end, err);
	if (next >= 0 && !(end ? check_step(next, path, whose, &why)
	                       : check_last(next, path, whose, &why))) {
		*err = why;
		closep(&next);
		next = -1;
	}
	if (end)
		*end = '/';
	return TAKE_FD(next);
}

int beneath_directory(const char *path, unsigned whose, struct err *err)
{
	AUTO_FREE char *copy = xstrdup(path);
	AUTO_CLOSE int at = open("/", STEP);

	if (at < 0) {
		(void)err_set_errno(err, ERR_INTERNAL, "/");
		return -1;
	}
	for (char *name = copy + 1; *name;) {
		char *end = strchr(name, '/');
		int next = step_down(at, copy, name, whose, err);

		closep(&at);
		at = next;
		if (at < 0)
			return -1;
		name = end ? end + 1 : name + strlen(name);
	}
	return TAKE_FD(at);
}

bool beneath_read(int fd, struct buf *out)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		buf_add(out, piece, (size_t)n);
		if (out->over)
			break;
	}
	explicit_bzero(piece, sizeof(piece));
	return n == 0 && !out->over;
}

bool beneath_write(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static void remove_one(void *arg, const char *name)
{
	unlinkat(*(const int *)arg, name, 0);
}

void beneath_remove(int dir, const char *name)
{
	AUTO_CLOSE int fd = beneath_open(dir, name, O_RDONLY | O_DIRECTORY, 0);

	if (fd >= 0)
		beneath_list(fd, "", remove_one, &fd);
	unlinkat(dir, name, AT_REMOVEDIR);
}

void beneath_list(int dir, const char *prefix, beneath_name_fn *each, void *arg)
{
	int fd = beneath_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
		if (str_starts(entry->d_name, prefix) && !str_eq(entry->d_name, ".") &&
		    !str_eq(entry->d_name, ".."))
			each(arg, entry->d_name);
	closedir(stream);
}
