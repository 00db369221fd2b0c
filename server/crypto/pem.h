/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_PEM_H
#define CRYPTO_PEM_H
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "cert.h"

/*
 * pem - certificates out of PEM text and into it, for this module only
 *
 * Strict (RFC 7468, the strict grammar, and RFC 8555 9.1): certificates with white
 * space between them and nothing else. One pass over the text, so that its time grows
 * with its length only. A chain owns its certificates; { 0 } is an empty one.
 */
struct chain {
	X509 *certs[CERT_CHAIN_MAX]; /* the leaf first */
	size_t count;
};

/* At least one certificate. Errors are ERR_REMOTE. */
bool chain_parse(const char *pem, size_t len, struct chain *out,
                 struct err *err) MUST_CHECK;
void chain_deinit(struct chain *chain);
#define AUTO_CHAIN CLEANUP(chain_deinit)

/* Adds one certificate with lines of 64 characters. */
bool pem_add(struct buf *out, const X509 *cert, struct err *err) MUST_CHECK;
#endif
