/* SPDX-License-Identifier: Apache-2.0 */
/* What a CA may say, and what it may not: directory, order, authorization, nonce. */
#include "unit.h"

#include <string.h>

#include "acme/impl.h"
#include "base/mem.h"
#include "base/str.h"

static const char origin[] = "https://ca.test/directory";

/* As they stand in JSON. None may ever be fetched. */
static const char *const evil_urls[] = {
	"http://ca.test/x",
	"https://evil.test/x",
	"https://ca.test.evil.test/x",
	"https://ca.test:444/x",
	"https://user@ca.test/x",
	"https://user:word@ca.test/x",
	"https://ca.test@evil.test/x",
	"https://evil.test#ca.test",
	"https://ca.test\\\\@evil.test/x",
	"https://ca.test\\r\\nHost: evil.test/x",
	"https://ca.test/a b",
	"https://ca.test./x",
	"https://127.0.0.1/x",
	"https://169.254.169.254/latest/meta-data",
	"https://[::1]/x",
	"https://[fe80::1%25lo]/x",
	"//ca.test/x",
	"/x",
	"x",
	"",
	"file:///etc/passwd",
	"ftp://ca.test/x",
	"gopher://ca.test/x",
	"javascript:alert(1)",
	"https://ca.t\\u0435st/x",
	"https:///x",
	"https://ca.test:99999/x",
};

struct row {
	const char *name;
	const char *json;
	const char *words; /* in the error; NULL: it is good */
};

typedef bool parse_fn(const char *text, size_t len, struct err *err);

static bool parse_directory(const char *text, size_t len, struct err *err)
{
	AUTO_DIRECTORY struct directory directory = { 0 };

	return directory_parse(origin, text, len, &directory, err);
}

static bool parse_order(const char *text, size_t len, struct err *err)
{
	AUTO_ACME_ORDER struct acme_order order = { 0 };
	AUTO_STRLIST struct strlist names = { 0 };
	struct order_wanted wanted = { .origin = origin, .names = &names };

	strlist_add(&names, "*.a.test");
	strlist_add(&names, "a.test");
	return order_parse(&wanted, text, len, &order, err);
}

static bool parse_authz(const char *text, size_t len, struct err *err)
{
	AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };

	return authz_parse(origin, text, len, &authz, err);
}

static bool parse_account(const char *text, size_t len, struct err *err)
{
	return account_parse(text, len, err);
}

static void check_rows(parse_fn *parse, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err = { 0 };
		bool good = parse(rows[i].json, strlen(rows[i].json), &err);

		CHECK(rows[i].name, good == !rows[i].words);
		if (!good && rows[i].words) {
			CHECK(rows[i].name, err.kind != ERR_NONE);
			if (!strstr(err.msg, rows[i].words))
				print_error("[%s] says: %s\n", rows[i].name, err.msg);
			CHECK(rows[i].name, strstr(err.msg, rows[i].words));
		}
	}
}

/* clang-format off */
#define URLS "\"newNonce\":\"https://ca.test/n\",\"newAccount\":\"https://ca.test/a\"," \
	     "\"newOrder\":\"https://ca.test/o\""

static const struct row directories[] = {
	{ "small", "{" URLS "}", NULL },
	{ "with everything", "{" URLS ",\"meta\":{\"termsOfService\":\"https://x/\","
	  "\"externalAccountRequired\":true,\"profiles\":{\"a\":\"b\"},"
	  "\"caaIdentities\":[\"ca.test\",\"ca2.test\"]},\"zz\":17}", NULL },
	{ "meta is null", "{" URLS ",\"meta\":null}", NULL },
	{ "upper case and port", "{\"newNonce\":\"HTTPS://CA.test:443/n\","
	  "\"newAccount\":\"https://ca.test/a\",\"newOrder\":\"https://ca.test/o\"}", NULL },
	{ "empty", "", "not JSON" },
	{ "HTML", "<html></html>", "not JSON" },
	{ "array", "[1]", "not a JSON object" },
	{ "string", "\"x\"", "not a JSON object" },
	{ "null", "null", "not a JSON object" },
	{ "empty object", "{}", "\"newNonce\" is missing" },
	{ "no newOrder", "{\"newNonce\":\"https://ca.test/n\",\"newAccount\":"
	  "\"https://ca.test/a\"}", "\"newOrder\" is missing" },
	{ "other case", "{\"NewNonce\":\"https://ca.test/n\"}", "\"newNonce\" is missing" },
	{ "a number", "{\"newNonce\":1}", "not a string" },
	{ "twice", "{" URLS ",\"newNonce\":\"https://ca.test/n2\"}", "twice" },
	{ "more behind", "{" URLS "}{}", "not JSON" },
	{ "cut", "{" URLS, "not JSON" },
	{ "meta is a list", "{" URLS ",\"meta\":[]}", "\"meta\" is not an object" },
	{ "terms are a list", "{" URLS ",\"meta\":{\"termsOfService\":[]}}", "not a string" },
	{ "EAB is text", "{" URLS ",\"meta\":{\"externalAccountRequired\":\"yes\"}}",
	  "not true or false" },
	{ "identities are null", "{" URLS ",\"meta\":{\"caaIdentities\":null}}", NULL },
	{ "identities are a text", "{" URLS ",\"meta\":{\"caaIdentities\":\"ca.test\"}}",
	  "\"caaIdentities\" is not a list of names" },
	{ "an identity is a number", "{" URLS ",\"meta\":{\"caaIdentities\":[\"a\",1]}}",
	  "\"caaIdentities\" is not a list of names" },
	{ "profiles are a list", "{" URLS ",\"meta\":{\"profiles\":[\"a\"]}}",
	  "\"profiles\" is not an object" },
};

