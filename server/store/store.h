/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * store - everything that must outlive the process, in one SQLite file
 *
 * One process, one connection: the directory is locked (certferry.lock holds our pid) and
 * the database is in exclusive locking mode with WAL, synchronous=FULL and explicit,
 * checked checkpoints, for the reasons in docs/architecture.md. Any number of threads may
 * call; a recursive mutex serializes them. A transaction is held by one thread from
 * store_begin() to store_end() and is never open across the network; functions called
 * outside one make their own. Whatever changes state takes the event that says so and
 * writes both in one transaction.
 *
 * Rows are plain structs, read whole and written whole; their texts belong to them.
 * Secrets go in and come out as struct secret and lie sealed in between (crypto/seal.h).
 * Failing is ERR_INTERNAL unless said otherwise.
 */
struct store;
struct sealer;

/* Makes the database where there is none, and upgrades an older schema. A newer schema, a
 * wrong sealing key and a store that another process has open are ERR_CONFIG,
 * ERR_CONFIG and ERR_CONFLICT (with its pid). The sealer outlives the store. */
struct store *store_open(const char *directory, const struct sealer *sealer,
                         struct err *err) MUST_CHECK;
/* Checkpoints and closes. */
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close);

bool store_begin(struct store *store, struct err *err) MUST_CHECK;
/* Commits, or takes all back where keep is false. May be nested: the outermost decides,
 * and an inner false takes all back. */
bool store_end(struct store *store, bool keep, struct err *err) MUST_CHECK;

/* event - what was done, append-only (triggers refuse change and removal) */
struct event {
	int64_t id;
	int64_t at;
	const char *name;        /* stable: "order.created", "delivery.done" */
	const char *certificate; /* these may be NULL */
	const char *host;
	int64_t order_id; /* 0: none */
	char text[400];
};

bool store_event_add(struct store *store, const struct event *event,
                     struct err *err) MUST_CHECK;
/* Newest last; at most limit, those with an id above after. The callback may not call the
 * store. */
typedef bool store_event_fn(void *arg, const struct event *event, struct err *err);
bool store_event_each(struct store *store, int64_t after, int limit, store_event_fn *fn,
                      void *arg, struct err *err) MUST_CHECK;

/* Why the last run did not begin an order of the place, where that is the last that is
 * known of its orders ("order.blocked", and no "order.planned" since): the event's text.
 * *found false: it was not so. */
bool store_event_blocked(struct store *store, const char *certificate, const char *host,
                         char text[400], bool *found, struct err *err) MUST_CHECK;

/* account - at a CA, by directory URL */
struct account {
	int64_t id;
	char *directory;
	int64_t key_id;
	char *url;     /* NULL: not registered yet */
	char *eab_kid; /* NULL: none was used */
};
bool store_account_find(struct store *store, const char *directory, struct account *out,
                        bool *found, struct err *err) MUST_CHECK;
/* id 0: a new row, whose id is filled in. */
bool store_account_save(struct store *store, struct account *account,
                        const struct event *event, struct err *err) MUST_CHECK;
void account_deinit(struct account *account);

/* key - a private key; a public key stands in the store once, whatever it is for */
struct key;
bool store_key_add(struct store *store, const struct key *key, const char *purpose,
                   int64_t *id, struct err *err) MUST_CHECK;
struct key *store_key_load(struct store *store, int64_t id, struct err *err) MUST_CHECK;
/* The deploy key of this issuer for SSH; NULL with ERR_NOT_FOUND before init. */
struct key *store_ssh_key_load(struct store *store, struct err *err) MUST_CHECK;

/* host_key - the pins of a host; enrolling replaces all of them */
struct host_key {
	char type[40];
	unsigned char blob[2048];
	size_t blob_len;
	int64_t enrolled_at;
	char how[40]; /* "confirmed", "fingerprint" */
};
enum { HOST_KEYS_MAX = 4 };
bool store_host_keys_load(struct store *store, const char *host,
                          struct host_key keys[HOST_KEYS_MAX], size_t *count,
                          struct err *err) MUST_CHECK;
bool store_host_keys_replace(struct store *store, const char *host,
                             const struct host_key *keys, size_t count,
                             const struct event *event, struct err *err) MUST_CHECK;
#endif
