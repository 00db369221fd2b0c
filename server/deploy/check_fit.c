/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/finding.h"

/* Of a server's policy its greeting says enough for this: what does not fit needs no look
 * at directories or services. */

static void add(const struct deploy_slot *slot, const char *text, const char *advice,
                struct findings *out)
{
	const struct finding row = { .certificate = slot->certificate,
		                     .host = slot->host,
		                     .subject = slot->host,
		                     .check = "policy",
		                     .result = FINDING_FAILED,
		                     .text = text,
		                     .advice = advice };

	findings_add(out, &row);
}

void visit_fit(const struct visit *visit, const struct deploy_slot **slots, size_t count,
               struct findings *out)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf text = BUF_INIT(1024), advice = BUF_INIT(1024);

		if (!slots[i] ||
		    greeting_fits(&visit->greeting, slots[i], &text, &advice))
			continue;
		add(slots[i], text.data, advice.data, out);
		slots[i] = NULL;
	}
}
