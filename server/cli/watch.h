/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

/* watch - waits for signals while work is done that should come to its end */
struct watch {
	pthread_t thread;
	sigset_t set;
	atomic_bool stop; /* a signal came */
};

/* Before any other thread is made. */
bool watch_start(struct watch *watch, struct err *err) MUST_CHECK;
void watch_end(struct watch *watch);
#endif
