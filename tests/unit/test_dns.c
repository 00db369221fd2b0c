/* SPDX-License-Identifier: Apache-2.0 */
/* Asking servers that behave in every manner, and finding zones through them. */
#include "fake_dns.h"

static const struct {
	const char *name;
	enum manner manner;
	const char *txt[4];
	enum dns_answer answer;
	const char *note;
} rows[] = {
	{ "shows it", HONEST, { "value-one" }, DNS_SHOWS, "" },
	{ "both there", HONEST, { "other", "value-one", "third" }, DNS_SHOWS, "" },
	{ "lacks it", HONEST, { "other" }, DNS_LACKS, "" },
	{ "a prefix is not it", HONEST, { "value-on" }, DNS_LACKS, "" },
	{ "longer is not it", HONEST, { "value-one-" }, DNS_LACKS, "" },
	{ "no record", HONEST, { NULL }, DNS_LACKS, "NOERROR" },
	{ "no name", NO_SUCH_NAME, { NULL }, DNS_LACKS, "NXDOMAIN" },
	{ "silent", SILENT, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "forged id", FORGED_ID, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "wrong question",
	  WRONG_QUESTION,
	  { "value-one" },
	  DNS_SILENT,
	  "no answer in 120 ms" },
	{ "forgeries, then the truth", FORGERIES_FIRST, { "value-one" }, DNS_SHOWS, "" },
	{ "cut, then TCP", TRUNCATED, { "value-one" }, DNS_SHOWS, "" },
	{ "cut, TCP hangs up",
	  TRUNCATED_DEAD,
	  { "value-one" },
	  DNS_SILENT,
	  "connection closed in mid-answer" },
	{ "cut, no TCP",
	  TRUNCATED_ALONE,
	  { "value-one" },
	  DNS_SILENT,
	  "connection refused over TCP" },
	{ "cut, TCP answers something else",
	  TRUNCATED_WRONG,
	  { "value-one" },
	  DNS_SILENT,
	  "an answer to something else, over TCP" },
	{ "garbage", GARBAGE, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "oversized", OVERSIZED, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "a pointer that loops",
	  LOOPING_POINTER,
	  { "value-one" },
	  DNS_SILENT,
	  "not a DNS message" },
	{ "refuses", REFUSES, { "value-one" }, DNS_NO_AUTHORITY, "REFUSED" },
	{ "no AA bit",
	  NOT_AUTHORITATIVE,
	  { "value-one" },
	  DNS_NO_AUTHORITY,
	  "answers without authority" },
	{ "other letter case", OTHER_LETTER_CASE, { "value-one" }, DNS_SHOWS, "" },
};

static void test_manners(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake fake = { .manner = rows[i].manner };
		/* Short only where the time must pass: the machine may be busy. */
		const struct dns_settings settings = {
			.timeout_ms = str_starts(rows[i].note, "no answer") ? 120 : 30000
		};
		struct dns_zone zone = { .name = "example.test", .count = 1 };
		AUTO_STRLIST struct strlist wanted = { 0 };
		struct err err = { 0 };
		struct dns_look look;
		int64_t start = clock_mono_ms();

		memcpy(fake.txt, rows[i].txt, sizeof(fake.txt));
		fake_start(&fake);
		snprintf(zone.servers[0].address, DNS_ADDRESS_MAX, "127.0.0.1@%d",
		         fake.port);
		strlist_add(&wanted, "value-one");
		CHECK(rows[i].name,
		      dns_txt_look(&settings, &zone, "_acme-challenge.example.test",
		                   &wanted, &look, &err));
		CHECK(rows[i].name, zone.servers[0].answer == rows[i].answer);
		CHECK(rows[i].name, look.all_show == (rows[i].answer == DNS_SHOWS));
		CHECK(rows[i].name, strcmp(zone.servers[0].note, rows[i].note) == 0);
		CHECK(rows[i].name, clock_mono_ms() - start < 60000);
		if (strcmp(zone.servers[0].note, rows[i].note) != 0)
			print_error("[%s] note: %s\n", rows[i].name,
			            zone.servers[0].note);
		fake_stop(&fake);
	}
	DONE();
}

