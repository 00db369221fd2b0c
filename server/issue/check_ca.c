/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/dnsname.h"
#include "base/mem.h"
#include "dns/caa.h"

/* What CAA records are compared with, and the comparison. Nothing is asked of the CA but
 * its directory: no account is made. */

static const struct issue_ca *find_ca(const struct issue *issue, const char *name)
{
	for (size_t i = 0; i < issue->settings.ca_count; i++)
		if (str_eq(issue->settings.cas[i].name, name))
			return &issue->settings.cas[i];
	return NULL;
}

static bool ask_ca(struct issue *issue, const void *arg, struct check_answer *answer,
                   struct err *err)
{
	const struct issue_ca *ca = find_ca(issue, arg);
	CLEANUP(account_deinit) struct account account = { 0 };
	CLEANUP(acme_freep) struct acme *acme = NULL;
	AUTO_FREE char *subject = xasprintf("ca %s", (const char *)arg);
	struct err why = { 0 };
	bool found;

	if (!ca)
		return err_set(err, ERR_INTERNAL, "the configuration has no CA '%s'",
		               (const char *)arg);
	if (!store_account_find(issue->settings.store, ca->acme.directory, &account,
	                        &found, err))
		return false;
	strlist_add(&answer->facts, account.url ? account.url : "");
	acme = acme_new(&ca->acme, &why);
	if (acme && acme_caa_identities(acme, &answer->facts, &why))
		check_add(answer, subject, "directory", FINDING_OK,
		          account.url ? account.url : "no account yet", "");
	else
		check_add(answer, subject, "directory", check_result_of(&why), why.msg,
		          "");
	return true;
}

const struct check_answer *check_ca(struct issue *issue, const char *ca, struct err *err)
{
	AUTO_FREE char *key = xasprintf("ca %s", ca);

	return check_once(issue, key, ask_ca, ca, err);
}

struct caa_question {
	const char *ca, *name;
};

static void judge(const struct caa_set *set, const struct caa_question *question,
                  const struct check_answer *facts, struct check_answer *answer)
{
	AUTO_STRLIST struct strlist identities = { 0 };
	const char *account = facts->facts.items[0];
	AUTO_FREE char *where = set->owner[0] ? xasprintf("that of %s", set->owner)
	                                      : xasprintf("none: any CA may");
	struct err why = { 0 };
	const struct caa_wish wish = {
		.identities = &identities,
		.account_url = *account ? account : NULL,
		.method = "dns-01",
		.is_wildcard = dnsname_is_wildcard(question->name),
	};

	for (size_t i = 1; i < facts->facts.len; i++)
		strlist_add(&identities, facts->facts.items[i]);
	if (!caa_permits(set, &wish, &why))
		check_add(answer, question->name, "CAA", FINDING_FAILED, why.msg,
		          *account
		              ? ""
		              : "if it must name our account: there is none yet, and "
		                "apply --no-check makes it");
	else if (set->owner[0] && identities.len == 0)
		check_add(
		    answer, question->name, "CAA", FINDING_NOTE, where,
		    "the CA does not say by which name CAA means it (caaIdentities): "
		    "not compared");
	else
		check_add(answer, question->name, "CAA", FINDING_OK, where, "");
}

static bool ask_caa(struct issue *issue, const void *arg, struct check_answer *answer,
                    struct err *err)
{
	const struct caa_question *question = arg;
	const struct check_answer *facts = check_ca(issue, question->ca, err);
	AUTO_CAA_SET struct caa_set set = { 0 };
	struct err why = { 0 };

	if (!facts)
		return false;
	if (dns_caa_find(&issue->settings.dns_settings, dnsname_base(question->name),
	                 &set, &why))
		judge(&set, question, facts, answer);
	else
		check_add(answer, question->name, "CAA", check_result_of(&why), why.msg,
		          "a CA that gets no answer either refuses");
	return true;
}

const struct check_answer *check_caa(struct issue *issue, const char *ca,
                                     const char *name, struct err *err)
{
	const struct caa_question question = { ca, name };
	AUTO_FREE char *key = xasprintf("caa %s %s", ca, name);

	return check_once(issue, key, ask_caa, &question, err);
}
