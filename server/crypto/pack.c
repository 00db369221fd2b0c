/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include <openssl/pkcs12.h>
#include <string.h>

#include "key_evp.h"
#include "openssl_err.h"
#include "pem.h"

/* The certificates of the chain belong to it. */
static void certs_free(STACK_OF(X509) * list)
{
	sk_X509_free(list);
}

DEFINE_CLEANUP(STACK_OF(X509) *, certs_free);
DEFINE_CLEANUP(PKCS12 *, PKCS12_free);

enum { ITERATIONS = 20000 };

static bool add_der(struct buf *out, unsigned char *der, int len, struct err *err)
{
	if (len <= 0)
		return openssl_err(err, ERR_INTERNAL, "cannot write a certificate");
	buf_add(out, der, (size_t)len);
	OPENSSL_clear_free(der, (size_t)len);
	return !out->over || err_set(err, ERR_INTERNAL, "a certificate too large");
}

static bool write_leaf(const struct chain *chain, struct buf *out, struct err *err)
{
	unsigned char *der = NULL;
	int len = i2d_X509(chain->certs[0], &der);

	return add_der(out, der, len, err);
}

bool pack_der(const struct cert *cert, struct buf *out, struct err *err)
{
	AUTO_CHAIN struct chain chain = { 0 };

	return chain_parse(cert->cert_pem, strlen(cert->cert_pem), &chain, err) &&
	       write_leaf(&chain, out, err);
}

bool pack_pkcs12(const struct cert *cert, const struct key *key,
                 const struct secret *password, struct buf *out, struct err *err)
{
	AUTO_CHAIN struct chain chain = { 0 };
	CLEANUP(certs_freep) STACK_OF(X509) *others = sk_X509_new_null();
	CLEANUP(PKCS12_freep) PKCS12 *p12 = NULL;
	unsigned char *der = NULL;
	int len;

	openssl_forget();
	if (!chain_parse(cert->fullchain_pem, strlen(cert->fullchain_pem), &chain, err))
		return false;
	for (size_t i = 1; i < chain.count; i++)
		if (!others || sk_X509_push(others, chain.certs[i]) <= 0)
			return openssl_err(err, ERR_INTERNAL, "PKCS #12");
	p12 = PKCS12_create(secret_reveal(password, NULL), NULL, key_evp(key),
	                    chain.certs[0], others, NID_aes_256_cbc, NID_aes_256_cbc,
	                    ITERATIONS, ITERATIONS, 0);
	if (!p12)
		return openssl_err(err, ERR_INTERNAL, "PKCS #12");
	len = i2d_PKCS12(p12, &der);
	return add_der(out, der, len, err);
}
