/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

/* digest - hashes, base64 and random bytes. Any thread. */
enum { SHA256_LEN = 32 };

void sha256(const void *bytes, size_t len, unsigned char out[SHA256_LEN]);
/* "SHA256:" and base64 without padding, as ssh-keygen -l shows a key. */
void sha256_ssh(const void *bytes, size_t len, struct buf *out);

/* HMAC with SHA-256, appended to out. */
bool hmac_sha256(const struct secret *key, const void *bytes, size_t len, struct buf *out,
                 struct err *err) MUST_CHECK;

/* HMAC with SHA-1: for the hashed names of known_hosts alone. */
enum { SHA1_LEN = 20 };
bool hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
               unsigned char out[SHA1_LEN], struct err *err) MUST_CHECK;

/* RFC 4648: section 4 with padding, section 5 without. */
void base64_add(struct buf *out, const void *bytes, size_t len);
void base64url_add(struct buf *out, const void *bytes, size_t len);
/* Strict: no white space, no other alphabet; padding is an error in base64url and
 * required in base64. */
bool base64_decode(const char *text, size_t len, struct buf *out,
                   struct err *err) MUST_CHECK;
bool base64url_decode(const char *text, size_t len, struct buf *out,
                      struct err *err) MUST_CHECK;

/* From the system's generator; failing means no key may be made. */
bool random_bytes(void *out, size_t len, struct err *err) MUST_CHECK;

/* Constant time. */
bool bytes_equal(const void *a, const void *b, size_t len);
#endif
