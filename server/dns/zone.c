/* SPDX-License-Identifier: Apache-2.0 */
#include "zone.h"

#include <stdio.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "resolve.h"

enum { NS_MAX = 16, FAMILIES = 2 };

bool zone_ask(const struct dns_settings *settings, const char *name, enum dns_type type,
              struct dns_reply *answer, struct err *err)
{
	struct dns_question question;

	return dns_question_make(name, type, DNS_RECURSE, &question, err) &&
	       resolve_all(settings, &question, answer, 1, err);
}

/* True in *is_apex where a SOA stands at this very name. */
static bool look_for_apex(const struct dns_settings *settings, const char *name,
                          bool *is_apex, struct err *err)
{
	AUTO_DNS_REPLY struct dns_reply answer = { 0 };

	if (!zone_ask(settings, name, DNS_TYPE_SOA, &answer, err))
		return false;
	*is_apex = answer.values.len > 0;
	return true;
}

bool zone_climb(const struct dns_settings *settings, const char *name, char *zone,
                struct err *err)
{
	bool is_apex = false;

	for (const char *at = name; *at && !is_apex; at = dnsname_parent(at)) {
		if (!look_for_apex(settings, at, &is_apex, err))
			return err_context(err, "zone of %s", name);
		snprintf(zone, DNS_NAME_TEXT, "%s", at);
	}
	if (!is_apex)
		return err_set(err, ERR_CONFIG,
		               "no DNS zone holds %s: no name from it upwards has a SOA "
		               "record; is it spelled as it is registered?",
		               name);
	return true;
}

/* The addresses of an NS set, asked for in one go. */
struct lookup {
	struct dns_question questions[NS_MAX * FAMILIES];
	struct dns_reply answers[NS_MAX * FAMILIES];
	size_t count; /* of questions */
};

static void lookup_free(struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->count; i++)
		dns_reply_deinit(&lookup->answers[i]);
	free(lookup);
}
DEFINE_CLEANUP(struct lookup *, lookup_free);

static bool ask_addresses(const struct dns_settings *settings, const struct strlist *ns,
                          struct lookup *lookup, struct err *err)
{
	static const enum dns_type types[FAMILIES] = { DNS_TYPE_A, DNS_TYPE_AAAA };

	for (size_t i = 0; i < ns->len && i < NS_MAX; i++)
		for (size_t j = 0; j < FAMILIES; j++)
			if (!dns_question_make(ns->items[i], types[j], DNS_RECURSE,
			                       &lookup->questions[lookup->count++], err))
				return false;
	return resolve_all(settings, lookup->questions, lookup->answers, lookup->count,
	                   err);
}

static bool is_listed(const struct dns_zone *zone, const char *address)
{
	for (size_t i = 0; i < zone->count; i++)
		if (str_eq(zone->servers[i].address, address))
			return true;
	return false;
}

/* Two names for one address are one server to ask. */
static void add_server(const char *ns, const char *address, struct dns_zone *out)
{
	struct dns_server *server = &out->servers[out->count];

	if (out->count == DNS_SERVERS_MAX || is_listed(out, address))
		return;
	snprintf(server->ns, sizeof(server->ns), "%s", ns);
	snprintf(server->address, sizeof(server->address), "%s", address);
	out->count++;
}

static void add_servers(const struct lookup *lookup, struct dns_zone *out)
{
	for (size_t i = 0; i < lookup->count; i++) {
		const struct strlist *addresses = &lookup->answers[i].values;

		for (size_t j = 0; j < addresses->len; j++)
			add_server(lookup->questions[i].name, addresses->items[j], out);
	}
}

static bool find_servers(const struct dns_settings *settings, struct strlist *ns,
                         struct dns_zone *out, struct err *err)
{
	CLEANUP(lookup_freep) struct lookup *lookup = NEW(struct lookup);

	/* The order of an NS set changes with each answer; ours is for people. */
	strlist_sort(ns);
	if (!ask_addresses(settings, ns, lookup, err))
		return false;
	add_servers(lookup, out);
	return true;
}

static bool has_servers(const struct dns_zone *zone, size_t ns, struct err *err)
{
	if (zone->count == 0)
		return err_set(
		    err, ERR_CONFIG,
		    "zone %s: no address is found for its %zu name server%s (NS)",
		    zone->name, ns, ns == 1 ? "" : "s");
	return true;
}

bool zone_fill(const struct dns_settings *settings, const char *name,
               struct dns_zone *out, struct err *err)
{
	AUTO_DNS_REPLY struct dns_reply set = { 0 };

	*out = (struct dns_zone){ 0 };
	snprintf(out->name, sizeof(out->name), "%s", name);
	return zone_ask(settings, out->name, DNS_TYPE_NS, &set, err) &&
	       find_servers(settings, &set.values, out, err) &&
	       has_servers(out, set.values.len, err);
}

static bool has_server(const struct dns_zone *zone, const char *ns)
{
	for (size_t i = 0; i < zone->count; i++)
		if (strcasecmp(zone->servers[i].ns, ns) == 0)
			return true;
	return false;
}

static void add_glue(const struct dns_reply *referral, struct dns_zone *out)
{
	struct dns_zone known = *out;

	for (size_t i = 0; i < referral->glue.len; i++) {
		const char *line = referral->glue.items[i], *space = strchr(line, ' ');
		AUTO_FREE char *ns = xstrndup(line, (size_t)(space - line));

		for (size_t j = 0; j < referral->ns.len; j++)
			if (strcasecmp(referral->ns.items[j], ns) == 0 &&
			    !has_server(&known, ns))
				add_server(ns, space + 1, out);
	}
}

bool zone_fill_child(const struct dns_settings *settings,
                     const struct dns_reply *referral, struct dns_zone *out,
                     struct err *err)
{
	AUTO_STRLIST struct strlist ns = { 0 };
	struct err no_answer;

	*out = (struct dns_zone){ 0 };
	snprintf(out->name, sizeof(out->name), "%s", referral->zone);
	strlist_copy(&ns, &referral->ns);
	if (!find_servers(settings, &ns, out, &no_answer) && referral->glue.len == 0) {
		*err = no_answer;
		return err_context(err, "zone %s", out->name);
	}
	add_glue(referral, out);
	return has_servers(out, ns.len, err);
}

bool dns_zone_find(const struct dns_settings *settings, const char *name,
                   struct dns_zone *out, struct err *err)
{
	char zone[DNS_NAME_TEXT];

	*out = (struct dns_zone){ 0 };
	return zone_climb(settings, name, zone, err) &&
	       zone_fill(settings, zone, out, err);
}
