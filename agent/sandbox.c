/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox_parts.h"

/* Names that came after the headers of Debian 12; bits are the kernel's promise. */
enum {
	ACCESS_1 = (1 << 13) - 1, /* all of the first version */
	ACCESS_2 = 1 << 13,       /* moving between directories */
	ACCESS_3 = 1 << 14,       /* truncating */
};

int sandbox_landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	                       LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

static uint64_t handled(int version)
{
	uint64_t access = ACCESS_1;

	if (version >= 2)
		access |= ACCESS_2;
	if (version >= 3)
		access |= ACCESS_3;
	return access;
}

/* The directory, or the nearest one above that is there. */
static int open_nearest(const char *path)
{
	AUTO_FREE char *at = xstrdup(path);
	int fd = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd < 0 && errno == ENOENT && strrchr(at, '/') > at) {
		*strrchr(at, '/') = '\0';
		fd = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd;
}

static bool allow_below(int rules, const char *path, uint64_t access)
{
	AUTO_CLOSE int dir = open_nearest(path);
	const struct landlock_path_beneath_attr attr = { .allowed_access = access,
		                                         .parent_fd = dir };

	/* What is not there cannot be used either: that slot will say so itself. */
	return dir < 0 || syscall(SYS_landlock_add_rule, rules,
	                          LANDLOCK_RULE_PATH_BENEATH, &attr, 0) == 0;
}

static bool limit_files(const struct policy *policy, struct err *err)
{
	uint64_t access = handled(sandbox_landlock_version());
	const struct landlock_ruleset_attr attr = { .handled_access_fs = access };
	AUTO_CLOSE int rules = (int)syscall(SYS_landlock_create_ruleset, &attr,
	                                    sizeof(attr), 0);

	if (rules < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock");
	for (size_t i = 0; i < policy->slot_count; i++)
		if (!allow_below(rules, policy->slots[i].directory,
		                 access & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE))
			return err_set_errno(err, ERR_INTERNAL, "sandbox: %s",
			                     policy->slots[i].directory);
	return syscall(SYS_landlock_restrict_self, rules, 0) == 0 ||
	       err_set_errno(err, ERR_INTERNAL, "sandbox: Landlock");
}

bool sandbox_enter(const struct policy *policy, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(err, ERR_INTERNAL, "sandbox: no-new-privileges");
	if (sandbox_landlock_version() > 0 && !limit_files(policy, err))
		return false;
	return !sandbox_has_seccomp() || sandbox_limit_calls(err);
}
