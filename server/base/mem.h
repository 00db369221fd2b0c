/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEM_H
#define BASE_MEM_H
#include <stdarg.h>
#include <stddef.h>

#include "cleanup.h"

/*
 * mem - memory that is always there
 *
 * No memory left ends the process: every step of work is committed in the store
 * and can be repeated, so that a restart loses nothing, and no caller carries a
 * branch that is never tested. The price is that every size that comes from
 * outside has a limit before it gets here. Free with free(). Any thread.
 */
void *xcalloc(size_t count, size_t size) MUST_CHECK;
void *xrealloc(void *old, size_t count, size_t size) MUST_CHECK;
char *xstrdup(const char *text) MUST_CHECK; /* NULL gives NULL */
char *xstrndup(const char *text, size_t len) MUST_CHECK;
char *xasprintf(const char *fmt, ...) PRINTF(1, 2) MUST_CHECK;
char *xvasprintf(const char *fmt, va_list ap) PRINTF(1, 0) MUST_CHECK;

#define NEW(type) ((type *)xcalloc(1, sizeof(type)))
#endif
