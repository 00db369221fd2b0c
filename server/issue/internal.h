/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ISSUE_INTERNAL_H
#define ISSUE_INTERNAL_H
#include <pthread.h>

#include "issue.h"
#include "store/order.h"

/* internal - what the steps of an order share; see issue.h */

/* One CA in use: its account is made when the first order needs it. */
struct ca_desk {
	const struct issue_ca *settings;
	pthread_mutex_t lock; /* while the account is looked up or made */
	int64_t account_id;   /* 0: not yet */
	bool is_lost; /* the CA does not know the account: to be registered anew */
	struct key *key;
	struct acme *acme;
	char *account_url;
	struct err last; /* why it could not be opened, and when that was */
	int64_t failed_at_ms;
};

/* One DNS credential: one batch at a time, so that what comes meanwhile joins the next.
 */
struct dns_desk {
	const struct issue_dns *settings;
	pthread_mutex_t lock;
	bool is_swept;       /* by the janitor, in this run */
	int64_t sweep_at_ms; /* not before; 0: at once */
};

struct issue {
	struct issue_settings settings;
	struct ca_desk *cas;
	struct dns_desk *dns;
	struct zone_shelf *zones;
};

/* zone.c: the zone that holds the name; and the servers of a zone by its own name, which
 * may be a minute old. */
struct zone_shelf *zone_shelf_new(void) MUST_CHECK;
void zone_shelf_free(struct zone_shelf *shelf);
bool issue_zone_of(struct issue *issue, const char *name, struct dns_zone *out,
                   struct err *err) MUST_CHECK;
bool issue_zone_servers(struct issue *issue, const char *zone, struct dns_zone *out,
                        struct err *err) MUST_CHECK;

/* A step sets the next state, and run_at_ms to wait; issue.c saves. */
typedef bool issue_step_fn(struct issue *issue, struct order *order, struct err *err);
issue_step_fn issue_wait, issue_create, issue_publish, issue_spread, issue_answer,
    issue_validate, issue_finalize, issue_collect, issue_tidy;

/* Moves on, due at once. */
void issue_enter(struct order *order, enum order_state state);
/* Stays in the state and looks again: after retry_after seconds where the CA said so,
 * else after first_ms, doubled with every look up to most_ms. */
void issue_look_again(struct order *order, int retry_after, int64_t first_ms,
                      int64_t most_ms);
/* How soon and how seldom an order is polled at the CA. */
enum { ISSUE_LOOK_FIRST_MS = 250, ISSUE_LOOK_MOST_MS = 5000 };

/* True once the state has lasted that long. */
bool issue_is_overdue(const struct order *order, int64_t seconds);

/* order_steps.c: why the order turned invalid, into err; false. */
bool issue_explain_invalid(struct issue *issue, struct acme *acme,
                           const struct order *order, const struct acme_order *seen,
                           struct err *err);

/* account.c: the CA's desk with its account ready; NULL with err. */
struct ca_desk *issue_ca_open(struct issue *issue, const char *name,
                              struct err *err) MUST_CHECK;
void issue_ca_close(struct ca_desk *desk);
/* The CA has said that it does not know the account. */
void issue_ca_lost(struct issue *issue, const char *name);

/*
 * choose.c. Entries of a certificate, in the order in which they are tried. For a name it
 * is the one with the longest zone that holds the name, then those without zones; of
 * equals the first. refused: one line "ENTRY: why" for each that refused for good.
 */
struct dns_desks {
	struct dns_desk **items;
	size_t len;
};
void dns_desks_deinit(struct dns_desks *desks);
#define AUTO_DNS_DESKS CLEANUP(dns_desks_deinit)

/* names: joined by ",". */
bool issue_dns_list(struct issue *issue, const char *names, struct dns_desks *out,
                    struct err *err) MUST_CHECK;
/* Does the DNS say where a record is? So where one of them is to be seen at the
 * authoritative servers. */
bool issue_is_direct(const struct dns_desks *desks);
/* NULL: none is left. */
struct dns_desk *issue_choose(const struct dns_desks *desks, const char *target,
                              const char *refused) MUST_CHECK;
/* The longest of its zones that holds the name; NULL: none, or it has no list. */
const char *issue_zone_listed(const struct issue_dns *dns, const char *name);
/* What its provider is told: what the servers say (found; may be NULL), but what the
 * configuration says where the DNS that we see is not the one that counts. */
const char *issue_zone_for(const struct issue_dns *dns, const char *target,
                           const char *found);
bool issue_has_refused(const char *refused, const char *entry);
/* The text with one more line; the caller frees. */
char *issue_refused_add(const char *refused, const char *entry,
                        const char *why) MUST_CHECK;
/* alias with {name} replaced by the name without "*."; the caller frees. ERR_CONFIG where
 * that is no name. */
char *issue_alias_expand(const char *alias, const char *name, struct err *err) MUST_CHECK;

/*
 * place.c. Found places are kept for a minute, since a wave of orders has the same names;
 * no failure ever is. A challenge that does not end at its alias is ERR_CONFIG with the
 * line to add to the zone. What the servers say of a TXT name is never kept.
 */
struct issue_aim {
	const char *name;  /* as ordered: "*.example.org" */
	const char *alias; /* challenge-alias as configured; NULL: none */
	bool is_direct;
};
struct place_shelf *place_shelf_new(void) MUST_CHECK;
void place_shelf_free(struct place_shelf *shelf);
/* "_acme-challenge.example.org"; the caller frees. */
char *issue_challenge_of(const char *name) MUST_CHECK;
bool issue_place_of(struct issue *issue, const struct issue_aim *aim,
                    struct dns_place *out, struct err *err) MUST_CHECK;

/* batch.c */
struct dns_desk *issue_dns_find(struct issue *issue, const char *name,
                                struct err *err) MUST_CHECK;
struct batch_failure {
	int64_t txt_id;
	char *name, *value;
	struct err why; /* its code is the provider's */
};
struct batch {
	struct dns_desk *desk;
	bool remove;            /* what the ledger no longer wants; else what it wants */
	int64_t order_id;       /* whose failures are of interest; 0: nobody's */
	const struct txt *only; /* that row, which the caller has put into the ledger, and
	                           no other; waits for its turn, and its failure is of
	                           interest; NULL: whatever is due */

	bool busy;      /* filled in: another's batch is running, nothing was done */
	bool has_more;  /* filled in: it was full and got on, so there may be more */
	int64_t held_s; /* filled in: what is left must wait until then, says the provider
	                   or its limit; 0: it need not */
	struct err failed;              /* goes away with the next commit of issue */
	struct batch_failure *failures; /* filled in: why rows were not done */
	size_t failure_count;
};
void batch_deinit(struct batch *batch);
#define AUTO_BATCH CLEANUP(batch_deinit)
/* Brings to the provider as much as one batch holds. */
bool issue_batch(struct issue *issue, struct batch *batch, struct err *err) MUST_CHECK;
#endif