#define A_ID "{\"type\":\"dns\",\"value\":\"a.test\"}"
#define W_ID "{\"type\":\"dns\",\"value\":\"*.a.test\"}"
#define IDS "\"identifiers\":[" A_ID "," W_ID "]"
#define AUTHZ "\"authorizations\":[\"https://ca.test/z/1\",\"https://ca.test/z/2\"]"
#define FIN "\"finalize\":\"https://ca.test/f\""
#define ORDER(status, more) "{\"status\":\"" status "\"," IDS "," AUTHZ "," FIN more "}"
#define ORDER_IDS(ids) \
	"{\"status\":\"pending\",\"identifiers\":" ids "," AUTHZ "," FIN "}"
#define ORDER_AUTHZ(list) \
	"{\"status\":\"pending\"," IDS ",\"authorizations\":" list "," FIN "}"

static const struct row orders[] = {
	{ "pending", ORDER("pending", ""), NULL },
	{ "ready", ORDER("ready", ",\"expires\":\"2030-01-02T03:04:05Z\""), NULL },
	{ "processing", ORDER("processing", ""), NULL },
	{ "valid", ORDER("valid", ",\"certificate\":\"https://ca.test/c\""), NULL },
	{ "invalid", ORDER("invalid", ",\"error\":{\"type\":\"x\"}"), NULL },
	{ "error of a wrong type is no error", ORDER("pending", ",\"error\":7"), NULL },
	{ "names in another order", ORDER_IDS("[" W_ID "," A_ID "]"), NULL },
	{ "certificate is null", ORDER("ready", ",\"certificate\":null"), NULL },
	{ "valid without certificate", ORDER("valid", ""), "without certificate" },
	{ "unknown status", ORDER("done", ""), "'done'" },
	{ "status of another object", ORDER("deactivated", ""), "'deactivated'" },
	{ "status with NUL", ORDER("val\\u0000id", ""), "NUL" },
	{ "no status", "{" IDS "," AUTHZ "," FIN "}", "\"status\" is missing" },
	{ "status is a number", "{\"status\":1}", "not a string" },
	{ "expires is nonsense", ORDER("pending", ",\"expires\":\"soon\""), "not a time" },
	{ "expires is a number", ORDER("pending", ",\"expires\":5"), "not a string" },
	{ "no identifiers", ORDER_IDS("[]"), "other names" },
	{ "one missing", ORDER_IDS("[" A_ID "]"), "other names" },
	{ "one more", ORDER_IDS("[" A_ID "," W_ID ",{\"type\":\"dns\",\"value\":\"b.test\"}]"),
	  "other names" },
	{ "another", ORDER_IDS("[" A_ID ",{\"type\":\"dns\",\"value\":\"b.test\"}]"),
	  "other names" },
	{ "one twice", ORDER_IDS("[" A_ID "," A_ID "]"), "other names" },
	{ "a suffix of ours", ORDER_IDS("[{\"type\":\"dns\",\"value\":\"test\"}," W_ID "]"),
	  "other names" },
	{ "an address", ORDER_IDS("[{\"type\":\"ip\",\"value\":\"192.0.2.1\"}]"), "'ip'" },
	{ "not a name", ORDER_IDS("[{\"type\":\"dns\",\"value\":\"a test; rm -rf /\"}]"),
	  "not a name" },
	{ "a path", ORDER_IDS("[{\"type\":\"dns\",\"value\":\"../../etc\"}]"), "not a name" },
	{ "identifiers of texts", ORDER_IDS("[\"a.test\",\"*.a.test\"]"), "\"type\" is missing" },
	{ "identifiers an object", ORDER_IDS("{}"), "not an array" },
	{ "authorizations a text", ORDER_AUTHZ("\"https://ca.test/z\""), "not an array" },
	{ "authorizations of numbers", ORDER_AUTHZ("[1]"), "no string" },
	{ "no finalize", "{\"status\":\"pending\"," IDS "," AUTHZ "}", "\"finalize\"" },
	{ "finalize is an object", "{\"status\":\"pending\"," IDS "," AUTHZ
	  ",\"finalize\":{}}", "not a string" },
	{ "certificate a number", ORDER("valid", ",\"certificate\":1"), "not a string" },
	{ "duplicate", ORDER("pending", ",\"status\":\"valid\""), "twice" },
	{ "profile a number", ORDER("pending", ",\"profile\":1"), "not a string" },
};

