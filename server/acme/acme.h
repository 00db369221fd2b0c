/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACME_ACME_H
#define ACME_ACME_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

/*
 * acme - RFC 8555 as a client speaks it, for dns-01
 *
 * A struct acme is one CA with one account: its directory (read once, when first
 * needed), a pool of nonces, kept-alive connections, the account's key and URL. It knows
 * neither store nor DNS. Any number of threads may use one at the same time.
 *
 * Nothing a CA sends is trusted: every URL must be https and of the directory's
 * origin, tokens match their grammar, replies have size and depth limits, unknown states
 * are errors. badNonce is retried inside, with the nonce of the error, signed anew.
 *
 * Errors carry the problem type in err.code ("rateLimited", without the URN prefix)
 * and the CA's words, sub-problems included, in err.msg; err.retry_after what the CA
 * asked for. The kind comes from the table in problem.c.
 */
struct acme;
struct key;

struct acme_settings {
	const char *name; /* the CA's, for errors */
	const char *directory;
	const char *ca_file; /* NULL: the system's roots */
	const struct strlist *contact;
	bool agree_to_terms;
	const char *eab_kid;          /* NULL: none */
	const struct secret *eab_key; /* base64url text */
	const struct key *key;        /* of the account; outlives the struct */
	const char *account_url;      /* NULL: not registered yet */
};

struct acme *acme_new(const struct acme_settings *settings, struct err *err) MUST_CHECK;
void acme_free(struct acme *acme);
DEFINE_CLEANUP(struct acme *, acme_free);

/* By which names CAA records mean this CA (caaIdentities of its directory); none where it
 * does not say. Adds to *out. Takes no account. */
bool acme_caa_identities(struct acme *acme, struct strlist *out,
                         struct err *err) MUST_CHECK;

/*
 * Registers the account, or finds it where the CA knows the key already. *url is the
 * account's URL; the caller frees and stores it. Terms that were not agreed to by
 * configuration are ERR_CONFIG with the terms' URL in the text.
 */
bool acme_account_register(struct acme *acme, char **url, struct err *err) MUST_CHECK;

enum acme_status { /* RFC 8555 7.1.6, those of orders, authorizations, challenges */
	           ACME_PENDING,
	           ACME_READY,
	           ACME_PROCESSING,
	           ACME_VALID,
	           ACME_INVALID,
	           ACME_DEACTIVATED,
	           ACME_EXPIRED,
	           ACME_REVOKED,
	           ACME_STATUS_COUNT
};
extern const char *const acme_status_names[ACME_STATUS_COUNT];

struct acme_order {
	char *url;
	enum acme_status status;
	int64_t expires;               /* 0: not said */
	struct strlist identifiers;    /* sorted */
	struct strlist authorizations; /* URLs */
	char *finalize;
	char *certificate;  /* URL; NULL until valid */
	struct err problem; /* of an invalid order; kind ERR_NONE: none */
	int retry_after;    /* seconds until the next look; 0: not said */
};
void acme_order_deinit(struct acme_order *order);
#define AUTO_ACME_ORDER CLEANUP(acme_order_deinit)

/* names are sorted; the order's identifiers are checked to be exactly these.
 * profile and replaces (RFC 9773 5) may be NULL. */
bool acme_order_new(struct acme *acme, const struct strlist *names, const char *profile,
                    const char *replaces, struct acme_order *out,
                    struct err *err) MUST_CHECK;
bool acme_order_get(struct acme *acme, const char *url, const struct strlist *names,
                    struct acme_order *out, struct err *err) MUST_CHECK;
bool acme_order_finalize(struct acme *acme, const char *finalize_url, const void *csr,
                         size_t csr_len, struct err *err) MUST_CHECK;
/* The PEM chain, not looked into yet (crypto/cert.h does). */
bool acme_certificate_get(struct acme *acme, const char *url, struct buf *pem,
                          struct err *err) MUST_CHECK;

struct acme_authz {
	char *name; /* as ordered: with "*." for a wildcard */
	enum acme_status status;
	int64_t expires;
	char *challenge_url; /* of dns-01; NULL where the CA offers none */
	enum acme_status challenge_status;
	char *token;
	char *txt_value;    /* what the TXT record must hold */
	struct err problem; /* of a failed challenge */
	int retry_after;
};
void acme_authz_deinit(struct acme_authz *authz);
#define AUTO_ACME_AUTHZ CLEANUP(acme_authz_deinit)

bool acme_authz_get(struct acme *acme, const char *url, struct acme_authz *out,
                    struct err *err) MUST_CHECK;
/* "The record is there": the CA may look. */
bool acme_challenge_answer(struct acme *acme, const char *challenge_url,
                           struct err *err) MUST_CHECK;
#endif
