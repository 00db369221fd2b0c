/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H
#include "cleanup.h"
#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_INTERNAL, /* our bug, or the machine's: disk full, corrupt row */
	ERR_CONFIG,   /* the operator must change a setting */
	ERR_INPUT,    /* the caller of the API sent nonsense */
	ERR_NOT_FOUND,
	ERR_CONFLICT,
	ERR_DENIED,    /* credentials refused, by us or by a remote */
	ERR_REMOTE,    /* a remote answered, and the answer is a final no */
	ERR_TEMPORARY, /* a remote may answer better later */
	ERR_KIND_COUNT
};

struct err {
	enum err_kind kind;
	int retry_after; /* seconds a remote asked us to wait; 0: it did not say */
	char code[64];   /* the remote's own code, e.g. an ACME problem type */
	char msg[400];
};

struct err_info {
	const char *name;
	int http_status;
	int exit_code;
	bool retry;
};

/* One row a kind: what the API, the CLI and the scheduler make of it. */
extern const struct err_info err_infos[ERR_KIND_COUNT];

/*
 * Each fills err and is itself false, so that a caller writes
 *
 *         return err_set(err, ERR_INPUT, "'%s' is not a name", name);
 *
 * They are macros so that the compiler and the analyzers see the false.
 */
#define err_set(err, kind, ...)       (err_set_((err), (kind), __VA_ARGS__), false)
#define err_set_errno(err, kind, ...) (err_set_errno_((err), (kind), __VA_ARGS__), false)
#define err_context(err, ...)         (err_context_((err), __VA_ARGS__), false)

void err_set_(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
void err_set_errno_(struct err *err, enum err_kind kind, const char *fmt, ...)
    PRINTF(3, 4);
void err_context_(struct err *err, const char *fmt, ...) PRINTF(2, 3);
#endif