#define TOKEN "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
#define DNS01(status, url, token) "{\"type\":\"dns-01\",\"status\":\"" status "\",\"url\":\"" \
	url "\",\"token\":\"" token "\"}"
#define GOOD_DNS01 DNS01("pending", "https://ca.test/c/1", TOKEN)
#define AUTHZ_OF(status, id, challenges, more) "{\"status\":\"" status "\",\"identifier\":" \
	id ",\"challenges\":" challenges more "}"

static const struct row authzs[] = {
	{ "pending", AUTHZ_OF("pending", A_ID, "[" GOOD_DNS01 "]", ""), NULL },
	{ "wildcard", AUTHZ_OF("pending", A_ID, "[" GOOD_DNS01 "]", ",\"wildcard\":true"), NULL },
	{ "valid by http-01", AUTHZ_OF("valid", A_ID, "[{\"type\":\"http-01\"}]", ""), NULL },
	{ "evil URL of a challenge that is not used", AUTHZ_OF("pending", A_ID,
	  "[{\"type\":\"http-01\",\"url\":\"file:///etc/passwd\"}," GOOD_DNS01 "]", ""), NULL },
	{ "no challenges", AUTHZ_OF("pending", A_ID, "[]", ""), NULL },
	{ "expired", AUTHZ_OF("expired", A_ID, "[]", ""), NULL },
	{ "revoked", AUTHZ_OF("revoked", A_ID, "[]", ""), NULL },
	{ "deactivated", AUTHZ_OF("deactivated", A_ID, "[]", ""), NULL },
	{ "invalid", AUTHZ_OF("invalid", A_ID, "[{\"type\":\"dns-01\",\"status\":\"invalid\","
	  "\"url\":\"https://ca.test/c\",\"token\":\"" TOKEN "\",\"error\":{\"type\":"
	  "\"urn:ietf:params:acme:error:dns\"}}]", ""), NULL },
	{ "a status of orders", AUTHZ_OF("ready", A_ID, "[]", ""), "'ready'" },
	{ "unknown challenge status", AUTHZ_OF("pending", A_ID, "["
	  DNS01("odd", "https://ca.test/c", TOKEN) "]", ""), "'odd'" },
	{ "wildcard in the value", AUTHZ_OF("pending", W_ID, "[]", ",\"wildcard\":true"), "*." },
	{ "wildcard is text", AUTHZ_OF("pending", A_ID, "[]", ",\"wildcard\":\"yes\""),
	  "not true or false" },
	{ "identifier a text", AUTHZ_OF("pending", "\"a.test\"", "[]", ""), "not an object" },
	{ "challenges an object", AUTHZ_OF("pending", A_ID, "{}", ""), "not an array" },
	{ "challenge a number", AUTHZ_OF("pending", A_ID, "[1]", ""), "\"type\"" },
	{ "two dns-01", AUTHZ_OF("pending", A_ID, "[" GOOD_DNS01 "," GOOD_DNS01 "]", ""),
	  "two dns-01" },
	{ "no token", AUTHZ_OF("pending", A_ID, "[{\"type\":\"dns-01\",\"status\":\"pending\","
	  "\"url\":\"https://ca.test/c\"}]", ""), "\"token\" is missing" },
	{ "token a list", AUTHZ_OF("pending", A_ID, "[{\"type\":\"dns-01\",\"status\":"
	  "\"pending\",\"url\":\"https://ca.test/c\",\"token\":[]}]", ""), "not a string" },
	{ "token twice", AUTHZ_OF("pending", A_ID, "[{\"type\":\"dns-01\",\"token\":\"" TOKEN
	  "\",\"token\":\"../x\"}]", ""), "twice" },
};

