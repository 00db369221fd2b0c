/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin_host.h"

#include <stdio.h>

#include "base/mem.h"

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

static void keep_log(const struct dns_host *services, const char *fmt, ...) PRINTF(2, 3);
static void keep_log(const struct dns_host *services, const char *fmt, ...)
{
	struct plugin_host *self = services->ctx;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(self->logged, sizeof(self->logged), fmt, ap);
	va_end(ap);
}

void plugin_host_init(struct plugin_host *out, const char *const (*options)[2])
{
	*out = (struct plugin_host){ .request = { .deadline_s = 60 } };
	for (; options && (*options)[0]; options++)
		if ((*options)[1])
			out->options[out->request.option_count++] =
			    (struct wire_option){ .name = xstrdup((*options)[0]),
				                  .value = xstrdup((*options)[1]) };
	out->request.options = out->options;
	host_init(&out->host, &out->request);
	out->host.services.log = keep_log;
}
