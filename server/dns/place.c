/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/clock.h"
#include "base/dnsname.h"
#include "base/mem.h"
#include "dns.h"
#include "survey.h"
#include "zone.h"

enum {
	DELEGATIONS_MAX = 8,
	CHAIN_MAX = 8 * 1024,
	WALK_MS = 30 * 1000, /* strangers' servers must not keep a worker for long */
};

/*
 * A negative answer about a name would stay in the resolver, and perhaps in one that a
 * CA shares: "there is no such name" counts for TXT as well. So the resolver is asked
 * about the parent, and what there is at the name itself (a CNAME, a delegation, a zone
 * of its own) only the servers that answer for it are asked.
 */
struct walk {
	const struct dns_settings *settings; /* with a deadline */
	bool is_direct;
	struct dns_place *place;
	struct strlist seen;
	struct buf chain;
	bool is_there; /* something stands at the name */
};

static void walk_deinit(struct walk *walk)
{
	strlist_deinit(&walk->seen);
	buf_wipe(&walk->chain);
}

/* Of servers that do not agree, the one with a CNAME or a delegation is more likely the
 * newer one. 0: an answer that is worth nothing. */
static int worth(const struct survey_answer *answer, const char *zone)
{
	const struct dns_reply *reply = &answer->reply;

	if (!answer->is_answered || !reply->is_ok)
		return 0;
	if (reply->has_authority)
		return reply->alias[0] ? 3 : 1;
	/* Downwards only: a server that knows nothing refers to the root. */
	return reply->is_referral && strlen(reply->zone) > strlen(zone) ? 2 : 0;
}

static const struct dns_reply *best_of(const struct survey *survey, const char *zone)
{
	const struct survey_answer *best = NULL;

	for (size_t i = 0; i < survey->count; i++)
		if (worth(&survey->answers[i], zone) > (best ? worth(best, zone) : 0))
			best = &survey->answers[i];
	return best ? &best->reply : NULL;
}

static bool no_answer(const struct dns_zone *zone, const struct survey *survey,
                      const char *name, struct err *err)
{
	AUTO_BUF struct buf who = BUF_INIT(16 * 1024);

	for (size_t i = 0; i < survey->count; i++) {
		const struct survey_answer *answer = &survey->answers[i];

		buf_addf(&who, "%s%s %s", i ? ", " : "", zone->servers[i].address,
		         !answer->is_answered   ? answer->note
		         : !answer->reply.is_ok ? answer->reply.rcode
		                                : "no authority");
	}
	return err_set(
	    err, ERR_TEMPORARY,
	    "no name server of zone %s answers about %s (%.120s); where port 53 "
	    "is blocked: dns.NAME.propagation: {resolvers: [ADDRESS]}",
	    zone->name, name, who.data);
}

static bool ask_servers(struct walk *walk, const char *name, enum dns_type type,
                        struct survey *survey, const struct dns_reply **best,
                        struct err *err)
{
	const struct dns_zone *zone = &walk->place->zone;

	if (!survey_ask(walk->settings, zone, name, type, survey, err))
		return false;
	*best = best_of(survey, zone->name);
	return *best ? true : no_answer(zone, survey, name, err);
}

/* One server may hold the parent and the child, and then answers for the child. Which
 * zone that is, its SOA says. */
static bool settle_zone(struct walk *walk, const struct dns_reply *reply, struct err *err)
{
	AUTO_SURVEY struct survey survey = { 0 };
	const char *name = walk->place->name, *owner = reply->zone;
	const struct dns_reply *soa = NULL;

	if (!owner[0]) {
		if (!ask_servers(walk, name, DNS_TYPE_SOA, &survey, &soa, err))
			return false;
		owner = soa->values.len > 0 ? name : soa->zone;
	}
	if (strlen(owner) <= strlen(walk->place->zone.name))
		return true;
	return zone_fill(walk->settings, owner, &walk->place->zone, err);
}

/* Down from the zone of the parent to the servers that answer for the name. Asked for the
 * CNAME itself: for TXT they would follow it within their zones, and BIND says SERVFAIL
 * where it goes in circles. */
