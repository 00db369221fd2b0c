/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H
#include "base/err.h"

/*
 * lock - the state directory, safe to keep secrets in and ours alone
 *
 * The directory is made with mode 0700 where it is missing. One that others can look
 * into, that belongs to another user, or that lies on a network file system (where
 * neither locks nor the write-ahead log can be relied on) is ERR_CONFIG. The lock is an
 * flock() on certferry.lock and ends with the process, however that ends.
 */
bool directory_check(const char *directory, struct err *err) MUST_CHECK;

/* The descriptor that holds the lock, or -1: ERR_CONFLICT with the pid of who has it. */
int directory_lock(const char *directory, struct err *err) MUST_CHECK;
#endif
