/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/x509v3.h>
#include <string.h>

#include "base/clock.h"
#include "cert.h"
#include "digest.h"
#include "key_evp.h"
#include "openssl_err.h"
#include "pem.h"

DEFINE_CLEANUP(AUTHORITY_KEYID *, AUTHORITY_KEYID_free);
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);

enum { AHEAD_MAX_S = 3600, SIGNATURE_MAX = 4096 / 8 };

/* A private key brings its public half along, and that is what is compared; a damaged one
 * would only be seen in the service's handshakes. */
static bool signs_for(const struct key *key, EVP_PKEY *public)
{
	static const unsigned char text[] = "certferry";
	CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *sign = EVP_MD_CTX_new();
	CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *verify = EVP_MD_CTX_new();
	const EVP_MD *digest = key_evp_digest(key);
	unsigned char signature[SIGNATURE_MAX];
	size_t len = sizeof(signature);

	return sign && verify &&
	       EVP_DigestSignInit(sign, NULL, digest, NULL, key_evp(key)) == 1 &&
	       EVP_DigestSign(sign, signature, &len, text, sizeof(text)) == 1 &&
	       EVP_DigestVerifyInit(verify, NULL, digest, NULL, public) == 1 &&
	       EVP_DigestVerify(verify, signature, len, text, sizeof(text)) == 1;
}

static bool check_key(X509 *leaf, const struct key *key, struct err *err)
{
	EVP_PKEY *theirs = X509_get0_pubkey(leaf);

	if (!theirs || EVP_PKEY_eq(theirs, key_evp(key)) != 1)
		return openssl_err(err, ERR_REMOTE, "the certificate is for another key");
	return signs_for(key, theirs) ||
	       openssl_err(err, ERR_REMOTE,
	                   "the private key is damaged: what it signs, its public half "
	                   "does not verify");
}

static const char *first_missing(const struct strlist *from, const struct strlist *in)
{
	for (size_t i = 0; i < from->len; i++)
		if (!strlist_has(in, from->items[i]))
			return from->items[i];
	return NULL;
}

static bool check_names(const struct strlist *have, const struct strlist *want,
                        struct err *err)
{
	const char *missing = first_missing(want, have),
		   *extra = first_missing(have, want);

	if (missing)
		return err_set(err, ERR_REMOTE, "the certificate lacks the name %s",
		               missing);
	if (extra)
		return err_set(err, ERR_REMOTE,
		               "the certificate has the name %s, which was not ordered",
		               extra);
	return true;
}

static bool check_dates(const struct cert *cert, int64_t now, struct err *err)
{
	char text[CLOCK_TEXT];

	if (cert->not_after <= now)
		return err_set(err, ERR_REMOTE,
		               "the certificate expired at %s; is the clock here right?",
		               clock_format(cert->not_after, text));
	if (cert->not_before - now > AHEAD_MAX_S)
		return err_set(err, ERR_REMOTE,
		               "the certificate is valid from %s only; is the clock "
		               "here right?",
		               clock_format(cert->not_before, text));
	return true;
}

static bool check_is_leaf(X509 *leaf, struct err *err)
{
	if (X509_get_extension_flags(leaf) & EXFLAG_INVALID)
		return openssl_err(err, ERR_REMOTE,
		                   "the certificate has a malformed extension");
	if (X509_check_ca(leaf) != 0)
		return err_set(err, ERR_REMOTE,
		               "the certificate is one of a CA, not of a server");
	return true;
}

static bool check_link(X509 *cert, X509 *issuer, struct err *err)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) != 0)
		return err_set(err, ERR_REMOTE, "the next one has not issued it");
	if (X509_check_ca(issuer) == 0)
		return err_set(err, ERR_REMOTE, "the next one is not a CA");
	if (!key || X509_verify(cert, key) != 1)
		return openssl_err(err, ERR_REMOTE,
		                   "its signature is not one of the next");
	return true;
}

static bool check_links(const struct chain *chain, struct err *err)
{
	for (size_t i = 0; i + 1 < chain->count; i++)
		if (!check_link(chain->certs[i], chain->certs[i + 1], err))
			return err_context(err, "certificate %zu of the chain", i + 1);
	return true;
}

static bool check_rest(const struct cert *cert, const struct chain *chain,
                       const struct strlist *names, int64_t now, struct err *err)
{
	return check_names(&cert->names, names, err) && check_dates(cert, now, err) &&
	       check_is_leaf(chain->certs[0], err) && check_links(chain, err);
}

bool cert_check(const struct cert *cert, const struct key *key,
                const struct strlist *names, int64_t now, struct err *err)
{
	AUTO_CHAIN struct chain chain = { 0 };

	return chain_parse(cert->fullchain_pem, strlen(cert->fullchain_pem), &chain,
	                   err) &&
	       check_key(chain.certs[0], key, err) &&
	       check_rest(cert, &chain, names, now, err);
}

bool cert_check_spki(const struct cert *cert, const unsigned char spki[KEY_FINGERPRINT],
                     const struct strlist *names, int64_t now, struct err *err)
{
	AUTO_CHAIN struct chain chain = { 0 };

	if (!chain_parse(cert->fullchain_pem, strlen(cert->fullchain_pem), &chain, err))
		return false;
	if (!bytes_equal(cert->spki_sha256, spki, KEY_FINGERPRINT))
		return err_set(err, ERR_REMOTE, "the certificate is for another key");
	return check_rest(cert, &chain, names, now, err);
}

/* The bytes as they stand in the certificate: a leading 00 belongs to them. */
static void add_serial(X509 *leaf, struct buf *out)
{
	unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf), &der);

	/* cert_parse() has seen that it is short: tag and length are one byte each. */
	if (len > 2)
		base64url_add(out, der + 2, (size_t)len - 2);
	OPENSSL_free(der);
}

bool cert_ari_id(const struct cert *cert, struct buf *out, struct err *err)
{
	AUTO_CHAIN struct chain chain = { 0 };
	CLEANUP(AUTHORITY_KEYID_freep) AUTHORITY_KEYID *aki = NULL;

	if (!chain_parse(cert->cert_pem, strlen(cert->cert_pem), &chain, err))
		return false;
	aki = X509_get_ext_d2i(chain.certs[0], NID_authority_key_identifier, NULL, NULL);
	if (!aki || !aki->keyid || ASN1_STRING_length(aki->keyid) == 0)
		return openssl_err(err, ERR_NOT_FOUND,
		                   "the certificate has no authority key identifier");
	base64url_add(out, ASN1_STRING_get0_data(aki->keyid),
	              (size_t)ASN1_STRING_length(aki->keyid));
	buf_addf(out, ".");
	add_serial(chain.certs[0], out);
	return true;
}
