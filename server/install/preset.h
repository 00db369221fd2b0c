/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_PRESET_H
#define INSTALL_PRESET_H
#include <stddef.h>
#include <stdint.h>

/* A service known by name: how it is tested, reloaded and seen from outside. */
struct preset {
	const char *name;        /* "nginx"; NULL ends the table */
	const char *const *test; /* argv, NULL-ended; NULL: none */
	const char *const *reload;
	uint16_t probe_port;
	const char *summary;
};

extern const struct preset presets[];
const struct preset *preset_find(const char *name);
#endif
