/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "crypto/key.h"
#include "unit.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#include "base/str.h"

static const struct row {
	enum key_type type;
	size_t public_len; /* 0: none */
	size_t signature_len;
	const char *digest;
} rows[] = {
	{ KEY_EC_256, 64, 64, "SHA256" },   { KEY_EC_384, 96, 96, "SHA384" },
	{ KEY_RSA_2048, 0, 256, "SHA256" }, { KEY_RSA_3072, 0, 384, "SHA256" },
	{ KEY_RSA_4096, 0, 512, "SHA256" }, { KEY_ED25519, 32, 64, NULL },
};
_Static_assert(ARRAY_SIZE(rows) == KEY_TYPE_COUNT, "a kind of key has no row");

static EVP_PKEY *read_pem(const struct secret *pem)
{
	size_t len;
	const char *text = secret_reveal(pem, &len);
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *evp = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return evp;
}

/* What JWS calls an ECDSA signature, as OpenSSL would have it. */
static int der_of_raw(const struct buf *raw, unsigned char **out)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int half = (int)raw->len / 2, len;
	const unsigned char *bytes = (unsigned char *)raw->data;

	ECDSA_SIG_set0(sig, BN_bin2bn(bytes, half, NULL),
	               BN_bin2bn(bytes + half, half, NULL));
	len = i2d_ECDSA_SIG(sig, out);
	ECDSA_SIG_free(sig);
	return len;
}

static bool verifies(EVP_PKEY *evp, const struct row *row, const struct buf *signature,
                     const char *text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool is_ec = EVP_PKEY_is_a(evp, "EC") == 1;
	int len = is_ec ? der_of_raw(signature, &der) : (int)signature->len;
	bool good;

	EVP_DigestVerifyInit_ex(ctx, NULL, row->digest, NULL, NULL, evp, NULL);
	good = EVP_DigestVerify(ctx, is_ec ? der : (unsigned char *)signature->data,
	                        (size_t)len, (const unsigned char *)text,
	                        strlen(text)) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	return good;
}

static void check_signing(const struct row *row, const struct key *key, EVP_PKEY *evp)
{
	const char *name = key_type_names[row->type];
	AUTO_BUF struct buf signature = BUF_INIT(1024);
	struct err err = { 0 };

	CHECK(name, key_sign(key, "bytes", 5, &signature, &err));
	CHECK(name, signature.len == row->signature_len);
	CHECK(name, verifies(evp, row, &signature, "bytes"));
	CHECK(name, !verifies(evp, row, &signature, "Bytes"));
}

static void check_public(const struct row *row, const struct key *key, EVP_PKEY *evp)
{
	const char *name = key_type_names[row->type];
	unsigned char ours[KEY_FINGERPRINT], theirs[SHA256_LEN], *spki = NULL;
	AUTO_BUF struct buf bare = BUF_INIT(1024);
	struct err err = { 0 };
	int len = i2d_PUBKEY(evp, &spki);

	sha256(spki, (size_t)len, theirs);
	CHECK(name, key_fingerprint(key, ours, &err));
	CHECK(name, memcmp(ours, theirs, sizeof(ours)) == 0);
	CHECK(name, key_public_bytes(key, &bare, &err) == (row->public_len > 0));
	CHECK(name, bare.len == row->public_len);
	/* The bare bytes are the end of every SubjectPublicKeyInfo but RSA's. */
	CHECK(name, memcmp(bare.data, spki + len - bare.len, bare.len) == 0);
	OPENSSL_free(spki);
}

static void test_all_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = key_type_names[rows[i].type];
		struct err err = { 0 };
		AUTO_KEY struct key *key = key_new(rows[i].type, &err);
		AUTO_SECRET struct secret *pem = key_format_pem(key, &err);
		AUTO_SECRET struct secret *der = key_format_der(key, &err);
		AUTO_KEY struct key *again = key_parse(der, &err);
		AUTO_SECRET struct secret *der_again = key_format_der(again, &err);
		EVP_PKEY *evp = read_pem(pem);
		size_t len, len_again;

		CHECK(name, key_type_get(again) == rows[i].type);
		CHECK(name, str_starts(secret_reveal(pem, NULL),
		                       "-----BEGIN PRIVATE KEY-----\n"));
		secret_reveal(der, &len);
		secret_reveal(der_again, &len_again);
		CHECK(name, len == len_again &&
		                memcmp(secret_reveal(der, NULL),
		                       secret_reveal(der_again, NULL), len) == 0);
		check_public(&rows[i], again, evp);
		check_signing(&rows[i], again, evp);
		EVP_PKEY_free(evp);
	}
	DONE();
}

/* Every 128th number has a leading zero; a signature without padding would be short. */
static void test_padding(void **state)
{
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);
	AUTO_SECRET struct secret *pem = key_format_pem(key, &err);
	EVP_PKEY *evp = read_pem(pem);
	size_t padded = 0;

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		AUTO_BUF struct buf signature = BUF_INIT(100);

		assert_true(key_sign(key, "bytes", 5, &signature, &err));
		assert_int_equal(signature.len, 64);
		assert_true(verifies(evp, &rows[KEY_EC_256], &signature, "bytes"));
		padded += signature.data[0] == 0 || signature.data[32] == 0;
	}
	assert_true(padded > 0);
	EVP_PKEY_free(evp);
}

static EVP_PKEY *evp_new(const char *kind, const char *group)
{
	EVP_PKEY *evp = str_eq(kind, "EC") ? EVP_PKEY_Q_keygen(NULL, NULL, kind, group)
	                                   : EVP_PKEY_Q_keygen(NULL, NULL, kind);

	assert_non_null(evp);
	return evp;
}

static void check_refused(const char *name, const void *bytes, size_t len)
{
	AUTO_SECRET struct secret *secret = secret_new(bytes, len);
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_parse(secret, &err);

	CHECK(name, !key);
	CHECK(name, err.kind != ERR_NONE && err.msg[0]);
}

static void check_kind_refused(const char *kind, const char *group)
{
	EVP_PKEY *evp = evp_new(kind, group);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(evp);
	unsigned char *der = NULL;
	int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

	check_refused(group ? group : kind, der, (size_t)len);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(evp);
}

static void test_refused(void **state)
{
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);
	AUTO_SECRET struct secret *der = key_format_der(key, &err);
	size_t len;
	const char *bytes = secret_reveal(der, &len);
	AUTO_BUF struct buf longer = BUF_INIT(1024);

	(void)state;
	check_refused("nothing", "", 0);
	check_refused("text", "hello", 5);
	check_refused("cut", bytes, len - 1);
	buf_add(&longer, bytes, len);
	buf_add(&longer, "x", 1);
	check_refused("one byte more", longer.data, longer.len);
	check_kind_refused("EC", "P-521");
	check_kind_refused("X25519", NULL);
	DONE();
}

static void *sign_often(void *arg)
{
	for (int i = 0; i < 200; i++) {
		AUTO_BUF struct buf signature = BUF_INIT(100);
		struct err err = { 0 };

		if (!key_sign(arg, "bytes", 5, &signature, &err))
			return arg;
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_often, key), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
