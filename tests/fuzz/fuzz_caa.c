/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/caa.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The input is a value of "issue". Whoever is let in by it must be named in it. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_STRLIST struct strlist names = { 0 };
	struct caa_record record = { .tag = "issue" };
	const struct caa_set set = { "example.test", &record, 1 };
	const struct caa_wish wishes[] = {
		{ &names, "https://ca.example/1", "dns-01", false },
		{ &names, NULL, "dns-01", true },
	};

	if (len > 4096)
		return 0;
	strlist_add(&names, "ca.example");
	record.value = xstrndup((const char *)bytes, len);
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		struct err err = { 0 };

		if (!caa_permits(&set, &wishes[i], &err)
		        ? !err.msg[0]
		        : !strstr(record.value, "ca.example"))
			abort();
	}
	free(record.value);
	return 0;
}
