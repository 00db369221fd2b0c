/* SPDX-License-Identifier: Apache-2.0 */
#include "csr.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/dnsname.h"
#include "key_evp.h"
#include "openssl_err.h"

static void extensions_free(STACK_OF(X509_EXTENSION) * list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free);
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free);
DEFINE_CLEANUP(GENERAL_NAME *, GENERAL_NAME_free);
DEFINE_CLEANUP(ASN1_IA5STRING *, ASN1_IA5STRING_free);
DEFINE_CLEANUP(STACK_OF(X509_EXTENSION) *, extensions_free);

static bool add_name(GENERAL_NAMES *all, const char *text, struct err *err)
{
	CLEANUP(GENERAL_NAME_freep) GENERAL_NAME *name = GENERAL_NAME_new();
	CLEANUP(ASN1_IA5STRING_freep) ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	if (!dnsname_check(text, DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, err))
		return false;
	if (!name || !value || ASN1_STRING_set(value, text, (int)strlen(text)) != 1)
		return openssl_err(err, ERR_INTERNAL, "certificate request");
	GENERAL_NAME_set0_value(name, GEN_DNS, TAKE(value));
	if (sk_GENERAL_NAME_push(all, name) <= 0)
		return openssl_err(err, ERR_INTERNAL, "certificate request");
	name = NULL;
	return true;
}

static bool add_names(X509_REQ *req, const struct strlist *names, struct err *err)
{
	CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *all = GENERAL_NAMES_new();
	CLEANUP(extensions_freep) STACK_OF(X509_EXTENSION) *extensions = NULL;

	if (!all)
		return openssl_err(err, ERR_INTERNAL, "certificate request");
	if (names->len == 0)
		return err_set(err, ERR_INPUT, "a certificate request without names");
	for (size_t i = 0; i < names->len; i++)
		if (!add_name(all, names->items[i], err))
			return false;
	if (X509V3_add1_i2d(&extensions, NID_subject_alt_name, all, 0, 0) != 1 ||
	    X509_REQ_add_extensions(req, extensions) != 1)
		return openssl_err(err, ERR_INTERNAL, "certificate request");
	return true;
}

bool csr_new(const struct key *key, const struct strlist *names, struct buf *out,
             struct err *err)
{
	CLEANUP(X509_REQ_freep) X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int len;

	openssl_forget();
	if (!req || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(req, key_evp(key)) != 1)
		return openssl_err(err, ERR_INTERNAL, "certificate request");
	if (!add_names(req, names, err))
		return false;
	if (X509_REQ_sign(req, key_evp(key), key_evp_digest(key)) <= 0)
		return openssl_err(err, ERR_INTERNAL,
		                   "cannot sign a certificate request");
	len = i2d_X509_REQ(req, &der);
	if (len <= 0)
		return openssl_err(err, ERR_INTERNAL, "certificate request");
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return !out->over ||
	       err_set(err, ERR_INPUT, "a certificate request of %d bytes is too large",
	               len);
}
