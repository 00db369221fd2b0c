/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLEET_SERVICE_H
#define FLEET_SERVICE_H
#include "config/config.h"
#include "install/install.h"
#include "install/probe.h"

/*
 * service - what the services of a certificate want of its host
 *
 * The configuration names presets, commands and ports; here they become commands, files
 * and looks. Nothing is kept, any thread.
 */

/* The services of a certificate, in order: those of its list, then the one of reload, by
 * the presets' commands or its own. A command of test takes the place of that last one's
 * test, or stands alone. */
void fleet_service(const struct config_certificate *certificate,
                   struct install_commands *tests, struct install_commands *reloads);

/* The formats that are wanted beside PEM: those of the configuration, else what the
 * services want. Names that we do not know are left out: engine_check() tells of them. */
unsigned fleet_formats(const struct config_certificate *certificate);

/* Where the world sees it: those of the configuration, else of the services. The caller
 * frees. */
struct fleet_probe {
	uint16_t port;
	enum probe_protocol protocol;
};
struct fleet_probe *fleet_probes(const struct config_certificate *certificate,
                                 size_t *count);
#endif
