/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sql.h"
#include "store_fixture.h"

static const struct event made = { .name = "order.created", .text = "made" };

static char *file(const struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->directory, name);
}

/* Changes a closed store behind certferry's back. */
static void meddle(const struct fixture *f, const char *sql)
{
	AUTO_FREE char *path = file(f, "certferry.db");
	sqlite3 *db = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

struct refusal {
	const char *name;
	const char *sql;  /* done to the closed store; or */
	const char *file; /* whose mode is changed ("" the directory) */
	mode_t mode;
	enum err_kind kind;
	const char *says;
};
/* clang-format off */
static const struct refusal refusals[] = {
	{ "a newer schema", "PRAGMA user_version = 99", NULL, 0, ERR_CONFIG, "version 99" },
	{ "and what to do", "PRAGMA user_version = 99", NULL, 0, ERR_CONFIG, "or a newer one" },
	{ "another program's", "PRAGMA application_id = 5", NULL, 0, ERR_CONFIG, "not a database of certferry" },
	{ "an open directory", NULL, "", 0755, ERR_CONFIG, "chmod 0700" },
	{ "an open file", NULL, "certferry.db", 0640, ERR_CONFIG, "chmod 0600" },
	{ "a sealed value that was changed", "UPDATE sealing_check SET sealed = zeroblob(80)", NULL, 0, ERR_CONFIG, "sealing key" },
};
/* clang-format on */

static void refuse(struct fixture *f, const struct refusal *row)
{
	store_close(f->store);
	if (row->sql)
		meddle(f, row->sql);
	if (row->file) {
		AUTO_FREE char *path = file(f, row->file);

		assert_int_equal(chmod(path, row->mode), 0);
	}
	f->store = store_open(f->directory, f->sealer, &f->err);
	CHECK(row->name, !f->store);
	CHECK(row->name, f->err.kind == row->kind);
	CHECK(row->name, strstr(f->err.msg, row->says) != NULL);
	CHECK(row->name, strstr(f->err.msg, f->directory) != NULL);
}

static void stores_that_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		void *fresh = NULL;

		fixture_setup(&fresh);
		refuse(fresh, &refusals[i]);
		fixture_teardown(&fresh);
	}
	DONE();
}

static void a_wrong_sealing_key_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(sealer_freep) struct sealer *other = fixture_sealer(8);

	store_close(f->store);
	f->store = store_open(f->directory, other, &f->err);
	assert_null(f->store);
	assert_int_equal(f->err.kind, ERR_CONFIG);
	assert_non_null(strstr(f->err.msg, "another sealing key"));
	fixture_open(f);
}

static void a_broken_file_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = file(f, "certferry.db");
	char rubbish[3000];
	int fd;

	store_close(f->store);
	memset(rubbish, 0x5a, sizeof(rubbish));
	fd = open(path, O_WRONLY);
	assert_true(pwrite(fd, rubbish, sizeof(rubbish), 4096) > 0);
	close(fd);
	f->store = store_open(f->directory, f->sealer, &f->err);
	assert_null(f->store);
	assert_int_equal(f->err.kind, ERR_INTERNAL);
}

static const struct {
	const char *name;
	mode_t mode;
} modes[] = { { "", S_IFDIR | 0700 },
	      { "certferry.db", S_IFREG | 0600 },
	      { "certferry.db-wal", S_IFREG | 0600 },
	      { "certferry.lock", S_IFREG | 0600 } };

static void files_are_private(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *deep = file(f, "new/state");
	AUTO_FREE char *shm = file(f, "certferry.db-shm");
	struct store *store = store_open(deep, f->sealer, &f->err);

	OK(f, store);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", deep, modes[i].name);
		struct stat st = { 0 };

		CHECK(modes[i].name, stat(path, &st) == 0 && st.st_mode == modes[i].mode);
	}
	CHECK("no shared memory: one process alone", access(shm, F_OK) < 0);
	store_close(store);
	DONE();
}

