/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static const struct {
	unsigned long magic;
	const char *name;
} network_file_systems[] = {
	{ 0x6969, "NFS" },      { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" },
	{ 0x517b, "SMB" },      { 0x00c36400, "Ceph" }, { 0x5346414f, "AFS" },
	{ 0x6b414653, "AFS" },  { 0x73757245, "Coda" }, { 0x0bd00bd0, "Lustre" },
	{ 0x01161970, "GFS2" }, { 0x564c, "NCP" },
};

static bool is_local(const char *directory, struct err *err)
{
	struct statfs fs;

	if (statfs(directory, &fs) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", directory);
	for (size_t i = 0; i < ARRAY_SIZE(network_file_systems); i++)
		if (((unsigned long)fs.f_type & 0xffffffff) ==
		    network_file_systems[i].magic)
			return err_set(
			    err, ERR_CONFIG,
			    "%s: lies on %s, and a network file system can "
			    "damage the store: use a directory on a local disk",
			    directory, network_file_systems[i].name);
	return true;
}

bool directory_check(const char *directory, struct err *err)
{
	struct stat st;

	if (!fs_exists(directory) && !fs_make_dir(directory, 0700, err))
		return false;
	if (stat(directory, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", directory);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s: not a directory", directory);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_CONFIG,
		               "%s: belongs to uid %u, and certferry runs as uid %u: run "
		               "it as that user, or: chown -R %u %s",
		               directory, st.st_uid, geteuid(), geteuid(), directory);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(err, ERR_CONFIG,
		               "%s: others can look into it (mode %04o): chmod 0700 %s",
		               directory, (unsigned)(st.st_mode & 07777), directory);
	return is_local(directory, err);
}

static bool say_who(int fd, const char *path, struct err *err)
{
	char text[16] = "";
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	int64_t pid = 0;

	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	if (!str_to_i64(text, 1, INT32_MAX, &pid))
		return err_set(err, ERR_CONFLICT,
		               "another certferry has the store open (%s is locked)",
		               path);
	return err_set(err, ERR_CONFLICT,
	               "another certferry (pid %lld) has the store open: wait until it "
	               "has ended (%s)",
	               (long long)pid, path);
}

static bool write_pid(int fd, const char *path, struct err *err)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return err_set_errno(err, ERR_INTERNAL, "%s", path);
	return true;
}

int directory_lock(const char *directory, struct err *err)
{
	AUTO_FREE char *path = fs_join(directory, "certferry.lock");
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int held;

	if (fd < 0) {
		(void)err_set_errno(err, ERR_CONFIG, "%s", path);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			(void)say_who(fd, path, err);
		else
			(void)err_set_errno(err, ERR_INTERNAL, "%s", path);
		return -1;
	}
	if (!write_pid(fd, path, err))
		return -1;
	/* A copy for the caller, which holds the same lock; ours is closed here. */
	held = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (held < 0)
		(void)err_set_errno(err, ERR_INTERNAL, "%s", path);
	return held;
}
