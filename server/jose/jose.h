/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JOSE_JOSE_H
#define JOSE_JOSE_H
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/key.h"

/*
 * jose - what ACME needs of RFC 7515 (JWS), 7517 (JWK), 7518 (JWA) and 7638
 *
 * Signs bytes; knows no protocol. Account keys are EC P-256 (ES256) or P-384
 * (ES384). Everything returned is text that the caller frees. Any thread.
 */

/* The thumbprint in base64url (RFC 7638). */
char *jwk_thumbprint(const struct key *key, struct err *err) MUST_CHECK;

/* token "." thumbprint (RFC 8555 8.1), and what the TXT record of dns-01 holds:
 * base64url of its SHA-256 (8.4). */
char *jose_key_authorization(const struct key *key, const char *token,
                             struct err *err) MUST_CHECK;
char *jose_dns01_value(const struct key *key, const char *token,
                       struct err *err) MUST_CHECK;

struct jws_request {
	const struct key *key;
	const char *kid;   /* the account's URL; NULL: the key itself stands in "jwk" */
	const char *nonce; /* NULL: none (the inner JWS of a key change) */
	const char *url;
	const char *payload; /* JSON text; "" is POST-as-GET */
};

/* A flattened JWS (RFC 8555 6.2), ready to be sent. */
char *jws_sign(const struct jws_request *request, struct err *err) MUST_CHECK;

/* The external account binding of newAccount (RFC 8555 7.3.4): a JWS with HS256 over
 * the account's JWK. hmac_key is in base64url, as CAs hand it out. */
char *jws_external_binding(const struct key *account, const char *kid,
                           const struct secret *hmac_key, const char *url,
                           struct err *err) MUST_CHECK;
#endif
