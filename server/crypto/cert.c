/* SPDX-License-Identifier: Apache-2.0 */
#include "cert.h"

#include <ctype.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "digest.h"
#include "openssl_err.h"
#include "pem.h"

DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free);
DEFINE_CLEANUP(BIGNUM *, BN_free);
DEFINE_CLEANUP(BIO *, BIO_free_all);

enum { NAMES_MAX = 1000, SERIAL_BYTES_MAX = 20, ISSUER_MAX = 200 };

/* Copied lower case; what is no DNS name (an IP, "a\0b") is refused. */
static bool add_name(struct strlist *names, const GENERAL_NAME *name, struct err *err)
{
	const ASN1_STRING *value = name->type == GEN_DNS ? name->d.dNSName : NULL;
	char text[DNSNAME_MAX + 1] = "";
	size_t len = value ? (size_t)ASN1_STRING_length(value) : 0;

	if (!value)
		return err_set(err, ERR_REMOTE,
		               "the certificate names something that is no host");
	if (len > DNSNAME_MAX || memchr(ASN1_STRING_get0_data(value), '\0', len))
		return err_set(err, ERR_REMOTE, "the certificate has a malformed name");
	for (size_t i = 0; i < len; i++)
		text[i] = (char)tolower(ASN1_STRING_get0_data(value)[i]);
	if (!dnsname_check(text, DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, err)) {
		err->kind = ERR_REMOTE;
		return err_context(err, "a name in the certificate");
	}
	strlist_add(names, text);
	return true;
}

/* The list is sorted. */
static void drop_doubles(struct strlist *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->len; i++) {
		if (kept > 0 && str_eq(names->items[kept - 1], names->items[i]))
			free(names->items[i]);
		else
			names->items[kept++] = names->items[i];
	}
	names->len = kept;
}

static bool read_names(const X509 *leaf, struct strlist *names, struct err *err)
{
	int found = -1;
	CLEANUP(GENERAL_NAMES_freep)
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, &found, NULL);
	int count = all ? sk_GENERAL_NAME_num(all) : 0;

	if (count <= 0)
		return openssl_err(err, ERR_REMOTE, "%s",
		                   found == -2 ? "the certificate has its names twice"
		                               : "the certificate has no names");
	if (count > NAMES_MAX)
		return err_set(err, ERR_REMOTE,
		               "the certificate has %d names; at most %d are taken",
		               count, NAMES_MAX);
	for (int i = 0; i < count; i++)
		if (!add_name(names, sk_GENERAL_NAME_value(all, i), err))
			return false;
	strlist_sort(names);
	drop_doubles(names);
	return true;
}

static bool read_serial(const X509 *leaf, struct cert *out, struct err *err)
{
	AUTO_BUF struct buf hex = BUF_INIT(sizeof(out->serial) - 1);
	unsigned char bytes[SERIAL_BYTES_MAX];
	CLEANUP(BN_freep)
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);

	if (!number || BN_is_negative(number) || BN_is_zero(number) ||
	    BN_num_bytes(number) > SERIAL_BYTES_MAX)
		return openssl_err(err, ERR_REMOTE,
		                   "the certificate's serial number is not one of 1 to "
		                   "%d bytes",
		                   SERIAL_BYTES_MAX);
	str_add_hex(&hex, bytes, (size_t)BN_bn2bin(number, bytes));
	snprintf(out->serial, sizeof(out->serial), "%s", hex.data);
	return true;
}

static char *printable(const void *bytes, size_t len)
{
	AUTO_BUF struct buf out = BUF_INIT(4 * ISSUER_MAX + 4);

	str_add_printable(&out, bytes, len, ISSUER_MAX);
	return buf_take(&out);
}

static char *common_name(const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const X509_NAME_ENTRY *entry = at < 0 ? NULL : X509_NAME_get_entry(name, at);
	unsigned char *utf8 = NULL;
	int len = entry ? ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry))
	                : -1;
	char *text = len > 0 ? printable(utf8, (size_t)len) : NULL;

	OPENSSL_free(utf8);
	return text;
}

static char *distinguished_name(const X509_NAME *name)
{
	CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_get_mem_data(bio, &bytes);
	return printable(bytes, len > 0 ? (size_t)len : 0);
}

static bool read_time(const ASN1_TIME *when, int64_t *out, struct err *err)
{
	struct tm tm = { 0 };

	if (ASN1_TIME_to_tm(when, &tm) != 1)
		return openssl_err(err, ERR_REMOTE,
		                   "the certificate has a malformed date");
	*out = (int64_t)timegm(&tm);
	return true;
}

static bool read_digests(X509 *leaf, struct cert *out, struct err *err)
{
	unsigned char *der = NULL, *spki = NULL;
	int der_len = i2d_X509(leaf, &der);
	int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki);
	bool good = der_len > 0 && spki_len > 0;

	if (good) {
		sha256(der, (size_t)der_len, out->sha256);
		sha256(spki, (size_t)spki_len, out->spki_sha256);
	}
	OPENSSL_free(der);
	OPENSSL_free(spki);
	return good || openssl_err(err, ERR_INTERNAL, "cannot write a certificate");
}

/* Written anew, so that nothing of the CA's own text comes to a server's disk. */
static bool format_chain(const struct chain *chain, struct cert *out, struct err *err)
{
	AUTO_BUF struct buf leaf = BUF_INIT(2 * CERT_PEM_MAX);
	AUTO_BUF struct buf others = BUF_INIT(2 * CERT_PEM_MAX);

	if (!pem_add(&leaf, chain->certs[0], err))
		return false;
	for (size_t i = 1; i < chain->count; i++)
		if (!pem_add(&others, chain->certs[i], err))
			return false;
	out->count = chain->count;
	out->fullchain_pem = xasprintf("%s%s", leaf.data, others.data);
	out->cert_pem = buf_take(&leaf);
	out->chain_pem = buf_take(&others);
	return true;
}

bool cert_parse(const char *pem, size_t len, struct cert *out, struct err *err)
{
	AUTO_CHAIN struct chain chain = { 0 };
	AUTO_CERT struct cert cert = { 0 };
	X509 *leaf;

	if (!chain_parse(pem, len, &chain, err))
		return false;
	leaf = chain.certs[0];
	if (!read_names(leaf, &cert.names, err) || !read_serial(leaf, &cert, err) ||
	    !read_time(X509_get0_notBefore(leaf), &cert.not_before, err) ||
	    !read_time(X509_get0_notAfter(leaf), &cert.not_after, err) ||
	    !read_digests(leaf, &cert, err) || !format_chain(&chain, &cert, err))
		return false;
	cert.issuer = common_name(X509_get_issuer_name(leaf));
	if (!cert.issuer)
		cert.issuer = distinguished_name(X509_get_issuer_name(leaf));
	*out = cert;
	cert = (struct cert){ 0 };
	return true;
}

void cert_deinit(struct cert *cert)
{
	strlist_deinit(&cert->names);
	free(cert->issuer);
	free(cert->cert_pem);
	free(cert->chain_pem);
	free(cert->fullchain_pem);
	*cert = (struct cert){ 0 };
}
