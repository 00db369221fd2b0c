/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "issue/internal.h"
#include "unit.h"

/* Which entry makes a record, what follows a refusal, and what an alias becomes. */

enum { ENTRIES_MAX = 5, ZONES_MAX = 3 };

/* An entry of the configuration: "net:example.net,sub.example.net" or "all". */
struct fixture {
	struct issue_dns settings[ENTRIES_MAX];
	struct strlist zones[ENTRIES_MAX];
	char names[ENTRIES_MAX][40];
	struct dns_desk desks[ENTRIES_MAX];
	struct issue issue;
};

static void add_entry(struct fixture *fixture, const char *text)
{
	size_t at = fixture->issue.settings.dns_count++;
	size_t len = strcspn(text, ":");

	snprintf(fixture->names[at], sizeof(fixture->names[at]), "%.*s", (int)len, text);
	for (const char *zone = text + len; *zone;) {
		size_t zone_len = strcspn(zone + 1, ",");
		AUTO_FREE char *one = xstrndup(zone + 1, zone_len);

		strlist_add(&fixture->zones[at], one);
		zone += 1 + zone_len;
	}
	fixture->settings[at].name = fixture->names[at];
	fixture->settings[at].zones = &fixture->zones[at];
	fixture->desks[at].settings = &fixture->settings[at];
	fixture->issue.dns = fixture->desks;
}

static void fixture_deinit(struct fixture *fixture)
{
	for (size_t i = 0; i < ENTRIES_MAX; i++)
		strlist_deinit(&fixture->zones[i]);
}

static const struct {
	const char *name;
	const char *entries[ENTRIES_MAX]; /* in the file's order */
	const char *list;                 /* the certificate's */
	const char *target;
	const char *refused;
	const char *want; /* NULL: none is left */
} choices[] = {
	{ "the only one", { "home" }, "home", "_acme-challenge.a.org", NULL, "home" },
	{ "of equals the first of the list, not of the file",
	  { "a", "b" },
	  "b,a",
	  "x.org",
	  NULL,
	  "b" },
	{ "its zone holds it",
	  { "net:example.net", "org:example.org" },
	  "net,org",
	  "_acme-challenge.www.example.org",
	  NULL,
	  "org" },
	{ "the zone itself", { "org:example.org" }, "org", "example.org", NULL, "org" },
	{ "a zone's end is no zone",
	  { "org:example.org" },
	  "org",
	  "notexample.org",
	  NULL,
	  NULL },
	{ "the longer zone, though later",
	  { "org:example.org", "sub:a.example.org" },
	  "org,sub",
	  "x.a.example.org",
	  NULL,
	  "sub" },
	{ "the longest of several zones",
	  { "one:example.org,b.a.example.org", "two:a.example.org" },
	  "two,one",
	  "x.b.a.example.org",
	  NULL,
	  "one" },
	{ "a zone comes before none",
	  { "all", "org:example.org" },
	  "all,org",
	  "www.example.org",
	  NULL,
	  "org" },
	{ "none where no zone holds it",
	  { "all", "org:example.org" },
	  "org,all",
	  "www.example.com",
	  NULL,
	  "all" },
	{ "nobody serves it",
	  { "org:example.org" },
	  "org",
	  "www.example.com",
	  NULL,
	  NULL },
	{ "the next after a refusal",
	  { "a", "b", "c" },
	  "a,b,c",
	  "x.org",
	  "a: token refused",
	  "b" },
	{ "the next after two",
	  { "a", "b", "c" },
	  "a,b,c",
	  "x.org",
	  "a: no\nb: neither: c: is in no line of its own",
	  "c" },
	{ "all refused", { "a", "b" }, "a,b", "x.org", "b: no\na: no", NULL },
	{ "a refusal of a longer name", { "a", "ab" }, "a,ab", "x.org", "ab: no", "a" },
	{ "from the zone to those without",
	  { "all", "org:example.org" },
	  "org,all",
	  "www.example.org",
	  "org: no",
	  "all" },
	{ "not in the list of the certificate",
	  { "a", "org:example.org" },
	  "a",
	  "www.example.org",
	  NULL,
	  "a" },
};

static void test_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		CLEANUP(fixture_deinit) struct fixture fixture = { 0 };
		AUTO_DNS_DESKS struct dns_desks desks = { 0 };
		const struct dns_desk *got;
		struct err err;

		for (size_t j = 0; j < ENTRIES_MAX && choices[i].entries[j]; j++)
			add_entry(&fixture, choices[i].entries[j]);
		CHECK(choices[i].name,
		      issue_dns_list(&fixture.issue, choices[i].list, &desks, &err));
		got = issue_choose(&desks, choices[i].target, choices[i].refused);
		CHECK(choices[i].name,
		      str_eq(got ? got->settings->name : NULL, choices[i].want));
	}
	DONE();
}

