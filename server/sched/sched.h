/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * sched - a few workers that run whatever row is due
 *
 * Knows no domain and no store: a queue is two functions. A worker asks each
 * queue in turn to claim one due row and run one step of it; a step blocks at most as
 * long as its own deadlines allow, and waiting is a later run_at. The pool ends when no
 * step is running and no row becomes due within patience_ms, or soon after *stop is set
 * (steps that run are ended by their own deadlines, none is begun). Queue functions are
 * called from several threads at once.
 */
struct sched_queue {
	const char *name;
	void *arg;
	int parallel_max; /* steps of this queue at the same time; 0: no limit but workers
	                   */

	/* Claims one row due at now_ms, runs one step, saves. *did: there was one. An
	 * error (the store failed) ends the whole run. */
	bool (*step)(void *arg, int64_t now_ms, bool *did, struct err *err);

	/* The earliest run_at_ms (wall clock) of all rows that wait; *any: there is one.
	 */
	bool (*next)(void *arg, int64_t *run_at_ms, bool *any, struct err *err);
};

struct sched_limits {
	int workers;         /* 1..64 */
	int64_t patience_ms; /* rows due later than this are left for another run */
	const atomic_bool *stop;
};

bool sched_run(const struct sched_queue *queues, size_t count,
               const struct sched_limits *limits, struct err *err) MUST_CHECK;
#endif
