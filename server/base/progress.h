/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H
#include <stdint.h>

/*
 * progress - what a person who watches a run is told
 *
 * The engine calls the function whenever a piece of work changes its state; the
 * command line draws bars or prints lines of it. Called from any worker thread, so the
 * function does its own locking; it must be quick and must not call the engine.
 */
enum progress_kind {
	PROGRESS_STEP,  /* it is now in `state` */
	PROGRESS_WAITS, /* it failed or was told to wait, and goes on at `until` */
	PROGRESS_DONE,
	PROGRESS_FAILED, /* it will not be tried again without a cause */
};

struct progress_event {
	enum progress_kind kind;
	const char *what;        /* "order", "delivery" */
	const char *certificate; /* the configuration's names */
	const char *host;
	const char *state; /* "publish", "reloaded" */
	const char *text;  /* for people; may be NULL */
	int64_t until;     /* seconds since the epoch, for PROGRESS_WAITS */
};

typedef void progress_fn(void *arg, const struct progress_event *event);

struct progress {
	progress_fn *report; /* NULL: nobody watches */
	void *arg;
};
#endif
