/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
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

/* What both sides of the race know, as whoever may read the directory would. */
struct race {
	char slot[128], outside[128];
	char id[64]; /* of the round that is on */
	unsigned opened, staged, switched;
};

/* DIRECTORY/NAME and a link that leads out change places, and back. */
static void swap(const struct race *race, const char *prefix)
{
	char path[256], decoy[256];

	snprintf(path, sizeof(path), "%s/%s%s", race->slot, prefix, race->id);
	snprintf(decoy, sizeof(decoy), "%s.decoy", race->slot);
	(void)!renameat2(AT_FDCWD, path, AT_FDCWD, decoy, RENAME_EXCHANGE);
	(void)!renameat2(AT_FDCWD, path, AT_FDCWD, decoy, RENAME_EXCHANGE);
}

/* Somebody swaps the names in the slot's directory for links that lead out, and it and
 * the generation that is being made for a link, all the time. */
static _Noreturn void attack(const struct race *race)
{
	static const char *const names[] = { "/cert.pem", "/.live.new", "/.lock",
		                             "/live" };
	AUTO_FREE char *decoy = xasprintf("%s.decoy", race->slot);
	AUTO_FREE char *victim = xasprintf("%s/cert.pem", race->outside);
	char path[256];

	(void)!symlink(race->outside, decoy);
	for (unsigned turn = 0;; turn++) {
		const char *name = names[turn % ARRAY_SIZE(names)];

		snprintf(path, sizeof(path), "%s%s", race->slot, name);
		unlink(path);
		(void)!symlink(turn & 8 ? victim : race->outside, path);
		swap(race, ".new-");
		swap(race, "gen-");
		snprintf(path, sizeof(path), "%s", race->slot);
		(void)!renameat2(AT_FDCWD, path, AT_FDCWD, decoy, RENAME_EXCHANGE);
		(void)!renameat2(AT_FDCWD, path, AT_FDCWD, decoy, RENAME_EXCHANGE);
		/* Many rounds must get far, or nothing is raced. */
		snprintf(path, sizeof(path), "%s%s", race->slot, name);
		unlink(path);
	}
}

/* A delivery as far as it gets; every 250th with the lock, which waits for a second. */
static void deliver_once(struct race *race, int64_t round)
{
	AUTO_PLACE struct place place = PLACE_INIT;
	const struct place_owner owner = { 0, 0 };
	struct err err = { 0 };
	bool is_live = false;

	/* A link at this moment: let the other side go on. */
	if (!place_open(&place, race->slot, true, &err)) {
		sched_yield();
		return;
	}
	race->opened++;
	/* One of its own for each: all of them happen within seconds. */
	snprintf(place.id, sizeof(place.id), "20260101T000000Z-%lld", (long long)round);
	snprintf(race->id, sizeof(race->id), "%s", place.id);
	if (round % 250 == 249 && !place_lock(&place, &err))
		return;
	if (!place_stage(&place, files, ARRAY_SIZE(files), &owner, &is_live, &err) ||
	    is_live)
		return;
	race->staged++;
	if (place_switch(&place, &err)) {
		race->switched++;
		place_tidy(&place);
	} else {
		(void)!place_back(&place, &err);
	}
}

/* What an escape would change: the directory, and a file in it of a name that we write,
 * read and remove. */
static void look(const struct race *race, struct stat *dir, struct stat *file)
{
	AUTO_FREE char *victim = xasprintf("%s/cert.pem", race->outside);

	assert_int_equal(stat(race->outside, dir), 0);
	assert_int_equal(stat(victim, file), 0);
}

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_ino == other->st_ino && one->st_size == other->st_size &&
	       one->st_mode == other->st_mode && one->st_nlink == other->st_nlink &&
	       one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
	       one->st_mtim.tv_nsec == other->st_mtim.tv_nsec &&
	       one->st_ctim.tv_sec == other->st_ctim.tv_sec &&
	       one->st_ctim.tv_nsec == other->st_ctim.tv_nsec;
}

