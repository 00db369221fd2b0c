/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/mem.h"
#include "dns.h"
#include "exchange.h"
#include "message.h"
#include "resolve.h"

const char *const dns_answer_names[] = {
	[DNS_NOT_ASKED] = "not asked",    [DNS_SHOWS] = "shows it",
	[DNS_LACKS] = "lacks it",         [DNS_NO_AUTHORITY] = "has no authority",
	[DNS_SILENT] = "does not answer",
};
_Static_assert(ARRAY_SIZE(dns_answer_names) == DNS_ANSWER_COUNT, "an answer has no name");

static bool has_all(const struct strlist *there, const struct strlist *wanted)
{
	for (size_t i = 0; i < wanted->len; i++)
		if (!strlist_has(there, wanted->items[i]))
			return false;
	return true;
}

static void note(struct dns_server *server, enum dns_answer answer, const char *text)
{
	server->answer = answer;
	snprintf(server->note, sizeof(server->note), "%s", text);
}

static void judge(const struct dns_reply *reply, const struct strlist *wanted,
                  struct dns_server *server)
{
	server->values = (int)reply->values.len;
	if (!reply->is_ok)
		note(server, DNS_NO_AUTHORITY, reply->rcode);
	else if (!reply->has_authority)
		note(server, DNS_NO_AUTHORITY, "answers without authority");
	else if (has_all(&reply->values, wanted))
		note(server, DNS_SHOWS, "");
	else if (reply->is_alias)
		note(server, DNS_LACKS, "a CNAME stands at the name");
	else
		note(server, DNS_LACKS, reply->values.len ? "" : reply->rcode);
}

static void take(const struct dns_question *question, const struct dns_asking *asking,
                 const struct strlist *wanted, struct dns_server *server)
{
	AUTO_DNS_REPLY struct dns_reply reply = { 0 };
	struct err err;

	server->values = 0;
	if (!asking->is_answered)
		note(server, DNS_SILENT, asking->note);
	else if (!dns_reply_parse(question, asking->reply.data, asking->reply.len, &reply,
	                          &err))
		note(server, DNS_SILENT, err.msg);
	else
		judge(&reply, wanted, server);
}

/*
 * An address that this machine has no route to, IPv6 mostly, says nothing about the
 * zone and would stop every order for good: it does not count, as long as one
 * other does.
 */
static bool is_everywhere(const struct dns_zone *zone, const struct dns_asking *askings)
{
	size_t shows = 0;

	for (size_t i = 0; i < zone->count; i++) {
		if (zone->servers[i].answer == DNS_SHOWS)
			shows++;
		else if (!askings[i].has_no_route)
			return false;
	}
	return shows > 0;
}

bool dns_txt_ask(const struct dns_settings *settings, struct dns_zone *zone,
                 const char *name, const struct strlist *values, bool *all_show,
                 struct err *err)
{
	AUTO_FREE struct dns_asking *askings = xcalloc(zone->count + 1, sizeof(*askings));
	AUTO_FREE struct dns_question *questions = xcalloc(zone->count + 1,
	                                                   sizeof(*questions));

	*all_show = false;
	for (size_t i = 0; i < zone->count; i++) {
		/* Each with an id of its own: one server cannot speak for another. */
		if (!dns_question_make(name, DNS_TYPE_TXT, false, &questions[i], err) ||
		    !dns_address_parse(zone->servers[i].address, &askings[i].to, err))
			return err_context(err, "name server %s", zone->servers[i].ns);
		askings[i].wire = questions[i].wire;
		askings[i].len = questions[i].len;
		askings[i].reply = (struct buf)BUF_INIT(DNS_MESSAGE_MAX);
	}
	dns_exchange(askings, zone->count, resolve_timeout_ms(settings));
	for (size_t i = 0; i < zone->count; i++) {
		take(&questions[i], &askings[i], values, &zone->servers[i]);
		buf_wipe(&askings[i].reply);
	}
	*all_show = is_everywhere(zone, askings);
	return true;
}

static void format_server(const struct dns_server *server, struct buf *out)
{
	buf_addf(out, "%s %s %s", server->ns, server->address,
	         dns_answer_names[server->answer]);
	if (server->note[0])
		buf_addf(out, " (%s)", server->note);
	else if (server->answer == DNS_LACKS)
		buf_addf(out, " (%d value%s)", server->values,
		         server->values == 1 ? "" : "s");
}

void dns_zone_format(const struct dns_zone *zone, struct buf *out)
{
	for (size_t i = 0; i < zone->count; i++) {
		if (i > 0)
			buf_addf(out, "; ");
		format_server(&zone->servers[i], out);
	}
}
