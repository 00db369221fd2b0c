/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "store/store.h"

/*
 * fleet - what is wanted, beside what is: the difference is the plan
 *
 * Every certificate on every host of it is one place. For each the configuration says
 * what is wanted and the store what was issued, installed and seen served. A place has
 * one item in the plan; or two, one after the other, where a new certificate has to wait
 * and the one that is there is cared for meanwhile. fleet_plan() only reads;
 * fleet_adopt() writes the plan into the store as rows that are due, which the engine
 * then works off. Nothing here talks to the network.
 *
 * A certificate is due when it is missing, when what the configuration wants of it has
 * changed (names, key type, CA, profile), when two thirds of its lifetime are over (half
 * of it, where that is under ten days), when it is older than renew-after, or when it is
 * forced, and when it is for a key that the server has lost. A delivery is due when the
 * wanted certificate or the way it is installed is not what was installed last; and what
 * was delivered is looked at again in every run.
 *
 * An order that is under way is gone on with while it is for what the configuration wants
 * now, by the same ways (CA, DNS entries, challenge-alias). Where that was changed the
 * order is given up, its TXT values are removed, and a
 * new one is begun in the same run.
 */
enum fleet_action {
	FLEET_ISSUE,   /* a new order */
	FLEET_GO_ON,   /* an order is under way */
	FLEET_DELIVER, /* the certificate is there and must be installed */
	FLEET_VERIFY,  /* installed: to be looked at */
	FLEET_WAIT,    /* due, but not before `until` */
	FLEET_BLOCKED, /* a person must act: see reason */
	FLEET_ACTION_COUNT
};
extern const char *const fleet_action_names[FLEET_ACTION_COUNT];

struct fleet_item {
	enum fleet_action action;
	const struct config_certificate *certificate;
	const struct config_host *host;
	char reason[400];
	int64_t until;     /* FLEET_WAIT: seconds since the epoch */
	int64_t wanted_id; /* FLEET_DELIVER, FLEET_VERIFY: certificate row */
	int64_t order_id;  /* FLEET_GO_ON, FLEET_WAIT: order row; 0: none */
	int64_t stale_id;  /* order to be given up: it is for what was wanted before; 0:
	                      none */
	enum fleet_action meanwhile; /* FLEET_ISSUE: what is done for the certificate that
	                                is there, should no new one come; FLEET_BLOCKED:
	                                there is none, or it has expired */
	bool is_kept_back;           /* FLEET_BLOCKED: by fleet_block() */
	bool is_passing; /* FLEET_BLOCKED: nobody need act, the next run may find it over
	                  */
};

struct fleet_plan {
	struct fleet_item *items;
	size_t count;
	bool is_whole; /* of all places: nothing was left out by --only */
	struct strlist warnings;
};

struct fleet_wish {
	const struct strlist *only;  /* names of certificates or hosts; empty: all */
	const struct strlist *force; /* names of certificates, or "name/host" */
};

/* ERR_INPUT where a name of the wish is not in the configuration. */
bool fleet_plan(const struct config *config, struct store *store,
                const struct fleet_wish *wish, struct fleet_plan *out,
                struct err *err) MUST_CHECK;
void fleet_plan_deinit(struct fleet_plan *plan);
#define AUTO_FLEET_PLAN CLEANUP(fleet_plan_deinit)

/* Are they of one place? */
bool fleet_same_place(const struct fleet_item *a, const struct fleet_item *b);

/* The place's FLEET_ISSUE becomes FLEET_BLOCKED, and what is there is cared for. Items
 * behind it move. */
void fleet_block(struct fleet_plan *plan, size_t at, const char *reason, bool is_passing);

/* Is there anything but looking? */
bool fleet_plan_has_work(const struct fleet_plan *plan);

bool fleet_adopt(const struct fleet_plan *plan, struct store *store,
                 struct err *err) MUST_CHECK;

/* The server of this place has lost the key of its certificate (DELIVERY_NO_KEY): orders
 * a new one at once, where the plan would. */
bool fleet_order_anew(const struct config *config, struct store *store,
                      const char *certificate, const char *host,
                      struct err *err) MUST_CHECK;

/* When this certificate is to be renewed, seconds since the epoch, and why in words. */
struct certificate;
int64_t fleet_renewal(const struct config_certificate *wanted,
                      const struct certificate *has, const char **why);

/* The DNS entries of a certificate as an order remembers them: joined by ",". The caller
 * frees. */
char *fleet_dns(const struct config_certificate *certificate);

/* Digests of what the configuration wants: of the certificate, and of the way it is
 * installed on this host. The caller frees. */
char *fleet_intent(const struct config_certificate *certificate,
                   const struct config_host *host);
char *fleet_setup(const struct config_certificate *certificate,
                  const struct config_host *host);
#endif
