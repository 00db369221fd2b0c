/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_PARTS_H
#define SANDBOX_PARTS_H
#include "sandbox.h"

/*
 * parts - the two kernel filters that sandbox_enter() puts on
 *
 * Both are for good, hold for every thread, and need PR_SET_NO_NEW_PRIVS first.
 * Files before system calls, since the second forbids the calls of the first.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

/* By Landlock. True without effect where the kernel or the container has none. */
bool files_limit(enum sandbox_kind kind, const struct sandbox_limits *limits,
                 struct err *err) MUST_CHECK;

/* By seccomp. */
bool calls_limit(enum sandbox_kind kind, struct err *err) MUST_CHECK;
#endif
