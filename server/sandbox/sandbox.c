/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "parts.h"

enum {
	FILES_MAX = 64,
	/* Of a program: what scripts and their tools do with. Processes are counted over
	 * all of the user's. */
	PROGRAM_FILES_MAX = 1024,
	PROGRAM_PROCESSES_MAX = 512,
	PROGRAM_FILE_BYTES = 16 << 20,
};

#ifdef SANDBOX_SANITIZED
/* The leak check at exit clones and traces, which the filter answers with SIGSYS. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

bool sandbox_drop_user(unsigned uid, unsigned gid, struct err *err)
{
	int death = 0;

	if (geteuid() != 0 || uid == 0)
		return true;
	prctl(PR_GET_PDEATHSIG, &death);
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return err_set_errno(err, ERR_INTERNAL, "cannot become user %u, group %u",
		                     uid, gid);
	if (setuid(0) == 0 || getuid() != uid || getgid() != gid)
		return err_set(err, ERR_INTERNAL,
		               "cannot become user %u for good: root comes back", uid);
	/* A change of user makes a process dumpable where the system is set so. */
	prctl(PR_SET_DUMPABLE, 0);
	/* And it forgets the signal that ends us with our parent. */
	prctl(PR_SET_PDEATHSIG, death);
	return true;
}

static bool limit(int what, const char *name, rlim_t soft, rlim_t hard, struct err *err)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)what, &now) < 0)
		return err_set_errno(err, ERR_INTERNAL, "limit of %s", name);
	/* Somebody may have set a lower one, which we could not raise and need not. */
	if (now.rlim_max < hard)
		hard = now.rlim_max;
	if (soft > hard)
		soft = hard;
	now = (struct rlimit){ soft, hard };
	if (setrlimit((__rlimit_resource_t)what, &now) < 0)
		return err_set_errno(err, ERR_INTERNAL, "limit of %s", name);
	return true;
}

static bool limit_program(const struct sandbox_limits *limits, struct err *err)
{
	const struct {
		int what;
		const char *name;
		rlim_t soft, hard;
	} rows[] = {
		{ RLIMIT_CPU, "CPU time", limits->cpu_s, limits->cpu_s + 1 },
		{ RLIMIT_FSIZE, "file size", PROGRAM_FILE_BYTES, PROGRAM_FILE_BYTES },
		{ RLIMIT_CORE, "core size", 0, 0 },
		{ RLIMIT_NOFILE, "open files", PROGRAM_FILES_MAX, PROGRAM_FILES_MAX },
		{ RLIMIT_NPROC, "processes", PROGRAM_PROCESSES_MAX,
		  PROGRAM_PROCESSES_MAX },
#ifndef SANDBOX_SANITIZED
		{ RLIMIT_DATA, "memory", limits->memory_max, limits->memory_max },
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!limit(rows[i].what, rows[i].name, rows[i].soft, rows[i].hard, err))
			return false;
	return true;
}

static bool limit_child(enum sandbox_kind kind, const struct sandbox_limits *limits,
                        struct err *err)
{
	/* The second more is what SIGXCPU leaves for a last word. */
	if (!limit(RLIMIT_CPU, "CPU time", limits->cpu_s, limits->cpu_s + 1, err) ||
	    !limit(RLIMIT_FSIZE, "file size", 0, 0, err) ||
	    !limit(RLIMIT_CORE, "core size", 0, 0, err) ||
	    !limit(RLIMIT_NOFILE, "open files", FILES_MAX, FILES_MAX, err))
		return false;
	/* A client's libraries resolve names in a thread, and threads count here
	 * over all processes of the user: there the filter alone stops forks. */
	if (kind == SANDBOX_ONE_SOCKET && !limit(RLIMIT_NPROC, "processes", 0, 0, err))
		return false;
#ifndef SANDBOX_SANITIZED
	if (!limit(RLIMIT_AS, "memory", limits->memory_max, limits->memory_max, err))
		return false;
#endif
	return true;
}

static bool limit_all(enum sandbox_kind kind, const struct sandbox_limits *limits,
                      struct err *err)
{
	return kind == SANDBOX_PROGRAM ? limit_program(limits, err)
	                               : limit_child(kind, limits, err);
}

bool sandbox_enter(enum sandbox_kind kind, const struct sandbox_limits *limits,
                   struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(err, ERR_CONFIG,
		                     "sandbox: the kernel refuses no-new-privileges");
	return limit_all(kind, limits, err) && files_limit(kind, limits, err) &&
	       calls_limit(kind, err);
}
