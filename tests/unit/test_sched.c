/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/sched.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"

/* What must not take long takes less than this on the busiest machine; what is waited for
 * in vain takes more. */
enum { ROWS_MAX = 256, TOO_LONG_MS = 30 * 1000, VAIN_MS = 10 * TOO_LONG_MS };

/* A queue in memory: rows with a time, each of which is claimed, takes a while, and is
 * done, or is due once more. */
struct fake {
	pthread_mutex_t mutex;
	int64_t run_at_ms[ROWS_MAX]; /* 0: no row, or claimed */
	int rows;
	int again;        /* steps after which a row waits again, in all */
	int64_t again_ms; /* ... for so long */
	int takes_ms;
	int together;       /* a step ends when so many have run at once */
	struct fake *other; /* ... and when no row of this one will be due again */
	int fails_at;       /* the step with this number fails; 0: none */
	int running, most_running, steps, next_calls, step_calls;
	bool lies; /* says that a row is due, and has none */
	atomic_bool *stop;
};

static int due_row(const struct fake *fake, int64_t now_ms)
{
	for (int i = 0; i < fake->rows; i++)
		if (fake->run_at_ms[i] && fake->run_at_ms[i] <= now_ms)
			return i;
	return -1;
}

static int claim(struct fake *fake, int64_t now_ms)
{
	int row;

	pthread_mutex_lock(&fake->mutex);
	fake->step_calls++;
	row = due_row(fake, now_ms);
	if (row >= 0) {
		fake->run_at_ms[row] = 0;
		fake->steps++;
		if (++fake->running > fake->most_running)
			fake->most_running = fake->running;
	}
	pthread_mutex_unlock(&fake->mutex);
	return row;
}

static bool has_company(struct fake *fake)
{
	struct fake *other = fake->other;
	bool yes;

	pthread_mutex_lock(&fake->mutex);
	yes = fake->most_running >= fake->together;
	pthread_mutex_unlock(&fake->mutex);
	if (!yes || !other)
		return yes;
	pthread_mutex_lock(&other->mutex);
	yes = other->again == 0 && other->running == 0 && other->steps > 0;
	pthread_mutex_unlock(&other->mutex);
	return yes;
}

static bool fake_step(void *arg, int64_t now_ms, bool *did, struct err *err)
{
	struct fake *fake = arg;
	int row = claim(fake, now_ms), number;
	int64_t until_ms = clock_deadline_ms(TOO_LONG_MS);

	*did = row >= 0;
	if (!*did)
		return true;
	usleep((useconds_t)fake->takes_ms * 1000);
	/* Steps that others would wait for are not told apart by how long they take. */
	while (!has_company(fake) && clock_left_ms(until_ms) > 0)
		usleep(1000);
	if (fake->stop)
		atomic_store(fake->stop, true);
	pthread_mutex_lock(&fake->mutex);
	fake->running--;
	number = fake->steps;
	if (fake->again > 0) {
		fake->again--;
		fake->run_at_ms[row] = clock_now_ms() + fake->again_ms;
	}
	pthread_mutex_unlock(&fake->mutex);
	if (fake->fails_at && number >= fake->fails_at)
		return err_set(err, ERR_INTERNAL, "the disk is gone");
	return true;
}

static bool fake_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err)
{
	struct fake *fake = arg;

	(void)err;
	pthread_mutex_lock(&fake->mutex);
	fake->next_calls++;
	*any = fake->lies;
	*run_at_ms = fake->lies ? 1 : 0;
	for (int i = 0; i < fake->rows; i++) {
		int64_t at = fake->run_at_ms[i];

		if (at && (!*any || at < *run_at_ms)) {
			*any = true;
			*run_at_ms = at;
		}
	}
	pthread_mutex_unlock(&fake->mutex);
	return true;
}

static void fake_init(struct fake *fake, int rows, int64_t in_ms, int takes_ms)
{
	memset(fake, 0, sizeof(*fake));
	pthread_mutex_init(&fake->mutex, NULL);
	fake->rows = rows;
	fake->takes_ms = takes_ms;
	for (int i = 0; i < rows; i++)
		fake->run_at_ms[i] = clock_now_ms() + in_ms;
}