static void races(void **state)
{
	struct race *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
	                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct stat dir[2], file[2];
	int64_t rounds = 300;
	struct err err;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(race, MAP_FAILED);
	/* CERTFERRY_RACES=100000 is a matter of many minutes. */
	if (getenv("CERTFERRY_RACES"))
		assert_true(str_to_i64(getenv("CERTFERRY_RACES"), 1, 1000000, &rounds));
	snprintf(race->slot, sizeof(race->slot), "%s", in_base("race"));
	snprintf(race->outside, sizeof(race->outside), "%s", in_base("outside"));
	assert_int_equal(mkdir(race->slot, 0755), 0);
	assert_int_equal(mkdir(race->outside, 0755), 0);
	assert_true(fs_write(in_base("outside/cert.pem"), "mine\n", 5, 0640, &err));
	look(race, &dir[0], &file[0]);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		attack(race);
	}
	/* Those that found a link are not counted, but there is an end to it. */
	for (int64_t i = 0; race->opened < rounds && i < 1000 * rounds; i++) {
		beneath_without_openat2(i % 2);
		deliver_once(race, i);
	}
	beneath_without_openat2(false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("%lld rounds: opened %u, staged %u, switched %u\n", (long long)rounds,
	       race->opened, race->staged, race->switched);
	look(race, &dir[1], &file[1]);
	/* Nothing was made, written, changed or removed there, for however short a
	 * time. */
	assert_true(is_same(&dir[0], &dir[1]) && is_same(&file[0], &file[1]));
	munmap(race, sizeof(*race));
}

static void set_command(struct policy_command *command, int timeout_s, const char *script)
{
	command->timeout_s = timeout_s;
	strlist_add(&command->argv, "sh");
	strlist_add(&command->argv, "-c");
	strlist_add(&command->argv, script);
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
		/* Short only where the time must pass: the machine may be busy. One that
		 * is to say something first has longer for it. */
		const int timeout_s = !rows[i].is_late ? 60 : *rows[i].text ? 5 : 1;
		struct policy_command command = { 0 };
		struct runner_result result;

		set_command(&command, timeout_s, rows[i].script);
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

static int run(struct runner *runner, enum policy_action action)
{
	struct runner_result result = { 0 };
	struct err err;

	return runner_run(runner, 0, action, &result, &err) ? WEXITSTATUS(result.status)
	                                                    : -1;
}

/* The test that was given up is answered at last, and a reload that fails is not taken
 * for a good one by that. */
static void late_answer(void **state)
{
	char name[] = "x";
	struct policy_service service = { .name = name };
	AUTO_FREE char *locks = xasprintf("%s/locks", base);
	const struct policy policy = { .state = locks,
		                       .services = &service,
		                       .service_count = 1 };
	AUTO_RUNNER struct runner runner = { 0 };
	struct err err;
	int status;

	(void)state;
	set_command(&service.run[POLICY_TEST], 1, "exit 0");
	set_command(&service.run[POLICY_RELOAD], 60, "exit 3");
	assert_true(runner_start(&runner, &policy, &err));
	assert_int_equal(kill(runner.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(runner.pid, &status, WUNTRACED), runner.pid);
	runner.slack_ms = 0;
	assert_int_equal(run(&runner, POLICY_TEST), -1);
	assert_int_equal(kill(runner.pid, SIGCONT), 0);
	runner.slack_ms = 60 * 1000;
	assert_int_equal(run(&runner, POLICY_RELOAD), 3);
	assert_int_equal(run(&runner, POLICY_TEST), 0);
	for (int i = 0; i < POLICY_ACTION_COUNT; i++)
		strlist_deinit(&service.run[i].argv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beneath_refuses),
		cmocka_unit_test(directories),
		cmocka_unit_test(life_of_a_generation),
		cmocka_unit_test(races),
		cmocka_unit_test(commands),
		cmocka_unit_test(late_answer),
	};

	return cmocka_run_group_tests(tests, set_up, remove_base);
}
