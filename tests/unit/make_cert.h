/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_cert - certificates for tests, right and wrong ones
 *
 * A few lines over OpenSSL, so that a row of a table can say what is wrong with one.
 */
#ifndef MAKE_CERT_H
#define MAKE_CERT_H
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "crypto/key.h"

struct make_cert {
	const char *subject, *issuer; /* common names; NULL: an empty name */
	const char *names;            /* "DNS:a.example,DNS:b.example"; NULL: none */
	const char *constraints;      /* "critical,CA:TRUE"; NULL: none */
	const char *aki_hex;          /* NULL: none */
	const char *serial_hex;       /* NULL: 1234 */
	int64_t not_before, not_after;
	EVP_PKEY *key, *signer;
};

static inline EVP_PKEY *evp_of(const struct key *key)
{
	struct err err;
	AUTO_SECRET struct secret *der = key_format_der(key, &err);
	size_t len;
	const char *bytes = secret_reveal(der, &len);
	const unsigned char *at = (const unsigned char *)bytes;

	return d2i_AutoPrivateKey(NULL, &at, (long)len);
}

static inline void make_name(X509_NAME *name, const char *common)
{
	if (common)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		                           (const unsigned char *)common, -1, -1, 0);
}

static inline void make_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value)
	                                  : NULL;

	if (extension)
		X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static inline void make_aki(X509 *cert, const char *hex)
{
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	long len = 0;
	unsigned char *bytes = hex ? OPENSSL_hexstr2buf(hex, &len) : NULL;

	aki->keyid = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(aki->keyid, bytes, (int)len);
	if (hex)
		X509_add1_ext_i2d(cert, NID_authority_key_identifier, aki, 0, 0);
	AUTHORITY_KEYID_free(aki);
	OPENSSL_free(bytes);
}

static inline X509 *make_x509(const struct make_cert *want)
{
	X509 *cert = X509_new();
	BIGNUM *serial = NULL;

	X509_set_version(cert, X509_VERSION_3);
	BN_hex2bn(&serial, want->serial_hex ? want->serial_hex : "1234");
	BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));
	BN_free(serial);
	make_name(X509_get_subject_name(cert), want->subject);
	make_name(X509_get_issuer_name(cert), want->issuer);
	ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)want->not_before);
	ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)want->not_after);
	X509_set_pubkey(cert, want->key);
	make_extension(cert, NID_subject_alt_name, want->names);
	make_extension(cert, NID_basic_constraints, want->constraints);
	make_aki(cert, want->aki_hex);
	X509_sign(cert, want->signer, EVP_sha256());
	return cert;
}

static inline void make_pem(struct buf *out, const struct make_cert *want)
{
	X509 *cert = make_x509(want);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	PEM_write_bio_X509(bio, cert);
	len = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)len);
	BIO_free(bio);
	X509_free(cert);
}
#endif
