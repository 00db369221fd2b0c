/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACME_IMPL_H
#define ACME_IMPL_H
#include <pthread.h>

#include "acme.h"
#include "base/json.h"
#include "http/http.h"

/*
 * acme/impl - what the files of this folder share
 *
 * From the wire inwards: post.c makes one request (signed or not) and says whether its
 * status was one that the operation may have; problem.c turns a problem document, or a
 * reply that is none, into an err; the *_parse() functions are pure, take bytes of a
 * CA that may be hostile, and are what tests/fuzz/fuzz_acme.c feeds.
 */
enum {
	ACME_JSON_MAX = 64 * 1024,
	ACME_CHAIN_MAX = 256 * 1024,
	ACME_ITEMS_MAX = 200, /* identifiers, authorizations, challenges */
	ACME_URL_MAX = 2048,
	ACME_NONCES = 64,
};

#define ACME_BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* nonce.c: the newest comes out first; old ones are thrown away. */
struct nonces {
	pthread_mutex_t lock;
	struct nonce {
		char *text;
		int64_t since_ms; /* monotonic */
	} items[ACME_NONCES];
	size_t len;
};

void nonces_init(struct nonces *nonces);
void nonces_deinit(struct nonces *nonces);
/* The caller frees; NULL: there is none. */
char *nonces_take(struct nonces *nonces, int64_t now_ms);
/* NULL and what is no nonce are left out. */
void nonces_give(struct nonces *nonces, const char *text, int64_t now_ms);
bool nonce_is_good(const char *text);

/* directory.c */
struct directory {
	char *new_nonce;
	char *new_account;
	char *new_order;
	char *terms; /* URL, printable; NULL: none */
	bool wants_eab;
	struct strlist profiles;
	struct strlist caa_identities;
};

void directory_deinit(struct directory *directory);
#define AUTO_DIRECTORY CLEANUP(directory_deinit)
bool directory_parse(const char *origin, const char *text, size_t len,
                     struct directory *out, struct err *err) MUST_CHECK;

struct acme {
	char *name;
	char *directory_url; /* its origin is that of every URL */
	struct strlist contact;
	bool agree_to_terms;
	char *eab_kid;
	struct secret *eab_key;
	const struct key *key;
	struct http *http;
	struct nonces nonces;

	pthread_mutex_t directory_lock; /* held while the directory is fetched */
	bool directory_known;
	struct directory directory; /* constant once it is known */
	int64_t directory_failed_ms;
	struct err directory_err;

	pthread_mutex_t account_lock;
	char *account_url;
};

/* The CA's directory, borrowed for as long as the struct acme lives. */
bool acme_directory_get(struct acme *acme, const struct directory **out,
                        struct err *err) MUST_CHECK;

/* post.c */
enum acme_op {
	ACME_OP_DIRECTORY,
	ACME_OP_NONCE,
	ACME_OP_ACCOUNT,
	ACME_OP_ORDER_NEW,
	ACME_OP_ORDER,
	ACME_OP_AUTHZ,
	ACME_OP_CHALLENGE,
	ACME_OP_FINALIZE,
	ACME_OP_CERTIFICATE,
	ACME_OP_COUNT
};

struct acme_request {
	enum acme_op op;
	const char *url;
	const char *payload; /* JSON; "": POST-as-GET */
	bool by_key;         /* signed with "jwk" and not the account's URL */

	struct http_call call; /* the reply */
};

enum { ACME_GOT_NONCE, ACME_GOT_RETRY_AFTER, ACME_GOT_LOCATION, ACME_GOT_LINK };

void acme_request_deinit(struct acme_request *request);
#define AUTO_ACME_REQUEST CLEANUP(acme_request_deinit)

/* Unsigned: the directory and newNonce. */
bool acme_fetch(struct acme *acme, struct acme_request *request,
                struct err *err) MUST_CHECK;
/* Signed; badNonce is retried inside. Any status but the operation's own is an error. */
bool acme_post(struct acme *acme, struct acme_request *request,
               struct err *err) MUST_CHECK;
/* "NAME: what was done: " before the error's text; always false. */
bool acme_blame(const struct acme *acme, enum acme_op op, struct err *err);
int acme_request_wait(const struct acme_request *request);

/* problem.c */

/* Fills problem from a problem object (RFC 7807) inside an order or a challenge. */
void problem_read(const cJSON *json, struct err *problem);

struct problem_reply {
	int status;
	const char *text;
	size_t len;
	int retry_after;
	const char *link; /* the Link header; may be NULL */
};
/* Fills err from a reply that is not what was hoped for; always false. */
bool problem_of_reply(const struct problem_reply *reply, struct err *err);

/* The target of the first link of that relation (RFC 8288), or NULL. Caller frees. */
char *link_find(const char *header, const char *relation);

/* json.c: members that hold URLs and states */

/* True if url may be fetched: https, of the origin, not too long. */
bool url_check(const char *origin, const char *what, const char *url,
               struct err *err) MUST_CHECK;
/* The member's URL, checked; the caller frees. */
bool json_url(const cJSON *json, const char *origin, const char *name, char **out,
              struct err *err) MUST_CHECK;
/* allowed: a mask of 1 << status. */
bool json_status(const cJSON *json, unsigned allowed, enum acme_status *out,
                 struct err *err) MUST_CHECK;
/* A time that may be missing: 0. */
bool json_time(const cJSON *json, const char *name, int64_t *out,
               struct err *err) MUST_CHECK;
/* identifier {"type": "dns", "value": ...}: the value, borrowed, a name by grammar. */
bool json_identifier(const cJSON *identifier, const char **out,
                     struct err *err) MUST_CHECK;
bool json_parse_object(const char *text, size_t len, cJSON **out,
                       struct err *err) MUST_CHECK;

/* What an order must be to be ours. profile may be NULL: any. */
struct order_wanted {
	const char *origin;
	const struct strlist *names; /* sorted */
	const char *profile;
};
bool order_parse(const struct order_wanted *wanted, const char *text, size_t len,
                 struct acme_order *out, struct err *err) MUST_CHECK;
/* All but txt_value, which takes the account's key. */
bool authz_parse(const char *origin, const char *text, size_t len, struct acme_authz *out,
                 struct err *err) MUST_CHECK;
/* The account object of newAccount: is it valid? */
bool account_parse(const char *text, size_t len, struct err *err) MUST_CHECK;
#endif
