/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_PACK_H
#define CRYPTO_PACK_H
#include "cert.h"

/*
 * pack - certificate and key in the other forms that services read
 *
 * Appended to out, which then holds the key where the form does: wipe it.
 */

/* The leaf as DER. */
bool pack_der(const struct cert *cert, struct buf *out, struct err *err) MUST_CHECK;

/* Key, leaf and chain as PKCS #12 (RFC 7292): AES-256-CBC by PBKDF2 with SHA-256, and a
 * MAC with SHA-256. Its salts are new each time. */
bool pack_pkcs12(const struct cert *cert, const struct key *key,
                 const struct secret *password, struct buf *out,
                 struct err *err) MUST_CHECK;
#endif
