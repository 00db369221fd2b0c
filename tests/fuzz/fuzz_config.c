/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/parse_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	struct err err = { 0 };
	struct config *config = config_parse_bytes("f", (const char *)bytes, len,
	                                           &problems, &err);

	/* One or the other, never both. */
	if (!config == (problems.len == 0))
		abort();
	config_free(config);
	return 0;
}
