/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "base/str.h"
#include "parts.h"

/*
 * Landlock, from the system calls up: glibc wraps none of it, and Debian 12's
 * header knows less than a backported kernel does. Numbers are those of the
 * kernel's documentation; what a kernel knows is asked at run time.
 */
enum {
	CALL_CREATE_RULESET = 444,
	CALL_ADD_RULE = 445,
	CALL_RESTRICT_SELF = 446,
	QUERY_ABI = 1,
	RULE_PATH_BENEATH = 1,
};

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_BLOCK = 1 << 11,
	FS_TRUNCATE = 1 << 14, /* from ABI 3 */
	/* What a path that is no directory can be allowed. */
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE,
	FS_READ = FS_READ_FILE | FS_READ_DIR,
	NET_BIND_TCP = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
};

struct ruleset {
	uint64_t fs;
	uint64_t net;   /* from ABI 4 */
	uint64_t scope; /* from ABI 6 */
};

struct path_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

DEFINE_CLEANUP(DIR *, closedir);
#define AUTO_DIR CLEANUP(closedirp)

/* How many rights on files each ABI knows: all of them are handled, so denied. */
static const unsigned char fs_bits[] = { 0, 13, 14, 15, 15, 16 };

/* What resolving a name, verifying TLS, and loading a library for either reads. */
static const char *const client_reads[] = { "/etc/resolv.conf",
	                                    "/run/systemd/resolve",
	                                    "/etc/hosts",
	                                    "/etc/nsswitch.conf",
	                                    "/etc/host.conf",
	                                    "/etc/gai.conf",
	                                    "/etc/services",
	                                    "/etc/protocols",
	                                    "/etc/ssl",
	                                    "/etc/ca-certificates",
	                                    "/usr/share/ca-certificates",
	                                    "/usr/local/share/ca-certificates",
	                                    "/etc/ld.so.cache",
	                                    "/usr/lib",
	                                    "/usr/lib64",
	                                    "/lib",
	                                    "/lib64",
	                                    "/usr/share/zoneinfo",
	                                    "/etc/localtime",
	                                    NULL };

static long abi_of_kernel(void)
{
	/* Any error is a no: an old kernel's ENOSYS, a container's EPERM. */
	long abi = syscall(CALL_CREATE_RULESET, NULL, 0, QUERY_ABI);

	return abi < 0 ? 0 : abi;
}

static uint64_t all_of_files(long abi)
{
	size_t row = (size_t)abi < ARRAY_SIZE(fs_bits) ? (size_t)abi
	                                               : ARRAY_SIZE(fs_bits) - 1;

	return (UINT64_C(1) << fs_bits[row]) - 1;
}

/* A program of the operator's may listen: some answer on a port of their own. */
static const uint64_t net_rights[] = {
	[SANDBOX_NET_CLIENT] = NET_BIND_TCP,
	[SANDBOX_ONE_SOCKET] = NET_BIND_TCP | NET_CONNECT_TCP,
	[SANDBOX_PROGRAM] = 0,
};

static int make_ruleset(enum sandbox_kind kind, long abi)
{
	struct ruleset rules = { .fs = all_of_files(abi) };
	size_t size = sizeof(rules.fs);

	if (abi >= 4) {
		rules.net = net_rights[kind];
		size += sizeof(rules.net);
	}
	if (abi >= 6) {
		rules.scope = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
		size += sizeof(rules.scope);
	}
	return (int)syscall(CALL_CREATE_RULESET, &rules, size, 0);
}

/* What stands below path may be done with as rights say. A path that is not there needs
 * no rule, nor does a link that is not to be followed. */
static bool allow_opened(int ruleset, const char *path, int flags, uint64_t rights,
                         struct err *err)
{
	AUTO_CLOSE int fd = open(path, flags | O_PATH | O_CLOEXEC);
	struct path_rule rule = { .allowed = rights & FS_OF_FILES, .fd = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return true;
	if (S_ISDIR(st.st_mode))
		rule.allowed = rights;
	if (syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock rule for %s",
		                     path);
	return true;
}

static bool allow(int ruleset, const char *path, uint64_t rights, struct err *err)
{
	return allow_opened(ruleset, path, 0, rights, err);
}

static bool may_read_all(int ruleset, const char *const *paths, struct err *err)
{
	for (; paths && *paths; paths++)
		if (!allow(ruleset, *paths, FS_READ, err))
			return false;
	return true;
}

/* Each name in a directory but those that begin so. What a link leads to has a rule of
 * its own, or is not to have one. */
static bool allow_all_but(int ruleset, const char *path, const char *but, struct err *err)
{
	AUTO_DIR DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		AUTO_FREE char *name = xasprintf("%s/%s", path, entry->d_name);

		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..") &&
		    !str_starts(entry->d_name, but) &&
		    !allow_opened(ruleset, name, O_NOFOLLOW, FS_READ | FS_EXECUTE, err))
			return false;
	}
	return true;
}

/* Everything its user may read and execute, but what other programs of the same user
 * have in scratch: all credentials of acme.sh, say. Written are its own directory and
 * nothing. */
static bool allow_program(int ruleset, const char *scratch, long abi, struct err *err)
{
	uint64_t all = all_of_files(abi);

	return allow(ruleset, "/", FS_READ_DIR, err) &&
	       allow_all_but(ruleset, "/", "tmp", err) &&
	       allow_all_but(ruleset, "/tmp", SANDBOX_SCRATCH, err) &&
	       allow(ruleset, "/dev/null",
	             all & (FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE), err) &&
	       allow(ruleset, scratch, all & ~(uint64_t)(FS_MAKE_CHAR | FS_MAKE_BLOCK),
	             err);
}

static bool allow_all(int ruleset, enum sandbox_kind kind,
                      const struct sandbox_limits *limits, long abi, struct err *err)
{
	if (kind == SANDBOX_PROGRAM && !allow_program(ruleset, limits->scratch, abi, err))
		return false;
	if (kind == SANDBOX_NET_CLIENT && !may_read_all(ruleset, client_reads, err))
		return false;
	return may_read_all(ruleset, limits->may_read, err);
}

bool files_limit(enum sandbox_kind kind, const struct sandbox_limits *limits,
                 struct err *err)
{
	long abi = abi_of_kernel();

	if (abi == 0)
		return true;
	AUTO_CLOSE int ruleset = make_ruleset(kind, abi);
	if (ruleset < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock (ABI %ld)",
		                     abi);
	if (!allow_all(ruleset, kind, limits, abi, err))
		return false;
	if (syscall(CALL_RESTRICT_SELF, ruleset, 0) < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock (ABI %ld)",
		                     abi);
	return true;
}
