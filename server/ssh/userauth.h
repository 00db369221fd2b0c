/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSH_USERAUTH_H
#define SSH_USERAUTH_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * userauth - is this what we would sign?
 *
 * The worker asks for a signature over bytes of its choice. Only one thing is signed:
 * a publickey login (RFC 4252 section 7) of this user with this key by ssh-ed25519, for
 * the service ssh-connection. So a worker that a server took over can at most log in
 * where it is connected anyway: the session identifier at the start ties the signature
 * to one session, and nothing else that SSH keys sign has this form.
 */
bool userauth_check(const void *bytes, size_t len, const char *user,
                    const void *public_blob, size_t public_len,
                    struct err *err) MUST_CHECK;
#endif
