/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_DELIVERY_H
#define STORE_DELIVERY_H
#include "base/keytype.h"
#include "base/str.h"
#include "store.h"

/*
 * certificate and delivery - what was issued, and what of it is where
 *
 * A certificate row is written once, in the transaction that ends its order, together
 * with the delivery that it gives rise to. A delivery is one row per (certificate's name,
 * host): what is wanted there, what was installed, what was seen served.
 */
struct certificate {
	int64_t id;
	int64_t order_id;
	int64_t key_id; /* unique: a key belongs to one certificate; 0: it was made on the
	                   server, and is not here */
	char *name;     /* the configuration's */
	char *host;
	struct strlist names;
	enum key_type key_type;
	char *ca;
	char *intent; /* the order's */
	char *serial;
	char *issuer;
	unsigned char sha256[32];
	int64_t not_before, not_after;
	char *cert_pem, *chain_pem;
	int64_t created_at;
};
void certificate_deinit(struct certificate *certificate);
#define AUTO_CERTIFICATE CLEANUP(certificate_deinit)

/* New row; fills in id. A key that has a certificate already is ERR_CONFLICT. */
bool store_certificate_add(struct store *store, struct certificate *certificate,
                           const struct event *event, struct err *err) MUST_CHECK;
bool store_certificate_load(struct store *store, int64_t id, struct certificate *out,
                            struct err *err) MUST_CHECK;
/* The newest of this name for this host. */
bool store_certificate_newest(struct store *store, const char *name, const char *host,
                              struct certificate *out, bool *found,
                              struct err *err) MUST_CHECK;

enum delivery_state {
	DELIVERY_PUSH,   /* due: to be installed */
	DELIVERY_VERIFY, /* installed; to be looked at, is it still so? */
	DELIVERY_DONE,   /* nothing to do */
	DELIVERY_STATE_COUNT
};
extern const char *const delivery_state_names[DELIVERY_STATE_COUNT];

/* The code of an error: the wanted certificate is for a key that was made on the server,
 * and is not there any more. Delivered again it would be refused again. */
#define DELIVERY_NO_KEY "no-key"

struct delivery {
	int64_t id;
	char *certificate; /* the configuration's name */
	char *host;
	int64_t wanted_id;    /* certificate row to be there */
	int64_t installed_id; /* the one installed and confirmed; 0: none */
	int64_t installed_at;
	char *installed_setup; /* digest of where and how it was installed; NULL: it was
	                          not */
	char *reason;          /* why it is due */
	unsigned char served_sha256[32];
	char *served; /* what was last seen from outside, in words; NULL: never looked */
	int64_t served_at;
	bool is_served; /* ... and it was the wanted one */

	enum delivery_state state;
	int64_t run_at_ms;
	int attempts;
	struct err last;
	int64_t last_at;
	int64_t token;
};
void delivery_deinit(struct delivery *delivery);
struct delivery_list {
	struct delivery *items;
	size_t len;
};
void delivery_list_deinit(struct delivery_list *list);
#define AUTO_DELIVERY      CLEANUP(delivery_deinit)
#define AUTO_DELIVERY_LIST CLEANUP(delivery_list_deinit)

/* Makes the row of (certificate, host), or writes over it. */
bool store_delivery_put(struct store *store, struct delivery *delivery,
                        const struct event *event, struct err *err) MUST_CHECK;
bool store_delivery_find(struct store *store, const char *certificate, const char *host,
                         struct delivery *out, bool *found, struct err *err) MUST_CHECK;
/* Claims all due deliveries of one host, the one that is due longest, none of which is
 * claimed, and with them those of it that failed and wait for another try. */
bool store_delivery_claim(struct store *store, int64_t now_ms, struct delivery_list *out,
                          struct err *err) MUST_CHECK;
bool store_delivery_next(struct store *store, int64_t *run_at_ms, bool *any,
                         struct err *err) MUST_CHECK;
bool store_delivery_save(struct store *store, const struct delivery *delivery,
                         bool release, const struct event *event,
                         struct err *err) MUST_CHECK;
bool store_delivery_list(struct store *store, struct delivery_list *out,
                         struct err *err) MUST_CHECK;
#endif
