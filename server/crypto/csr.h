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
#endif
