/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SANDBOX_PARTS_H
#define AGENT_SANDBOX_PARTS_H
#include "base/err.h"

/* The filter on system calls, for agent/sandbox*.c only. */
bool sandbox_limit_calls(struct err *err) MUST_CHECK;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#endif
