/* SPDX-License-Identifier: Apache-2.0 */
#include "preset.h"

#include "base/cleanup.h"
#include "base/str.h"

/*
 * nginx by its own name and not through systemctl: that works in a container without
 * systemd as well, and tells the reason when it fails. The installer sets PATH, so that
 * /usr/sbin is in it for every login. -s reload answers before the workers are new, and
 * without what the master then thinks of the configuration; the test before it and the
 * probe behind it are what can be trusted.
 */
static const char *const nginx_test[] = { "nginx", "-t", NULL };
static const char *const nginx_reload[] = { "nginx", "-s", "reload", NULL };

const struct preset presets[] = {
	{
	    .name = "nginx",
	    .test = nginx_test,
	    .reload = nginx_reload,
	    .probe_port = 443,
	    .summary = "nginx: 'nginx -t', then 'nginx -s reload'; seen on port 443",
	},
	{ 0 },
};

const struct preset *preset_find(const char *name)
{
	for (size_t i = 0; presets[i].name; i++)
		if (str_eq(presets[i].name, name))
			return &presets[i];
	return NULL;
}
