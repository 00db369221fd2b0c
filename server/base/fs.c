/* SPDX-License-Identifier: Apache-2.0 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mem.h"

enum { SECRET_MAX = 64 * 1024 };

static bool read_all(int fd, const char *path, struct buf *out, struct err *err)
{
	char piece[4096];

	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, ERR_INTERNAL, "%s", path);
		if (n == 0)
			break;
		buf_add(out, piece, (size_t)n);
		/* Not to its end: /dev/zero has none. */
		if (out->over)
			break;
	}
	explicit_bzero(piece, sizeof(piece));
	if (out->over)
		return err_set(err, ERR_CONFIG, "%s: larger than %zu bytes", path,
		               out->max);
	return true;
}

bool fs_read(const char *path, struct buf *out, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", path);
	return read_all(fd, path, out, err);
}

/* Where systemd lets a unit's user read a credential, it does so by an ACL, whose mask
 * shows as the rights of the group. The group is root's, and has none of them. */
static mode_t forbidden(const struct stat *st, bool is_credential)
{
	if (is_credential && st->st_gid == 0)
		return S_IWGRP | S_IRWXO;
	return S_IRWXG | S_IRWXO;
}

static bool is_private(int fd, const char *path, bool is_credential, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, ERR_CONFIG,
		               "%s: owned by uid %u; a secret must be owned "
		               "by root or by the user certferry runs as: chown root %s",
		               path, st.st_uid, path);
	if (st.st_mode & forbidden(&st, is_credential))
		return err_set(err, ERR_CONFIG,
		               "%s: others can read or change it (mode %04o): "
		               "chmod %s %s",
		               path, (unsigned)(st.st_mode & 07777),
		               S_ISDIR(st.st_mode) ? "0700" : "0600", path);
	return true;
}

static bool is_regular(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", path);
	return S_ISREG(st.st_mode) ||
	       err_set(err, ERR_CONFIG, "%s: not a regular file", path);
}

static struct secret *read_secret(int fd, const char *path, bool trim, struct err *err)
{
	AUTO_BUF struct buf bytes = BUF_INIT(SECRET_MAX);
	size_t len;

	if (!read_all(fd, path, &bytes, err))
		return NULL;
	len = bytes.len;
	if (trim && len > 0 && bytes.data[len - 1] == '\n')
		len--;
	if (trim && len > 0 && bytes.data[len - 1] == '\r')
		len--;
	if (len == 0) {
		(void)err_set(err, ERR_CONFIG, "%s: empty", path);
		return NULL;
	}
	return secret_new(bytes.data, len);
}

struct secret *fs_read_secret(const char *path, bool trim, struct err *err)
{
	/* Not blocking: a FIFO is refused, not waited for. */
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		(void)err_set_errno(err, ERR_CONFIG, "%s", path);
		return NULL;
	}
	if (!is_regular(fd, path, err) || !is_private(fd, path, false, err))
		return NULL;
	return read_secret(fd, path, trim, err);
}

struct secret *fs_read_credential(const char *directory, const char *name,
                                  struct err *err)
{
	AUTO_FREE char *path = fs_join(directory, name);
	AUTO_CLOSE int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int fd = -1;

	if (dir < 0) {
		(void)err_set_errno(err, ERR_CONFIG, "%s", directory);
		return NULL;
	}
	if (!is_private(dir, directory, true, err))
		return NULL;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0) {
		(void)err_set_errno(err, ERR_CONFIG, "%s", path);
		return NULL;
	}
	if (!is_regular(fd, path, err) || !is_private(fd, path, true, err))
		return NULL;
	return read_secret(fd, path, true, err);
}

static bool write_all(int fd, const char *path, const char *bytes, size_t len,
                      struct err *err)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, ERR_INTERNAL, "%s", path);
		bytes += n;
		len -= (size_t)n;
	}
	if (fsync(fd) < 0)
		return err_set_errno(err, ERR_INTERNAL, "%s: sync", path);
	return true;
}

static bool sync_parent(const char *path, struct err *err)
{
	AUTO_FREE char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');

	if (slash)
		slash[slash == dir] = '\0';
	return fs_sync_dir(slash ? dir : ".", err);
}

/* A name of its own for every write: a process that was killed leaves one behind, and
 * the next may have the same pid (in a container they all do). */
bool fs_write(const char *path, const void *bytes, size_t len, mode_t mode,
              struct err *err)
{
	AUTO_FREE char *temporary = xasprintf("%s.new.XXXXXX", path);
	AUTO_CLOSE int fd = mkostemp(temporary, O_CLOEXEC);
	bool done;

	if (fd < 0)
		return err_set_errno(err, ERR_INTERNAL, "%s", temporary);
	done = write_all(fd, temporary, bytes, len, err);
	if (done && fchmod(fd, mode) < 0)
		done = err_set_errno(err, ERR_INTERNAL, "%s", temporary);
	if (done && rename(temporary, path) < 0)
		done = err_set_errno(err, ERR_INTERNAL, "%s", path);
	if (!done) {
		unlink(temporary);
		return false;
	}
	return sync_parent(path, err);
}

static bool create_private(const char *path, const void *bytes, size_t len, bool *existed,
                           struct err *err)
{
	AUTO_FREE char *temporary = xasprintf("%s.new.XXXXXX", path);
	AUTO_CLOSE int fd = mkostemp(temporary, O_CLOEXEC);
	bool done;

	if (fd < 0)
		return err_set_errno(err, ERR_INTERNAL, "%s", temporary);
	done = write_all(fd, temporary, bytes, len, err);
	/* link() and not rename(): it does not replace what is there. */
	if (done && link(temporary, path) < 0) {
		*existed = errno == EEXIST;
		done = *existed || err_set_errno(err, ERR_INTERNAL, "%s", path);
	}
	unlink(temporary);
	return done && (*existed || sync_parent(path, err));
}

/* Looked for first: whoever is killed between making and removing the temporary file
 * leaves it there, and every run asks for files that are there already. */
bool fs_create_private(const char *path, const void *bytes, size_t len, bool *existed,
                       struct err *err)
{
	struct stat st;

	*existed = lstat(path, &st) == 0;
	return *existed || create_private(path, bytes, len, existed, err);
}

static bool make_one(const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return true;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	return err_set_errno(err, ERR_INTERNAL, "%s", path);
}

bool fs_make_dir(const char *path, mode_t mode, struct err *err)
{
	AUTO_FREE char *part = xstrdup(path);

	if (!*part)
		return err_set(err, ERR_INTERNAL, "a directory without a name");
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (!make_one(part, 0755, err))
			return false;
		*slash = '/';
	}
	return make_one(path, mode, err);
}

bool fs_sync_dir(const char *path, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_set_errno(err, ERR_INTERNAL, "%s", path);
	return true;
}

bool fs_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

char *fs_join(const char *dir, const char *name)
{
	return name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);
}
