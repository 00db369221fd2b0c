/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ORDER_H
#define STORE_ORDER_H
#include "base/buf.h"
#include "base/keytype.h"
#include "base/str.h"
#include "store.h"

/*
 * order - one certificate being obtained for one host, and its challenge records
 *
 * The intent (names, key type, CA, profile) is committed before the CA hears of it, the
 * order's URL before anything is done with it. At most one order in flight per (account,
 * profile, names), by a unique index over the states between ORDER_WAIT and ORDER_DONE,
 * and one order before ORDER_TIDY per (certificate, host).
 */
enum order_state {
	ORDER_WAIT, /* for its turn: nothing is at the CA yet */
	ORDER_CREATE,
	ORDER_PUBLISH,
	ORDER_SPREAD,
	ORDER_ANSWER,
	ORDER_VALIDATE,
	ORDER_FINALIZE,
	ORDER_COLLECT,
	ORDER_TIDY,
	ORDER_DONE, /* certificate_id says whether it succeeded */
	ORDER_STATE_COUNT
};
extern const char *const order_state_names[ORDER_STATE_COUNT];

struct order {
	int64_t id;
	char *certificate; /* the configuration's name of it */
	char *host;
	char *ca;
	char *dns;     /* the configuration's names, in the order in which they are tried,
	                  joined by "," */
	char *alias;   /* challenge-alias, with {name} in it or not; NULL: none */
	char *profile; /* NULL: none */
	struct strlist names; /* sorted */
	enum key_type key_type;
	char *intent; /* digest of all above but host: what the configuration wanted */
	char *reason; /* why it was begun: "missing", "two thirds of its lifetime are
	                 over" */

	int64_t account_id; /* 0 until ORDER_CREATE */
	int64_t key_id;     /* 0: not yet, or it is made on the server */
	bool is_key_on_target;
	struct buf csr; /* then: the server's request, DER; empty until it was asked */
	char *url, *finalize_url, *certificate_url; /* NULL until known */
	int64_t certificate_id;                     /* 0 until collected */

	enum order_state state;
	int64_t state_since_ms;
	int64_t run_at_ms;
	int attempts;    /* failures in this state, one after another */
	int polls;       /* looks in this state without one */
	char *waits_for; /* which servers lack what, what a person has to do, or which
	                    order it needs; NULL: nothing */
	struct err last; /* why it is where it is */
	int64_t last_at;
	int64_t created_at;
	int64_t
	    token; /* of the claim; a save with an old one changes nothing and fails */
};
void order_deinit(struct order *order);
#define AUTO_ORDER CLEANUP(order_deinit)

/* New row; fills in id. */
bool store_order_add(struct store *store, struct order *order, const struct event *event,
                     struct err *err) MUST_CHECK;
/* Claims the order that is due longest, until store_order_save() lets go of it. */
bool store_order_claim(struct store *store, int64_t now_ms, struct order *out,
                       bool *found, struct err *err) MUST_CHECK;
/* The earliest run_at of the orders that are not done and not claimed. */
bool store_order_next(struct store *store, int64_t *run_at_ms, bool *any,
                      struct err *err) MUST_CHECK;
/* Writes it back; release: lets go of the claim. event may be NULL where only run_at,
 * polls or state_since changed. ERR_CONFLICT where the index says that another one is in
 * flight. */
bool store_order_save(struct store *store, const struct order *order, bool release,
                      const struct event *event, struct err *err) MUST_CHECK;
/* The newest order of this certificate for this host. */
bool store_order_newest(struct store *store, const char *certificate, const char *host,
                        struct order *out, bool *found, struct err *err) MUST_CHECK;
/* All orders that are not done. The callback may not call the store. */
typedef bool store_order_fn(void *arg, const struct order *order, struct err *err);
bool store_order_each_open(struct store *store, store_order_fn *fn, void *arg,
                           struct err *err) MUST_CHECK;

/* One that waits for longer than this itself takes no room. */
enum { ORDER_AT_WORK_MS = 30 * 1000 };

/*
 * May this order go to the CA now? No while as many as in_flight_max are between WAIT and
 * TIDY (one that waits for more than 30 s itself takes no room), while one of the same
 * account, profile and names is, or while one that began before it and less than 120 s
 * ago, without a failure and not to wait for more than 30 s, is proving one of its names
 * that has no valid authorization of this account and profile yet. Orders that the run is
 * not about take no room and prove nothing: they do not go on.
 */
bool store_order_may_start(struct store *store, const struct order *order,
                           int in_flight_max, bool *may, struct err *err) MUST_CHECK;
