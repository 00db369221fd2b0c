/* SPDX-License-Identifier: Apache-2.0 */
#include "preflight.h"

#include "base/mem.h"

#include "internal.h"

/* Is there a place for the challenge of each name? */
static void check_place(struct issue *issue, const struct issue_question *question,
                        const char *name, struct findings *out)
{
	AUTO_FREE char *challenge = xasprintf("_acme-challenge.%s",
	                                      str_starts(name, "*.") ? name + 2 : name);
	AUTO_FREE struct dns_place *place = NEW(struct dns_place);
	struct err why = { 0 };
	bool good = dns_place_find(&issue->settings.dns_settings, challenge, true, place,
	                           &why);
	const struct finding row = { .certificate = question->certificate,
		                     .host = question->host,
		                     .subject = name,
		                     .check = "zone",
		                     .result = good                       ? FINDING_OK
		                               : err_infos[why.kind].retry ? FINDING_NOTE
		                                                           : FINDING_FAILED,
		                     .text = good ? place->zone.name : why.msg };

	findings_add(out, &row);
}

bool issue_check(struct issue *issue, const struct issue_question *question,
                 struct findings *out, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < question->names->len; i++)
		check_place(issue, question, question->names->items[i], out);
	return true;
}

bool issue_check_alias(struct issue *issue, const struct issue_question *question,
                       struct findings *out, struct err *err)
{
	return issue_check(issue, question, out, err);
}
