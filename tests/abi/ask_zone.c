/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask_zone - what the dns module finds out, for tests with real servers
 *
 *     ask_zone RESOLVER NAME VALUE...             what each server of the zone shows
 *     ask_zone resolvers ADDRESS,... NAME VALUE   what these resolvers show
 *     ask_zone place RESOLVER NAME                where a challenge's TXT is made
 *     ask_zone indirect RESOLVER NAME             the same by the resolver alone
 *     ask_zone caa RESOLVER NAME CA               whether that CA may issue
 *     ask_zone security RESOLVER NAME             what becomes of the signatures
 *
 * The status is 0 where all show all values, or where there is an answer.
 */
#include <stdio.h>
#include <string.h>

#include "dns/caa.h"
#include "dns/dns.h"

static bool look(const struct dns_settings *settings, struct dns_zone *zone, char **args,
                 bool *good, struct err *err)
{
	AUTO_STRLIST struct strlist values = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct dns_look look;

	for (int i = 1; args[i]; i++)
		strlist_add(&values, args[i]);
	if (!dns_txt_look(settings, zone, args[0], &values, &look, err))
		return false;
	dns_zone_format(zone, &text);
	printf("%s: %s\n", zone->name, text.data);
	if (zone->is_recursive || look.is_cut)
		printf("values %d negative %d%s\n", look.values_max, look.negative_ttl_s,
		       look.is_cut ? " cut" : "");
	*good = look.all_show;
	return true;
}

static bool ask_zone(const struct dns_settings *settings, char **args, bool *good,
                     struct err *err)
{
	struct dns_zone zone;

	return dns_zone_find(settings, args[0], &zone, err) &&
	       look(settings, &zone, args, good, err);
}

static bool ask_resolvers(const struct dns_settings *settings, char **args, bool *good,
                          struct err *err)
{
	AUTO_STRLIST struct strlist addresses = { 0 };
	struct dns_zone zone;
	char list[256], *next = list;

	snprintf(list, sizeof(list), "%s", settings->resolver);
	for (char *at = next; at; at = next) {
		next = strchr(at, ',');
		if (next)
			*next++ = '\0';
		strlist_add(&addresses, at);
	}
	return dns_resolvers(&addresses, &zone, err) &&
	       look(settings, &zone, args, good, err);
}

static bool show_place(const struct dns_settings *settings, const char *name,
                       bool is_direct, struct err *err)
{
	struct dns_place place;

	if (!dns_place_find(settings, name, is_direct, &place, err))
		return false;
	printf("%s (%d) in %s of", place.chain, place.hops, place.zone.name);
	for (size_t i = 0; i < place.zone.count; i++)
		printf(" %s", place.zone.servers[i].address);
	printf("\n");
	return true;
}

static bool ask_place(const struct dns_settings *settings, char **args, bool *good,
                      struct err *err)
{
	*good = true;
	return show_place(settings, args[0], true, err);
}

static bool ask_indirect(const struct dns_settings *settings, char **args, bool *good,
                         struct err *err)
{
	*good = true;
	return show_place(settings, args[0], false, err);
}

static bool ask_caa(const struct dns_settings *settings, char **args, bool *good,
                    struct err *err)
{
	AUTO_CAA_SET struct caa_set set = { 0 };
	AUTO_STRLIST struct strlist names = { 0 };
	const struct caa_wish wish = { &names, NULL, "dns-01",
		                       strncmp(args[0], "*.", 2) == 0 };

	if (args[1])
		strlist_add(&names, args[1]);
	if (!dns_caa_find(settings, args[0], &set, err))
		return false;
	printf("%zu at '%s'\n", set.len, set.owner);
	*good = true;
	return caa_permits(&set, &wish, err);
}

static bool ask_security(const struct dns_settings *settings, char **args, bool *good,
                         struct err *err)
{
	static const char *const names[DNS_SECURITY_COUNT] = { "insecure", "secure",
		                                               "bogus" };
	enum dns_security security;

	if (!dns_security_ask(settings, args[0], &security, err))
		return false;
	printf("%s\n", names[security]);
	*good = true;
	return true;
}

static const struct {
	const char *name;
	bool (*run)(const struct dns_settings *settings, char **args, bool *good,
	            struct err *err);
} words[] = {
	{ "resolvers", ask_resolvers }, { "place", ask_place },
	{ "indirect", ask_indirect },   { "caa", ask_caa },
	{ "security", ask_security },
};

int main(int argc, char **argv)
{
	struct dns_settings settings = { 0 };
	struct err err = { 0 };
	bool good = false, ok = false, found = false;

	if (argc < 3)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(words) && argc > 3; i++)
		if (strcmp(argv[1], words[i].name) == 0) {
			found = true;
			settings.resolver = argv[2];
			ok = words[i].run(&settings, argv + 3, &good, &err);
		}
	if (!found) {
		settings.resolver = argv[1];
		ok = ask_zone(&settings, argv + 2, &good, &err);
	}
	if (!ok)
		printf("%s: %s\n", err_infos[err.kind].name, err.msg);
	return !ok ? 2 : !good;
}
