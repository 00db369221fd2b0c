/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <string.h>

void suggest(const char *wrong, const struct strlist *known, struct buf *out)
{
	size_t best = 64;
	const char *nearest = NULL;

	for (size_t i = 0; i < known->len; i++) {
		size_t distance = str_distance(wrong, known->items[i]);

		if (distance < best) {
			best = distance;
			nearest = known->items[i];
		}
	}
	if (nearest && best < strlen(wrong) && (best <= 2 || best * 3 <= strlen(wrong)))
		buf_addf(out, "did you mean '%s'?", nearest);
	else if (known->len == 0)
		buf_addf(out, "there is none yet");
	else if (known->len <= 20) {
		buf_addf(out, "one of ");
		strlist_join(known, ", ", out);
	} else {
		buf_addf(out, "one of the %zu that are there", known->len);
	}
}
