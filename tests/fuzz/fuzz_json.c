/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What was taken is written so that it is taken again. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_JSON cJSON *json = NULL, *again = NULL;
	AUTO_FREE char *text = NULL;
	struct err err = { 0 };
	const char *member;
	int64_t number;

	json_init();
	json = json_parse((const char *)bytes, len, &err);
	if (!json && (err.kind == ERR_NONE || !err.msg[0]))
		abort();
	if (!json)
		return 0;
	(void)!json_str(json, "a", &member, &err);
	(void)!json_int(json, "n", &number, &err);
	text = json_format(json);
	again = json_parse(text, strlen(text), &err);
	if (!again)
		abort();
	return 0;
}
