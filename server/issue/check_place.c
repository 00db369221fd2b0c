/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/mem.h"

/* Where the challenge of a name goes, who serves that, and what its signatures say. */

static void say_place(const struct place_question *question,
                      const struct dns_place *place, const struct dns_desk *desk,
                      struct check_answer *answer)
{
	AUTO_FREE char *text = xasprintf(
	    "%s%szone %s, by dns.%s", place->hops ? place->chain : "",
	    place->hops ? ", " : "", place->zone.name, desk->settings->name);

	check_add(answer, question->name, "zone", FINDING_OK, text, "");
	strlist_add(&answer->facts, place->name);
	strlist_add(&answer->facts, place->zone.name);
}

static void say_nobody(const struct place_question *question,
                       const struct dns_place *place, struct check_answer *answer)
{
	AUTO_FREE char *text = xasprintf("%s is in none of the zones of dns entry %s",
	                                 place->name, question->dns);

	check_add(answer, question->name, "zone", FINDING_FAILED, text,
	          "add the zone to one of them, or an entry that serves it");
}

static bool find(struct issue *issue, const void *arg, struct check_answer *answer,
                 struct err *err)
{
	const struct place_question *question = arg;
	AUTO_DNS_DESKS struct dns_desks desks = { 0 };
	AUTO_FREE struct dns_place *place = NEW(struct dns_place);
	struct err why = { 0 };
	const struct dns_desk *desk;

	if (!issue_dns_list(issue, question->dns, &desks, err))
		return false;
	const struct issue_aim aim = { .name = question->name,
		                       .alias = question->alias,
		                       .is_direct = issue_is_direct(&desks) };

	if (!issue_place_of(issue, &aim, place, &why)) {
		check_add(answer, question->name, question->alias ? "alias" : "zone",
		          check_result_of(&why), why.msg, "");
		return true;
	}
	if (question->alias)
		check_add(answer, question->name, "alias", FINDING_OK, place->chain, "");
	desk = issue_choose(&desks, place->name, NULL);
	if (desk)
		say_place(question, place, desk, answer);
	else
		say_nobody(question, place, answer);
	return true;
}

const struct check_answer *check_place(struct issue *issue,
                                       const struct place_question *question,
                                       struct err *err)
{
	AUTO_FREE char *key = xasprintf("place %s %s %s", question->name, question->dns,
	                                question->alias ? question->alias : "");

	return check_once(issue, key, find, question, err);
}

static const struct {
	enum finding_result result;
	const char *text, *advice;
} securities[] = {
	[DNS_INSECURE] = { FINDING_OK, "not signed, or the resolver does not validate",
	                   "" },
	[DNS_SECURE] = { FINDING_OK, "signed, and valid", "" },
	[DNS_BOGUS] = { FINDING_FAILED, "the signatures do not fit: bogus",
	                "mend the zone's signatures or the DS record at its parent: no "
	                "CA "
	                "gets an answer" },
};
_Static_assert(ARRAY_SIZE(securities) == DNS_SECURITY_COUNT, "a state has no row");

static bool ask_security(struct issue *issue, const void *arg,
                         struct check_answer *answer, struct err *err)
{
	enum dns_security seen;
	struct err why = { 0 };

	(void)err;
	if (dns_security_ask(&issue->settings.dns_settings, arg, &seen, &why))
		check_add(answer, arg, "DNSSEC", securities[seen].result,
		          securities[seen].text, securities[seen].advice);
	else
		check_add(answer, arg, "DNSSEC", check_result_of(&why), why.msg, "");
	return true;
}

const struct check_answer *check_signed(struct issue *issue, const char *name,
                                        struct err *err)
{
	AUTO_FREE char *key = xasprintf("signed %s", name);

	return check_once(issue, key, ask_security, name, err);
}
