/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_DEPLOY_H
#define DEPLOY_DEPLOY_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/keytype.h"
#include "base/progress.h"
#include "base/str.h"
#include "store/store.h"

/*
 * deploy - brings certificates to their servers, and looks whether they are still there
 *
 * deploy_step() claims all due deliveries of one host and serves them over one SSH
 * session:
 *
 *   verify    what is installed, by the server's own checksums, and what is served; a
 *             delivery that diverged becomes due
 *   push      by service: those that share tests and reloads go in one bundle, so that a
 *             service is tested and reloaded once and all of its certificates are new or
 *             all are old; the same holds of several services with one certificate.
 * stage, switch, test, reload happen there; then we look from outside and say commit or
 * rollback. A lost connection is a rollback.
 *
 * A failure costs the service it happened to, is written into its rows, and comes due
 * again by itself; the certificate stays the same. Private keys are unsealed
 * here for the length of a push. Step and next are called from several threads; a host is
 * served by one at a time.
 */
/* Which of the transports ("shell", "agent") may be taken. */
enum deploy_way { DEPLOY_BY_ANY, DEPLOY_BY_AGENT, DEPLOY_BY_SHELL };

struct deploy_host {
	const char *name;
	const char *address;
	uint16_t port;
	const char *user;
	int connect_timeout_s;
	enum deploy_way way;
};

struct install_commands;
struct probe_target;

/* What is wanted of one certificate on one host. */
struct deploy_slot {
	const char *certificate;
	const char *host;
	const struct strlist *names;
	enum key_type key_type;
	bool is_key_on_target;
	const char *directory, *owner, *group;
	mode_t mode;
	unsigned formats;               /* as of struct install_slot */
	const char *setup;              /* digest of where and how: fleet_setup() */
	const struct strlist *services; /* those known by name: what reloads them */
	const struct install_commands *tests;
	const struct install_commands *reloads;
	const struct probe_target *probes; /* all must show it; none: not looked at */
	size_t probe_count;
};

typedef bool deploy_lost_fn(void *arg, const char *certificate, const char *host,
                            struct err *err);

struct deploy_settings {
	struct store *store;
	const char *worker; /* path of certferry-ssh-worker */
	const struct deploy_host *hosts;
	size_t host_count;
	const struct deploy_slot *slots;
	size_t slot_count;
	struct progress progress;
	/* A delivery has failed with DELIVERY_NO_KEY, and that is saved: may a new
	 * certificate be ordered? Called from several threads. NULL: nobody asks. */
	deploy_lost_fn *on_lost_key;
	void *lost_arg;
};

struct deploy;

/* What settings point to must outlive it. ERR_NOT_FOUND without a deploy key: before
 * init. */
struct deploy *deploy_new(const struct deploy_settings *settings,
                          struct err *err) MUST_CHECK;
void deploy_free(struct deploy *deploy);
DEFINE_CLEANUP(struct deploy *, deploy_free);

/* A session with the host, by its pins and this user key: for what a person has asked
 * for, and for our own steps. Of the settings, store and worker are used. The caller
 * closes. */
struct ssh;
struct key;
struct ssh *deploy_connect(const struct deploy_settings *settings,
                           const struct deploy_host *host, const struct key *key,
                           struct err *err) MUST_CHECK;

/*
 * What would fail on this host, found before a certificate is spent on it: it is reached,
 * it shows a pinned key, the login works, the installer can run there, the directory of
 * each of these certificates can be written, and the service's own test passes as things
 * are (that alone is a note where nothing is installed yet: it may need the very files).
 * Nothing is changed there. Blocks; any thread. False is a trouble of our own.
 */
struct findings;
bool deploy_check(struct deploy *deploy, const char *host,
                  const struct strlist *certificates, struct findings *out,
                  struct err *err) MUST_CHECK;

/*
 * Asks the host's agent to make a key for this certificate, and gets its request (PEM, as
 * it came: to be checked). Asked again before it has the certificate, it is the same key.
 * Blocks; any thread.
 */
bool deploy_request(struct deploy *deploy, const char *host, const char *certificate,
                    struct buf *pem, struct err *err) MUST_CHECK;

/* For sched: arg is the struct deploy. */
bool deploy_step(void *arg, int64_t now_ms, bool *did, struct err *err) MUST_CHECK;
bool deploy_next(void *arg, int64_t *run_at_ms, bool *any, struct err *err) MUST_CHECK;
#endif
