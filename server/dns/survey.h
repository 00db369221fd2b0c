/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_SURVEY_H
#define DNS_SURVEY_H
#include "dns.h"
#include "message.h"

/*
 * survey - one question to every server of a zone at once, and each one's answer
 *
 * Servers of a zone are asked without recursion, resolvers (zone->is_recursive) with
 * it. Each gets a question of its own: one server cannot speak for another. Any thread.
 */
struct survey_answer {
	bool is_answered;  /* then reply is what it said */
	bool has_no_route; /* nothing went out */
	bool was_cut;      /* more than fits into UDP: it came over TCP */
	bool is_ipv6;
	char note[80]; /* why there is no answer; or "" */
	struct dns_reply reply;
};

struct survey {
	struct survey_answer *answers; /* one for each server, in their order */
	size_t count;
};
void survey_deinit(struct survey *survey);
#define AUTO_SURVEY CLEANUP(survey_deinit)

/* What was there in *out is dropped. */
bool survey_ask(const struct dns_settings *settings, const struct dns_zone *zone,
                const char *name, enum dns_type type, struct survey *out,
                struct err *err) MUST_CHECK;
#endif
