/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H
#include <sys/types.h>

#include "frame.h"

/*
 * child - a helper program of ours, one operation long
 *
 * The child has an empty environment, /dev/null on 0, 1 and 2 (2 stays ours
 * in a sanitizer build), one end of a SOCK_SEQPACKET pair on CHILD_FD, and no
 * other descriptor. It is ended and reaped by its pid in child_end(), always,
 * so a child never outlives its owner's interest; and it is killed when the thread
 * that started it ends. Owned by that one thread; no signal handler is involved.
 */
enum { CHILD_FD = 3 };

struct child {
	pid_t pid; /* 0: none */
	int fd;
	const char *name; /* for error texts; borrowed */
};
#define CHILD_INIT       \
	{                \
		.fd = -1 \
	}

/* Starts program (a path) as name. */
bool child_start(struct child *child, const char *program, const char *name,
                 struct err *err) MUST_CHECK;

bool child_send(struct child *child, const void *bytes, size_t len, int64_t deadline_ms,
                struct err *err) MUST_CHECK;

/* One frame. A child that closed without one is an error that says how it ended:
 * "x was killed by signal 11", "x ended with status 1". */
bool child_receive(struct child *child, struct buf *frame, int64_t deadline_ms,
                   struct err *err) MUST_CHECK;

/* Kills it where it still runs, and reaps it. May be called twice. */
void child_end(struct child *child);
#define AUTO_CHILD CLEANUP(child_end)

/* For the child itself, first thing in main(): checks that CHILD_FD is a socket
 * (so a person who starts it by hand gets a sentence), closes all above it, no
 * core dumps, not traceable. wall_s: the process ends itself after that many
 * seconds whatever happens. */
void child_enter(unsigned wall_s);
#endif
