/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLEET_AGENT_H
#define FLEET_AGENT_H
#include "config/config.h"
#include "install/setup.h"

/*
 * agent - what certferry-agent is to be allowed on a host, by the configuration
 *
 * Each certificate of the host is a slot: its names there, directory, group, mode,
 * formats and where the password of pkcs12 is; each service of theirs a service, with the
 * presets' or the certificate's own commands. Where the login is not root the slots
 * belong to the login's user, and tests and reloads go through sudo. ERR_CONFIG where a
 * policy cannot say it.
 */
bool fleet_agent(const struct config *config, const struct config_host *host,
                 struct setup_host *out, struct err *err) MUST_CHECK;
#endif
