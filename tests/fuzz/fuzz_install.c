/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "install/install.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A line of a server: refused with words, or printable in all its parts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_FREE char *text = xstrndup((const char *)bytes, len);
	struct install_line line;
	struct err err = { 0 };

	if (!install_line_parse(text, &line, &err)) {
		if (err.kind != ERR_REMOTE || !err.msg[0])
			abort();
		return 0;
	}
	if (line.step >= INSTALL_STEP_COUNT)
		abort();
	for (const char *at = line.text; *at; at++)
		if (*at < ' ' || *at > '~')
			abort();
	return 0;
}
