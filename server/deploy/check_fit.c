/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/finding.h"

/* Of a server's policy its greeting says enough for this: what does not fit needs no look
 * at directories or services. */

static void add(const struct deploy_slot *slot, enum finding_result result,
                const char *text, const char *advice, struct findings *out)
{
	const struct finding row = { .certificate = slot->certificate,
		                     .host = slot->host,
		                     .subject = slot->host,
		                     .check = "policy",
		                     .result = result,
		                     .text = text,
		                     .advice = advice };

	findings_add(out, &row);
}

void visit_fit(const struct visit *visit, const struct deploy_slot **slots, size_t count,
               struct findings *out)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF struct buf text = BUF_INIT(1024), advice = BUF_INIT(1024);

		if (!slots[i])
			continue;
		enum finding_result result = greeting_fits(&visit->greeting, slots[i],
		                                           &text, &advice);

		if (result != FINDING_OK)
			add(slots[i], result, text.data, advice.data, out);
		if (result == FINDING_FAILED)
			slots[i] = NULL;
	}
}
