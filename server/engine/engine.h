/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H
#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/progress.h"
#include "config/config.h"
#include "fleet/fleet.h"
#include "provider/provider.h"
#include "store/store.h"

/*
 * engine - the wiring: configuration and store on one side, the modules that act on the
 * other
 *
 * Nothing is decided here. The settings of issue and deploy are made from the
 * configuration, secrets are read, and sched is given its queues. The
 * engine borrows configuration and store; one run at a time.
 */

/* Where our own programs and plugins are: found from the place of the running program, so
 * that an installation works under any prefix, and the build tree too. */
struct engine_paths {
	char *dns_host;
	char *ssh_worker;
	char *agent; /* for servers; may be missing */
	char *plugins;
};
bool engine_paths_find(struct engine_paths *out, struct err *err) MUST_CHECK;
void engine_paths_deinit(struct engine_paths *paths);

/*
 * What the configuration module cannot know: are the services presets that we have, do
 * the providers exist and take these options, are their secrets not inline and can they
 * be read? Every problem is added to problems, worded and placed as config_load() does
 * it.
 */
bool engine_check(const struct config *config, const struct engine_paths *paths,
                  struct strlist *problems, struct err *err) MUST_CHECK;

/* The sealing key: made by init, read by everything else. */
char *engine_sealing_key_path(const struct config *config) MUST_CHECK;
struct secret *engine_sealing_key_read(const struct config *config,
                                       struct err *err) MUST_CHECK;
/* Makes key file and state directory; *existed where the key was there. */
bool engine_sealing_key_make(const struct config *config, bool *existed,
                             struct err *err) MUST_CHECK;

/* How a host of the configuration is reached; borrows it. */
struct deploy_host;
void engine_host(const struct config_host *host, struct deploy_host *out);

struct engine;
struct engine *engine_new(const struct config *config, const struct engine_paths *paths,
                          struct store *store, const struct progress *progress,
                          struct err *err) MUST_CHECK;
void engine_free(struct engine *engine);
DEFINE_CLEANUP(struct engine *, engine_free);

/* Works until nothing is due, or what is left must wait, or soon after *stop. An error is
 * one of the store or of our own: what fails with a CA or a host is in its row. */
bool engine_run(struct engine *engine, const atomic_bool *stop,
                struct err *err) MUST_CHECK;
#endif
