/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "digest.h"
#include "key_evp.h"
#include "openssl_err.h"

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free);
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free);
DEFINE_CLEANUP(BIO *, BIO_free_all);

struct key {
	EVP_PKEY *evp;
	enum key_type type;
};

enum { SIGNATURE_MAX = 4096 / 8, POINT_MAX = 1 + 2 * 48 };

/* clang-format off */
static const struct spec {
	const char *algorithm;
	const char *group;    /* EC: the curve, as OpenSSL names it */
	size_t bits;          /* RSA */
	size_t coordinate;    /* EC: bytes of x, and of r */
	const EVP_MD *(*digest)(void);
} specs[] = {
	[KEY_EC_256]   = { "EC",      "prime256v1", 0,    32, EVP_sha256 },
	[KEY_EC_384]   = { "EC",      "secp384r1",  0,    48, EVP_sha384 },
	[KEY_RSA_2048] = { "RSA",     NULL,         2048, 0,  EVP_sha256 },
	[KEY_RSA_3072] = { "RSA",     NULL,         3072, 0,  EVP_sha256 },
	[KEY_RSA_4096] = { "RSA",     NULL,         4096, 0,  EVP_sha256 },
	[KEY_ED25519]  = { "ED25519", NULL,         0,    0,  NULL       },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(specs) == KEY_TYPE_COUNT, "a kind of key has no row");

EVP_PKEY *key_evp(const struct key *key)
{
	return key->evp;
}

const EVP_MD *key_evp_digest(const struct key *key)
{
	const struct spec *spec = &specs[key->type];

	return spec->digest ? spec->digest() : NULL;
}

/* OpenSSL takes non-const text in its parameters, and reads it only. */
static OSSL_PARAM text_param(const char *name, const char *text)
{
	return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)text, 0);
}

static bool set_up(EVP_PKEY_CTX *ctx, const struct spec *spec)
{
	size_t bits = spec->bits;
	OSSL_PARAM params[4];
	size_t n = 0;

	if (spec->group) {
		/* A curve written out, or a compressed point, is what CAs refuse. */
		params[n++] = text_param(OSSL_PKEY_PARAM_GROUP_NAME, spec->group);
		params[n++] = text_param(OSSL_PKEY_PARAM_EC_ENCODING,
		                         OSSL_PKEY_EC_ENCODING_GROUP);
		params[n++] = text_param(
		    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
		    OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
	}
	if (bits)
		params[n++] = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS,
		                                          &bits);
	params[n] = OSSL_PARAM_construct_end();
	return n == 0 || EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

static struct key *wrap(EVP_PKEY *evp, enum key_type type)
{
	struct key *key = NEW(struct key);

	*key = (struct key){ .evp = evp, .type = type };
	return key;
}

struct key *key_new(enum key_type type, struct err *err)
{
	const struct spec *spec = &specs[type];
	CLEANUP(EVP_PKEY_freep) EVP_PKEY *evp = NULL;
	CLEANUP(EVP_PKEY_CTX_freep)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, spec->algorithm, NULL);

	if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 || !set_up(ctx, spec) ||
	    EVP_PKEY_generate(ctx, &evp) != 1) {
		(void)openssl_err(err, ERR_INTERNAL, "cannot make a key of type %s",
		                  key_type_names[type]);
		return NULL;
	}
	return wrap(TAKE(evp), type);
}

static bool is_of_spec(const EVP_PKEY *evp, const struct spec *spec)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(evp, spec->algorithm) != 1)
		return false;
	if (spec->group)
		return EVP_PKEY_get_group_name(evp, group, sizeof(group), NULL) == 1 &&
		       str_eq(group, spec->group);
	return !spec->bits || EVP_PKEY_get_bits(evp) == (int)spec->bits;
}

bool key_evp_type(const EVP_PKEY *evp, enum key_type *out, struct err *err)
{
	for (size_t i = 0; i < KEY_TYPE_COUNT; i++) {
		if (!is_of_spec(evp, &specs[i]))
			continue;
		*out = (enum key_type)i;
		return true;
	}
	return openssl_err(err, ERR_INTERNAL, "a key of a kind that is not used here");
}

static EVP_PKEY *decode(const struct secret *pkcs8_der, struct err *err)
{
	size_t len;
	const char *bytes = secret_reveal(pkcs8_der, &len);
	const unsigned char *at = (const unsigned char *)bytes;
	CLEANUP(PKCS8_PRIV_KEY_INFO_freep)
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len);
	EVP_PKEY *evp = NULL;

	if (info && at == (const unsigned char *)bytes + len)
		evp = EVP_PKCS82PKEY(info);
	if (!evp)
		(void)openssl_err(err, ERR_INTERNAL, "not a private key in PKCS #8");
	return evp;
}

