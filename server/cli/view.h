/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H
#include "config/config.h"
#include "store/delivery.h"
#include "store/order.h"
#include "store/transport.h"

/*
 * view - all that is known about one certificate on one host, for showing
 *
 * Read from the store for one place of the configuration; belongs to its owner.
 */
enum view_state {
	VIEW_DONE,    /* as it is wanted, and seen */
	VIEW_DUE,     /* the next apply does something */
	VIEW_WORKING, /* an order or a delivery is under way, or was when a run ended */
	VIEW_WAITING, /* it failed and is tried again by itself at waits_until */
	VIEW_FAILED,  /* it failed, and a person must act */
	VIEW_BLOCKED, /* the host is not enrolled, or a check kept the order away */
	VIEW_STATE_COUNT
};
extern const char *const view_state_names[VIEW_STATE_COUNT];

struct view {
	const struct config_certificate *wanted;
	const struct config_host *at;
	bool has_certificate, has_order, has_delivery;
	struct certificate certificate;
	struct order order;
	struct delivery delivery;
	struct host_transport transport; /* "": not asked yet */
	unsigned char key_sha256[32];    /* of the certificate's public key */

	enum view_state state;
	const struct err *err; /* why it is not done; NULL: no failure */
	int64_t waits_until;   /* 0: not waiting */
	size_t by_hand;        /* TXT records that its order waits for a person to set */
	char reason[400];      /* in words, in every state */
};

bool view_load(struct view *view, struct store *store,
               const struct config_certificate *wanted, const struct config_host *at,
               struct err *err) MUST_CHECK;
void view_deinit(struct view *view);
#define AUTO_VIEW CLEANUP(view_deinit)

/* Is the newest certificate the one that was installed? */
bool view_is_installed(const struct view *view);
/* ... the one that was last seen served? */
bool view_is_served(const struct view *view);
#endif
