/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

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
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
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

static int make_ruleset(enum sandbox_kind kind, long abi)
{
	size_t row = (size_t)abi < ARRAY_SIZE(fs_bits) ? (size_t)abi
	                                               : ARRAY_SIZE(fs_bits) - 1;
	struct ruleset rules = { .fs = (UINT64_C(1) << fs_bits[row]) - 1 };
	size_t size = sizeof(rules.fs);

	if (abi >= 4) {
		rules.net = kind == SANDBOX_ONE_SOCKET ? NET_BIND_TCP | NET_CONNECT_TCP
		                                       : NET_BIND_TCP;
		size += sizeof(rules.net);
	}
	if (abi >= 6) {
		rules.scope = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
		size += sizeof(rules.scope);
	}
	return (int)syscall(CALL_CREATE_RULESET, &rules, size, 0);
}

/* A path that is not there needs no rule. */
static bool may_read(int ruleset, const char *path, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct path_rule rule = { .allowed = FS_READ_FILE, .fd = fd };
	struct stat st;

	if (fd < 0)
		return true;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		rule.allowed |= FS_READ_DIR;
	if (syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock rule for %s",
		                     path);
	return true;
}

static bool may_read_all(int ruleset, const char *const *paths, struct err *err)
{
	for (; paths && *paths; paths++)
		if (!may_read(ruleset, *paths, err))
			return false;
	return true;
}

bool files_limit(enum sandbox_kind kind, const char *const *more, struct err *err)
{
	long abi = abi_of_kernel();

	if (abi == 0)
		return true;
	AUTO_CLOSE int ruleset = make_ruleset(kind, abi);
	if (ruleset < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock (ABI %ld)",
		                     abi);
	if (kind == SANDBOX_NET_CLIENT && !may_read_all(ruleset, client_reads, err))
		return false;
	if (!may_read_all(ruleset, more, err))
		return false;
	if (syscall(CALL_RESTRICT_SELF, ruleset, 0) < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock (ABI %ld)",
		                     abi);
	return true;
}
