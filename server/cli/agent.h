/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_AGENT_H
#define CLI_AGENT_H
#include "install/setup.h"
#include "internal.h"

/* agent - what the commands "agent script" and "agent install" share */

/* A dry delivery of all slots of the host, with the deploy key and our own worker: prints
 * what the agent says of each. */
bool agent_prove(struct session *session, const struct config_host *host,
                 struct err *err) MUST_CHECK;

/* The deploy key's line, and where it is being changed for another the one to be let in
 * beside it, or, from the switch on, the one to be removed. */
struct agent_keys {
	char *line, *beside, *gone; /* NULL: none */
};
bool agent_keys_load(struct store *store, struct agent_keys *out,
                     struct err *err) MUST_CHECK;
void agent_keys_deinit(struct agent_keys *keys);
#endif
