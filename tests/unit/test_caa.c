/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge of CAA sets: the examples of RFC 8659 and RFC 8657, and where Boulder reads
 * them more narrowly. What a set is found from, tests/abi/place.sh tries.
 */
#include <string.h>

#include "base/mem.h"
#include "dns/caa.h"
#include "unit.h"

#define ACCOUNT "https://ca.example/acct/1"

struct row_record {
	uint8_t flags;
	const char *tag, *value;
};

static const struct {
	const char *name;
	struct row_record records[3]; /* no tag ends */
	const char *ca;               /* NULL: unknown */
	const char *account;          /* NULL: none yet */
	bool is_wildcard;
	const char *refused; /* in the text; NULL: permitted */
} rows[] = {
	{ "8659: no set",
	  { { 0, NULL, NULL } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.2: this CA",
	  { { 0, "issue", "ca1.example.net" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.2: another CA",
	  { { 0, "issue", "ca1.example.net" } },
	  "ca2.example.org",
	  ACCOUNT,
	  false,
	  "allows another CA; this would allow it, beside the others: example.org. CAA "
	  "0 issue \"ca2.example.org\"" },
	{ "8659 4.2: two CAs, the first",
	  { { 0, "issue", "ca1.example.net" }, { 0, "issue", "ca2.example.org" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.2: two CAs, the second",
	  { { 0, "issue", "ca1.example.net" }, { 0, "issue", "ca2.example.org" } },
	  "ca2.example.org",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.2: nobody (;)",
	  { { 0, "issue", ";" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "'0 issue \";\"' allows nobody" },
	{ "8659 4.2: nobody (empty)",
	  { { 0, "issue", "" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "allows nobody" },
	{ "8659 4.2: malformed is nobody",
	  { { 0, "issue", "%%%%%" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "allows another CA" },
	{ "8659 4.2: nobody and this CA",
	  { { 0, "issue", ";" }, { 0, "issue", "ca1.example.net" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.2: a parameter we do not know",
	  { { 0, "issue", "ca1.example.net; account=230123" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.3: wildcard by issuewild",
	  { { 0, "issue", "ca1.example.net" }, { 0, "issuewild", "ca2.example.org" } },
	  "ca2.example.org",
	  ACCOUNT,
	  true,
	  NULL },
	{ "8659 4.3: issuewild comes before issue",
	  { { 0, "issue", "ca1.example.net" }, { 0, "issuewild", "ca2.example.org" } },
	  "ca1.example.net",
	  ACCOUNT,
	  true,
	  "CAA 0 issuewild \"ca1.example.net\"" },
	{ "8659 4.3: a plain name heeds no issuewild",
	  { { 0, "issue", "ca1.example.net" }, { 0, "issuewild", ";" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.3: only issuewild, a plain name",
	  { { 0, "issuewild", ";" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.3: only issuewild, no wildcards",
	  { { 0, "issuewild", ";" } },
	  "ca1.example.net",
	  ACCOUNT,
	  true,
	  "'0 issuewild \";\"' allows nobody" },
	{ "8659 4.3: a wildcard by issue alone",
	  { { 0, "issue", "ca1.example.net" } },
	  "ca1.example.net",
	  ACCOUNT,
	  true,
	  NULL },
	{ "8659 4.4: iodef alone forbids nothing",
	  { { 0, "iodef", "mailto:security@example.com" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.5: critical and unknown",
	  { { 0, "issue", "ca1.example.net" }, { 128, "tbs", "Unknown" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "'128 tbs \"Unknown\"' is marked as critical" },
	{ "8659 4.5: unknown, not critical",
	  { { 0, "tbs", "Unknown" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8659 4.1: critical and known",
	  { { 128, "issue", "ca1.example.net" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "Boulder: flag 1 is critical too",
	  { { 1, "tbs", "Unknown" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "critical" },
	{ "Boulder: issuemail and issuevmc are known",
	  { { 128, "issuemail", ";" }, { 128, "issuevmc", ";" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "blanks around the issuer",
	  { { 0, "issue", " \tca1.example.net \t; " } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "a longer name is another CA",
	  { { 0, "issue", "ca1.example.net.evil.example" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "allows another CA" },
	{ "Boulder: letters count as they are",
	  { { 0, "issue", "CA1.example.net" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "allows another CA" },
	{ "8657 3.3: our account",
	  { { 0, "issue", "ca1.example.net; accounturi=" ACCOUNT } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8657 3.3: another account",
	  { { 0, "issue", "ca1.example.net; accounturi=" ACCOUNT "2" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "allows another account than ours; this would allow it, beside the others: "
	  "example.org. CAA 0 issue \"ca1.example.net; accounturi=" ACCOUNT "\"" },
	{ "8657 3: no account yet",
	  { { 0, "issue", "ca1.example.net; accounturi=" ACCOUNT } },
	  "ca1.example.net",
	  NULL,
	  false,
	  "ours does not exist yet" },
	{ "8657 3: no account needed",
	  { { 0, "issue", "ca1.example.net" } },
	  "ca1.example.net",
	  NULL,
	  false,
	  NULL },
	{ "8657 3: two accounts",
	  { { 0, "issue",
	      "ca1.example.net; accounturi=" ACCOUNT "; accounturi=" ACCOUNT } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "two accounturi" },
	{ "8657 3: one record for each account",
	  { { 0, "issue", "ca1.example.net; accounturi=" ACCOUNT "2" },
	    { 0, "issue", "ca1.example.net; accounturi=" ACCOUNT } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8657 4: our method",
	  { { 0, "issue", "ca1.example.net; validationmethods=dns-01" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8657 5.8: one of several methods",
	  { { 0, "issue", "ca1.example.net; validationmethods=http-01,dns-01" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8657 4: other methods",
	  { { 0, "issue", "ca1.example.net; validationmethods=http-01,ca-email" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "other methods than ours; this would allow it, beside the others: example.org. "
	  "CAA 0 issue \"ca1.example.net; validationmethods=dns-01\"" },
	{ "8657 4: two lists of methods",
	  { { 0, "issue",
	      "ca1.example.net; validationmethods=dns-01; validationmethods=dns-01" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "two validationmethods" },
	{ "8657 4: no method at all",
	  { { 0, "issue", "ca1.example.net; validationmethods=" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "other methods" },
	{ "Boulder: a method that cannot be read spoils what follows",
	  { { 0, "issue", "ca1.example.net; validationmethods=http_01,dns-01" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "other methods" },
	{ "8657: account and method",
	  { { 0, "issue",
	      "ca1.example.net; accounturi=" ACCOUNT "; validationmethods=dns-01" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "8657 3.3: issuewild with an account",
	  { { 0, "issue", "ca1.example.net" },
	    { 0, "issuewild", "ca1.example.net; accounturi=https://else" } },
	  "ca1.example.net",
	  ACCOUNT,
	  true,
	  "'0 issuewild \"ca1.example.net; accounturi=https://else\"' allows another" },
	{ "a parameter without =",
	  { { 0, "issue", "ca1.example.net; policy" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "cannot be read" },
	{ "Boulder: ; behind the last parameter",
	  { { 0, "issue", "ca1.example.net; a=b;" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "cannot be read" },
	{ "a blank within a value",
	  { { 0, "issue", "ca1.example.net; a=b c" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "cannot be read" },
	{ "no ASCII in a value",
	  { { 0, "issue", "ca1.example.net; a=\xc3\xbc" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  "cannot be read" },
	{ "= within a value",
	  { { 0, "issue", "ca1.example.net; a=b=c" } },
	  "ca1.example.net",
	  ACCOUNT,
	  false,
	  NULL },
	{ "unknown CA: some CA may",
	  { { 0, "issue", "ca9.example" } },
	  NULL,
	  ACCOUNT,
	  false,
	  NULL },
	{ "unknown CA: perhaps it heeds no accounts",
	  { { 0, "issue", "ca9.example; accounturi=https://else" } },
	  NULL,
	  ACCOUNT,
	  false,
	  NULL },
	{ "unknown CA: nobody may",
	  { { 0, "issue", ";" } },
	  NULL,
	  ACCOUNT,
	  false,
	  "allows nobody" },
	{ "unknown CA: critical",
	  { { 128, "tbs", "x" } },
	  NULL,
	  ACCOUNT,
	  false,
	  "critical" },
};

static void make_set(const struct row_record *records, size_t max, struct caa_set *out)
{
	snprintf(out->owner, sizeof(out->owner), "example.org");
	out->items = xcalloc(max, sizeof(*out->items));
	for (size_t i = 0; i < max && records[i].tag; i++) {
		out->items[i].flags = records[i].flags;
		snprintf(out->items[i].tag, sizeof(out->items[i].tag), "%s",
		         records[i].tag);
		out->items[i].value = xstrdup(records[i].value);
		out->len++;
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_STRLIST struct strlist names = { 0 };
		AUTO_CAA_SET struct caa_set set = { 0 };
		const struct caa_wish wish = { &names, rows[i].account, "dns-01",
			                       rows[i].is_wildcard };
		struct err err = { 0 };
		bool ok;

		make_set(rows[i].records, 3, &set);
		if (rows[i].ca)
			strlist_add(&names, rows[i].ca);
		ok = caa_permits(&set, &wish, &err);
		CHECK(rows[i].name, ok == !rows[i].refused);
		CHECK(rows[i].name, err.kind == (ok ? ERR_NONE : ERR_DENIED));
		CHECK(rows[i].name, !rows[i].refused || strstr(err.msg, rows[i].refused));
		if (rows[i].refused && !strstr(err.msg, rows[i].refused))
			print_error("[%s] %s\n", rows[i].name, err.msg);
	}
	DONE();
}

/* A CA with several names: one of them is enough. */
static void test_several_names(void **state)
{
	AUTO_STRLIST struct strlist names = { 0 };
	AUTO_CAA_SET struct caa_set set = { 0 };
	const struct row_record record = { 0, "issue", "old.example" };
	const struct caa_wish wish = { &names, NULL, "dns-01", false };
	struct err err = { 0 };

	(void)state;
	make_set(&record, 1, &set);
	strlist_add(&names, "new.example");
	strlist_add(&names, "old.example");
	assert_true(caa_permits(&set, &wish, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_several_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
