/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ISSUE_INTERNAL_H
#define ISSUE_INTERNAL_H
#include <pthread.h>

#include "issue.h"
#include "store/order.h"

/*
 * internal - what the steps of an order share; see issue.h
 *
 *   issue.c            the table of states; saving, backing off, telling
 *   order_steps.c      the order at the CA, up to its end; account.c: the account there
 *   lost.c             what the CA has lost, and the same order once more
 *   key_step.c         a key that is made on the server: its request
 *   place.c            where the record of a challenge is really made: CNAMEs, alias
 *   choose.c           which dns entry makes it, and who is next when that one refuses;
 *                      pure, as is the text of an alias
 *   publish_step.c     place and entry of each name, the ledger, the batches
 *   batch.c            one batch at a provider: rows in, their outcomes back into the
 *                      ledger; the pace of a provider with a rate limit
 *   spread_step.c      waiting until all show it, by the entry's mode; persons are slower
 *   sight.c            one look at one TXT name of an order
 *   watch.c            what the looks at a name came to, and when the next one is due
 *   challenge_steps.c  telling the CA; removing the records again
 *   collect_step.c     the certificate
 *   janitor.c          records of dead runs; those that a person was to remove
 *   preflight.c        the same questions before anything is spent; check.h, check_*.c
 */

/* One CA in use: its account is made when the first order needs it. */
struct ca_desk {
	const struct issue_ca *settings;
	pthread_mutex_t lock; /* while the account is looked up or made */
	int64_t account_id;   /* 0: not yet */
	bool is_lost; /* the CA does not know the account: to be registered anew */
	struct key *key;
	struct acme *acme;
	char *account_url;
	struct strlist repeated; /* places whose order was begun anew in this run */
	struct err last;         /* why it could not be opened, and when that was */
	int64_t failed_at_ms;
};

/* One DNS credential: one batch at a time, so that what comes meanwhile joins the next.
 */
struct dns_desk {
	const struct issue_dns *settings;
	pthread_mutex_t lock;
	int held_in_a_row; /* batches that the provider's limit ended with nothing done */
	bool is_swept;     /* by the janitor, in this run */
	int64_t sweep_at_ms; /* not before; 0: at once */
};

/* Values that persons were asked to remove, as the janitor found them at its start. */
struct left_rows {
	struct txt_list rows;
	size_t next; /* the row to look at; len: none */
	int failures;
};

struct issue {
	struct issue_settings settings;
	struct ca_desk *cas;
	struct dns_desk *dns;
	struct place_shelf *places;
	struct check_memo *checks; /* check.h */
	struct watch *watch;
	struct left_rows left;
};

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
/* Another order's batch is at the provider, perhaps for long: each look is a write. */
enum { ISSUE_BUSY_MS = 20, ISSUE_BUSY_MOST_MS = 200 };

/* True once the state has lasted that long. */
bool issue_is_overdue(const struct order *order, int64_t seconds);
/* Whom it waits for, for status; NULL: nobody. Entering a state clears it. */
void issue_waits_for(struct order *order, const char *text);
/* To whom watches the run. */
void issue_report(struct issue *issue, const struct order *order, enum progress_kind kind,
                  const char *text);

/* order_steps.c: why the order turned invalid, into err; false. */
bool issue_explain_invalid(struct issue *issue, struct acme *acme,
                           const struct order *order, const struct acme_order *seen,
                           struct err *err);

/* key_step.c: of an order whose key is made on the server. Has its request, asked for
 * once, checked, and kept. */
bool issue_have_csr(struct issue *issue, struct order *order, struct err *err) MUST_CHECK;
/* Is this the certificate for that request? */
struct cert;
bool issue_check_by_csr(const struct order *order, const struct cert *cert,
                        struct err *err) MUST_CHECK;

/* account.c: the CA's desk with its account ready; NULL with err. */
struct ca_desk *issue_ca_open(struct issue *issue, const char *name,
                              struct err *err) MUST_CHECK;
void issue_ca_close(struct ca_desk *desk);
/* The CA has said that it does not know the account. */
void issue_ca_lost(struct issue *issue, const char *name);
/* Once for each place: a CA that loses everything gets no orders for ever. */
bool issue_ca_may_repeat(struct issue *issue, const struct order *order);

/* lost.c: did the CA lose what it knew of us, so that the order, when it has ended, is to
 * be begun anew? why gets the words, and loses the code where it was a loss. */
bool issue_is_lost(struct issue *issue, const struct order *order, struct err *why);
/* Adds the same order once more. */
bool issue_begin_anew(struct issue *issue, const struct order *lost,
                      struct err *err) MUST_CHECK;

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

struct dns_desk *issue_dns_find(struct issue *issue, const char *name,
                                struct err *err) MUST_CHECK;
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
	struct batch_failure *failures; /* filled in: why rows were not done */
	size_t failure_count;
};
void batch_deinit(struct batch *batch);
#define AUTO_BATCH CLEANUP(batch_deinit)
/* Brings to the provider as much as one batch holds. A row that a person has to see to is
 * done when that is noted: it becomes TXT_ASKED, or TXT_LEFT. */
bool issue_batch(struct issue *issue, struct batch *batch, struct err *err) MUST_CHECK;
/* How long nobody asks, where a provider that says "too much" named a time (0: none):
 * growing, since one that never does anything must not be asked every few seconds, nor
 * keep a run from its end. */
int64_t batch_hold_s(int retry_after, int in_a_row);
/* Is that a time that such a hold can last until? Else the clock was set back since. */
bool batch_is_held(int64_t until, int64_t now);
/* The order waits until its provider may be asked again; false where it did so for too
 * long. */
bool issue_hold(struct issue *issue, struct order *order, const struct batch *batch,
                struct err *err) MUST_CHECK;

/*
 * watch.c. What the looks of this run at one TXT name of one order came to. Kept in
 * memory: after a start anew it is looked at anew. A note is used by the thread that has
 * the order; the first function makes it, due at first_ms.
 */
struct watch_note {
	int64_t order_id, authz_id;
	int64_t begun_ms;   /* these are of the monotonic clock */
	int64_t look_at_ms; /* not before */
	int64_t agreed_ms; /* two looks, one after the other, saw it everywhere; 0: not */
	int shows;         /* such looks in a row */
	int looks;         /* others in a row */
	bool is_told;      /* a person, of what is to be done */
	bool is_somewhere; /* the last look saw some of it */
	char text[200];    /* who lacked it last */
	bool is_large;     /* and that the TXT set is too large, was said */
};
struct watch *watch_new(void) MUST_CHECK;
void watch_free(struct watch *watch);
struct watch_note *watch_of(struct watch *watch, int64_t order_id, int64_t authz_id);
void watch_forget(struct watch *watch, int64_t order_id);

struct watch_rule {
	enum issue_propagation propagation;
	bool is_by_hand;
	size_t addresses; /* that are asked */
	int settle_s;
};
/* When the first look is due after publishing. */
int64_t watch_first_ms(const struct watch_rule *rule);
/* After a look (NULL: it could not be made): counts, and sets look_at_ms. */
void watch_saw(struct watch_note *note, const struct watch_rule *rule,
               const struct dns_look *look, int64_t now_ms);
/* Once it has agreed: how long it still settles; 0 and less: it is over. */
int64_t watch_left_ms(const struct watch_note *note, const struct watch_rule *rule,
                      int64_t now_ms);

/* janitor.c: removes unwanted values of the entry at this name now, where there are any.
 */
bool issue_clean_name(struct issue *issue, struct dns_desk *desk, const char *name,
                      struct err *err) MUST_CHECK;
#endif
