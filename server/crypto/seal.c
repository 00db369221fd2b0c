/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "digest.h"
#include "openssl_err.h"

DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free);
DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);

enum {
	VERSION = 1,
	VERSION_LEN = 1,
	SALT_LEN = 32,
	NONCE_LEN = 12,
	HEAD_LEN = VERSION_LEN + SALT_LEN + NONCE_LEN,
	TAG_LEN = 16,
	PLAIN_MAX = 1024 * 1024,
	PLACE_MAX = 1024
};

/* Fetched once: looking an algorithm up costs more than using it. */
struct sealer {
	struct secret *key;
	EVP_KDF *hkdf;
	EVP_CIPHER *cipher;
};

struct sealer *sealer_new(const struct secret *key, struct err *err)
{
	CLEANUP(sealer_freep) struct sealer *sealer = NEW(struct sealer);
	size_t len;

	secret_reveal(key, &len);
	if (len != SEALING_KEY_LEN) {
		(void)err_set(err, ERR_CONFIG, "the sealing key has %zu bytes, not %d",
		              len, SEALING_KEY_LEN);
		return NULL;
	}
	sealer->key = secret_dup(key);
	sealer->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	sealer->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (!sealer->hkdf || !sealer->cipher) {
		(void)openssl_err(err, ERR_INTERNAL, "OpenSSL has no AES-GCM or HKDF");
		return NULL;
	}
	return TAKE(sealer);
}

void sealer_free(struct sealer *sealer)
{
	if (!sealer)
		return;
	secret_free(sealer->key);
	EVP_KDF_free(sealer->hkdf);
	EVP_CIPHER_free(sealer->cipher);
	free(sealer);
}

static OSSL_PARAM bytes_param(const char *name, const void *bytes, size_t len)
{
	/* OpenSSL takes non-const bytes in its parameters, and reads them only. */
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, len);
}

static bool derive(const struct sealer *sealer, const unsigned char salt[SALT_LEN],
                   unsigned char out[SEALING_KEY_LEN], struct err *err)
{
	CLEANUP(EVP_KDF_CTX_freep) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(sealer->hkdf);
	static const char purpose[] = "certferry sealed value";
	char digest[] = "SHA256";
	size_t len;
	const char *key = secret_reveal(sealer->key, &len);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		bytes_param(OSSL_KDF_PARAM_KEY, key, len),
		bytes_param(OSSL_KDF_PARAM_SALT, salt, SALT_LEN),
		bytes_param(OSSL_KDF_PARAM_INFO, purpose, sizeof(purpose) - 1),
		OSSL_PARAM_construct_end(),
	};

	return (ctx && EVP_KDF_derive(ctx, out, SEALING_KEY_LEN, params) == 1) ||
	       openssl_err(err, ERR_INTERNAL, "HKDF");
}

static void add_number(struct buf *out, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add(out, &(unsigned char){ (unsigned char)(number >> shift) }, 1);
}

/* Lengths stand before the texts, so that no two places give the same bytes. */
static void add_place(struct buf *out, const struct seal_place *place)
{
	buf_add(out, &(unsigned char){ VERSION }, VERSION_LEN);
	add_number(out, strlen(place->table));
	buf_addf(out, "%s", place->table);
	add_number(out, (uint64_t)place->row);
	add_number(out, strlen(place->column));
	buf_addf(out, "%s", place->column);
}

/* A cipher for this value, with its key, nonce and place in it. */
static EVP_CIPHER_CTX *begin(const struct sealer *sealer, const struct seal_place *place,
                             const unsigned char head[HEAD_LEN], bool sealing,
                             struct err *err)
{
	CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	AUTO_BUF struct buf aad = BUF_INIT(PLACE_MAX);
	unsigned char key[SEALING_KEY_LEN];
	int unused, done;

	openssl_forget();
	add_place(&aad, place);
	if (aad.over) {
		(void)err_set(err, ERR_INTERNAL, "a table or column of too long a name");
		return NULL;
	}
	if (!derive(sealer, head + VERSION_LEN, key, err))
		return NULL;
	/* The nonce of GCM has 12 bytes unless one says otherwise. */
	done = ctx &&
	       EVP_CipherInit_ex2(ctx, sealer->cipher, key, head + VERSION_LEN + SALT_LEN,
	                          sealing, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &unused, (const unsigned char *)aad.data,
	                        (int)aad.len) == 1;
	explicit_bzero(key, sizeof(key));
	if (!done) {
		(void)openssl_err(err, ERR_INTERNAL, "AES-GCM");
		return NULL;
	}
	return TAKE(ctx);
}

bool seal(const struct sealer *sealer, const struct seal_place *place,
          const struct secret *plain, struct buf *out, struct err *err)
{
	CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
	unsigned char head[HEAD_LEN] = { VERSION }, tag[TAG_LEN];
	AUTO_FREE unsigned char *cipher = NULL;
	size_t len;
	const char *bytes = secret_reveal(plain, &len);
	int n = 0, more = 0;

	if (len > PLAIN_MAX)
		return err_set(err, ERR_INTERNAL, "a secret of %zu bytes; at most %d go",
		               len, PLAIN_MAX);
	if (!random_bytes(head + VERSION_LEN, HEAD_LEN - VERSION_LEN, err) ||
	    !(ctx = begin(sealer, place, head, true, err)))
		return false;
	cipher = xcalloc(1, len);
	if (EVP_CipherUpdate(ctx, cipher, &n, (const unsigned char *)bytes, (int)len) !=
	        1 ||
	    EVP_CipherFinal_ex(ctx, cipher + n, &more) != 1 || (size_t)n != len ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) != 1)
		return openssl_err(err, ERR_INTERNAL, "AES-GCM");
	buf_add(out, head, sizeof(head));
	buf_add(out, cipher, len);
	buf_add(out, tag, sizeof(tag));
	return !out->over ||
	       err_set(err, ERR_INTERNAL, "a secret of %zu bytes is too large here", len);
}

static struct secret *does_not_open(const struct seal_place *place, struct err *err)
{
	/* OpenSSL has no reason to add: a wrong tag is a wrong tag. */
	openssl_forget();
	(void)err_set(err, ERR_INTERNAL,
	              "the secret in %s.%s, row %lld, does not open: the sealing key "
	              "is not the one it was sealed with, or the store was changed",
	              place->table, place->column, (long long)place->row);
	return NULL;
}

struct secret *unseal(const struct sealer *sealer, const struct seal_place *place,
                      const void *sealed, size_t len, struct err *err)
{
	const unsigned char *head = sealed, *cipher = head + HEAD_LEN;
	size_t plain_len = len - HEAD_LEN - TAG_LEN;
	CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
	struct secret *plain = NULL;
	unsigned char tag[TAG_LEN];
	unsigned char *bytes;
	int n = 0, more = 0;

	if (len < HEAD_LEN + TAG_LEN || plain_len > PLAIN_MAX || head[0] != VERSION)
		return does_not_open(place, err);
	if (!(ctx = begin(sealer, place, head, false, err)))
		return NULL;
	memcpy(tag, cipher + plain_len, TAG_LEN);
	bytes = xcalloc(1, plain_len);
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
	    EVP_CipherUpdate(ctx, bytes, &n, cipher, (int)plain_len) == 1 &&
	    EVP_CipherFinal_ex(ctx, bytes + n, &more) == 1)
		plain = secret_new(bytes, plain_len);
	explicit_bzero(bytes, plain_len);
	free(bytes);
	return plain ? plain : does_not_open(place, err);
}
