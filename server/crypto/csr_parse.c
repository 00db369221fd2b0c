/* SPDX-License-Identifier: Apache-2.0 */
#include "csr.h"

#include <ctype.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "digest.h"
#include "key_evp.h"
#include "openssl_err.h"

/* Requests of servers: what is not understood is refused. */

enum { NAMES_MAX = 100 };

static void extensions_free(STACK_OF(X509_EXTENSION) * list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free);
DEFINE_CLEANUP(BIO *, BIO_free_all);
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free);
DEFINE_CLEANUP(STACK_OF(X509_EXTENSION) *, extensions_free);

void csr_deinit(struct csr *csr)
{
	strlist_deinit(&csr->names);
	buf_wipe(&csr->der);
}

static bool add_name(const GENERAL_NAME *name, struct strlist *out, struct err *err)
{
	char text[DNSNAME_MAX + 1] = "";
	size_t len;

	if (name->type != GEN_DNS)
		return err_set(err, ERR_REMOTE,
		               "the request asks for something that is no DNS name");
	len = (size_t)ASN1_STRING_length(name->d.dNSName);
	if (len >= sizeof(text))
		return err_set(err, ERR_REMOTE, "the request has a name of %zu bytes",
		               len);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)tolower(ASN1_STRING_get0_data(name->d.dNSName)[i]);
	if (strlen(text) != len ||
	    !dnsname_check(text, DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, err))
		return err_set(err, ERR_REMOTE, "the request has a malformed name");
	if (!strlist_has(out, text))
		strlist_add(out, text);
	return true;
}

/* A second list of extensions would not be looked at here, and perhaps by the CA. */
static bool has_one_list(const X509_REQ *req)
{
	const X509_ATTRIBUTE *one = X509_REQ_get_attr_count(req) == 1
	                                ? X509_REQ_get_attr(req, 0)
	                                : NULL;

	return one && X509_ATTRIBUTE_count(one) == 1;
}

/* subjectAltName and nothing else: a CA might grant what we do not look at. */
static bool read_names(X509_REQ *req, struct strlist *out, struct err *err)
{
	CLEANUP(extensions_freep)
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
	CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *all = NULL;
	int count;

	if (!extensions || sk_X509_EXTENSION_num(extensions) != 1 || !has_one_list(req) ||
	    X509_NAME_entry_count(X509_REQ_get_subject_name(req)) != 0)
		return err_set(err, ERR_REMOTE,
		               "the request must have names in subjectAltName, and "
		               "nothing else");
	all = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	count = all ? sk_GENERAL_NAME_num(all) : 0;
	if (count < 1 || count > NAMES_MAX)
		return openssl_err(err, ERR_REMOTE,
		                   "the request has %d names, not 1 to %d", count,
		                   NAMES_MAX);
	for (int i = 0; i < count; i++)
		if (!add_name(sk_GENERAL_NAME_value(all, i), out, err))
			return false;
	strlist_sort(out);
	return true;
}

static bool read_key(X509_REQ *req, struct csr *out, struct err *err)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(req);

	if (!key || X509_REQ_verify(req, key) != 1)
		return openssl_err(err, ERR_REMOTE,
		                   "the request is not signed by its own key");
	if (!key_evp_type(key, &out->key_type, err) ||
	    !key_evp_fingerprint(key, out->spki_sha256, err)) {
		err->kind = ERR_REMOTE;
		return err_context(err, "the request");
	}
	return true;
}

static bool take(X509_REQ *req, struct csr *out, struct err *err)
{
	unsigned char *der = NULL;
	int len = req ? i2d_X509_REQ(req, &der) : 0;

	if (len <= 0)
		return openssl_err(err, ERR_REMOTE, "not a certificate request");
	buf_add(&out->der, der, (size_t)len);
	OPENSSL_free(der);
	if (out->der.over)
		return err_set(err, ERR_REMOTE, "a request of %d bytes", len);
	return read_key(req, out, err) && read_names(req, &out->names, err);
}

bool csr_parse_pem(const char *pem, size_t len, struct csr *out, struct err *err)
{
	CLEANUP(BIO_free_allp) BIO *bio = NULL;
	CLEANUP(X509_REQ_freep) X509_REQ *req = NULL;

	openssl_forget();
	if (len > 2 * CSR_BYTES_MAX)
		return err_set(err, ERR_REMOTE, "a request of %zu bytes", len);
	bio = BIO_new_mem_buf(pem, (int)len);
	req = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	return take(req, out, err);
}

bool csr_parse(const void *der, size_t len, struct csr *out, struct err *err)
{
	const unsigned char *at = der;
	CLEANUP(X509_REQ_freep) X509_REQ *req = NULL;

	openssl_forget();
	if (len > CSR_BYTES_MAX)
		return err_set(err, ERR_REMOTE, "a request of %zu bytes", len);
	req = d2i_X509_REQ(NULL, &at, (long)len);
	return take(req, out, err);
}

static bool check_all(const struct strlist *these, const struct strlist *in,
                      const char *how, struct err *err)
{
	for (size_t i = 0; i < these->len; i++)
		if (!strlist_has(in, these->items[i]))
			return err_set(err, ERR_REMOTE, "the request %s the name %s", how,
			               these->items[i]);
	return true;
}

bool csr_check(const struct csr *csr, const struct strlist *names, enum key_type type,
               struct err *err)
{
	if (csr->key_type != type)
		return err_set(err, ERR_REMOTE, "the request is for a key of %s, not %s",
		               key_type_names[csr->key_type], key_type_names[type]);
	return check_all(names, &csr->names, "lacks", err) &&
	       check_all(&csr->names, names, "has", err);
}