static int open_in_a_child(struct fixture *f, char said[400])
{
	int pipes[2], status = 0;
	pid_t pid;
	ssize_t len;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		struct err err = { 0 };
		struct store *store = store_open(f->directory, f->sealer, &err);

		if (write(pipes[1], err.msg, strlen(err.msg)) < 0)
			_exit(99);
		_exit(store ? 0 : (int)err.kind);
	}
	close(pipes[1]);
	len = read(pipes[0], said, 399);
	said[len > 0 ? len : 0] = '\0';
	close(pipes[0]);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void a_second_process_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *pid = xasprintf("(pid %d)", (int)getpid());
	char said[400];

	CHECK("conflict", open_in_a_child(f, said) == ERR_CONFLICT);
	CHECK("with our pid", strstr(said, pid) != NULL);
	CHECK("and so is a second time in this one",
	      !store_open(f->directory, f->sealer, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	store_close(f->store);
	CHECK("until we are done", open_in_a_child(f, said) == 0);
	fixture_open(f);
	DONE();
}

static void reopening_finds_what_was_written(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *wal = file(f, "certferry.db-wal");
	AUTO_ORDER struct order order = { 0 };
	struct stat st = { 0 };
	bool found;

	fixture_order(f, "www", "web-1", "a.test");
	store_close(f->store);
	CHECK("closing checkpoints", stat(wal, &st) < 0 || st.st_size == 0);
	fixture_open(f);
	fixture_reopen(f);
	OK(f, store_order_newest(f->store, "www", "web-1", &order, &found, &f->err));
	CHECK("there", found);
	DONE();
}

static void the_log_is_kept_short(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *wal = file(f, "certferry.db-wal");
	struct event event = { .name = "noise" };
	off_t largest = 0;

	memset(event.text, 'x', sizeof(event.text) - 1);
	/* More than twice what the log may hold; each end is a sync, which some disks
	 * take long for. */
	for (int i = 0; i < 500; i++) {
		struct stat st = { 0 };

		OK(f, store_begin(f->store, &f->err));
		for (int k = 0; k < 25; k++)
			OK(f, store_event_add(f->store, &event, &f->err));
		OK(f, store_end(f->store, true, &f->err));
		if (stat(wal, &st) == 0 && st.st_size > largest)
			largest = st.st_size;
	}
	assert_true(largest > 4096);
	assert_true(largest < (off_t)1100 * 4200);
}

struct nesting {
	const char *name;
	bool inner_keep, outer_keep;
	bool ends_well, is_there;
};
static const struct nesting nestings[] = {
	{ "both keep", true, true, true, true },
	{ "the outer one decides", true, false, true, false },
	{ "an inner no takes all back", false, true, false, false },
	{ "both take back", false, false, true, false },
};

static void transactions_nest(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(nestings); i++) {
		const struct nesting *row = &nestings[i];
		AUTO_FREE char *host = xasprintf("host-%zu", i);
		AUTO_ORDER struct order order = { 0 };
		bool found;

		OK(f, store_begin(f->store, &f->err));
		fixture_order(f, "www", host, "a.test");
		OK(f, store_begin(f->store, &f->err));
		OK(f, store_event_add(f->store, &made, &f->err));
		OK(f, store_end(f->store, row->inner_keep, &f->err));
		CHECK(row->name,
		      store_end(f->store, row->outer_keep, &f->err) == row->ends_well);
		OK(f, store_order_newest(f->store, "www", host, &order, &found, &f->err));
		CHECK(row->name, found == row->is_there);
	}
	DONE();
}

/* A part that fails, and a caller that goes on as if nothing had happened. */
static void a_failed_part_cannot_be_kept(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order again = { 0 }, order = { 0 };
	bool found;

	fixture_order(f, "www", "web-1", "a.test");
	fixture_order_fill(&again, "www", "web-1", "a.test");
	OK(f, store_begin(f->store, &f->err));
	fixture_order(f, "www", "web-2", "b.test");
	CHECK("a conflict", !store_order_add(f->store, &again, &made, &f->err));
	CHECK("is not forgotten", !store_end(f->store, true, &f->err));
	OK(f, store_order_newest(f->store, "www", "web-2", &order, &found, &f->err));
	CHECK("all is taken back", !found);
	DONE();
}