static const struct row accounts[] = {
	{ "valid", "{\"status\":\"valid\",\"contact\":[]}", NULL },
	{ "without status", "{}", NULL },
	{ "deactivated", "{\"status\":\"deactivated\"}", "'deactivated'" },
	{ "revoked", "{\"status\":\"revoked\"}", "'revoked'" },
	{ "status with control bytes", "{\"status\":\"\\u001b[31m\"}", "\\x1b" },
	{ "status a number", "{\"status\":1}", "not a string" },
	{ "nothing", "", "not JSON" },
};

/* As they stand in JSON; none is a token. */
static const char *const evil_tokens[] = {
	"", "short", "fifteen-bytes-x", "../../../../etc/passwd", "/etc/cron.d/certferry",
	"..%2f..%2f..%2fetc%2fpasswd", "LoqXcYV8q5ONbJQxbmR7/x", "LoqXcYV8q5ONbJQxbmR7.x",
	"LoqXcYV8q5ONbJQxbmR7=", "LoqXcYV8q5ONbJQxbmR7==", "LoqXcYV8q5ONbJQxbmR7+x",
	" LoqXcYV8q5ONbJQxbmR7", "LoqXcYV8q5ONbJQxbmR7 ", "LoqXcYV8q5ONbJQxbmR7\\n",
	"LoqXcYV8q5ONbJQxbmR7\\r\\nX: y", "LoqXcYV8q5ONb\\tJQxbmR7", "$(touch /tmp/x)aaaaaaaa",
	"`touch /tmp/x`aaaaaaaa", "aaaaaaaaaaaaaaaa;reboot", "aaaaaaaaaaaaaaaa|reboot",
	"aaaaaaaaaaaaaaaa&reboot", "aaaaaaaaaaaaaaaa'", "aaaaaaaaaaaaaaaa\\\"",
	"aaaaaaaaaaaaaaaa\\\\", "aaaaaaaaaaaaaaaa%s%s%n", "aaaaaaaaaaaaaaaa\\u00e4",
	"aaaaaaaaaaaaaaaa\\u202e", "aaaaaaaaaaaaaaaa*", "aaaaaaaaaaaaaaaa?", "aaaaaaaaaaaaaaaa<",
	"aaaaaaaaaaaaaaaa>", "~aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa:", "aaaaaaaaaaaaaaaa,b",
	"C:\\\\Windows\\\\System32", "\\\\\\\\evil\\\\share\\\\aaaaaaa", "-oProxyCommand=reboot",
	"{aaaaaaaaaaaaaaaa}", "[aaaaaaaaaaaaaaaa]", "aaaaaaaaaaaaaaaa@b", "aaaaaaaaaaaaaaaa#b",
	"aaaaaaaaaaaaaaaa!b", "aaaaaaaaaaaaaaaa^b", "aaaaaaaaaaaaaaaa(b)", "\\u007faaaaaaaaaaaaaaaa",
};
/* clang-format on */

static void test_directory(void **state)
{
	(void)state;
	check_rows(parse_directory, directories, ARRAY_SIZE(directories));
	DONE();
}

static void test_order(void **state)
{
	(void)state;
	check_rows(parse_order, orders, ARRAY_SIZE(orders));
	DONE();
}

static void test_authz(void **state)
{
	(void)state;
	check_rows(parse_authz, authzs, ARRAY_SIZE(authzs));
	DONE();
}

static void test_account(void **state)
{
	(void)state;
	check_rows(parse_account, accounts, ARRAY_SIZE(accounts));
	DONE();
}

