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
#endif
