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

/* batch.c */
struct dns_desk *issue_dns_find(struct issue *issue, const char *name,
                                struct err *err) MUST_CHECK;
struct batch {
	struct dns_desk *desk;
	bool remove;       /* what the ledger no longer wants; else what it wants */
	int64_t order_id;  /* whose failure is of interest; 0: nobody's */
	bool busy;         /* filled in: another's batch is running, nothing was done */
	struct err failed; /* filled in: why a row of order_id was not done */
	bool has_more;     /* filled in: it was full and got on, so there may be more */
};
/* Brings to the provider as much as one batch holds. */
bool issue_batch(struct issue *issue, struct batch *batch, struct err *err) MUST_CHECK;
#endif