struct key *key_parse(const struct secret *pkcs8_der, struct err *err)
{
	CLEANUP(EVP_PKEY_freep) EVP_PKEY *evp = NULL;
	enum key_type type;

	openssl_forget();
	evp = decode(pkcs8_der, err);
	if (!evp || !key_evp_type(evp, &type, err))
		return NULL;
	/* A key remembers the form its public point came in, and would repeat it. */
	if (specs[type].group &&
	    EVP_PKEY_set_utf8_string_param(
		evp, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
		OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1) {
		(void)openssl_err(err, ERR_INTERNAL, "private key");
		return NULL;
	}
	return wrap(TAKE(evp), type);
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->evp);
	free(key);
}

enum key_type key_type_get(const struct key *key)
{
	return key->type;
}

struct secret *key_format_der(const struct key *key, struct err *err)
{
	CLEANUP(PKCS8_PRIV_KEY_INFO_freep)
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->evp);
	unsigned char *der = NULL;
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
	struct secret *secret;

	if (len <= 0) {
		(void)openssl_err(err, ERR_INTERNAL, "cannot write a private key");
		return NULL;
	}
	secret = secret_new(der, (size_t)len);
	OPENSSL_clear_free(der, (size_t)len);
	return secret;
}

struct secret *key_format_pem(const struct key *key, struct err *err)
{
	CLEANUP(PKCS8_PRIV_KEY_INFO_freep)
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->evp);
	/* A memory BIO wipes what it frees. */
	CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long len = 0;

	if (info && bio && PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1)
		len = BIO_get_mem_data(bio, &pem);
	if (len <= 0) {
		(void)openssl_err(err, ERR_INTERNAL, "cannot write a private key");
		return NULL;
	}
	return secret_new(pem, (size_t)len);
}

bool key_fingerprint(const struct key *key, unsigned char out[KEY_FINGERPRINT],
                     struct err *err)
{
	return key_evp_fingerprint(key->evp, out, err);
}

bool key_evp_fingerprint(const EVP_PKEY *evp, unsigned char out[KEY_FINGERPRINT],
                         struct err *err)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(evp, &der);

	if (len <= 0)
		return openssl_err(err, ERR_INTERNAL, "cannot write a public key");
	sha256(der, (size_t)len, out);
	OPENSSL_free(der);
	return true;
}

static bool add_point(const struct key *key, struct buf *out, struct err *err)
{
	size_t want = 1 + 2 * specs[key->type].coordinate, len = 0;
	unsigned char point[POINT_MAX];

	if (EVP_PKEY_get_octet_string_param(key->evp, OSSL_PKEY_PARAM_PUB_KEY, point,
	                                    sizeof(point), &len) != 1 ||
	    len != want || point[0] != 0x04)
		return openssl_err(err, ERR_INTERNAL, "cannot read a public point");
	buf_add(out, point + 1, len - 1);
	return true;
}

bool key_public_bytes(const struct key *key, struct buf *out, struct err *err)
{
	unsigned char bytes[32];
	size_t len = sizeof(bytes);

	if (specs[key->type].group)
		return add_point(key, out, err);
	if (key->type != KEY_ED25519)
		return err_set(err, ERR_INTERNAL, "an RSA key has no bare public bytes");
	if (EVP_PKEY_get_raw_public_key(key->evp, bytes, &len) != 1)
		return openssl_err(err, ERR_INTERNAL, "cannot read a public key");
	buf_add(out, bytes, len);
	return true;
}

/* OpenSSL gives ECDSA as DER, whose numbers have no fixed length. */
static bool add_raw_ecdsa(const unsigned char *der, size_t len, size_t size,
                          struct buf *out, struct err *err)
{
	CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	unsigned char raw[POINT_MAX];

	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)size) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + size, (int)size) < 0)
		return openssl_err(err, ERR_INTERNAL, "cannot write a signature");
	buf_add(out, raw, 2 * size);
	return true;
}

bool key_sign(const struct key *key, const void *bytes, size_t len, struct buf *signature,
              struct err *err)
{
	CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char out[SIGNATURE_MAX];
	size_t out_len = sizeof(out);

	openssl_forget();
	if (!ctx ||
	    EVP_DigestSignInit(ctx, NULL, key_evp_digest(key), NULL, key->evp) != 1 ||
	    EVP_DigestSign(ctx, out, &out_len, bytes, len) != 1)
		return openssl_err(err, ERR_INTERNAL, "cannot sign with a key of type %s",
		                   key_type_names[key->type]);
	if (specs[key->type].group)
		return add_raw_ecdsa(out, out_len, specs[key->type].coordinate, signature,
		                     err);
	buf_add(signature, out, out_len);
	return true;
}
