/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_CSR_H
#define CRYPTO_CSR_H
#include "base/str.h"
#include "key.h"

/*
 * Makes a PKCS #10 request (RFC 2986) for the names, all of them in the
 * subjectAltName extension and none in the subject (RFC 8555 7.4), signed with
 * the key; DER is appended to out.
 */
bool csr_new(const struct key *key, const struct strlist *names, struct buf *out,
             struct err *err) MUST_CHECK;

/*
 * A request that a server made, as it came: PEM, not trusted. It is taken apart only
 * where its own key has signed it, that key is of a kind we use, and it asks for nothing
 * but names. Errors are ERR_REMOTE.
 */
enum { CSR_BYTES_MAX = 32 * 1024 };
struct csr {
	struct strlist names; /* of subjectAltName, lower case, sorted */
	enum key_type key_type;
	unsigned char spki_sha256[KEY_FINGERPRINT];
	struct buf der;
};
#define CSR_INIT                               \
	{                                      \
		.der = BUF_INIT(CSR_BYTES_MAX) \
	}
bool csr_parse_pem(const char *pem, size_t len, struct csr *out,
                   struct err *err) MUST_CHECK;
/* The same of DER, as it was kept. */
bool csr_parse(const void *der, size_t len, struct csr *out, struct err *err) MUST_CHECK;
void csr_deinit(struct csr *csr);
#define AUTO_CSR CLEANUP(csr_deinit)

/* Is it for these names (sorted), all of them and no others, and for a key of this kind?
 */
bool csr_check(const struct csr *csr, const struct strlist *names, enum key_type type,
               struct err *err) MUST_CHECK;
#endif
