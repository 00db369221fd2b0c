/* SPDX-License-Identifier: Apache-2.0 */
#include "err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct err_info err_infos[] = {
	[ERR_NONE] = { "none", 200, 0, false },
	[ERR_INTERNAL] = { "internal", 500, 1, true },
	[ERR_CONFIG] = { "config", 500, 2, false },
	[ERR_INPUT] = { "input", 400, 2, false },
	[ERR_NOT_FOUND] = { "not-found", 404, 3, false },
	[ERR_CONFLICT] = { "conflict", 409, 4, false },
	[ERR_DENIED] = { "denied", 403, 5, false },
	[ERR_REMOTE] = { "remote", 502, 6, false },
	[ERR_TEMPORARY] = { "temporary", 503, 7, true },
};
_Static_assert(ARRAY_SIZE(err_infos) == ERR_KIND_COUNT, "a kind has no row");

void err_set_(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	struct err filled = { .kind = kind };
	va_list ap;

	/* Aside first: what is printed may be a part of the old error. */
	va_start(ap, fmt);
	vsnprintf(filled.msg, sizeof(filled.msg), fmt, ap);
	va_end(ap);
	*err = filled;
}

void err_set_errno_(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	const char *reason = strerror(errno);
	size_t len;
	va_list ap;

	*err = (struct err){ .kind = kind };
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", reason);
}

void err_context_(struct err *err, const char *fmt, ...)
{
	char where[sizeof(err->msg)], inner[sizeof(err->msg)];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(where, sizeof(where), fmt, ap);
	va_end(ap);
	memcpy(inner, err->msg, sizeof(inner));
	memcpy(err->msg, where, sizeof(where));
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %.*s", (int)sizeof(inner),
	         inner);
}
