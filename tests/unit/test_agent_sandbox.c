/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/policy.h"
#include "agent/sandbox.h"
#include "base/mem.h"

/* What the session's process can still do, each tried in a process of its own. */

static char base[64];
static pid_t parent;

static int try_inside(void)
{
	AUTO_FREE char *path = xasprintf("%s/slot/new", base);

	return open(path, O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0;
}

static int try_to_be_made(void)
{
	AUTO_FREE char *path = xasprintf("%s/later/slot", base);

	return mkdirat(AT_FDCWD, path, 0755) == 0;
}

static int try_read_outside(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static int try_write_outside(void)
{
	AUTO_FREE char *path = xasprintf("%s/beside", base);

	return open(path, O_WRONLY | O_CREAT, 0600) >= 0;
}

static int try_exec(void)
{
	char *const argv[] = { (char *)(uintptr_t) "true", NULL };

	execv("/bin/true", argv);
	return 0;
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int try_kill(void)
{
	return kill(parent, SIGCONT) == 0;
}

static int try_ask_who_lives(void)
{
	return kill(parent, 0) == 0;
}

/* The kernel would send signals for us. */
static int try_to_own_for_another(void)
{
	return fcntl(STDIN_FILENO, F_SETOWN, parent) == 0;
}

static int try_list(void)
{
	AUTO_FREE char *path = xasprintf("%s/slot", base);
	DIR *dir = opendir(path);

	return dir && readdir(dir) && closedir(dir) == 0;
}

static int try_fork(void)
{
	return fork() >= 0;
}

static int try_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                -1, 0);

	return at != MAP_FAILED && mprotect(at, 4096, PROT_READ | PROT_EXEC) == 0;
}

static int try_chroot(void)
{
	return chroot("/") == 0;
}

enum by { BY_NONE, BY_LANDLOCK, BY_SECCOMP };

/* clang-format off */
static const struct {
	const char *name;
	int (*run)(void);
	enum by forbidden_by;
} rows[] = {
	{ "write in the slot",       try_inside,        BY_NONE     },
	{ "make the directory",      try_to_be_made,    BY_NONE     },
	{ "ask who lives",           try_ask_who_lives, BY_NONE     },
	{ "list the slot",           try_list,          BY_NONE     },
	{ "read outside",            try_read_outside,  BY_LANDLOCK },
	{ "write outside",           try_write_outside, BY_LANDLOCK },
	{ "execute",                 try_exec,          BY_LANDLOCK },
	{ "socket",                  try_socket,        BY_SECCOMP  },
	{ "signal",                  try_kill,          BY_SECCOMP  },
	{ "have a signal sent",      try_to_own_for_another, BY_SECCOMP },
	{ "fork",                    try_fork,          BY_SECCOMP  },
	{ "make code",               try_code,          BY_SECCOMP  },
	{ "chroot",                  try_chroot,        BY_SECCOMP  },
};
/* clang-format on */

static bool is_in_force(enum by by)
{
	return by == BY_LANDLOCK ? sandbox_landlock_version() > 0 : sandbox_has_seccomp();
}

/* Could it? A process that was killed for it could not. */
static bool could(const struct policy *policy, int (*run)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct err err;

		if (!sandbox_enter(policy, &err)) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(9);
		}
		_exit(run() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 9);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void drill(void **state)
{
	AUTO_BUF struct buf text = BUF_INIT(1000);
	AUTO_STRLIST struct strlist problems = { 0 };
	AUTO_POLICY struct policy *policy = NULL;

	(void)state;
	buf_addf(&text,
	         "version: 1\nslots:\n  a: {names: [a.example], directory: %s/slot}\n"
	         "  b: {names: [b.example], directory: %s/later/slot}\n",
	         base, base);
	policy = policy_parse("p", text.data, text.len, &problems);
	assert_non_null(policy);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool allowed = rows[i].forbidden_by == BY_NONE ||
		               !is_in_force(rows[i].forbidden_by);

		CHECK(rows[i].name, could(policy, rows[i].run) == allowed);
	}
	DONE();
}

static int set_up(void **state)
{
	AUTO_FREE char *slot = NULL;
	AUTO_FREE char *later = NULL;

	(void)state;
	parent = getpid();
	snprintf(base, sizeof(base), "/var/lib/certferry-unit-XXXXXX");
	if (!mkdtemp(base))
		return -1;
	slot = xasprintf("%s/slot", base);
	later = xasprintf("%s/later", base);
	return mkdir(slot, 0755) + mkdir(later, 0755);
}

static int remove_base(void **state)
{
	static const char *const names[] = { "slot/new", "later/slot", "beside",
		                             "slot",     "later",      "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", base, names[i]);

		(void)!remove(path);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(drill) };

	return cmocka_run_group_tests(tests, set_up, remove_base);
}