/* clang-format off */
static const struct {
	const char *name;
	int rows, takes_ms, parallel_max, workers;
	int most_running_min, most_running_max;
} runs[] = {
	{ "nothing to do",              0,  0, 0,  4,  0,  0 },
	{ "one worker",                 5,  5, 0,  1,  1,  1 },
	{ "as many as there are",      64, 30, 0, 16, 16, 16 },
	{ "the queue's own limit",     24, 10, 3, 16,  3,  3 },
	{ "a limit above the workers", 24, 10, 9,  2,  2,  2 },
	{ "many short steps",         250,  0, 0,  8,  1,  8 },
};
/* clang-format on */

static void every_row_is_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct fake fake;
		struct sched_queue queue = { "fake", &fake, runs[i].parallel_max,
			                     fake_step, fake_next };
		struct sched_limits limits = { .workers = runs[i].workers };
		struct err err = { 0 };
		int64_t start = clock_mono_ms();

		fake_init(&fake, runs[i].rows, 0, runs[i].takes_ms);
		fake.together = runs[i].most_running_min;
		CHECK(runs[i].name, sched_run(&queue, 1, &limits, &err));
		CHECK(runs[i].name, fake.steps == runs[i].rows);
		CHECK(runs[i].name, fake.most_running >= runs[i].most_running_min);
		CHECK(runs[i].name, fake.most_running <= runs[i].most_running_max);
		CHECK(runs[i].name, clock_mono_ms() - start < TOO_LONG_MS);
	}
	DONE();
}

static const struct {
	const char *name;
	int64_t due_in_ms, patience_ms;
	int steps;
} waits[] = {
	{ "waited for", 150, VAIN_MS, 1 },
	{ "left for another run", 2 * VAIN_MS, VAIN_MS, 0 },
	{ "no patience at all", VAIN_MS, 0, 0 },
};

static void patience(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct fake fake;
		struct sched_queue queue = { "fake", &fake, 0, fake_step, fake_next };
		struct sched_limits limits = { 4, waits[i].patience_ms, NULL };
		struct err err = { 0 };
		int64_t start = clock_mono_ms(), took;

		fake_init(&fake, 1, waits[i].due_in_ms, 0);
		CHECK(waits[i].name, sched_run(&queue, 1, &limits, &err));
		took = clock_mono_ms() - start;
		CHECK(waits[i].name, fake.steps == waits[i].steps);
		CHECK(waits[i].name, took < TOO_LONG_MS);
		CHECK(waits[i].name, !waits[i].steps || took >= waits[i].due_in_ms - 5);
	}
	DONE();
}

/* A long step of one queue, while the rows of another become due again and again: it ends
 * when they are done. */
static void rows_become_due_while_others_run(void **state)
{
	struct fake slow, quick;
	struct sched_queue queues[] = { { "slow", &slow, 0, fake_step, fake_next },
		                        { "quick", &quick, 0, fake_step, fake_next } };
	struct sched_limits limits = { 2, 200, NULL };
	struct err err = { 0 };
	int64_t start = clock_mono_ms();

	(void)state;
	fake_init(&slow, 1, 0, 0);
	fake_init(&quick, 1, 0, 1);
	slow.other = &quick;
	quick.again = 6;
	quick.again_ms = 30;
	CHECK("runs", sched_run(queues, 2, &limits, &err));
	CHECK("slow", slow.steps == 1);
	CHECK("quick", quick.steps == 7);
	CHECK("at the same time", clock_mono_ms() - start < TOO_LONG_MS);
	DONE();
}

/* While one step runs, a row that is due later than patience is still looked at once the
 * step is over: its own row may be due by then. */
static void the_last_step_may_bring_more(void **state)
{
	struct fake fake;
	struct sched_queue queue = { "fake", &fake, 0, fake_step, fake_next };
	struct sched_limits limits = { 4, 100, NULL };
	struct err err = { 0 };

	(void)state;
	fake_init(&fake, 1, 0, 150);
	fake.again = 2;
	fake.again_ms = 50;
	CHECK("runs", sched_run(&queue, 1, &limits, &err));
	CHECK("three steps", fake.steps == 3);
	DONE();
}

