/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_RESOLVE_H
#define INSTALL_RESOLVE_H
#include <netdb.h>
#include <stdint.h>

#include "base/err.h"

/*
 * resolve - addresses of a host, by a deadline
 *
 * getaddrinfo() has none: it may try silent name servers for half a minute. It runs in
 * a thread of its own, which is left to itself when the deadline comes, and then frees
 * what it finds. The caller frees the list with freeaddrinfo(). Errors are
 * ERR_TEMPORARY, or ERR_CONFIG where there is no such name. Any thread.
 */
struct addrinfo *resolve(const char *host, uint16_t port, int64_t deadline_ms,
                         struct err *err) MUST_CHECK;

DEFINE_CLEANUP(struct addrinfo *, freeaddrinfo);
#endif
