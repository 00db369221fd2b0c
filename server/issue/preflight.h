/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ISSUE_PREFLIGHT_H
#define ISSUE_PREFLIGHT_H
#include "base/finding.h"
#include "issue.h"

/*
 * preflight - what would fail at the CA, found before it is asked
 *
 * For each name: the zone and the place of its challenge (CNAMEs, delegations), the dns
 * entry that serves it, CAA, signatures. For each dns entry and zone that some name
 * needs: a test TXT below _acme-challenge is written, looked for at the authoritative
 * servers (resolvers would remember it), and removed; it stands in the ledger like any
 * other, so that a run which dies leaves nothing. Each name, and each pair of entry and
 * zone, is checked once however many certificates have it. Blocks; called from several
 * threads, one question each. False is a trouble of our own (the store), not a bad
 * finding.
 */
struct issue_question {
	const char *certificate; /* the configuration's names */
	const char *host;
	const char *ca;
	const char *dns;   /* joined by "," in the order in which they are tried */
	const char *alias; /* challenge-alias; NULL: none */
	const struct strlist *names;
};

enum { ISSUE_CHECK_SEEN_S = 30 }; /* how long a test record is looked for */

bool issue_check(struct issue *issue, const struct issue_question *question,
                 struct findings *out, struct err *err) MUST_CHECK;

/* Only the CNAMEs that a challenge-alias asks for: is each there? Nothing is written. */
bool issue_check_alias(struct issue *issue, const struct issue_question *question,
                       struct findings *out, struct err *err) MUST_CHECK;
#endif