static void stop_is_seen(void **state)
{
	atomic_bool stop = false;
	struct fake busy, idle;
	struct sched_queue queues[] = { { "busy", &busy, 0, fake_step, fake_next },
		                        { "idle", &idle, 0, fake_step, fake_next } };
	struct sched_limits limits = { 2, 2 * VAIN_MS, &stop };
	struct err err = { 0 };
	int64_t start = clock_mono_ms();

	(void)state;
	fake_init(&busy, 100, 0, 20);
	fake_init(&idle, 1, VAIN_MS, 0);
	busy.stop = &stop;
	CHECK("is no error", sched_run(queues, 2, &limits, &err));
	CHECK("none is begun", busy.steps >= 1 && busy.steps <= 2);
	CHECK("soon", clock_mono_ms() - start < TOO_LONG_MS);
	DONE();
}

static void *set_later(void *arg)
{
	usleep(200 * 1000);
	atomic_store((atomic_bool *)arg, true);
	return NULL;
}

static void stop_is_seen_by_waiters(void **state)
{
	atomic_bool stop = false;
	struct fake idle;
	struct sched_queue queue = { "idle", &idle, 0, fake_step, fake_next };
	struct sched_limits limits = { 8, 2 * VAIN_MS, &stop };
	struct err err = { 0 };
	int64_t start = clock_mono_ms();
	pthread_t thread;

	(void)state;
	fake_init(&idle, 1, VAIN_MS, 0);
	pthread_create(&thread, NULL, set_later, &stop);
	CHECK("is no error", sched_run(&queue, 1, &limits, &err));
	CHECK("soon", clock_mono_ms() - start < TOO_LONG_MS);
	pthread_join(thread, NULL);
	DONE();
}

static void an_error_ends_the_run(void **state)
{
	struct fake fake;
	struct sched_queue queue = { "fake", &fake, 0, fake_step, fake_next };
	struct sched_limits limits = { 2, 60000, NULL };
	struct err err = { 0 };

	(void)state;
	fake_init(&fake, 200, 0, 5);
	fake.fails_at = 3;
	CHECK("fails", !sched_run(&queue, 1, &limits, &err));
	CHECK("with its error",
	      err.kind == ERR_INTERNAL && strcmp(err.msg, "the disk is gone") == 0);
	CHECK("at once", fake.steps <= 5);
	limits.workers = 0;
	CHECK("no workers",
	      !sched_run(&queue, 1, &limits, &err) && err.kind == ERR_CONFIG);
	limits.workers = 65;
	CHECK("too many", !sched_run(&queue, 1, &limits, &err) && err.kind == ERR_CONFIG);
	DONE();
}

static void waiting_is_not_asking(void **state)
{
	struct fake fake;
	struct sched_queue queue = { "fake", &fake, 0, fake_step, fake_next };
	struct sched_limits limits = { 16, 2000, NULL };
	struct err err = { 0 };

	(void)state;
	fake_init(&fake, 1, 600, 0);
	CHECK("waits", sched_run(&queue, 1, &limits, &err));
	CHECK("few looks", fake.next_calls <= 12);
	CHECK("fewer claims", fake.step_calls <= 8);

	fake_init(&fake, 1, 0, 600);
	CHECK("works", sched_run(&queue, 1, &limits, &err));
	CHECK("few looks beside a long step", fake.next_calls <= 40);
	DONE();
}

static void a_queue_that_lies_is_found_out(void **state)
{
	struct fake fake;
	struct sched_queue queue = { "fake", &fake, 0, fake_step, fake_next };
	struct sched_limits limits = { 4, 1000, NULL };
	struct err err = { 0 };
	int64_t start = clock_mono_ms();

	(void)state;
	fake_init(&fake, 0, 0, 0);
	fake.lies = true;
	CHECK("fails", !sched_run(&queue, 1, &limits, &err));
	CHECK("by name", strstr(err.msg, "queue fake") != NULL);
	CHECK("without a busy loop", fake.step_calls <= 400);
	CHECK("but slowly", clock_mono_ms() - start > 1000);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_run),
		cmocka_unit_test(patience),
		cmocka_unit_test(rows_become_due_while_others_run),
		cmocka_unit_test(the_last_step_may_bring_more),
		cmocka_unit_test(stop_is_seen),
		cmocka_unit_test(stop_is_seen_by_waiters),
		cmocka_unit_test(an_error_ends_the_run),
		cmocka_unit_test(waiting_is_not_asking),
		cmocka_unit_test(a_queue_that_lies_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
