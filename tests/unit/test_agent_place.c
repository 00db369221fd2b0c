/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/place.h"
#include "agent/runner.h"
#include "base/fs.h"
#include "base/mem.h"

/* Below /var/lib: nobody else may write above what is to be trusted. */
static char base[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/var/lib/certferry-unit-XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
	AUTO_FREE char *command = xasprintf("exec rm -rf %s", base);
	char *const argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		               command, NULL };
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execv("/bin/sh", argv);
		_exit(127);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static const char *in_base(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void beneath_refuses(void **state)
{
	/* clang-format off */
	static const struct {
		const char *path;
		bool opens;
	} rows[] = {
		{ "file",          true  },
		{ "dir/inner",     true  },
		{ "link",          false }, /* to file */
		{ "out",           false }, /* to /etc/passwd */
		{ "dirlink/inner", false },
		{ "dir/../file",   false },
		{ "../x",          false },
		{ "/etc/passwd",   false },
		{ "dir/up/file",   false }, /* up -> .. */
		{ "missing",       false },
	};
	/* clang-format on */
	struct err err;

	(void)state;
	assert_true(fs_write(in_base("file"), "x", 1, 0600, &err));
	assert_int_equal(mkdir(in_base("dir"), 0755), 0);
	assert_true(fs_write(in_base("dir/inner"), "x", 1, 0600, &err));
	assert_int_equal(symlink("file", in_base("link")), 0);
	assert_int_equal(symlink("/etc/passwd", in_base("out")), 0);
	assert_int_equal(symlink("dir", in_base("dirlink")), 0);
	assert_int_equal(symlink("..", in_base("dir/up")), 0);
	AUTO_CLOSE int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int without = 0; without < 2; without++) {
		beneath_without_openat2(without);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			AUTO_CLOSE int fd = beneath_open(dir, rows[i].path, O_RDONLY, 0);

			if (without && str_eq(rows[i].path, "dir/../file")) {
				CHECK("walk refuses ..", fd < 0);
				continue;
			}
			/* The kernel resolves ".." that stays inside. */
			if (str_eq(rows[i].path, "dir/../file"))
				continue;
			CHECK(rows[i].path, (fd >= 0) == rows[i].opens);
		}
	}
	beneath_without_openat2(false);
	DONE();
}

