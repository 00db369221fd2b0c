/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn)       __attribute__((cleanup(fn)))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a)     (sizeof(a) / sizeof((a)[0]))

/* Defines foo_freep() from foo_free(), for use as CLEANUP(foo_freep). */
#define DEFINE_CLEANUP(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		if (*p)                   \
			fn(*p);           \
	}                                 \
	struct cleanup_needs_semicolon

/* Hands the pointer on and leaves NULL behind, so the cleanup does nothing. */
#define TAKE(p)                            \
	__extension__({                    \
		__typeof__(p) take_ = (p); \
		(p) = NULL;                \
		take_;                     \
	})

/* The same for a descriptor. */
#define TAKE_FD(fd)               \
	__extension__({           \
		int take_ = (fd); \
		(fd) = -1;        \
		take_;            \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}
static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define AUTO_FREE  CLEANUP(freep)
#define AUTO_CLOSE CLEANUP(closep)
#endif
