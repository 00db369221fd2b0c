/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include "cleanup.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * buf - bytes that grow up to a limit
 *
 * A buf lives in its owner's storage. It starts as BUF_INIT(max), and data is
 * then a valid empty string; it stays NUL-terminated after every call, though
 * it may hold NULs of its own.
 *
 * Appending does not fail. Appending past max sets `over` and leaves the
 * contents alone, and so do all later appends: build the whole thing, then
 * look at `over` once. max is what stops a remote from filling our memory, so
 * choose it from what the protocol needs. No memory left ends the process.
 */
struct buf {
	char *data; /* never NULL */
	size_t len; /* without the final NUL */
	size_t cap;
	size_t max;
	bool over;
};

extern char buf_empty[];
#define BUF_INIT(limit)                           \
	{                                         \
		.data = buf_empty, .max = (limit) \
	}

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_addf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
/* In single quotes, and each quote in it twice: a scalar of YAML, in which nothing else
 * has a meaning. */
void buf_add_quoted(struct buf *buf, const char *text);
char *buf_take(struct buf *buf); /* the caller frees; buf is empty again */
void buf_wipe(struct buf *buf);  /* zeroes, frees, and is empty again */
#define AUTO_BUF CLEANUP(buf_wipe)
#endif
