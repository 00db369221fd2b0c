/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <strings.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "dns.h"
#include "message.h"
#include "resolve.h"

enum { NS_MAX = 16, FAMILIES = 2 };

static bool ask(const struct dns_settings *settings, const char *name, enum dns_type type,
                struct dns_reply *answer, struct err *err)
{
	struct dns_question question;

	return dns_question_make(name, type, true, &question, err) &&
	       resolve_all(settings, &question, answer, 1, err);
}

/* True in *is_apex where a SOA stands at this very name. */
static bool look_for_apex(const struct dns_settings *settings, const char *name,
                          bool *is_apex, struct err *err)
{
	AUTO_DNS_REPLY struct dns_reply answer = { 0 };

	if (!ask(settings, name, DNS_TYPE_SOA, &answer, err))
		return false;
	*is_apex = answer.values.len > 0;
	return true;
}

/* The NS set and, in one go, the addresses of all of it. */
struct name_servers {
	struct dns_reply set;
	struct dns_question questions[NS_MAX * FAMILIES];
	struct dns_reply answers[NS_MAX * FAMILIES];
	size_t count; /* of questions */
};

static void name_servers_free(struct name_servers *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		dns_reply_deinit(&servers->answers[i]);
	dns_reply_deinit(&servers->set);
	free(servers);
}
DEFINE_CLEANUP(struct name_servers *, name_servers_free);

static bool ask_addresses(const struct dns_settings *settings,
                          struct name_servers *servers, struct err *err)
{
	static const enum dns_type types[FAMILIES] = { DNS_TYPE_A, DNS_TYPE_AAAA };

	for (size_t i = 0; i < servers->set.values.len && i < NS_MAX; i++)
		for (size_t j = 0; j < FAMILIES; j++)
			if (!dns_question_make(
				servers->set.values.items[i], types[j], true,
				&servers->questions[servers->count++], err))
				return false;
	return resolve_all(settings, servers->questions, servers->answers, servers->count,
	                   err);
}

static bool is_listed(const struct dns_zone *zone, const char *address)
{
	for (size_t i = 0; i < zone->count; i++)
		if (str_eq(zone->servers[i].address, address))
			return true;
	return false;
}

static void add_servers(const struct name_servers *servers, struct dns_zone *out)
{
	for (size_t i = 0; i < servers->count; i++) {
		const struct strlist *addresses = &servers->answers[i].values;

		for (size_t j = 0; j < addresses->len && out->count < DNS_SERVERS_MAX;
		     j++) {
			struct dns_server *server = &out->servers[out->count];

			/* Two names for one address are one server to ask. */
			if (is_listed(out, addresses->items[j]))
				continue;
			snprintf(server->ns, sizeof(server->ns), "%s",
			         servers->questions[i].name);
			snprintf(server->address, sizeof(server->address), "%s",
			         addresses->items[j]);
			out->count++;
		}
	}
}

static bool find_servers(const struct dns_settings *settings, struct dns_zone *out,
                         struct err *err)
{
	CLEANUP(name_servers_freep)
	struct name_servers *servers = NEW(struct name_servers);

	if (!ask(settings, out->name, DNS_TYPE_NS, &servers->set, err))
		return false;
	/* The order of an NS set changes with each answer; ours is for people. */
	strlist_sort(&servers->set.values);
	if (!ask_addresses(settings, servers, err))
		return false;
	add_servers(servers, out);
	if (out->count == 0)
		return err_set(
		    err, ERR_CONFIG,
		    "zone %s: none of its %zu name servers (NS) has an address",
		    out->name, servers->set.values.len);
	return true;
}

bool dns_zone_find(const struct dns_settings *settings, const char *name,
                   struct dns_zone *out, struct err *err)
{
	bool is_apex = false;

	*out = (struct dns_zone){ 0 };
	for (const char *at = name; *at && !is_apex; at = dnsname_parent(at)) {
		if (!look_for_apex(settings, at, &is_apex, err))
			return err_context(err, "zone of %s", name);
		snprintf(out->name, sizeof(out->name), "%s", at);
	}
	if (!is_apex)
		return err_set(err, ERR_CONFIG,
		               "no DNS zone holds %s: no name from it upwards has a SOA "
		               "record; is it spelled as it is registered?",
		               name);
	return find_servers(settings, out, err);
}
