/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_GREETING_H
#define DEPLOY_GREETING_H
#include "agentwire/agentwire.h"
#include "base/finding.h"
#include "deploy.h"

/*
 * greeting - what an agent says of itself and of its server's policy, and whether that
 * fits what is wanted there
 *
 * The answer to HELLO, line by line: greeting_take() for each, greeting_end() behind the
 * last. Bytes of a stranger: bounded, and an answer that is not whole is an error. Where
 * another than an agent speaks, is_agent stays false, and its lines are of no interest.
 */
struct greeting_slot {
	char name[65];
	bool is_key_on_target;
	struct strlist services;
};

struct greeting {
	bool has_begun;
	bool is_agent;
	char version[65];
	size_t announced; /* slots that are to come */
	struct greeting_slot *slots;
	size_t count;
	size_t passed_over; /* lines of a later version */
};

bool greeting_take(struct greeting *greeting, const char *line,
                   struct err *err) MUST_CHECK;
bool greeting_end(const struct greeting *greeting, struct err *err) MUST_CHECK;
void greeting_deinit(struct greeting *greeting);
#define AUTO_GREETING CLEANUP(greeting_deinit)

/* Does the policy have this place, with its key made where we want it made?
 * FINDING_FAILED where an order would end with a certificate that the server refuses;
 * FINDING_NOTE where a service of ours is not among the slot's, for its owner may call it
 * otherwise. Then text gets what does not fit, and advice what to do. */
enum finding_result greeting_fits(const struct greeting *greeting,
                                  const struct deploy_slot *wanted, struct buf *text,
                                  struct buf *advice) MUST_CHECK;
#endif
