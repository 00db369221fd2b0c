/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_INTERNAL_H
#define DEPLOY_INTERNAL_H
#include "deploy.h"
#include "greeting.h"
#include "install/install.h"
#include "install/probe.h"
#include "ssh/ssh.h"
#include "store/delivery.h"
#include "transport.h"

/* internal - one visit to a host, and its deliveries; see deploy.h */

struct deploy {
	struct deploy_settings settings;
	struct key *ssh_key;
};

/* NULL where the settings have none. */
const struct deploy_host *deploy_find_host(const struct deploy *deploy, const char *name);
const struct deploy_slot *deploy_find_slot(const struct deploy *deploy,
                                           const char *certificate, const char *host);

/* A delivery on its way: the row, what it needs, what came of it. */
struct cargo {
	struct delivery *row;
	const struct deploy_slot *slot;
	struct certificate certificate; /* the wanted one */
	struct secret *key_pem;
	char *fullchain;
	struct install_slot install; /* points into the above */
	struct probe_result probe;   /* the last look, or the first that failed */
	const struct probe_target *probe_from; /* which look that was */
	unsigned char before[32];              /* the leaf that is installed so far */
	bool has_before;
	unsigned heard; /* a bit for each step of it that was said in this push */
	bool is_staged; /* or unchanged */
	bool is_unchanged;
	bool is_done;   /* the server said so, and we saw it */
	struct err err; /* why not */
};

struct visit {
	struct deploy *deploy;
	const struct deploy_host *host;
	struct ssh *ssh;
	const struct transport *transport;
	bool is_recalled;         /* the transport was not asked for in this visit */
	struct greeting greeting; /* empty, or the answer when it was asked for */
	struct cargo *cargo;
	size_t count;
};

/* cargo.c: loads certificate and key; false leaves the reason in cargo->err. */
bool cargo_load(struct deploy *deploy, struct cargo *cargo) MUST_CHECK;
void cargo_deinit(struct cargo *cargo);
bool slot_same_service(const struct deploy_slot *a, const struct deploy_slot *b);

/* Looks from outside, at each place again and again until it sees the wanted leaf or the
 * time is up. */
void cargo_probe(struct cargo *cargo, bool once);
/* True where nothing is to be seen or the wanted leaf was. */
bool cargo_is_seen(const struct cargo *cargo);
/* How long the looks may take together. */
int slot_probe_s(const struct deploy_slot *slot);

/* connect.c */
struct ssh *visit_connect(struct visit *visit, struct err *err) MUST_CHECK;

/* transport.c: how this host takes certificates, as it is remembered; anew: it is asked
 * whatever is known. */
bool visit_choose(struct visit *visit, bool anew, struct err *err) MUST_CHECK;
/* For an answer that makes no sense: if the transport was only remembered, connects and
 * asks anew. True where it is another one now, so that the job may be done once more;
 * else the session may be of no use, and why is what was found out, if anything. */
bool visit_has_changed(struct visit *visit, struct err *why);

/* check_fit.c: tells where the policy of the server differs from what is wanted; what it
 * has no place for is NULL afterwards. The transport was asked for anew. */
struct findings;
void visit_fit(const struct visit *visit, const struct deploy_slot **slots, size_t count,
               struct findings *out);

/* verify.c: rows in DELIVERY_VERIFY; those that diverged are set to DELIVERY_PUSH. */
void visit_verify(struct visit *visit);
/* push.c: rows in DELIVERY_PUSH, by service; outcomes are in the cargo. */
void visit_push(struct visit *visit);

/* The work on a row has got that far; told to who watches and to the log. */
void visit_tell(const struct visit *visit, const struct cargo *cargo, const char *phase);
#endif
