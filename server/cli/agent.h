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

/* The deploy key's line. The caller frees. */
char *agent_key_line(struct store *store, struct err *err) MUST_CHECK;
#endif
