/* SPDX-License-Identifier: Apache-2.0 */
#include "sched.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

/*
 * One worker at a time looks for what is due; the others run steps or wait to be woken. A
 * worker that has found something wakes the next one, which looks for more, and one that
 * has done a step has changed what is due. So what is looked for is a handful of queries
 * a step, however many workers there are, and none while nothing happens.
 */
enum {
	WORKERS_MAX = 64,
	STOP_MS = 100,     /* how soon a *stop that was set is seen */
	RETRY_MS = 50,     /* ... a row that was due and that another worker took */
	REFUSALS_MAX = 100 /* then a queue that promises rows and gives none is broken */
};
static const int64_t never = INT64_MAX;

struct pool {
	const struct sched_queue *queues;
	size_t count;
	const struct sched_limits *limits;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	int *running;       /* steps of each queue */
	int running_in_all; /* queues */
	size_t turn;        /* queue that is asked first, so that none starves another */
	int64_t
	    look_at_ms;  /* when to look for a due row again; never: when one is done */
	bool is_looking; /* somebody */
	bool has_watch;  /* somebody waits with a clock, and sees *stop */
	uint64_t done;   /* steps */
	int refusals;
	bool is_over;
	bool has_failed;
	struct err err;
};

struct find {
	bool is_due;
	size_t queue;
	int64_t earliest_ms; /* of what is not due yet */
};

static void end_run(struct pool *pool)
{
	pool->is_over = true;
	pthread_cond_broadcast(&pool->changed);
}

static void fail_run(struct pool *pool, const struct err *err)
{
	if (!pool->has_failed)
		pool->err = *err;
	pool->has_failed = true;
	end_run(pool);
}

static void look_again(struct pool *pool, int64_t when_ms)
{
	if (when_ms < pool->look_at_ms)
		pool->look_at_ms = when_ms;
	pthread_cond_signal(&pool->changed);
}

/* Only who looks takes places, so one that is free stays free while the mutex is let go
 * of. */
static bool has_room(const struct pool *pool, size_t queue)
{
	int max = pool->queues[queue].parallel_max;

	return max <= 0 || pool->running[queue] < max;
}

static bool ask(struct pool *pool, size_t i, struct find *find, struct err *err)
{
	const struct sched_queue *queue = &pool->queues[i];
	int64_t run_at_ms = 0;
	bool any = false, is_well;

	pthread_mutex_unlock(&pool->mutex);
	is_well = queue->next(queue->arg, &run_at_ms, &any, err);
	pthread_mutex_lock(&pool->mutex);
	if (!is_well)
		return false;
	if (any && run_at_ms <= clock_now_ms()) {
		find->is_due = true;
		find->queue = i;
	} else if (any && run_at_ms < find->earliest_ms) {
		find->earliest_ms = run_at_ms;
	}
	return true;
}

static bool look(struct pool *pool, struct find *find, struct err *err)
{
	size_t first = pool->turn++;

	*find = (struct find){ .earliest_ms = never };
	pool->look_at_ms = never;
	for (size_t k = 0; k < pool->count && !find->is_due; k++) {
		size_t i = (first + k) % pool->count;

		if (has_room(pool, i) && !ask(pool, i, find, err))
			return false;
	}
	return true;
}

/* A row that somebody else took first. Unless a step was done since, to look again at
 * once would find the same. */
static void note_refusal(struct pool *pool, const struct sched_queue *queue,
                         uint64_t done_before)
{
	struct err err;

	if (pool->done == done_before) {
		pool->look_at_ms = clock_now_ms() + RETRY_MS;
		pthread_cond_signal(&pool->changed);
	} else {
		/* Who looked while this step ran took it for work that goes on, and left
		 * the next look to its end. */
		look_again(pool, 0);
	}
	if (pool->running_in_all > 0 || ++pool->refusals < REFUSALS_MAX)
		return;
	(void)err_set(&err, ERR_INTERNAL,
	              "queue %s says again and again that a row is due, and gives none",
	              queue->name);
	fail_run(pool, &err);
}

static void note_done(struct pool *pool)
{
	pool->done++;
	pool->refusals = 0;
	look_again(pool, 0);
}