/* Each %s is one place where a CA puts a URL that we would follow. */
static void test_evil_urls(void **state)
{
	static const struct {
		const char *name;
		parse_fn *parse;
		const char *before, *after;
	} fields[] = {
		{ "newNonce", parse_directory, "{\"newNonce\":\"",
		  "\",\"newAccount\":\"https://ca.test/a\",\"newOrder\":\"https://"
		  "ca.test/"
		  "o\"}" },
		{ "newAccount", parse_directory,
		  "{\"newNonce\":\"https://ca.test/a\",\"newAccount\":\"",
		  "\",\"newOrder\":\"https://ca.test/o\"}" },
		{ "newOrder", parse_directory,
		  "{\"newNonce\":\"https://ca.test/a\",\"newAccount\":\"https://ca.test/"
		  "n\",\"newOrder\":\"",
		  "\"}" },
		{ "finalize", parse_order,
		  "{\"status\":\"pending\"," IDS "," AUTHZ ",\"finalize\":\"", "\"}" },
		{ "first authorization", parse_order,
		  "{\"status\":\"pending\"," IDS "," FIN ",\"authorizations\":[\"",
		  "\",\"https://ca.test/z\"]}" },
		{ "last authorization", parse_order,
		  "{\"status\":\"pending\"," IDS "," FIN
		  ",\"authorizations\":[\"https://ca.test/z\",\"",
		  "\"]}" },
		{ "certificate", parse_order,
		  "{\"status\":\"valid\"," IDS "," AUTHZ "," FIN ",\"certificate\":\"",
		  "\"}" },
		{ "challenge", parse_authz,
		  "{\"status\":\"pending\",\"identifier\":" A_ID
		  ",\"challenges\":[{\"type\":\"dns-01\",\"status\":\"pending\","
		  "\"token\":\"" TOKEN "\",\"url\":\"",
		  "\"}]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		AUTO_FREE char *good = xasprintf("%shttps://ca.test/x?y=%%20z%s",
		                                 fields[i].before, fields[i].after);
		struct err none = { 0 };

		CHECK(fields[i].name, fields[i].parse(good, strlen(good), &none));
		for (size_t j = 0; j < ARRAY_SIZE(evil_urls); j++) {
			AUTO_FREE char *row = xasprintf("%s = %s", fields[i].name,
			                                evil_urls[j]);
			AUTO_FREE char *json = xasprintf("%s%s%s", fields[i].before,
			                                 evil_urls[j], fields[i].after);
			struct err err = { 0 };

			CHECK(row, !fields[i].parse(json, strlen(json), &err));
			CHECK(row, err.kind == ERR_REMOTE);
			CHECK(row, strstr(err.msg, "leads away"));
		}
	}
	DONE();
}

static void test_long_url(void **state)
{
	AUTO_FREE char *tail = xcalloc(1, ACME_URL_MAX + 1);
	AUTO_FREE char *url = NULL;
	struct err err = { 0 };

	(void)state;
	memset(tail, 'a', ACME_URL_MAX);
	url = xasprintf("https://ca.test/%s", tail);
	CHECK("2 KiB", !url_check(origin, "x", url, &err));
	url[ACME_URL_MAX] = '\0';
	CHECK("just fits", url_check(origin, "x", url, &err));
	DONE();
}

static bool parse_token(const char *token, struct acme_authz *authz, struct err *err)
{
	AUTO_FREE char *json = xasprintf(
	    "{\"status\":\"pending\",\"identifier\":" A_ID
	    ",\"challenges\":[{\"type\":\"dns-01\",\"status\":\"pending\",\"url\":"
	    "\"https://ca.test/c\",\"token\":\"%s\"}]}",
	    token);

	return authz_parse(origin, json, strlen(json), authz, err);
}

static void test_tokens(void **state)
{
	char long_token[258] = "";

	(void)state;
	memset(long_token, 'a', 257);
	for (size_t i = 0; i < ARRAY_SIZE(evil_tokens); i++) {
		AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };
		struct err err = { 0 };

		CHECK(evil_tokens[i], !parse_token(evil_tokens[i], &authz, &err));
		CHECK(evil_tokens[i], strstr(err.msg, "token"));
		CHECK(evil_tokens[i], !authz.token);
	}
	for (int len = 14; len <= 257; len++) {
		AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };
		struct err err = { 0 };
		char name[32];

		snprintf(name, sizeof(name), "%d bytes", len);
		CHECK(name, parse_token(&long_token[257 - len], &authz, &err) ==
		                (len >= 16 && len <= 256));
	}
	DONE();
}

