/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "address.h"
#include "base/mem.h"
#include "dns.h"
#include "survey.h"

const char *const dns_answer_names[] = {
	[DNS_NOT_ASKED] = "not asked",    [DNS_SHOWS] = "shows it",
	[DNS_LACKS] = "lacks it",         [DNS_NO_AUTHORITY] = "has no authority",
	[DNS_SILENT] = "does not answer",
};
_Static_assert(ARRAY_SIZE(dns_answer_names) == DNS_ANSWER_COUNT, "an answer has no name");

static size_t count_of(const struct strlist *there, const struct strlist *wanted)
{
	size_t count = 0;

	for (size_t i = 0; i < wanted->len; i++)
		count += strlist_has(there, wanted->items[i]) ? 1 : 0;
	return count;
}

static void note(struct dns_server *server, enum dns_answer answer, const char *text)
{
	server->answer = answer;
	snprintf(server->note, sizeof(server->note), "%s", text);
}

static void judge(const struct dns_reply *reply, bool is_recursive,
                  const struct strlist *wanted, struct dns_server *server)
{
	server->values = (int)reply->values.len;
	if (!reply->is_ok)
		note(server, DNS_NO_AUTHORITY, reply->rcode);
	else if (!is_recursive && !reply->has_authority)
		note(server, DNS_NO_AUTHORITY, "answers without authority");
	else if (count_of(&reply->values, wanted) == wanted->len)
		note(server, DNS_SHOWS, "");
	else if (reply->alias[0])
		note(server, DNS_LACKS, "a CNAME stands at the name");
	else
		note(server, DNS_LACKS, reply->values.len ? "" : reply->rcode);
	/* A resolver that cannot find out is not one that knows of nothing. */
	if (is_recursive && server->answer == DNS_NO_AUTHORITY)
		server->answer = DNS_SILENT;
}

static void add_up(const struct survey_answer *answer, const struct dns_server *server,
                   bool is_recursive, const struct strlist *wanted, struct dns_look *look)
{
	if (!answer->is_answered)
		return;
	if (count_of(&answer->reply.values, wanted) > 0)
		look->any_shows = true;
	if (server->values > look->values_max)
		look->values_max = server->values;
	if (answer->was_cut)
		look->is_cut = true;
	/* A second more: its last one is a TTL of 0. */
	if (is_recursive && server->answer == DNS_LACKS &&
	    answer->reply.ttl_s >= look->negative_ttl_s)
		look->negative_ttl_s = answer->reply.ttl_s + 1;
}

/* Of one address family: whether somebody answers, and whether all that count show. */
struct family {
	size_t shows, answers;
};

/*
 * An address that this machine has no route to, or of a family in which nobody answers
 * while the other does, says nothing about the zone and would stop every order for good:
 * it does not count, as long as one other shows the values.
 */
static void leave_out(struct dns_zone *zone, const struct survey *survey)
{
	struct family families[2] = { 0 };

	for (size_t i = 0; i < zone->count; i++) {
		struct family *own = &families[survey->answers[i].is_ipv6];

		own->shows += zone->servers[i].answer == DNS_SHOWS ? 1 : 0;
		own->answers += survey->answers[i].is_answered ? 1 : 0;
	}
	for (size_t i = 0; i < zone->count; i++) {
		const struct survey_answer *answer = &survey->answers[i];
		bool is_dead = families[answer->is_ipv6].answers == 0 &&
		               families[!answer->is_ipv6].shows > 0;

		zone->servers[i].is_left_out = answer->has_no_route || is_dead;
	}
}

static bool is_everywhere(const struct dns_zone *zone)
{
	size_t shows = 0;

	for (size_t i = 0; i < zone->count; i++) {
		if (zone->servers[i].answer == DNS_SHOWS)
			shows++;
		else if (!zone->servers[i].is_left_out)
			return false;
	}
	return shows > 0;
}

bool dns_txt_look(const struct dns_settings *settings, struct dns_zone *zone,
                  const char *name, const struct strlist *values, struct dns_look *look,
                  struct err *err)
{
	AUTO_SURVEY struct survey survey = { 0 };

	*look = (struct dns_look){ 0 };
	if (!survey_ask(settings, zone, name, DNS_TYPE_TXT, &survey, err))
		return false;
	for (size_t i = 0; i < zone->count; i++) {
		const struct survey_answer *answer = &survey.answers[i];
		struct dns_server *server = &zone->servers[i];

		server->values = 0;
		if (answer->is_answered)
			judge(&answer->reply, zone->is_recursive, values, server);
		else
			note(server, DNS_SILENT, answer->note);
		add_up(answer, server, zone->is_recursive, values, look);
	}
	leave_out(zone, &survey);
	look->all_show = is_everywhere(zone);
	return true;
}

bool dns_resolvers(const struct strlist *addresses, struct dns_zone *out, struct err *err)
{
	struct dns_address ignored;

	*out = (struct dns_zone){ .is_recursive = true };
	if (addresses->len == 0 || addresses->len > DNS_SERVERS_MAX)
		return err_set(err, ERR_CONFIG, "resolvers: 1 to %d addresses, not %zu",
		               DNS_SERVERS_MAX, addresses->len);
	for (size_t i = 0; i < addresses->len; i++) {
		struct dns_server *server = &out->servers[out->count++];

		if (!dns_address_parse(addresses->items[i], &ignored, err))
			return err_context(err, "resolvers");
		snprintf(server->ns, sizeof(server->ns), "resolver");
		snprintf(server->address, sizeof(server->address), "%s",
		         addresses->items[i]);
	}
	return true;
}

static void format_server(const struct dns_server *server, struct buf *out)
{
	buf_addf(out, "%s %s %s", server->ns, server->address,
	         server->is_left_out ? "cannot be reached from here, not counted"
	                             : dns_answer_names[server->answer]);
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
