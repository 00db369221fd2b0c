/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inventory/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The first byte says which format; what is read holds to our own grammar. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_INVENTORY struct inventory inventory = { 0 };
	struct err err = { 0 };
	const char *text = (const char *)bytes + 1;

	if (len < 1 || len > 65536)
		return 0;
	(void)inventory_guess(text, len - 1);
	if (!inventory_read(INVENTORY_CSV + bytes[0] % 3, text, len - 1, &inventory,
	                    &err) &&
	    (err.kind != ERR_INPUT || !str_starts(err.msg, "line ")))
		abort();
	if (inventory.len > INVENTORY_HOSTS_MAX)
		abort();
	for (size_t i = 0; i < inventory.len; i++) {
		const struct inventory_host *host = &inventory.hosts[i];

		if (strpbrk(host->name, "'\"\n:{}/ ") || strlen(host->name) > 64 ||
		    strpbrk(host->address, "'\"\n{}/ ") || host->line < 1)
			abort();
	}
	return 0;
}
