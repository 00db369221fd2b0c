/* SPDX-License-Identifier: Apache-2.0 */
#include "start.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

void crypto_start_small(void)
{
	const EVP_MD *const digests[] = { EVP_sha224(),     EVP_sha256(),
		                          EVP_sha384(),     EVP_sha512(),
		                          EVP_sha512_224(), EVP_sha512_256(),
		                          EVP_sha3_224(),   EVP_sha3_256(),
		                          EVP_sha3_384(),   EVP_sha3_512() };
	bool works = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	                                     OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
	                                     OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
	                                 NULL) == 1;

	for (size_t i = 0; works && i < ARRAY_SIZE(digests); i++)
		works = EVP_add_digest(digests[i]) == 1;
	/* What PKCS #12 is sealed with. */
	if (works && EVP_add_cipher(EVP_aes_256_cbc()) == 1)
		return;
	/* For want of memory alone. */
	fputs("certferry: OpenSSL does not start\n", stderr);
	abort();
}

const char *crypto_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
