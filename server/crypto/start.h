/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_START_H
#define CRYPTO_START_H

/*
 * start - OpenSSL for a program that does one small task and ends
 *
 * By itself OpenSSL reads openssl.cnf, which may have it load shared objects, and lists
 * every algorithm it has by name. crypto_start_small() does neither; it is to be called
 * once, before anything else of this module. What certificates and requests are signed
 * with (SHA-2 and SHA-3; not SHA-1, MD5), and the PKCS #12 of pack.h, work as always.
 *
 * OPENSSL_init_crypto(3). Not for the issuer: its administrator may want openssl.cnf.
 */
void crypto_start_small(void);

/* Which OpenSSL is in use: "OpenSSL 3.0.17 1 Jul 2025". */
const char *crypto_library(void);
#endif