static void directories(void **state)
{
	struct err err = { 0 };
	AUTO_CLOSE int fd = -1;

	(void)state;
	assert_int_equal(beneath_directory(in_base("a"), BENEATH_OURS, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	fd = beneath_directory(in_base("a/b"), BENEATH_OURS | BENEATH_MAKE, &err);
	assert_true(fd >= 0);
	assert_int_equal(chmod(in_base("a"), 0777), 0);
	assert_int_equal(beneath_directory(in_base("a/b"), BENEATH_OURS, &err), -1);
	assert_non_null(strstr(err.msg, "others may rename"));
	assert_int_equal(chmod(in_base("a"), 01777), 0);
	closep(&fd);
	fd = beneath_directory(in_base("a/b"), BENEATH_OURS, &err);
	assert_true(fd >= 0);
	assert_int_equal(chmod(in_base("a/b"), 0775), 0);
	assert_int_equal(beneath_directory(in_base("a/b"), BENEATH_OURS, &err), -1);
	assert_non_null(strstr(err.msg, "others may write"));
	assert_int_equal(chown(in_base("a"), 1, 1), 0);
	assert_int_equal(chmod(in_base("a/b"), 0755), 0);
	assert_int_equal(beneath_directory(in_base("a/b"), BENEATH_OURS, &err), -1);
	assert_non_null(strstr(err.msg, "belongs to uid 1"));
	assert_int_equal(symlink("a", in_base("l")), 0);
	assert_int_equal(beneath_directory(in_base("l/b"), BENEATH_OURS, &err), -1);
	assert_non_null(strstr(err.msg, "is a link"));
}

static const struct place_file files[] = {
	{ "cert.pem", "cert\n", 5, 0644, false },
	{ "privkey.pem", "key\n", 4, 0600, false },
};

static bool deliver(const char *path, bool *is_live, bool keep, struct err *err)
{
	AUTO_PLACE struct place place = PLACE_INIT;
	const struct place_owner owner = { 0, 0 };

	if (!place_open(&place, path, true, err) || !place_lock(&place, err) ||
	    !place_stage(&place, files, ARRAY_SIZE(files), &owner, is_live, err))
		return false;
	if (*is_live)
		return true;
	if (!place_switch(&place, err))
		return false;
	if (!keep)
		return place_back(&place, err);
	place_tidy(&place);
	return true;
}

static void life_of_a_generation(void **state)
{
	const char *path = in_base("slot");
	AUTO_FREE char *copy = xstrdup(path);
	AUTO_BUF struct buf text = BUF_INIT(100);
	struct err err = { 0 };
	bool is_live = false;

	(void)state;
	assert_true(deliver(copy, &is_live, false, &err));
	assert_false(fs_exists(in_base("slot/cert.pem")));
	assert_true(deliver(copy, &is_live, true, &err));
	assert_false(is_live);
	assert_true(fs_read(in_base("slot/privkey.pem"), &text, &err));
	assert_string_equal(text.data, "key\n");
	assert_true(deliver(copy, &is_live, true, &err));
	assert_true(is_live);
	assert_int_equal(chmod(in_base("slot/live/privkey.pem"), 0644), 0);
	sleep(1); /* a generation's name has the second in it */
	assert_true(deliver(copy, &is_live, true, &err));
	assert_false(is_live);
	assert_false(fs_exists(in_base("slot/.lock")));
}

/* Somebody swaps the names in the slot's directory for links that lead out, and the
 * directory for a link, all the time. Nothing is ever written outside. */
static _Noreturn void attack(const char *slot, const char *outside)
{
	AUTO_FREE char *live_new = xasprintf("%s/.live.new", slot);
	AUTO_FREE char *lock = xasprintf("%s/.lock", slot);
	AUTO_FREE char *decoy = xasprintf("%s.decoy", slot);
	AUTO_FREE char *name = xasprintf("%s/cert.pem", slot);

	(void)!symlink(outside, decoy);
	for (;;) {
		(void)!symlink(outside, live_new);
		unlink(name);
		(void)!symlink(outside, name);
		(void)!symlink(outside, lock);
		/* The directory and a link out of it change places, and back. */
		(void)!renameat2(AT_FDCWD, slot, AT_FDCWD, decoy, RENAME_EXCHANGE);
		(void)!renameat2(AT_FDCWD, slot, AT_FDCWD, decoy, RENAME_EXCHANGE);
	}
}

static void races(void **state)
{
	AUTO_FREE char *slot = xstrdup(in_base("race"));
	AUTO_FREE char *outside = xstrdup(in_base("outside"));
	struct stat before, after;
	int64_t rounds = 300;
	pid_t pid;

	(void)state;
	/* CERTFERRY_RACES=100000 is a matter of many minutes. */
	if (getenv("CERTFERRY_RACES"))
		assert_true(str_to_i64(getenv("CERTFERRY_RACES"), 1, 1000000, &rounds));
	assert_int_equal(mkdir(slot, 0755), 0);
	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(stat(outside, &before), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		attack(slot, outside);
	}
	for (int64_t i = 0; i < rounds; i++) {
		AUTO_PLACE struct place place = PLACE_INIT;
		const struct place_owner owner = { 0, 0 };
		struct err err = { 0 };
		bool is_live = false;

		beneath_without_openat2(i % 2);
		if (!place_open(&place, slot, true, &err))
			continue;
		if (syscall(SYS_mkdirat, place.dir, ".lock", 0700) == 0)
			place.is_locked = true;
		if (place_stage(&place, files, ARRAY_SIZE(files), &owner, &is_live,
		                &err) &&
		    !is_live && place_switch(&place, &err))
			place_tidy(&place);
	}
	beneath_without_openat2(false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(stat(outside, &after), 0);
	/* Nothing was made or removed in it, for however short a time. */
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
}

static void commands(void **state)
{
	/* clang-format off */
	static const struct {
		const char *script;
		int status;
		bool is_late;
		const char *text;
	} rows[] = {
		{ "exit 0",                              0,   false, "" },
		{ "echo hello; exit 3",                  3,   false, "hello " },
		{ "echo bad >&2; exit 1",                1,   false, "bad " },
		{ "echo x; sleep 50",                    -1,  true,  "x " },
		{ "trap '' TERM; sleep 50",              -1,  true,  "" },
		{ "env | grep -vE '^(OLDPWD|PWD|SHLVL|_|PATH)=' | sort | tr '\\n' ' '", 0, false, "HOME=/ LC_ALL=C " },
		{ "ls /proc/self/fd | tr '\\n' ' '",      0,   false, "0 1 2 3 " },
		{ "(setsid sleep 20 &) ; echo started",  0,   false, "started " },
		{ "head -c 3000000 /dev/zero | tr '\\0' a; exit 0", 0, false, NULL },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy_command command = { .timeout_s = 1 };
		struct runner_result result;

		strlist_add(&command.argv, "sh");
		strlist_add(&command.argv, "-c");
		strlist_add(&command.argv, rows[i].script);
		runner_command(&command, &result);
		CHECK(rows[i].script, result.is_late == rows[i].is_late);
		CHECK(rows[i].script,
		      result.is_late || (WIFEXITED(result.status) &&
		                         WEXITSTATUS(result.status) == rows[i].status));
		CHECK(rows[i].script, !rows[i].text || str_eq(result.text, rows[i].text));
		strlist_deinit(&command.argv);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beneath_refuses),
		cmocka_unit_test(directories),
		cmocka_unit_test(life_of_a_generation),
		cmocka_unit_test(races),
		cmocka_unit_test(commands),
	};

	return cmocka_run_group_tests(tests, set_up, remove_base);
}
