/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_PRESET_H
#define INSTALL_PRESET_H
#include <stddef.h>
#include <stdint.h>

#include "probe.h"

/*
 * preset - the services known by name
 *
 * A row says which files a service wants, how it is tested and reloaded on its server,
 * and where the world sees its certificate. Whoever brings files there, by whichever
 * transport, uses these rows; docs/services.md says what goes into each service's own
 * configuration. The commands work under systemd and without it.
 */
struct preset_probe {
	uint16_t port; /* 0 ends the list */
	enum probe_protocol protocol;
};

enum { PRESET_PROBES_MAX = 2 };

struct preset {
	const char *name;        /* "nginx"; NULL ends the table */
	unsigned formats;        /* beside PEM: 1U << INSTALL_COMBINED */
	const char *const *test; /* argv, NULL-ended; NULL: none */
	const char *const *reload;
	struct preset_probe probes[PRESET_PROBES_MAX + 1];
	const char *summary;
};

extern const struct preset presets[];
const struct preset *preset_find(const char *name);
#endif
