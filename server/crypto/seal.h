/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

/*
 * seal - secrets as they lie in the store
 *
 * A sealed value is version (1 byte) | salt (32) | nonce (12) | ciphertext |
 * tag (16): AES-256-GCM with a key of its own, derived from the sealing key and
 * the salt by HKDF-SHA256, and with its place (table, row, column) as associated
 * data, so that a value moved to another row does not open. Salt and nonce are
 * new for each value. A sealer is immutable; any thread.
 */
enum { SEALING_KEY_LEN = 32 };

struct sealer;

struct seal_place {
	const char *table;
	int64_t row;
	const char *column;
};

/* The key is SEALING_KEY_LEN bytes. */
struct sealer *sealer_new(const struct secret *key, struct err *err) MUST_CHECK;
void sealer_free(struct sealer *sealer);
DEFINE_CLEANUP(struct sealer *, sealer_free);

bool seal(const struct sealer *sealer, const struct seal_place *place,
          const struct secret *plain, struct buf *out, struct err *err) MUST_CHECK;
struct secret *unseal(const struct sealer *sealer, const struct seal_place *place,
                      const void *sealed, size_t len, struct err *err) MUST_CHECK;
#endif
