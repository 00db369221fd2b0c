/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSH_HOST_KEY_H
#define SSH_HOST_KEY_H
#include "ssh.h"

/* Fills key from a blob as a server shows it. False where it has no type. */
bool host_key_parse(const void *blob, size_t len, struct ssh_host_key *key) MUST_CHECK;

/* The blob of RFC 8709 section 4 for our own key. */
bool public_blob(const struct key *key, struct buf *out, struct err *err) MUST_CHECK;

/* "ssh-ed25519 SHA256:..." */
void host_key_show(const struct ssh_host_key *key, struct buf *out);
#endif
