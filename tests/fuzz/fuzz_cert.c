/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "crypto/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A chain that was taken is written so that it is taken again, and as the same. */
static void parse(const char *pem, size_t len)
{
	AUTO_CERT struct cert cert = { 0 }, again = { 0 };
	AUTO_BUF struct buf ari = BUF_INIT(CERT_PEM_MAX);
	struct err err = { 0 };

	if (!cert_parse(pem, len, &cert, &err)) {
		if (err.kind == ERR_NONE || !err.msg[0])
			abort();
		return;
	}
	(void)!cert_ari_id(&cert, &ari, &err);
	/* The lines are ours, and may be shorter than those that came. */
	if (strlen(cert.fullchain_pem) > CERT_PEM_MAX)
		return;
	if (!cert_parse(cert.fullchain_pem, strlen(cert.fullchain_pem), &again, &err) ||
	    strcmp(cert.fullchain_pem, again.fullchain_pem) != 0)
		abort();
}

/* Input is PEM, or else DER: a fuzzer does not find its way through base64. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_BUF struct buf pem = BUF_INIT(2 * CERT_PEM_MAX);

	if (len > 0 && bytes[0] == 0x30) {
		buf_addf(&pem, "-----BEGIN CERTIFICATE-----\n");
		base64_add(&pem, bytes, len);
		buf_addf(&pem, "\n-----END CERTIFICATE-----\n");
		parse(pem.data, pem.len);
	} else {
		parse((const char *)bytes, len);
	}
	return 0;
}
