/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A file of another client's credentials. Those that lead to other files are left out. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_IMPORT struct import import = { 0 };
	struct err err = { 0 };
	char *text;

	if (len > 65536)
		return 0;
	text = xstrndup((const char *)bytes, len);
	if (!strstr(text, "_FILE") && !strstr(text, "NSUPDATE_KEY") &&
	    !import_read(&import, text, &err) && err.kind != ERR_INPUT)
		abort();
	/* What was taken has a value; what was not is a name, or a line's number. */
	for (size_t i = 0; i < import.len; i++)
		if (!import.items[i].name || !import.items[i].value)
			abort();
	for (size_t i = 0; i < import.unknown.len; i++)
		if (strlen(import.unknown.items[i]) > 80)
			abort();
	free(text);
	return 0;
}