static void run_step(struct pool *pool, size_t i)
{
	const struct sched_queue *queue = &pool->queues[i];
	struct err err = { 0 };
	uint64_t done_before = pool->done;
	bool did = false, is_well;

	pool->running[i]++;
	pool->running_in_all++;
	look_again(pool, 0);
	pthread_mutex_unlock(&pool->mutex);
	is_well = queue->step(queue->arg, clock_now_ms(), &did, &err);
	pthread_mutex_lock(&pool->mutex);
	pool->running[i]--;
	pool->running_in_all--;
	if (!is_well)
		fail_run(pool, &err);
	else if (did)
		note_done(pool);
	else
		note_refusal(pool, queue, done_before);
}

/* With a step running there is always more to come, and with one that was done since the
 * look began there may be: it may have made a row that is due now. */
static bool is_all_done(const struct pool *pool, const struct find *find)
{
	int64_t now_ms = clock_now_ms();

	return pool->running_in_all == 0 && pool->look_at_ms == never &&
	       (find->earliest_ms == never ||
	        find->earliest_ms - now_ms > pool->limits->patience_ms);
}

static void look_and_run(struct pool *pool)
{
	struct find find;
	struct err err = { 0 };
	bool is_well;

	pool->is_looking = true;
	is_well = look(pool, &find, &err);
	pool->is_looking = false;
	if (!is_well)
		fail_run(pool, &err);
	else if (pool->is_over)
		return;
	else if (find.is_due)
		run_step(pool, find.queue);
	else if (is_all_done(pool, &find))
		end_run(pool);
	else
		look_again(pool, find.earliest_ms);
}

static void wait_with_clock(struct pool *pool)
{
	int64_t left_ms = pool->look_at_ms == never ? STOP_MS
	                                            : pool->look_at_ms - clock_now_ms();
	struct timespec until;

	if (left_ms > STOP_MS)
		left_ms = STOP_MS;
	/* Somebody looks already: what is due now is found by him. */
	if (left_ms < 1)
		left_ms = 1;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)left_ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pool->has_watch = true;
	pthread_cond_timedwait(&pool->changed, &pool->mutex, &until);
	pool->has_watch = false;
}

static void *work(void *arg)
{
	struct pool *pool = arg;

	pthread_mutex_lock(&pool->mutex);
	while (!pool->is_over) {
		if (pool->limits->stop && atomic_load(pool->limits->stop))
			end_run(pool);
		else if (!pool->is_looking && pool->look_at_ms <= clock_now_ms())
			look_and_run(pool);
		else if (!pool->has_watch)
			wait_with_clock(pool);
		else
			pthread_cond_wait(&pool->changed, &pool->mutex);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static void pool_init(struct pool *pool)
{
	pthread_condattr_t attributes;

	pool->running = xcalloc(pool->count + 1, sizeof(*pool->running));
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void pool_deinit(struct pool *pool)
{
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->running);
}

static int start_workers(struct pool *pool, pthread_t threads[WORKERS_MAX])
{
	for (int i = 0; i < pool->limits->workers; i++) {
		struct err err;
		int reason = pthread_create(&threads[i], NULL, work, pool);

		if (reason == 0)
			continue;
		(void)err_set(&err, ERR_INTERNAL, "cannot start worker %d of %d: %s",
		              i + 1, pool->limits->workers, strerror(reason));
		pthread_mutex_lock(&pool->mutex);
		fail_run(pool, &err);
		pthread_mutex_unlock(&pool->mutex);
		return i;
	}
	return pool->limits->workers;
}

bool sched_run(const struct sched_queue *queues, size_t count,
               const struct sched_limits *limits, struct err *err)
{
	CLEANUP(pool_deinit)
	struct pool pool = { .queues = queues, .count = count, .limits = limits };
	pthread_t threads[WORKERS_MAX];
	int started;

	pool_init(&pool);
	if (limits->workers < 1 || limits->workers > WORKERS_MAX)
		return err_set(err, ERR_CONFIG, "%d workers: 1 to %d are possible",
		               limits->workers, WORKERS_MAX);
	started = start_workers(&pool, threads);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (pool.has_failed)
		*err = pool.err;
	return !pool.has_failed;
}
