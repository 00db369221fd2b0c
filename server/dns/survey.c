/* SPDX-License-Identifier: Apache-2.0 */
#include "survey.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "exchange.h"
#include "resolve.h"

/*
 * We announce no size, so a server sends 512 bytes at most. What is more comes over
 * TCP, which a CA needs as well. But a CA announces a size, and this is what gets
 * through: only an answer beyond it is one that everybody must fetch by TCP.
 */
enum { UDP_IN_PRACTICE = 1232 };

void survey_deinit(struct survey *survey)
{
	for (size_t i = 0; i < survey->count; i++)
		dns_reply_deinit(&survey->answers[i].reply);
	free(survey->answers);
	*survey = (struct survey){ 0 };
}

static void take(const struct dns_question *question, const struct dns_asking *asking,
                 struct survey_answer *out)
{
	struct err err;

	out->has_no_route = asking->has_no_route;
	out->is_ipv6 = asking->to.sockaddr.ss_family == AF_INET6;
	out->was_cut = asking->was_cut && asking->reply.len > UDP_IN_PRACTICE;
	snprintf(out->note, sizeof(out->note), "%s", asking->note);
	if (!asking->is_answered)
		return;
	out->is_answered = dns_reply_parse(question, asking->reply.data,
	                                   asking->reply.len, &out->reply, &err);
	if (!out->is_answered)
		snprintf(out->note, sizeof(out->note), "%.79s", err.msg);
}

bool survey_ask(const struct dns_settings *settings, const struct dns_zone *zone,
                const char *name, enum dns_type type, struct survey *out, struct err *err)
{
	AUTO_FREE struct dns_asking *askings = xcalloc(zone->count + 1, sizeof(*askings));
	AUTO_FREE struct dns_question *questions = xcalloc(zone->count + 1,
	                                                   sizeof(*questions));

	survey_deinit(out);
	if (!resolve_in_time(settings, err))
		return false;
	for (size_t i = 0; i < zone->count; i++) {
		if (!dns_question_make(name, type, zone->is_recursive ? DNS_RECURSE : 0,
		                       &questions[i], err) ||
		    !dns_address_parse(zone->servers[i].address, &askings[i].to, err))
			return err_context(err, "name server %s", zone->servers[i].ns);
		askings[i].wire = questions[i].wire;
		askings[i].len = questions[i].len;
		askings[i].reply = (struct buf)BUF_INIT(DNS_MESSAGE_MAX);
	}
	dns_exchange(askings, zone->count, resolve_timeout_ms(settings));
	*out = (struct survey){ xcalloc(zone->count + 1, sizeof(*out->answers)),
		                zone->count };
	for (size_t i = 0; i < zone->count; i++) {
		take(&questions[i], &askings[i], &out->answers[i]);
		buf_wipe(&askings[i].reply);
	}
	return true;
}
