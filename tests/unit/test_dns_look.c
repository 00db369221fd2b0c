/* SPDX-License-Identifier: Apache-2.0 */
/* What a look at several servers, or at resolvers, comes to. */
#include "fake_dns.h"

static void test_two_servers(void **state)
{
	struct fake good = { .txt = { "a", "b" } }, stale = { .txt = { "a" } };
	struct dns_zone zone = { .name = "example.test", .count = 3 };
	const struct dns_settings settings = { .timeout_ms = 30000 };
	AUTO_STRLIST struct strlist wanted = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(4096);
	struct err err = { 0 };
	struct dns_look look;

	(void)state;
	fake_start(&good);
	fake_start(&stale);
	strlist_add(&wanted, "a");
	strlist_add(&wanted, "b");
	for (size_t i = 0; i < 3; i++)
		snprintf(zone.servers[i].ns, DNS_NAME_TEXT, "ns%zu.example.test", i + 1);
	snprintf(zone.servers[0].address, DNS_ADDRESS_MAX, "127.0.0.1@%d", good.port);
	snprintf(zone.servers[1].address, DNS_ADDRESS_MAX, "127.0.0.1@%d", stale.port);
	snprintf(zone.servers[2].address, DNS_ADDRESS_MAX, "127.0.0.1@1");
	assert_true(
	    dns_txt_look(&settings, &zone, "x.example.test", &wanted, &look, &err));
	assert_false(look.all_show);
	dns_zone_format(&zone, &text);
	assert_non_null(strstr(text.data, " shows it; ns2.example.test 127.0.0.1@"));
	assert_non_null(strstr(text.data, " lacks it (1 value); ns3.example.test "
	                                  "127.0.0.1@1 does not answer "
	                                  "(connection refused)"));
	fake_stop(&stale);
	fake_stop(&good);
}

/* The documentation's IPv6 address is silent or without a route, on every machine. */
static const struct {
	const char *name;
	const char *addresses[4]; /* "good", "stale", or an address */
	bool all_show, any_shows;
	const char *text;
} reaches[] = {
	{ "IPv4 shows, IPv6 is dead",
	  { "good", "2001:db8::53" },
	  true,
	  true,
	  "2001:db8::53 cannot be reached from here, not counted (" },
	{ "dead alone", { "2001:db8::53" }, false, false, "2001:db8::53" },
	{ "IPv4 lags, IPv6 is dead",
	  { "good", "stale", "2001:db8::53" },
	  false,
	  true,
	  "lacks it (1 value)" },
	{ "one of IPv4 is silent",
	  { "good", "127.0.0.1@1" },
	  false,
	  true,
	  "127.0.0.1@1 does not answer (connection refused)" },
	{ "nobody shows, IPv6 is dead",
	  { "stale", "2001:db8::53" },
	  false,
	  false,
	  "lacks it (1 value)" },
};

static void test_reach(void **state)
{
	struct fake good = { .txt = { "a" } }, stale = { .txt = { "b" } };
	/* Passes four times where IPv6 is silent, so it is no minute. */
	const struct dns_settings settings = { .timeout_ms = 2000 };
	AUTO_STRLIST struct strlist wanted = { 0 };

	(void)state;
	fake_start(&good);
	fake_start(&stale);
	strlist_add(&wanted, "a");
	for (size_t i = 0; i < sizeof(reaches) / sizeof(reaches[0]); i++) {
		AUTO_BUF struct buf text = BUF_INIT(4096);
		struct dns_zone zone = { .name = "example.test" };
		struct dns_look look;
		struct err err = { 0 };

		for (; reaches[i].addresses[zone.count]; zone.count++) {
			const char *at = reaches[i].addresses[zone.count];
			char *out = zone.servers[zone.count].address;

			if (strchr(at, ':') || strchr(at, '@'))
				snprintf(out, DNS_ADDRESS_MAX, "%s", at);
			else
				snprintf(out, DNS_ADDRESS_MAX, "127.0.0.1@%d",
				         *at == 'g' ? good.port : stale.port);
		}
		CHECK(reaches[i].name, dns_txt_look(&settings, &zone, "x.example.test",
		                                    &wanted, &look, &err));
		CHECK(reaches[i].name, look.all_show == reaches[i].all_show);
		CHECK(reaches[i].name, look.any_shows == reaches[i].any_shows);
		dns_zone_format(&zone, &text);
		CHECK(reaches[i].name, strstr(text.data, reaches[i].text) != NULL);
	}
	fake_stop(&good);
	fake_stop(&stale);
	DONE();
}

