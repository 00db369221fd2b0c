/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H
#include "base/buf.h"
#include "base/err.h"
#include "base/keytype.h"
#include "base/secret.h"

/*
 * key - a private key
 *
 * Opaque; owned by who made it. Immutable after it was made, so that threads
 * may sign with one key at the same time. What is written out as a secret is
 * PKCS #8 (RFC 5958). The fingerprint is the SHA-256 of the DER
 * SubjectPublicKeyInfo: the identity of a key in the store.
 */
struct key;

enum { KEY_FINGERPRINT = 32 };

struct key *key_new(enum key_type type, struct err *err) MUST_CHECK;
struct key *key_parse(const struct secret *pkcs8_der, struct err *err) MUST_CHECK;
void key_free(struct key *key);
DEFINE_CLEANUP(struct key *, key_free);
#define AUTO_KEY CLEANUP(key_freep)

/* The same from "-----BEGIN PRIVATE KEY-----", as key_format_pem() writes it; strict. */
struct key *key_parse_pem(const char *pem, size_t len, struct err *err) MUST_CHECK;

enum key_type key_type_get(const struct key *key);

struct secret *key_format_der(const struct key *key, struct err *err) MUST_CHECK;
/* "-----BEGIN PRIVATE KEY-----" */
struct secret *key_format_pem(const struct key *key, struct err *err) MUST_CHECK;

bool key_fingerprint(const struct key *key, unsigned char out[KEY_FINGERPRINT],
                     struct err *err) MUST_CHECK;

/*
 * The public part as bare bytes: for EC the uncompressed point without its 0x04
 * (x then y, each padded to the field's size), for Ed25519 the 32 bytes, for RSA
 * an error.
 */
bool key_public_bytes(const struct key *key, struct buf *out, struct err *err) MUST_CHECK;

/*
 * Signs the bytes. EC: r and s, padded, one after the other (RFC 7518 3.4), with
 * SHA-256 or SHA-384 by the curve. Ed25519: RFC 8032. RSA: PKCS #1 v1.5, SHA-256.
 */
bool key_sign(const struct key *key, const void *bytes, size_t len, struct buf *signature,
              struct err *err) MUST_CHECK;
#endif
