/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_OPENSSL_ERR_H
#define CRYPTO_OPENSSL_ERR_H
#include "base/err.h"

/*
 * What OpenSSL says went wrong goes into err behind our own words, and its queue of
 * the thread is empty after it, so that no later error shows an old reason. Is itself
 * false, as err_set() is. For this module only.
 */
/* Forgets what others (libcurl) left in the thread's queue: called before something that
 * may fail without an entry of its own. */
void openssl_forget(void);

#define openssl_err(err, kind, ...) (openssl_err_((err), (kind), __VA_ARGS__), false)
void openssl_err_(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
#endif
