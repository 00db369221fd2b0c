/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H
#include <stdint.h>

#include "base/str.h"
#include "key.h"

/*
 * cert - a certificate and the chain a CA sent with it
 *
 * Parsed from PEM that is not trusted yet: at most CERT_CHAIN_MAX certificates
 * in at most CERT_PEM_MAX bytes, nothing between them but white space and text
 * that RFC 8555 9.1 allows (none). cert_check() then says whether it is the one
 * we asked for. The struct is data; texts belong to it. Errors are ERR_REMOTE.
 */
enum { CERT_CHAIN_MAX = 10, CERT_PEM_MAX = 256 * 1024, CERT_SHA256 = 32 };

struct cert {
	struct strlist names;    /* DNS names of the leaf, lower case, sorted */
	char serial[2 * 20 + 3]; /* hexadecimal, lower case */
	char *issuer;            /* common name of the issuer, printable; else its DN */
	int64_t not_before;
	int64_t not_after;
	unsigned char sha256[CERT_SHA256]; /* of the leaf's DER */
	unsigned char spki_sha256[KEY_FINGERPRINT];
	size_t count;        /* certificates, the leaf included */
	char *cert_pem;      /* the leaf */
	char *chain_pem;     /* the others; "" where there are none */
	char *fullchain_pem; /* leaf first */
};

bool cert_parse(const char *pem, size_t len, struct cert *out,
                struct err *err) MUST_CHECK;
void cert_deinit(struct cert *cert);
#define AUTO_CERT CLEANUP(cert_deinit)

/*
 * Is it what was ordered? The leaf's key is ours, its names are exactly these,
 * it is not a CA, now lies within its dates (not_before may be up to an hour
 * ahead), and each certificate is signed by the next one.
 */
bool cert_check(const struct cert *cert, const struct key *key,
                const struct strlist *names, int64_t now, struct err *err) MUST_CHECK;

/* The same where all that is known of the key is its fingerprint. */
bool cert_check_spki(const struct cert *cert, const unsigned char spki[KEY_FINGERPRINT],
                     const struct strlist *names, int64_t now,
                     struct err *err) MUST_CHECK;

/* The ARI certificate identifier (RFC 9773 4.1): "AKI.serial" in base64url. False
 * where the certificate has no authority key identifier. */
bool cert_ari_id(const struct cert *cert, struct buf *out, struct err *err) MUST_CHECK;
#endif
