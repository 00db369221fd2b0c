/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a CA's refusals: the kind, the code, the wait, the words. */
#include "unit.h"

#include <string.h>

#include "acme/impl.h"
#include "base/mem.h"
#include "base/str.h"

#define URN "urn:ietf:params:acme:error:"

/* clang-format off */
static const struct {
	const char *name;
	int status;
	const char *text;
	const char *link;
	enum err_kind kind;
	const char *code;
	const char *words[3]; /* all of them are in the text */
} replies[] = {
	{ "rateLimited", 429, "{\"type\":\"" URN "rateLimited\",\"detail\":\"too many\"}", NULL,
	  ERR_TEMPORARY, "rateLimited", { "over a limit of the CA", "too many" } },
	{ "serverInternal", 500, "{\"type\":\"" URN "serverInternal\"}", NULL,
	  ERR_TEMPORARY, "serverInternal", { "trouble of its own" } },
	{ "accountDoesNotExist", 400, "{\"type\":\"" URN "accountDoesNotExist\"}", NULL,
	  ERR_DENIED, "accountDoesNotExist", { "registered anew" } },
	{ "badCSR", 400, "{\"type\":\"" URN "badCSR\",\"detail\":\"x\"}", NULL,
	  ERR_REMOTE, "badCSR", { "certificate request" } },
	{ "caa", 403, "{\"type\":\"" URN "caa\"}", NULL, ERR_REMOTE, "caa", { "CAA" } },
	{ "alreadyReplaced", 409, "{\"type\":\"" URN "alreadyReplaced\"}", NULL,
	  ERR_CONFLICT, "alreadyReplaced", { "replaced" } },
	{ "conflict", 409, "{\"type\":\"" URN "conflict\"}", NULL, ERR_CONFLICT, "conflict",
	  { "conflict" } },
	{ "invalidProfile", 400, "{\"type\":\"" URN "invalidProfile\"}", NULL, ERR_CONFIG,
	  "invalidProfile", { "`profile`" } },
	{ "externalAccountRequired", 403, "{\"type\":\"" URN "externalAccountRequired\"}", NULL,
	  ERR_CONFIG, "externalAccountRequired", { "eab.kid", "eab.key" } },
	{ "badNonce", 400, "{\"type\":\"" URN "badNonce\"}", NULL, ERR_TEMPORARY, "badNonce",
	  { "nonce" } },
	{ "terms by link", 403, "{\"type\":\"" URN "userActionRequired\",\"detail\":\"new\"}",
	  "<https://ca.test/d>;rel=\"index\", <https://ca.test/t>; rel=\"terms-of-service\"",
	  ERR_CONFIG, "userActionRequired", { "https://ca.test/t", "new" } },
	{ "terms by instance", 403, "{\"type\":\"" URN "userActionRequired\",\"instance\":"
	  "\"https://ca.test/i\"}", NULL, ERR_CONFIG, "userActionRequired",
	  { "https://ca.test/i" } },
	{ "a type we do not know", 403, "{\"type\":\"" URN "fooBar\",\"detail\":\"d\"}", NULL,
	  ERR_DENIED, "fooBar", { "forbidden", "fooBar", "d" } },
	{ "a type we do not know, 503", 503, "{\"type\":\"about:blank\",\"title\":\"x\"}", NULL,
	  ERR_TEMPORARY, "about:blank", { "trouble" } },
	{ "type is a number", 400, "{\"type\":3,\"detail\":\"d\"}", NULL, ERR_REMOTE, "",
	  { "no type given", "d" } },
	{ "detail is a list", 400, "{\"type\":\"" URN "dns\",\"detail\":[]}", NULL, ERR_REMOTE,
	  "dns", { "look-up" } },
	{ "sub-problems", 400, "{\"type\":\"" URN "compound\",\"detail\":\"all\",\"subproblems\":"
	  "[{\"type\":\"" URN "dns\",\"detail\":\"first\",\"identifier\":{\"type\":\"dns\","
	  "\"value\":\"a.test\"}},{\"type\":\"" URN "caa\",\"detail\":\"second\"}]}", NULL,
	  ERR_REMOTE, "compound", { "a.test: the CA's DNS look-up failed", "first", "second" } },
	{ "sub-problems are a text", 400, "{\"type\":\"" URN "dns\",\"subproblems\":\"x\"}", NULL,
	  ERR_REMOTE, "dns", { "look-up" } },
	{ "sub-problems of numbers", 400, "{\"type\":\"" URN "dns\",\"subproblems\":[1,null]}",
	  NULL, ERR_REMOTE, "dns", { "a problem" } },
	{ "many sub-problems", 400, "{\"type\":\"" URN "dns\",\"subproblems\":[{},{},{},{},{},"
	  "{},{},{}]}", NULL, ERR_REMOTE, "dns", { "and more" } },
	{ "terminal escapes", 400, "{\"type\":\"" URN "dns\",\"detail\":\"\\u001b[2Jx\\ny\"}",
	  NULL, ERR_REMOTE, "dns", { "\\x1b[2Jx\\x0ay" } },
	{ "format string", 400, "{\"type\":\"%s%n\",\"detail\":\"%s%s%n\"}", NULL, ERR_REMOTE,
	  "%s%n", { "%s%s%n" } },
	{ "HTML 502", 502, "<html>Bad Gateway</html>", NULL, ERR_TEMPORARY, "",
	  { "502", "<html>Bad Gateway" } },
	{ "empty 503", 503, "", NULL, ERR_TEMPORARY, "", { "503" } },
	{ "empty 429", 429, "", NULL, ERR_TEMPORARY, "", { "429", "too many" } },
	{ "gone", 404, "{\"type\":\"" URN "malformed\"}", NULL, ERR_NOT_FOUND, "malformed",
	  { "malformed" } },
	{ "empty 404", 404, "", NULL, ERR_NOT_FOUND, "", { "404", "not found" } },
	{ "401", 401, "no", NULL, ERR_DENIED, "", { "401" } },
	{ "redirect", 302, "", NULL, ERR_REMOTE, "", { "302", "redirect" } },
	{ "202 where 200 was due", 202, "{\"type\":\"" URN "rateLimited\"}", NULL, ERR_REMOTE, "",
	  { "202", "wrong kind" } },
	{ "418", 418, "{}", NULL, ERR_REMOTE, "", { "418", "refused" } },
	{ "broken JSON", 400, "{\"type\":", NULL, ERR_REMOTE, "", { "400" } },
};
/* clang-format on */

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		struct problem_reply reply = { .status = replies[i].status,
			                       .text = replies[i].text,
			                       .len = strlen(replies[i].text),
			                       .retry_after = 17,
			                       .link = replies[i].link };
		struct err err = { 0 };
		const char *name = replies[i].name;

		CHECK(name, !problem_of_reply(&reply, &err));
		CHECK(name, err.kind == replies[i].kind);
		CHECK(name, str_eq(err.code, replies[i].code));
		CHECK(name, err.retry_after == 17);
		for (size_t j = 0; j < 3 && replies[i].words[j]; j++) {
			if (!strstr(err.msg, replies[i].words[j]))
				print_error("[%s] says: %s\n", name, err.msg);
			CHECK(name, strstr(err.msg, replies[i].words[j]));
		}
	}
	DONE();
}

