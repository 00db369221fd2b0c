/* SPDX-License-Identifier: Apache-2.0 */
#include "preflight.h"

#include <stdlib.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "check.h"

/* The rows of a check, as rows of this place. at_most: no worse than that. */
static void hand_out(const struct issue_question *question,
                     const struct check_answer *answer, enum finding_result at_most,
                     struct findings *out)
{
	for (size_t i = 0; i < answer->found.len; i++) {
		struct finding row = answer->found.items[i];

		row.certificate = question->certificate;
		row.host = question->host;
		row.result = row.result < at_most ? row.result : at_most;
		findings_add(out, &row);
	}
}

/* The entries are tried as an order would: one that refuses passes on to the next, and
 * what has a next one is in nobody's way. */
static bool try_entries(struct issue *issue, const struct issue_question *question,
                        struct record_question *record, struct findings *out,
                        struct err *err)
{
	AUTO_DNS_DESKS struct dns_desks desks = { 0 };
	AUTO_FREE char *refused = NULL;

	if (!issue_dns_list(issue, question->dns, &desks, err))
		return false;
	record->desk = issue_choose(&desks, record->target, refused);
	while (record->desk) {
		const struct check_answer *answer = check_record(issue, record, err);
		AUTO_FREE char *before = refused;
		bool is_bad;

		if (!answer)
			return false;
		is_bad = findings_worst(&answer->found) == FINDING_FAILED;
		refused = issue_refused_add(before, record->desk->settings->name, "-");
		record->desk = is_bad ? issue_choose(&desks, record->target, refused)
		                      : NULL;
		hand_out(question, answer, record->desk ? FINDING_NOTE : FINDING_FAILED,
		         out);
	}
	return true;
}

/* The CA asks for signatures all the way: of the name, and of where its challenge leads.
 */
static bool check_signatures(struct issue *issue, const struct issue_question *question,
                             const char *name, const char *zone, struct findings *out,
                             struct err *err)
{
	const struct check_answer *answer = check_signed(issue, name, err);

	if (!answer)
		return false;
	hand_out(question, answer, FINDING_FAILED, out);
	if (!zone || dnsname_is_below(name, zone))
		return true;
	answer = check_signed(issue, zone, err);
	if (!answer)
		return false;
	hand_out(question, answer, FINDING_FAILED, out);
	return true;
}

/* The name without "*.": apex and wildcard have one place. */
static bool check_base(struct issue *issue, const struct issue_question *question,
                       const char *name, struct findings *out, struct err *err)
{
	const struct place_question where = { name, question->alias, question->dns };
	const struct check_answer *place = check_place(issue, &where, err);
	AUTO_FREE char *challenge = issue_challenge_of(name);
	AUTO_DNS_DESKS struct dns_desks desks = { 0 };

	if (!place || !issue_dns_list(issue, question->dns, &desks, err))
		return false;
	hand_out(question, place, FINDING_FAILED, out);
	bool is_found = place->facts.len > 0;

	if (!check_signatures(issue, question, name,
	                      is_found ? place->facts.items[1] : NULL, out, err))
		return false;
	if (!is_found)
		return true;
	const struct issue_aim aim = { .name = name,
		                       .alias = question->alias,
		                       .is_direct = issue_is_direct(&desks) };
	struct record_question record = { .challenge = challenge,
		                          .target = place->facts.items[0],
		                          .zone = place->facts.items[1],
		                          .aim = &aim };

	return try_entries(issue, question, &record, out, err);
}

static void list_bases(const struct issue_question *question, struct strlist *out)
{
	for (size_t i = 0; i < question->names->len; i++) {
		const char *base = dnsname_base(question->names->items[i]);

		if (!strlist_has(out, base))
			strlist_add(out, base);
	}
}

bool issue_check(struct issue *issue, const struct issue_question *question,
                 struct findings *out, struct err *err)
{
	AUTO_STRLIST struct strlist bases = { 0 };
	const struct check_answer *answer = check_ca(issue, question->ca, err);

	if (!answer)
		return false;
	hand_out(question, answer, FINDING_FAILED, out);
	for (size_t i = 0; i < question->names->len; i++) {
		answer = check_caa(issue, question->ca, question->names->items[i], err);
		if (!answer)
			return false;
		hand_out(question, answer, FINDING_FAILED, out);
	}
	list_bases(question, &bases);
	for (size_t i = 0; i < bases.len; i++)
		if (!check_base(issue, question, bases.items[i], out, err))
			return false;
	return true;
}

bool issue_check_alias(struct issue *issue, const struct issue_question *question,
                       struct findings *out, struct err *err)
{
	AUTO_STRLIST struct strlist bases = { 0 };

	list_bases(question, &bases);
	for (size_t i = 0; i < bases.len; i++) {
		const struct place_question where = { bases.items[i], question->alias,
			                              question->dns };
		const struct check_answer *place = check_place(issue, &where, err);

		if (!place)
			return false;
		for (size_t k = 0; k < place->found.len; k++) {
			struct finding row = place->found.items[k];

			row.certificate = question->certificate;
			row.host = question->host;
			if (str_eq(row.check, "alias"))
				findings_add(out, &row);
		}
	}
	return true;
}
