/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PENDING_H
#define CLI_PENDING_H
#include <stdio.h>

#include "base/str.h"
#include "config/config.h"
#include "store/store.h"

/*
 * pending - the TXT records that a person has to set or to remove
 *
 * What the ledger says of it, each record once, in an order that a person can work
 * through: what is to be set first, by zone and name. Belongs to its owner.
 */
struct pending_record {
	bool remove; /* false: to be set */
	char *zone, *name, *value;
	char *dns; /* the configuration's entry */
	int ttl_s;
	struct strlist places; /* "www/web-1", whose orders are about it; sorted */
	struct strlist waits;  /* "www/web-1 waits until ..." */
	int64_t until;         /* the first of them gives up then; 0: nobody waits */
};

struct pending {
	struct pending_record *records;
	size_t len;
};

bool pending_load(struct pending *pending, const struct config *config,
                  struct store *store, struct err *err) MUST_CHECK;
void pending_deinit(struct pending *pending);
#define AUTO_PENDING CLEANUP(pending_deinit)

/* How many are to be set, or removed. */
size_t pending_count(const struct pending *pending, bool remove);

/* As lines of zone files, with what to do with them. Nothing pending: nothing. */
void pending_print(const struct pending *pending, FILE *to);
#endif
