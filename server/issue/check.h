/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ISSUE_CHECK_H
#define ISSUE_CHECK_H
#include "internal.h"
#include "preflight.h"

/*
 * check - what the checks of preflight.h share
 *
 * The memo is how each is made once per run: the first who asks makes it, who asks
 * meanwhile waits, and all get the same rows, each for its own place.
 */
struct check_answer {
	struct findings found; /* rows that are nobody's yet */
	struct strlist
	    facts; /* what else was found out; in the order that the check says */
};
typedef bool check_fn(struct issue *issue, const void *arg, struct check_answer *answer,
                      struct err *err);

struct check_memo *check_memo_new(void) MUST_CHECK;
void check_memo_free(struct check_memo *memo);
/* Borrowed, and constant from now on. NULL: a trouble of our own. */
const struct check_answer *check_once(struct issue *issue, const char *key,
                                      check_fn *make, const void *arg,
                                      struct err *err) MUST_CHECK;

/* Adds a row that is nobody's. */
void check_add(struct check_answer *answer, const char *subject, const char *check,
               enum finding_result result, const char *text, const char *advice);
/* Look-ups that do not answer are no clear no: a firewall is common. */
enum finding_result check_result_of(const struct err *why);

/* check_ca.c: facts are the account's URL ("" where there is none yet) and the names by
 * which CAA records mean the CA. */
const struct check_answer *check_ca(struct issue *issue, const char *ca,
                                    struct err *err) MUST_CHECK;
/* Does CAA let this CA issue for the name ("*.example.org")? */
const struct check_answer *check_caa(struct issue *issue, const char *ca,
                                     const char *name, struct err *err) MUST_CHECK;

/* check_place.c: the name without "*."; facts are the place and its zone, or nothing. */
struct place_question {
	const char *name;
	const char *alias; /* NULL: none */
	const char *dns;   /* entries, joined by "," */
};
const struct check_answer *check_place(struct issue *issue,
                                       const struct place_question *question,
                                       struct err *err) MUST_CHECK;
const struct check_answer *check_signed(struct issue *issue, const char *name,
                                        struct err *err) MUST_CHECK;

/* check_record.c: a test record of this entry at the place. */
struct record_question {
	struct dns_desk *desk;
	const char *challenge; /* "_acme-challenge.www.example.org" */
	const char *target;    /* where it is made */
	const char *zone;
	const struct issue_aim *aim;
};
const struct check_answer *check_record(struct issue *issue,
                                        const struct record_question *question,
                                        struct err *err) MUST_CHECK;
#endif