static void test_list(void **state)
{
	CLEANUP(fixture_deinit) struct fixture fixture = { 0 };
	AUTO_DNS_DESKS struct dns_desks desks = { 0 }, lost = { 0 };
	struct err err;

	(void)state;
	add_entry(&fixture, "a");
	add_entry(&fixture, "b");
	assert_true(issue_dns_list(&fixture.issue, "b,a", &desks, &err));
	assert_int_equal(desks.len, 2);
	assert_string_equal(desks.items[0]->settings->name, "b");
	assert_false(issue_dns_list(&fixture.issue, "a,gone", &lost, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "'gone'"));

	/* One that is to be seen at the authoritative servers is enough. */
	fixture.settings[0].propagation = ISSUE_BLIND;
	assert_true(issue_is_direct(&desks));
	fixture.settings[1].propagation = ISSUE_RESOLVERS;
	assert_false(issue_is_direct(&desks));
}

static const struct {
	const char *name;
	const char *entry;
	enum issue_propagation propagation;
	const char *found;
	const char *want;
} zones[] = {
	{ "found", "all", ISSUE_AUTHORITATIVE, "example.org", "example.org" },
	{ "found, of one without zones, by a resolver", "all", ISSUE_RESOLVERS,
	  "example.org", "example.org" },
	{ "the servers know better than the configuration", "org:org",
	  ISSUE_AUTHORITATIVE, "sub.example.org", "sub.example.org" },
	{ "but not where our DNS is another", "org:example.org", ISSUE_SETTLE,
	  "sub.example.org", "example.org" },
	{ "and not where it says nothing", "org:example.org", ISSUE_BLIND, NULL,
	  "example.org" },
	{ "nobody knows", "all", ISSUE_BLIND, NULL, NULL },
};

static void test_zone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		CLEANUP(fixture_deinit) struct fixture fixture = { 0 };

		add_entry(&fixture, zones[i].entry);
		fixture.settings[0].propagation = zones[i].propagation;
		CHECK(zones[i].name,
		      str_eq(issue_zone_for(&fixture.settings[0], "x.sub.example.org",
		                            zones[i].found),
		             zones[i].want));
	}
	DONE();
}

static void test_refused(void **state)
{
	AUTO_FREE char *one = issue_refused_add(NULL, "a", "first\nline");
	AUTO_FREE char *two = issue_refused_add(one, "b", "no: c: never");
	AUTO_BUF struct buf longest = BUF_INIT(2000);

	(void)state;
	assert_string_equal(one, "a: first\\x0aline");
	assert_string_equal(two, "a: first\\x0aline\nb: no: c: never");
	assert_true(issue_has_refused(two, "a"));
	assert_true(issue_has_refused(two, "b"));
	assert_false(issue_has_refused(two, "c"));
	assert_false(issue_has_refused(two, "line"));
	assert_false(issue_has_refused(NULL, "a"));

	/* A long reason leaves room for the others. */
	for (int i = 0; i < 1000; i++)
		buf_addf(&longest, "x");
	AUTO_FREE char *three = issue_refused_add(two, "c", longest.data);

	assert_true(strlen(three) < 250);
	assert_true(issue_has_refused(three, "c"));
}

/* As many as a list may hold, with names as long as they may be: one that is not noted
 * would be tried again and again. */
static void test_all_refused(void **state)
{
	AUTO_FREE char *refused = NULL;
	AUTO_BUF struct buf why = BUF_INIT(2000);
	char name[65];

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_addf(&why, "x");
	for (int i = 0; i < 100; i++) {
		AUTO_FREE char *before = refused;

		snprintf(name, sizeof(name), "%064d", i);
		refused = issue_refused_add(before, name, why.data);
		assert_true(issue_has_refused(refused, name));
	}
}

static const struct {
	const char *name;
	const char *alias;
	const char *of;
	const char *want; /* NULL: ERR_CONFIG */
} aliases[] = {
	{ "plain", "d420c923.auth.acme-dns.io", "www.example.org",
	  "d420c923.auth.acme-dns.io" },
	{ "the name in it", "_acme-challenge.{name}.acme.example.net", "www.example.org",
	  "_acme-challenge.www.example.org.acme.example.net" },
	{ "of a wildcard the base", "{name}.acme.example.net", "*.example.org",
	  "example.org.acme.example.net" },
	{ "twice", "{name}.of.{name}", "a.org", "a.org.of.a.org" },
	{ "no other hole", "{host}.example.net", "a.org", NULL },
	{ "an open brace", "{name.example.net", "a.org", NULL },
	{ "no name at all", "", "a.org", NULL },
	{ "too long in the end",
	  "{name}.{name}.{name}.{name}.{name}.{name}.{name}.{name}",
	  "a-long-label-of-a-name-of-a-host.example.org", NULL },
};

static void test_alias(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		struct err err = { 0 };
		AUTO_FREE char *got = issue_alias_expand(aliases[i].alias, aliases[i].of,
		                                         &err);

		CHECK(aliases[i].name, str_eq(got, aliases[i].want));
		CHECK(aliases[i].name, (err.kind == ERR_CONFIG) == !aliases[i].want);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choose), cmocka_unit_test(test_list),
		cmocka_unit_test(test_zone),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_alias),  cmocka_unit_test(test_all_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