static const struct {
	const char *name;
	enum manner manner;
	const char *txt[4];
	bool all_show, any_shows, is_cut;
	int values;
} looks[] = {
	{ "sixty others beside it", CROWDED, { "a", "b" }, true, true, true, 62 },
	{ "sixty others alone", CROWDED, { NULL }, false, false, true, 60 },
	{ "over TCP, but short", TRUNCATED, { "a", "b" }, true, true, false, 2 },
	{ "half of it", HONEST, { "b", "c", "d" }, false, true, false, 3 },
	{ "no name", NO_SUCH_NAME, { NULL }, false, false, false, 0 },
	{ "no authority", NOT_AUTHORITATIVE, { "a", "b" }, false, true, false, 2 },
};

static void test_looks(void **state)
{
	const struct dns_settings settings = { .timeout_ms = 30000 };
	AUTO_STRLIST struct strlist wanted = { 0 };

	(void)state;
	strlist_add(&wanted, "a");
	strlist_add(&wanted, "b");
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct fake fake = { .manner = looks[i].manner };
		struct dns_zone zone = { .name = "example.test", .count = 1 };
		struct dns_look look;
		struct err err = { 0 };

		memcpy(fake.txt, looks[i].txt, sizeof(fake.txt));
		fake_start(&fake);
		snprintf(zone.servers[0].address, DNS_ADDRESS_MAX, "127.0.0.1@%d",
		         fake.port);
		CHECK(looks[i].name, dns_txt_look(&settings, &zone, "x.example.test",
		                                  &wanted, &look, &err));
		CHECK(looks[i].name, look.all_show == looks[i].all_show);
		CHECK(looks[i].name, look.any_shows == looks[i].any_shows);
		CHECK(looks[i].name, look.is_cut == looks[i].is_cut);
		CHECK(looks[i].name, look.values_max == looks[i].values);
		CHECK(looks[i].name, look.negative_ttl_s == 0);
		fake_stop(&fake);
	}
	DONE();
}

/* Resolvers need no authority, but those that cannot find out do not know. */
static const struct {
	const char *name;
	enum manner manner;
	const char *txt[4];
	enum dns_answer answer;
	int negative_ttl_s;
} recursives[] = {
	{ "shows it", NOT_AUTHORITATIVE, { "a" }, DNS_SHOWS, 0 },
	{ "keeps another for a minute", NOT_AUTHORITATIVE, { "b" }, DNS_LACKS, 61 },
	{ "knows of nothing", NO_SUCH_NAME, { NULL }, DNS_LACKS, 1 },
	{ "refuses", REFUSES, { "a" }, DNS_SILENT, 0 },
};

static void test_resolvers(void **state)
{
	const struct dns_settings settings = { .timeout_ms = 30000 };
	AUTO_STRLIST struct strlist wanted = { 0 };

	(void)state;
	strlist_add(&wanted, "a");
	for (size_t i = 0; i < sizeof(recursives) / sizeof(recursives[0]); i++) {
		struct fake fake = { .manner = recursives[i].manner };
		AUTO_STRLIST struct strlist addresses = { 0 };
		struct dns_zone zone;
		struct dns_look look;
		struct err err = { 0 };
		char address[32];

		memcpy(fake.txt, recursives[i].txt, sizeof(fake.txt));
		fake_start(&fake);
		snprintf(address, sizeof(address), "127.0.0.1@%d", fake.port);
		strlist_add(&addresses, address);
		CHECK(recursives[i].name, dns_resolvers(&addresses, &zone, &err));
		CHECK(recursives[i].name, dns_txt_look(&settings, &zone, "x.example.test",
		                                       &wanted, &look, &err));
		CHECK(recursives[i].name, zone.servers[0].answer == recursives[i].answer);
		CHECK(recursives[i].name,
		      look.all_show == (recursives[i].answer == DNS_SHOWS));
		CHECK(recursives[i].name,
		      look.negative_ttl_s == recursives[i].negative_ttl_s);
		fake_stop(&fake);
	}
	DONE();
}

static void test_resolver_lists(void **state)
{
	AUTO_STRLIST struct strlist addresses = { 0 };
	struct dns_zone zone;
	struct err err = { 0 };

	(void)state;
	assert_false(dns_resolvers(&addresses, &zone, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	strlist_add(&addresses, "192.0.2.1");
	strlist_add(&addresses, "2001:db8::1@5353");
	assert_true(dns_resolvers(&addresses, &zone, &err));
	assert_int_equal(zone.count, 2);
	assert_true(zone.is_recursive);
	strlist_add(&addresses, "ns.example.org");
	assert_false(dns_resolvers(&addresses, &zone, &err));
	assert_non_null(strstr(err.msg, "'ns.example.org' is not an IP address"));
	while (addresses.len <= DNS_SERVERS_MAX)
		strlist_add(&addresses, "192.0.2.1");
	assert_false(dns_resolvers(&addresses, &zone, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_servers),    cmocka_unit_test(test_reach),
		cmocka_unit_test(test_looks),          cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_resolver_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