static void test_what_comes_out(void **state)
{
	static const char wildcard[] = AUTHZ_OF("pending", A_ID, "[" GOOD_DNS01 "]",
	                                        ",\"wildcard\":true,\"expires\":"
	                                        "\"1970-01-02T00:00:00Z\"");
	AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };
	AUTO_DIRECTORY struct directory directory = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(authz_parse(origin, wildcard, strlen(wildcard), &authz, &err));
	assert_string_equal(authz.name, "*.a.test");
	assert_string_equal(authz.token, TOKEN);
	assert_string_equal(authz.challenge_url, "https://ca.test/c/1");
	assert_int_equal(authz.status, ACME_PENDING);
	assert_int_equal(authz.expires, 86400);
	assert_true(directory_parse(origin, directories[1].json,
	                            strlen(directories[1].json), &directory, &err));
	assert_true(directory.wants_eab);
	assert_string_equal(directory.terms, "https://x/");
	assert_true(strlist_has(&directory.profiles, "a"));
	assert_int_equal(directory.caa_identities.len, 2);
	assert_string_equal(directory.caa_identities.items[1], "ca2.test");
	assert_string_equal(directory.new_order, "https://ca.test/o");
}

static void test_profile(void **state)
{
	static const struct {
		const char *name, *json, *wanted;
		bool good;
	} rows[] = {
		{ "none wanted, none said", ORDER("pending", ""), NULL, true },
		{ "none wanted, one said", ORDER("pending", ",\"profile\":\"a\""), NULL,
		  true },
		{ "wanted and said", ORDER("pending", ",\"profile\":\"a\""), "a", true },
		{ "wanted, not said", ORDER("pending", ""), "a", true },
		{ "another", ORDER("pending", ",\"profile\":\"b\""), "a", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ACME_ORDER struct acme_order order = { 0 };
		AUTO_STRLIST struct strlist names = { 0 };
		struct order_wanted wanted = { .origin = origin,
			                       .names = &names,
			                       .profile = rows[i].wanted };
		struct err err = { 0 };

		strlist_add(&names, "*.a.test");
		strlist_add(&names, "a.test");
		CHECK(rows[i].name,
		      order_parse(&wanted, rows[i].json, strlen(rows[i].json), &order,
		                  &err) == rows[i].good);
	}
	DONE();
}

static void test_size(void **state)
{
	AUTO_FREE char *big = xcalloc(1, ACME_JSON_MAX + 2);
	struct err err = { 0 };

	(void)state;
	memset(big, ' ', ACME_JSON_MAX + 1);
	big[0] = '{';
	big[1] = '}';
	CHECK("64 KiB and one", !parse_account(big, ACME_JSON_MAX + 1, &err));
	CHECK("64 KiB and one", strstr(err.msg, "65536"));
	CHECK("64 KiB", parse_account(big, ACME_JSON_MAX, &err));
	memset(big, '[', 1000);
	CHECK("deep", !parse_account(big, 1000, &err));
	CHECK("deep", strstr(err.msg, "nested"));
	DONE();
}

static void test_nonces(void **state)
{
	struct nonces nonces;
	AUTO_FREE char *newest = NULL, *older = NULL, *none = NULL;
	size_t count = 0;

	(void)state;
	nonces_init(&nonces);
	nonces_give(&nonces, "first", 1000);
	nonces_give(&nonces, "second_-", 2000);
	nonces_give(&nonces, NULL, 2000);
	nonces_give(&nonces, "", 2000);
	nonces_give(&nonces, "with space", 2000);
	nonces_give(&nonces, "two, values", 2000);
	newest = nonces_take(&nonces, 2000);
	assert_string_equal(newest, "second_-");
	older = nonces_take(&nonces, 1000 + 5 * 60 * 1000);
	assert_string_equal(older, "first");
	nonces_give(&nonces, "old", 1000);
	none = nonces_take(&nonces, 1001 + 5 * 60 * 1000);
	assert_null(none);
	for (int i = 0; i < 3 * ACME_NONCES; i++) {
		AUTO_FREE char *text = xasprintf("n%d", i);

		nonces_give(&nonces, text, 5);
	}
	for (;; count++) {
		AUTO_FREE char *text = nonces_take(&nonces, 5);

		if (!text)
			break;
	}
	assert_int_equal(count, ACME_NONCES);
	nonces_deinit(&nonces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory), cmocka_unit_test(test_order),
		cmocka_unit_test(test_authz),     cmocka_unit_test(test_account),
		cmocka_unit_test(test_evil_urls), cmocka_unit_test(test_long_url),
		cmocka_unit_test(test_tokens),    cmocka_unit_test(test_what_comes_out),
		cmocka_unit_test(test_profile),   cmocka_unit_test(test_size),
		cmocka_unit_test(test_nonces),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
