/* SPDX-License-Identifier: Apache-2.0 */
#include "base/child.h"
#include "base/clock.h"
#include "base/str.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/*
 * This program is its own child: started under another name it does what the name
 * says, with one frame that it receives.
 */
static const char self[] = "/proc/self/exe";

static int64_t soon(void)
{
	return clock_deadline_ms(60 * 1000);
}

/* "0:r 1:w 3:s": what a child has open, apart from what reading that opens. */
static void describe(struct buf *out)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && entry->d_name[0] - '0' != dirfd(dir))
			buf_addf(out, "%s ", entry->d_name);
	closedir(dir);
	buf_addf(out, "environ=%s dumpable=%d", environ[0] ? environ[0] : "",
	         prctl(PR_GET_DUMPABLE));
}

static int child_main(const char *name)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX), answer = BUF_INIT(1000);
	struct err err = { 0 };
	bool ended;

	child_enter(str_eq(name, "wall") ? 1 : 120);
	if (!frame_receive(CHILD_FD, &frame, &ended, soon(), &err))
		return 3;
	if (str_eq(name, "crash"))
		raise(SIGKILL);
	if (str_eq(name, "status"))
		return 7;
	while (str_eq(name, "hang") || str_eq(name, "wall"))
		pause();
	if (str_eq(name, "pipe"))
		raise(SIGPIPE);
	if (str_eq(name, "describe"))
		describe(&answer);
	else
		buf_add(&answer, frame.data, frame.len);
	if (!frame_send(CHILD_FD, answer.data, answer.len, soon(), &err))
		return 4;
	while (str_eq(name, "stay"))
		pause();
	return 0;
}

static const struct {
	const char *name;
	int wait_ms;
	const char *answer, *error;
	enum err_kind kind;
} rows[] = {
	{ "echo", 60000, "hello", NULL, ERR_NONE },
	{ "pipe", 60000, "hello", NULL, ERR_NONE },
	{ "crash", 60000, NULL, "crash was killed by signal 9", ERR_INTERNAL },
	{ "status", 60000, NULL, "status ended with status 7", ERR_INTERNAL },
	{ "hang", 200, NULL, "hang: no answer in time", ERR_TEMPORARY },
	{ "wall", 60000, NULL, "wall was killed by signal 14", ERR_INTERNAL },
};

static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = rows[i].name;
		AUTO_CHILD struct child child = CHILD_INIT;
		AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
		struct err err = { 0 };

		CHECK(name, child_start(&child, self, name, &err));
		CHECK(name, child_send(&child, "hello", 5, soon(), &err));
		CHECK(name,
		      child_receive(&child, &frame, clock_deadline_ms(rows[i].wait_ms),
		                    &err) == !!rows[i].answer);
		CHECK(frame.data, !rows[i].answer || str_eq(frame.data, rows[i].answer));
		CHECK(name, err.kind == rows[i].kind);
		CHECK(err.msg, !rows[i].error || str_starts(err.msg, rows[i].error));
		child_end(&child);
		child_end(&child);
		/* Nothing of it is left, not even a zombie. */
		CHECK(name, waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	}
	DONE();
}

/* A parent that is killed takes its child with it: a later run has the field to itself.
 */
static void test_parent_is_killed(void **state)
{
	int pipes[2], status = 0;
	pid_t parent, child = 0;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	assert_int_equal(pipe(pipes), 0);
	parent = fork();
	if (parent == 0) {
		struct child staying = CHILD_INIT;
		struct buf frame = BUF_INIT(FRAME_MAX);
		struct err err = { 0 };

		/* Its answer says that it has begun: before, it would end by itself. */
		if (child_start(&staying, self, "stay", &err) &&
		    child_send(&staying, "hello", 5, soon(), &err) &&
		    child_receive(&staying, &frame, soon(), &err))
			(void)!write(pipes[1], &staying.pid, sizeof(pid_t));
		raise(SIGKILL);
	}
	assert_int_equal(read(pipes[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_surroundings(void **state)
{
	AUTO_CHILD struct child child = CHILD_INIT;
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	/* Forgotten by somebody, and without O_CLOEXEC. */
	AUTO_CLOSE int leak = fcntl(0, F_DUPFD, 20);
	struct err err = { 0 };

	(void)state;
	assert_true(leak >= 20);
	assert_true(child_start(&child, self, "describe", &err));
	assert_true(child_send(&child, "?", 1, soon(), &err));
	assert_true(child_receive(&child, &frame, soon(), &err));
	assert_string_equal(frame.data, "0 1 2 3 environ= dumpable=0");
}

static void test_start_fails(void **state)
{
	AUTO_CHILD struct child child = CHILD_INIT;
	struct err err = { 0 };

	(void)state;
	assert_false(child_start(&child, "/no/such/program", "none", &err));
	assert_non_null(strstr(err.msg, "/no/such/program: No such file"));
	assert_int_equal(child.pid, 0);
}

static void test_frames(void **state)
{
	static char bytes[FRAME_MAX + 1];
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct err err = { 0 };
	bool ended = true;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_false(frame_send(pair[0], bytes, 0, soon(), &err));
	assert_false(frame_send(pair[0], bytes, FRAME_MAX + 1, soon(), &err));
	assert_false(frame_receive(pair[1], &frame, &ended, clock_deadline_ms(50), &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	memset(bytes, 'x', sizeof(bytes));
	assert_true(frame_send(pair[0], bytes, FRAME_MAX, soon(), &err));
	assert_true(frame_send(pair[0], "second", 6, soon(), &err));
	assert_true(frame_receive(pair[1], &frame, &ended, soon(), &err));
	assert_true(!ended && frame.len == FRAME_MAX);
	assert_true(frame_receive(pair[1], &frame, &ended, soon(), &err));
	assert_string_equal(frame.data, "second");
	/* Not by frame_send(): more than it would let through. */
	assert_true(send(pair[0], bytes, sizeof(bytes), 0) > 0);
	assert_false(frame_receive(pair[1], &frame, &ended, soon(), &err));
	/* Nobody reads: the deadline ends it, and no signal comes. */
	while (frame_send(pair[0], bytes, FRAME_MAX, clock_deadline_ms(20), &err))
		;
	assert_int_equal(err.kind, ERR_TEMPORARY);
	close(pair[1]);
	assert_false(frame_send(pair[0], "x", 1, soon(), &err));
	close(pair[0]);
}

/* Also of one that has not read what it was sent: the kernel tells of that first. */
static void test_end_of_frames(void **state)
{
	(void)state;
	for (int unread = 0; unread < 3; unread++) {
		AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
		struct err err = { 0 };
		bool ended = false;
		int pair[2];

		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		for (int i = 0; i < unread; i++)
			assert_true(frame_send(pair[1], "unread", 6, soon(), &err));
		assert_true(frame_send(pair[0], "last", 4, soon(), &err));
		close(pair[0]);
		assert_true(frame_receive(pair[1], &frame, &ended, soon(), &err) &&
		            !ended);
		assert_string_equal(frame.data, "last");
		assert_true(frame_receive(pair[1], &frame, &ended, soon(), &err) &&
		            ended);
		close(pair[1]);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_parent_is_killed),
		cmocka_unit_test(test_start_fails),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_end_of_frames),
	};

	/* A child's only argument is its name; a person's shell gives a path. */
	if (argc == 1 && !strchr(argv[0], '/'))
		return child_main(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
