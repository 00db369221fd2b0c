/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H
#include <stddef.h>

#include "cleanup.h"

/*
 * secret - bytes that must not be seen
 *
 * Keys, tokens, passwords. A secret is wiped when it is freed, has no printf
 * path and no conversion to text but secret_reveal(), which grep finds. It is
 * never put in argv, in the environment, in a log line or in an error text.
 * Immutable once made, so any thread may read it.
 */
struct secret;

struct secret *secret_new(const void *bytes, size_t len) MUST_CHECK;
struct secret *secret_dup(const struct secret *secret) MUST_CHECK;
/* Borrowed, NUL-terminated (the NUL is not counted). len may be NULL. */
const char *secret_reveal(const struct secret *secret, size_t *len);
void secret_free(struct secret *secret);

DEFINE_CLEANUP(struct secret *, secret_free);
#define AUTO_SECRET CLEANUP(secret_freep)
#endif