static void test_long_texts(void **state)
{
	char detail[5000] = "", type[3000] = "";
	AUTO_FREE char *text = NULL;
	struct problem_reply reply = { .status = 400 };
	struct err err = { 0 };

	(void)state;
	memset(detail, 'd', sizeof(detail) - 1);
	memset(type, 't', sizeof(type) - 1);
	text = xasprintf("{\"type\":\"%s\",\"detail\":\"%s\"}", type, detail);
	reply.text = text;
	reply.len = strlen(text);
	CHECK("long", !problem_of_reply(&reply, &err));
	CHECK("long", strlen(err.code) < sizeof(err.code));
	CHECK("long", strspn(strstr(err.msg, ": dddd") + 2, "d") == 200);
	DONE();
}

static void test_inside_objects(void **state)
{
	static const char json[] = "{\"type\":\"" URN
				   "unauthorized\",\"detail\":\"No TXT "
				   "record found at _acme-challenge.a.test\"}";
	struct err err = { 0 }, problem = { 0 };
	AUTO_JSON cJSON *object = json_parse(json, strlen(json), &err);

	(void)state;
	assert_non_null(object);
	problem_read(object, &problem);
	assert_int_equal(problem.kind, ERR_REMOTE);
	assert_string_equal(problem.code, "unauthorized");
	assert_non_null(strstr(problem.msg, "_acme-challenge.a.test"));
	problem_read(NULL, &problem);
	assert_int_equal(problem.kind, ERR_NONE);
}

static void test_links(void **state)
{
	static const struct {
		const char *name, *header, *relation, *url;
	} rows[] = {
		{ "none", NULL, "up", NULL },
		{ "empty", "", "up", NULL },
		{ "one", "<https://a/>;rel=\"up\"", "up", "https://a/" },
		{ "bare", "<https://a/>; rel=up", "up", "https://a/" },
		{ "second", "<https://a/>;rel=\"x\", <https://b/>;rel=\"up\"", "up",
		  "https://b/" },
		{ "another", "<https://a/>;rel=\"x\"", "up", NULL },
		{ "no end", "<https://a/;rel=\"up\"", "up", NULL },
		{ "no start", "https://a/>;rel=\"up\"", "up", NULL },
		{ "only starts", "<<<<<<", "up", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *url = link_find(rows[i].header, rows[i].relation);

		CHECK(rows[i].name, str_eq(url, rows[i].url));
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_inside_objects),
		cmocka_unit_test(test_links),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