static void an_event_that_fails_stops_the_action(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order order = { 0 }, got = { 0 };
	struct event nameless = { .name = "" };
	bool found;

	fixture_order_fill(&order, "www", "web-1", "a.test");
	CHECK("refused", !store_order_add(f->store, &order, &nameless, &f->err));
	OK(f, store_order_newest(f->store, "www", "web-1", &got, &found, &f->err));
	CHECK("no order", !found);
	CHECK("no id", order.id == 0);
	DONE();
}

struct seen {
	int count;
	int64_t first, last;
	char text[600];
};

static bool see(void *arg, const struct event *event, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	if (!seen->count++)
		seen->first = event->id;
	seen->last = event->id;
	snprintf(seen->text, sizeof(seen->text), "%s|%s|%s|%lld|%s", event->name,
	         event->certificate, event->host, (long long)event->order_id,
	         event->text);
	return true;
}

static void events_are_listed(void **state)
{
	struct fixture *f = *state;
	struct seen all = { 0 }, newest = { 0 }, later = { 0 };
	struct event event = { .name = "delivery.done",
		               .certificate = "www",
		               .host = "web-1",
		               .order_id = 7,
		               .text = "installed" };

	for (int i = 0; i < 5; i++)
		OK(f, store_event_add(f->store, &event, &f->err));
	OK(f, store_event_each(f->store, 0, 100, see, &all, &f->err));
	CHECK("all", all.count == 5 && all.first < all.last);
	CHECK("whole", str_eq(all.text, "delivery.done|www|web-1|7|installed"));
	OK(f, store_event_each(f->store, 0, 2, see, &newest, &f->err));
	CHECK("the newest two", newest.count == 2 && newest.last == all.last);
	OK(f, store_event_each(f->store, all.first, 100, see, &later, &f->err));
	CHECK("after one", later.count == 4 && later.first == all.first + 1);
	DONE();
}

static void a_blocked_order_is_remembered(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *event, *host;
		bool is_blocked;
	} rows[] = {
		{ "at first",       "delivery.done",   "web-1", false },
		{ "kept away",      "order.blocked",   "web-1", true  },
		{ "something else", "delivery.done",   "web-1", true  },
		{ "another host",   "order.planned",   "web-2", true  },
		{ "begun",          "order.planned",   "web-1", false },
		{ "and again",      "order.blocked",   "web-1", true  },
		{ "down",           "order.postponed", "web-1", false },
	};
	/* clang-format on */
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event event = { .name = rows[i].event,
			               .certificate = "www",
			               .host = rows[i].host };
		char text[400] = "";
		bool found;

		snprintf(event.text, sizeof(event.text), "because of %zu", i);
		OK(f, store_event_add(f->store, &event, &f->err));
		OK(f,
		   store_event_blocked(f->store, "www", "web-1", text, &found, &f->err));
		CHECK(rows[i].name, found == rows[i].is_blocked);
		CHECK(rows[i].name, !found || str_starts(text, "because of "));
	}
	/* Events are never removed: no way to this one may lead past all others. */
	for (size_t i = 0; i < f->store->cached; i++)
		CHECK(f->store->cache[i].sql,
		      sqlite3_stmt_status(f->store->cache[i].stmt,
		                          SQLITE_STMTSTATUS_FULLSCAN_STEP, 0) == 0);
	DONE();
}

static void events_stay(void **state)
{
	static const char *const attempts[] = { "UPDATE event SET text = 'x'",
		                                "DELETE FROM event" };
	struct fixture *f = *state;
	AUTO_FREE char *path = file(f, "certferry.db");
	sqlite3 *db = NULL;

	OK(f, store_event_add(f->store, &made, &f->err));
	store_close(f->store);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		CHECK(attempts[i], sqlite3_exec(db, attempts[i], NULL, NULL, NULL) ==
		                       SQLITE_CONSTRAINT);
		CHECK(attempts[i], strstr(sqlite3_errmsg(db), "an event is never"));
	}
	sqlite3_close(db);
	fixture_open(f);
	DONE();
}

