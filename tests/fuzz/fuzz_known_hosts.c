/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "base/str.h"
#include "ssh/known_hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A known_hosts file, and whether its lines speak of some hosts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_KNOWN struct known_hosts known = { 0 };
	struct err err = { 0 };

	if (len > 65536)
		return 0;
	if (!known_hosts_read((const char *)bytes, len, &known, &err) &&
	    err.kind != ERR_INPUT)
		abort();
	for (size_t i = 0; i < known.len; i++) {
		const struct known_line *line = &known.lines[i];

		(void)known_line_match(line, "web-1.example.org", 22);
		(void)known_line_match(line, "2001:db8::1", 2222);
		if (!*line->key.type || line->key.blob_len == 0 ||
		    line->mark == KNOWN_AUTHORITY)
			abort();
	}
	return 0;
}
