/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H
#include "policy.h"

/*
 * commands - what certferry-agent is started for
 *
 * session is for sshd, the others for people on this server. Each returns the status to
 * exit with: those of certferry (err_infos). slot is NULL where none was given.
 */
int command_session(const struct policy *policy, const char *slot);
int command_check(const struct policy *policy, const char *slot);
int command_status(const struct policy *policy, const char *slot);
int command_rollback(const struct policy *policy, const char *slot);
#endif