/* Writes orders and says so, until it is killed. */
static void write_until_killed(const struct fixture *f, int out)
{
	struct err err = { 0 };
	struct store *store = store_open(f->directory, f->sealer, &err);

	for (int32_t i = 0; store; i++) {
		AUTO_FREE char *host = xasprintf("host-%d", i);
		AUTO_ORDER struct order order = { 0 };

		fixture_order_fill(&order, "www", host, "a.test");
		if (!store_order_add(store, &order, &made, &err) ||
		    write(out, &i, sizeof(i)) != sizeof(i))
			break;
	}
	_exit(1);
}

static int32_t kill_a_writer(const struct fixture *f, useconds_t after_us)
{
	int32_t acked = -1, number;
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0)
		write_until_killed(f, pipes[1]);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &acked, sizeof(acked)), sizeof(acked));
	usleep(after_us);
	kill(pid, SIGKILL);
	while (read(pipes[0], &number, sizeof(number)) == sizeof(number))
		acked = number;
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	return acked;
}

static void what_was_acked_outlives_a_kill(void **state)
{
	(void)state;
	for (useconds_t i = 0; i < 12; i++) {
		void *fresh = NULL;
		struct fixture *f;
		struct seen events = { 0 };
		int32_t acked;

		fixture_setup(&fresh);
		f = fresh;
		store_close(f->store);
		acked = kill_a_writer(f, 1000 + i * 1733);
		fixture_open(f);
		for (int32_t n = 0; n <= acked; n++) {
			AUTO_FREE char *host = xasprintf("host-%d", n);
			AUTO_ORDER struct order order = { 0 };
			bool found;

			OK(f, store_order_newest(f->store, "www", host, &order, &found,
			                         &f->err));
			CHECK(host, found);
		}
		OK(f, store_event_each(f->store, 0, 1000000, see, &events, &f->err));
		CHECK("each with its event, and at most one that was not acked",
		      events.count == acked + 1 || events.count == acked + 2);
		fixture_teardown(&fresh);
	}
	DONE();
}

enum { THREADS = 4, ROUNDS = 25 };

static void *write_and_claim(void *arg)
{
	struct fixture *f = arg;
	struct err err = { 0 };
	int64_t claimed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		AUTO_ORDER struct order order = { 0 };
		bool found = false;

		if (!store_order_claim(f->store, 1, &order, &found, &err))
			break;
		if (!found)
			continue;
		order.run_at_ms = 2;
		if (!store_order_save(f->store, &order, true, &made, &err))
			break;
		claimed++;
	}
	return (void *)(intptr_t)(err.kind ? -1000 : claimed);
}

static void threads_share_a_store(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	struct seen events = { 0 };
	intptr_t sum = 0;

	for (int i = 0; i < THREADS * ROUNDS / 2; i++) {
		AUTO_FREE char *host = xasprintf("host-%d", i);

		fixture_order(f, "www", host, "a.test");
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_and_claim, f),
		                 0);
	for (int i = 0; i < THREADS; i++) {
		void *claimed = NULL;

		pthread_join(threads[i], &claimed);
		sum += (intptr_t)claimed;
	}
	assert_int_equal(sum, THREADS * ROUNDS / 2);
	OK(f, store_event_each(f->store, 0, 10000, see, &events, &f->err));
	assert_int_equal(events.count, THREADS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_that_are_refused),
		STORE_TEST(a_wrong_sealing_key_is_refused),
		STORE_TEST(a_broken_file_is_refused),
		STORE_TEST(files_are_private),
		STORE_TEST(a_second_process_is_refused),
		STORE_TEST(reopening_finds_what_was_written),
		STORE_TEST(the_log_is_kept_short),
		STORE_TEST(transactions_nest),
		STORE_TEST(a_failed_part_cannot_be_kept),
		STORE_TEST(an_event_that_fails_stops_the_action),
		STORE_TEST(events_are_listed),
		STORE_TEST(a_blocked_order_is_remembered),
		STORE_TEST(events_stay),
		cmocka_unit_test(what_was_acked_outlives_a_kill),
		STORE_TEST(threads_share_a_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
