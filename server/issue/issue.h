/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ISSUE_ISSUE_H
#define ISSUE_ISSUE_H
#include <stdbool.h>
#include <stdint.h>

#include "acme/acme.h"
#include "base/err.h"
#include "base/progress.h"
#include "dns/dns.h"
#include "provider/provider.h"
#include "store/store.h"

/*
 * issue - drives an order from its intent to a certificate in the store
 *
 * An order is a row with a state; issue_step() claims a due one, runs the step of its
 * state, and saves what came of it. A step does one thing that can be done again, blocks
 * at most as long as its own deadlines, and never sleeps: waiting is a later run_at.
 *
 *   wait      until it may go to the CA: one in flight per set of names, shared names
 *             proved once, no more than orders_max in all
 *   create    key and intent are stored; newOrder; its URL is stored before anything else
 *   publish   TXT values into the ledger, then to the provider, in one batch with
 *             whatever other orders want there at this moment
 *   spread    every authoritative server is asked, until all show the values
 *   answer    the CA is told
 *   validate  the order is polled until it is ready
 *   finalize  the CSR is sent
 *   collect   the certificate is fetched, checked and stored with the delivery that it
 *             causes
 *   tidy      the values are removed and leave the ledger: on every way out
 *   done
 *
 * Owned by the engine; step and next are called from several threads at once.
 */
struct issue_ca {
	const char *name;
	struct acme_settings acme; /* key and account_url are filled in by issue */
};

enum issue_propagation {
	ISSUE_AUTHORITATIVE, /* every authoritative server must show it */
	ISSUE_RESOLVERS,     /* these resolvers must */
	ISSUE_SETTLE,        /* wait_s, and nobody is asked */
	ISSUE_BLIND          /* nobody is asked */
};

struct issue_dns {
	const char *name; /* the configuration's */
	const char *provider;
	const struct provider_option *options;
	size_t option_count;
	const struct strlist *zones; /* empty: found by SOA */
	uint32_t ttl_s;
	int spread_timeout_s;
	enum issue_propagation propagation;
	const struct strlist *resolvers; /* of ISSUE_RESOLVERS */
	int wait_s;                      /* of ISSUE_SETTLE */
	int settle_s;                    /* after it was seen */
	int by_hand_timeout_s;
};

/* Asks the host for a key of its own, and gets its request in PEM: who knows how to talk
 * to hosts has it. Blocks; any thread. */
typedef bool issue_csr_fn(void *arg, const char *host, const char *certificate,
                          struct buf *pem, struct err *err);

struct issue_settings {
	struct store *store;
	struct provider_home home;
	struct dns_settings dns_settings;
	const struct issue_ca *cas;
	size_t ca_count;
	const struct issue_dns *dns;
	size_t dns_count;
	int orders_max;
	issue_csr_fn *request_csr; /* for orders with the key on the server */
	void *request_arg;
	struct progress progress;
};

struct issue;

/* What settings point to must outlive it. */
struct issue *issue_new(const struct issue_settings *settings) MUST_CHECK;
void issue_free(struct issue *issue);
DEFINE_CLEANUP(struct issue *, issue_free);

/* For sched: arg is the struct issue. */
bool issue_step(void *arg, int64_t now_ms, bool *did, struct err *err) MUST_CHECK;
bool issue_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err) MUST_CHECK;

/*
 * The janitor, a queue beside: removes TXT values that a dead run left behind. Once
 * through per run, in batches; what cannot be removed now stays in the ledger for the
 * next.
 */
bool issue_janitor_start(struct issue *issue, struct err *err) MUST_CHECK;
bool issue_janitor_step(void *arg, int64_t now_ms, bool *did, struct err *err) MUST_CHECK;
bool issue_janitor_next(void *arg, int64_t *run_at_ms, bool *any,
                        struct err *err) MUST_CHECK;
#endif
