/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_STARTTLS_H
#define INSTALL_STARTTLS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe.h"

/*
 * starttls - what is said before TLS begins
 *
 * SMTP (RFC 3207), IMAP and POP3 (RFC 2595), and PostgreSQL's SSLRequest. The socket does
 * not block; what a server says is bounded in lines and bytes. Not a byte behind the last
 * answer is taken, so that TLS finds its own. False with why, printable, and whether it
 * is the connection's end or the server that refuses.
 */
bool starttls_run(enum probe_protocol protocol, int fd, int64_t deadline_ms, char *why,
                  size_t why_size);

/* True when the socket is ready; errno is ETIMEDOUT at the deadline. */
bool socket_wait(int fd, short what, int64_t deadline_ms);

/* All of it, or false with errno. */
bool socket_send(int fd, const void *bytes, size_t len, int64_t deadline_ms);
#endif