static const struct {
	const char *name;
	enum manner manner;
	const char *ask;
	enum err_kind want;
} walks[] = {
	{ "from below", HONEST, "_acme-challenge.www.example.test", ERR_NONE },
	{ "at the apex", HONEST, "example.test", ERR_NONE },
	{ "another zone", HONEST, "www.example.org", ERR_CONFIG },
	{ "over TCP", TRUNCATED, "a.example.test", ERR_NONE },
	{ "silent resolver", SILENT, "a.example.test", ERR_TEMPORARY },
	{ "refusing resolver", REFUSES, "a.example.test", ERR_TEMPORARY },
	{ "garbage", GARBAGE, "a.example.test", ERR_TEMPORARY },
	{ "no name at all", HONEST, "a..b", ERR_INPUT },
};

static void test_walks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		struct fake fake = { .manner = walks[i].manner };
		struct dns_zone zone;
		struct err err = { 0 };
		char resolver[32];
		int timeout_ms = walks[i].want == ERR_TEMPORARY ? 300 : 30000;
		bool ok;

		fake_start(&fake);
		snprintf(resolver, sizeof(resolver), "127.0.0.1@%d", fake.port);
		ok = dns_zone_find(&(struct dns_settings){ .resolver = resolver,
		                                           .timeout_ms = timeout_ms },
		                   walks[i].ask, &zone, &err);
		CHECK(walks[i].name, ok == (walks[i].want == ERR_NONE));
		CHECK(walks[i].name, err.kind == walks[i].want);
		if (ok) {
			CHECK(walks[i].name, strcmp(zone.name, "example.test") == 0);
			CHECK(walks[i].name, zone.count == 1);
			CHECK(walks[i].name,
			      strcmp(zone.servers[0].ns, "ns.example.test") == 0);
			CHECK(walks[i].name,
			      strcmp(zone.servers[0].address, "127.0.0.1") == 0);
		} else {
			CHECK(walks[i].name, err.msg[0] != '\0');
		}
		fake_stop(&fake);
	}
	DONE();
}

/* However quick the servers are, a look-up of many steps has an end. */
static void test_deadline(void **state)
{
	struct fake fake = { .manner = HONEST };
	struct dns_settings settings = { .timeout_ms = 30000 };
	struct dns_zone zone;
	struct err err = { 0 };
	char resolver[32];

	(void)state;
	fake_start(&fake);
	snprintf(resolver, sizeof(resolver), "127.0.0.1@%d", fake.port);
	settings.resolver = resolver;
	settings.deadline_ms = clock_deadline_ms(60 * 1000);
	assert_true(dns_zone_find(&settings, "a.example.test", &zone, &err));
	settings.deadline_ms = clock_deadline_ms(-1);
	assert_false(dns_zone_find(&settings, "a.example.test", &zone, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	fake_stop(&fake);
}

static void test_address(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int port;
	} addresses[] = {
		{ "192.0.2.1", true, 53 },
		{ "192.0.2.1@5353", true, 5353 },
		{ "2001:db8::1", true, 53 },
		{ "2001:db8::1@53000", true, 53000 },
		{ "ns.example.org", false, 0 },
		{ "192.0.2.1@", false, 0 },
		{ "192.0.2.1@0", false, 0 },
		{ "192.0.2.1@65536", false, 0 },
		{ "@53", false, 0 },
		{ "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct dns_address out;
		struct sockaddr_in in;
		struct err err;
		bool ok = dns_address_parse(addresses[i].text, &out, &err);

		CHECK(addresses[i].text, ok == addresses[i].ok);
		if (!ok)
			continue;
		/* The port stands at the same place in both families. */
		memcpy(&in, &out.sockaddr, sizeof(in));
		CHECK(addresses[i].text, ntohs(in.sin_port) == addresses[i].port);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manners),
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
