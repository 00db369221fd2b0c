/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_KEY_EVP_H
#define CRYPTO_KEY_EVP_H
#include <openssl/evp.h>

#include "key.h"

/*
 * The OpenSSL side of a key, for this module only. The key is borrowed. The digest is
 * the one that goes with it, NULL for Ed25519, which has its own.
 */
EVP_PKEY *key_evp(const struct key *key);
const EVP_MD *key_evp_digest(const struct key *key);
/* Also of a public key alone; one of another kind is ERR_INTERNAL. */
bool key_evp_type(const EVP_PKEY *evp, enum key_type *out, struct err *err) MUST_CHECK;
/* SHA-256 over its SubjectPublicKeyInfo. */
bool key_evp_fingerprint(const EVP_PKEY *evp, unsigned char out[KEY_FINGERPRINT],
                         struct err *err) MUST_CHECK;
#endif