static bool ask_directly(struct walk *walk, char *target, struct err *err)
{
	struct dns_place *place = walk->place;
	char zone[DNS_NAME_TEXT];

	if (!zone_climb(walk->settings, dnsname_parent(place->name), zone, err) ||
	    !zone_fill(walk->settings, zone, &place->zone, err))
		return false;
	for (int i = 0; i < DELEGATIONS_MAX; i++) {
		AUTO_SURVEY struct survey survey = { 0 };
		const struct dns_reply *reply = NULL;

		if (!ask_servers(walk, place->name, DNS_TYPE_CNAME, &survey, &reply, err))
			return false;
		if (reply->has_authority) {
			snprintf(target, DNS_NAME_TEXT, "%s", reply->alias);
			walk->is_there = !str_eq(reply->rcode, "NXDOMAIN");
			return target[0] || settle_zone(walk, reply, err);
		}
		if (!zone_fill_child(walk->settings, reply, &place->zone, err))
			return false;
	}
	return err_set(err, ERR_CONFIG, "%s: more than %d delegations (NS) on the way",
	               place->name, DELEGATIONS_MAX);
}

/* By the resolver. Who the servers are is then only good to know. */
static bool ask_resolver(struct walk *walk, char *target, struct err *err)
{
	AUTO_DNS_REPLY struct dns_reply reply = { 0 };
	struct dns_place *place = walk->place;
	char zone[DNS_NAME_TEXT];
	struct err ignored;

	if (!zone_ask(walk->settings, place->name, DNS_TYPE_CNAME, &reply, err))
		return false;
	snprintf(target, DNS_NAME_TEXT, "%s", reply.alias);
	walk->is_there = !str_eq(reply.rcode, "NXDOMAIN");
	if (target[0])
		return true;
	if (!zone_climb(walk->settings, place->name, zone, err))
		return false;
	if (!zone_fill(walk->settings, zone, &place->zone, &ignored))
		place->zone.count = 0;
	return true;
}

static bool hop(struct walk *walk, const char *target, struct err *err)
{
	struct dns_place *place = walk->place;
	bool is_loop = strlist_has(&walk->seen, target);

	buf_addf(&walk->chain, " -> %s", target);
	snprintf(place->chain, sizeof(place->chain), "%s", walk->chain.data);
	if (is_loop)
		return err_set(err, ERR_CONFIG, "CNAMEs in a loop: %.320s", place->chain);
	if (++place->hops > DNS_HOPS_MAX)
		return err_set(err, ERR_CONFIG, "more than %d CNAMEs in a row: %.320s",
		               DNS_HOPS_MAX, place->chain);
	strlist_add(&walk->seen, target);
	snprintf(place->name, sizeof(place->name), "%s", target);
	return true;
}

/*
 * Every name has a zone, as long as its top-level domain exists. An end that does not
 * exist right below a top-level domain, which is not the challenge's own (private
 * networks have such zones), belongs to nobody.
 */
static bool is_held(const struct walk *walk, const char *challenge, struct err *err)
{
	const struct dns_place *place = walk->place;

	if (place->hops == 0 || walk->is_there || strchr(place->zone.name, '.') ||
	    dnsname_is_below(challenge, place->zone.name))
		return true;
	return err_set(err, ERR_CONFIG,
	               "no DNS zone holds %s: nothing is registered for it below '%s'",
	               place->name, place->zone.name);
}

static bool walk_on(struct walk *walk, const char *challenge, struct err *err)
{
	char target[DNS_NAME_TEXT];

	do {
		target[0] = '\0';
		if (!(walk->is_direct ? ask_directly : ask_resolver)(walk, target, err))
			return false;
	} while (target[0] && hop(walk, target, err));
	return !target[0] && is_held(walk, challenge, err);
}

bool dns_place_find(const struct dns_settings *settings, const char *challenge,
                    bool is_direct, struct dns_place *out, struct err *err)
{
	struct dns_settings bounded = *settings;
	CLEANUP(walk_deinit)
	struct walk walk = {
		&bounded, is_direct, out, { 0 }, BUF_INIT(CHAIN_MAX), false
	};

	bounded.deadline_ms = clock_deadline_ms(WALK_MS);
	*out = (struct dns_place){ 0 };
	if (strlen(challenge) >= sizeof(out->name))
		return err_set(err, ERR_INPUT, "'%.100s' is not a DNS name", challenge);
	snprintf(out->name, sizeof(out->name), "%s", challenge);
	buf_addf(&walk.chain, "%s", challenge);
	snprintf(out->chain, sizeof(out->chain), "%s", challenge);
	strlist_add(&walk.seen, challenge);
	if (walk_on(&walk, challenge, err))
		return true;
	if (out->hops == 0 || strstr(err->msg, out->chain))
		return false;
	return err_context(err, "the CNAME %.320s", out->chain);
}
