/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/dnsname.h"
#include "base/keytype.h"
#include "base/str.h"
#include "unit.h"

#include <string.h>

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"
/* 3 * 64 + 61 */
#define NAME_253                               \
	LABEL_63 "." LABEL_63 "." LABEL_63 "." \
		 "a234567890123456789012345678901234567890123456789012345678901"

static const struct {
	const char *name;
	unsigned allow;
	const char *error; /* NULL: it is fine */
} names[] = {
	{ "a.example", 0, NULL },
	{ "xn--bcher-kva.example", 0, NULL },
	{ "1.2.example", 0, NULL },
	{ LABEL_63 ".example", 0, NULL },
	{ NAME_253, 0, NULL },
	{ "*.a.example", DNSNAME_WILDCARD, NULL },
	{ "_acme-challenge.a.example", DNSNAME_UNDERSCORE, NULL },
	{ "localhost", DNSNAME_ONE_LABEL, NULL },
	{ "", 0, "empty name" },
	{ "*.", DNSNAME_WILDCARD, "empty name" },
	{ ".", 0, "final dot" },
	{ "a.example.", 0, "final dot" },
	{ ".a.example", 0, "empty label" },
	{ "a..example", 0, "empty label" },
	{ "localhost", 0, "only one label" },
	{ "*.example", DNSNAME_WILDCARD, "only one label" },
	{ "*.example", DNSNAME_WILDCARD | DNSNAME_ONE_LABEL, "only one label" },
	{ "*.a.example", 0, "wildcard" },
	{ "*", DNSNAME_WILDCARD, "wildcard" },
	{ "*.*.example", DNSNAME_WILDCARD, "wildcard" },
	{ "a.*.example", DNSNAME_WILDCARD, "wildcard" },
	{ "w*.a.example", DNSNAME_WILDCARD, "wildcard" },
	{ "A.example", 0, "something else" },
	{ "a_b.example", DNSNAME_UNDERSCORE, "something else" },
	{ "_a.example", 0, "something else" },
	{ "_.example", DNSNAME_UNDERSCORE, "something else" },
	{ "a b.example", 0, "something else" },
	{ "a\n.example", 0, "\\x0a" },
	{ "b\xc3\xbc"
	  "cher.example",
	  0, "something else" },
	{ "a.example,b.example", 0, "something else" },
	{ "-a.example", 0, "hyphen" },
	{ "a-.example", 0, "hyphen" },
	{ "_-a.example", DNSNAME_UNDERSCORE, "hyphen" },
	{ LABEL_63 "4.example", 0, "64 bytes; 63 is the most" },
	{ NAME_253 "2", 0, "254 bytes" },
	{ "*." NAME_253, DNSNAME_WILDCARD, "251 is the most" },
	{ "192.0.2.1", 0, "an address is not a name" },
	{ "*.192.0.2.1", DNSNAME_WILDCARD, "an address is not a name" },
};

static void test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct err err = { 0 };
		bool good = dnsname_check(names[i].name, names[i].allow, &err);

		CHECK(names[i].name, good == !names[i].error);
		if (names[i].error)
			CHECK(err.msg,
			      err.kind == ERR_INPUT && strstr(err.msg, names[i].error));
	}
	DONE();
}

static const struct {
	const char *pattern, *name;
	bool covers;
} covered[] = {
	{ "a.example", "a.example", true },
	{ "*.example.org", "a.example.org", true },
	{ "*.example.org", "*.example.org", true },
	{ "*.example.org", "example.org", false },
	{ "*.example.org", "a.b.example.org", false },
	{ "*.example.org", "aexample.org", false },
	{ "example.org", "a.example.org", false },
};

static const struct {
	const char *name, *zone;
	bool below;
} zones[] = {
	{ "a.example.org", "example.org", true },
	{ "example.org", "example.org", true },
	{ "example.org", "", true },
	{ "badexample.org", "example.org", false },
	{ "org", "example.org", false },
	{ "example.org", "a.example.org", false },
};

static void test_relations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(covered); i++)
		CHECK(covered[i].name,
		      dnsname_covers(covered[i].pattern, covered[i].name) ==
		          covered[i].covers);
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++)
		CHECK(zones[i].name,
		      dnsname_is_below(zones[i].name, zones[i].zone) == zones[i].below);
	assert_string_equal(dnsname_parent("a.b.c"), "b.c");
	assert_string_equal(dnsname_parent("c"), "");
	assert_string_equal(dnsname_base("*.b.c"), "b.c");
	assert_string_equal(dnsname_base("b.c"), "b.c");
	DONE();
}

static void test_key_types(void **state)
{
	(void)state;
	for (int i = 0; i < KEY_TYPE_COUNT; i++) {
		enum key_type type = KEY_TYPE_COUNT;

		CHECK(key_type_names[i], key_type_parse(key_type_names[i], &type));
		CHECK(key_type_names[i], (int)type == i);
	}
	assert_false(key_type_parse("rsa", &(enum key_type){ 0 }));
	assert_false(key_type_parse("", &(enum key_type){ 0 }));
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_relations),
		cmocka_unit_test(test_key_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