/* The order of the same account, profile and names that is in flight. */
struct order_twin {
	bool found;
	bool is_left_out; /* this run is not about it: it does not go on (store/run.h) */
	int64_t run_at_ms;
	char name[160]; /* "CERTIFICATE/HOST" */
};
bool store_order_twin(struct store *store, const struct order *order,
                      struct order_twin *out, struct err *err) MUST_CHECK;
/* Remembers that the name was proved at the CA until then. */
bool store_authorized(struct store *store, const struct order *order, const char *name,
                      int64_t until, struct err *err) MUST_CHECK;

/* authz - one authorization of an order that had to be proved */
struct authz {
	int64_t id;
	int64_t order_id;
	char *name; /* "*.example.org" */
	char *url;
	char *challenge_url;
	char *txt_name; /* "_acme-challenge.example.org" */
	char *txt_value;
	char *target;  /* where the record is made: txt_name, or where its CNAME leads;
	                  NULL  until found */
	char *zone;    /* that holds the target; NULL until found */
	char *dns;     /* the entry whose turn it is; NULL until found */
	char *refused; /* "ENTRY: why", a line for each that refused for good; NULL */
	bool is_answered;
	bool is_valid;
};
struct authz_list {
	struct authz *items;
	size_t len;
};
void authz_list_deinit(struct authz_list *list);
#define AUTO_AUTHZ_LIST CLEANUP(authz_list_deinit)

/* id 0: new. */
bool store_authz_save(struct store *store, struct authz *authz,
                      struct err *err) MUST_CHECK;
bool store_authz_list(struct store *store, int64_t order_id, struct authz_list *out,
                      struct err *err) MUST_CHECK;

/*
 * txt - the ledger of TXT values: written before a value is set, removed after it was
 * taken away. The same value of the same name wanted by two orders is one row per order.
 */
enum txt_state {
	TXT_WANTED,   /* intent: it may be at the provider, or not yet */
	TXT_SET,      /* the provider said so */
	TXT_UNWANTED, /* to be removed */
	TXT_ASKED,    /* a person is to set it */
	TXT_LEFT,     /* a person is to remove it */
	TXT_STATE_COUNT
};
struct txt {
	int64_t id;
	int64_t order_id; /* 0: of no order, but of a check (plan --check) */
	char *dns;        /* the configuration's name */
	char *zone, *name, *value;
	char *challenge; /* the name that is proved, where a CNAME leads from it to name;
	                    NULL: name itself */
	enum txt_state state;
	int64_t created_at;
};
struct txt_list {
	struct txt *items;
	size_t len;
};
void txt_list_deinit(struct txt_list *list);
#define AUTO_TXT_LIST CLEANUP(txt_list_deinit)

bool store_txt_add(struct store *store, struct txt *txt, struct err *err) MUST_CHECK;
struct txt_filter {
	const char *dns;  /* NULL: of all */
	int64_t order_id; /* 0: of all */
	enum txt_state state;
	int limit;         /* 0: none */
	int64_t first;     /* the rows of this order come first; 0: nobody's */
	bool is_any_state; /* whatever state says */
	const char *name;  /* NULL: of all */
	bool is_free;      /* only values that no other row wants at that name, be it of
	                      another entry: both may be the same record */
};
/* Oldest first otherwise. */
bool store_txt_list(struct store *store, const struct txt_filter *filter,
                    struct txt_list *out, struct err *err) MUST_CHECK;
/* How many values of ours may be at that name: the CA reads all of them in one answer. */
bool store_txt_count(struct store *store, const char *name, int *count,
                     struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND where the row is gone, or has moved on meanwhile: what is unwanted or
 * left is not set or asked for any more, and only what is unwanted is left to a person.
 */
bool store_txt_set_state(struct store *store, int64_t id, enum txt_state state,
                         struct err *err) MUST_CHECK;
bool store_txt_remove(struct store *store, int64_t id, const struct event *event,
                      struct err *err) MUST_CHECK;
/* Marks the order's rows TXT_UNWANTED, but for those whose value another open order wants
 * too: such a row is removed at once. What is TXT_LEFT stays so. */
bool store_txt_unwant_order(struct store *store, int64_t order_id,
                            struct err *err) MUST_CHECK;
/* At start: rows of orders that are done, and those of no order, become TXT_UNWANTED
 * where they are neither that yet nor TXT_LEFT. count: all unwanted rows. */
bool store_txt_unwant_orphans(struct store *store, int64_t *count,
                              struct err *err) MUST_CHECK;
#endif
