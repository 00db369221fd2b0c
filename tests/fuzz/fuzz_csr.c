/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "crypto/csr.h"
#include "crypto/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A request that was taken has names in order, once each, and is taken again from its DER
 * as the same. */
static void look(const struct csr *csr)
{
	AUTO_CSR struct csr again = CSR_INIT;
	struct err err = { 0 };

	if (csr->names.len == 0)
		abort();
	for (size_t i = 0; i < csr->names.len; i++) {
		if (!dnsname_check(csr->names.items[i],
		                   DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, &err))
			abort();
		if (i > 0 && strcmp(csr->names.items[i - 1], csr->names.items[i]) >= 0)
			abort();
	}
	if (!csr_parse(csr->der.data, csr->der.len, &again, &err) ||
	    again.names.len != csr->names.len || again.key_type != csr->key_type ||
	    memcmp(again.spki_sha256, csr->spki_sha256, KEY_FINGERPRINT) != 0 ||
	    !csr_check(&again, &csr->names, csr->key_type, &err))
		abort();
}

static void parse(const char *pem, size_t len)
{
	AUTO_CSR struct csr csr = CSR_INIT;
	struct err err = { 0 };

	if (csr_parse_pem(pem, len, &csr, &err))
		look(&csr);
	else if (err.kind != ERR_REMOTE || !err.msg[0])
		abort();
}

static void parse_bio(BIO *bio)
{
	char *text = NULL;
	long len = BIO_get_mem_data(bio, &text);

	parse(text, (size_t)len);
}

/* Signed anew with a key of ours: no fuzzer makes a signature that fits, and behind it is
 * most of what there is to find. */
static void parse_signed(const uint8_t *der, size_t len)
{
	static EVP_PKEY *key;
	const unsigned char *at = der;
	X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)len);
	BIO *bio = BIO_new(BIO_s_mem());

	if (!key)
		key = EVP_EC_gen("P-256");
	if (req && X509_REQ_set_pubkey(req, key) == 1 &&
	    X509_REQ_sign(req, key, EVP_sha256()) > 0 &&
	    PEM_write_bio_X509_REQ(bio, req) == 1)
		parse_bio(bio);
	X509_REQ_free(req);
	BIO_free(bio);
}

/* Input is PEM, or else DER, as it came ("0", a sequence's tag) and, behind an "S", with
 * a signature that is right. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_BUF struct buf pem = BUF_INIT(4 * CSR_BYTES_MAX);

	if (len > 0 && bytes[0] == 'S') {
		parse_signed(bytes + 1, len - 1);
	} else if (len > 0 && bytes[0] == 0x30) {
		buf_addf(&pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
		base64_add(&pem, bytes, len);
		buf_addf(&pem, "\n-----END CERTIFICATE REQUEST-----\n");
		parse(pem.data, pem.len);
	} else {
		parse((const char *)bytes, len);
	}
	return 0;
}
