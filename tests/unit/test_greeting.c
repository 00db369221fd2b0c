/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "base/mem.h"
#include "deploy/greeting.h"

/* Lines separated by '|'. */
static bool hear(struct greeting *greeting, const char *lines, struct err *err)
{
	AUTO_FREE char *text = xstrdup(lines);
	char *rest = text;

	*greeting = (struct greeting){ 0 };
	for (char *line = strsep(&rest, "|"); line; line = strsep(&rest, "|"))
		if (*line && !greeting_take(greeting, line, err))
			return false;
	return greeting_end(greeting, err);
}

#define AGENT   "certferry-1 agent 0.1.0 "
#define WWW     "certferry-1 slot www "
#define SERVICE "certferry-1 service "
#define NGINX   WWW "issuer|" SERVICE "www "

static void greetings(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *lines;
		bool good, is_agent;
		size_t count;
		const char *text;
	} rows[] = {
		{ "nothing at all",    "",                                     true,  false, 0, "" },
		{ "a shell",           "sh: certferry-agent: not found",       true,  false, 0, "" },
		{ "a shell, then us",  "Welcome|" AGENT "1|" WWW "issuer",     true,  false, 0, "" },
		{ "no slots",          AGENT "0",                              true,  true,  0, "" },
		{ "one",               AGENT "1|" WWW "issuer",                true,  true,  1, "" },
		{ "two",               AGENT "2|" WWW "issuer|certferry-1 slot mail target", true, true, 2, "" },
		{ "services",          AGENT "2|" WWW "issuer|" SERVICE "www a|" SERVICE "www b|certferry-1 slot mail target|" SERVICE "mail a", true, true, 2, "" },
		{ "service of none",   AGENT "1|" SERVICE "www a|" WWW "issuer", false, true, 0, "other slots" },
		{ "service of another", AGENT "2|" WWW "issuer|certferry-1 slot mail target|" SERVICE "www a", false, true, 2, "other slots" },
		{ "one too few",       AGENT "2|" WWW "issuer",                false, true,  1, "1 of the 2 slots" },
		{ "one too many",      AGENT "1|" WWW "issuer|certferry-1 slot mail target", false, true, 1, "other slots than the 1" },
		{ "twice",             AGENT "2|" WWW "issuer|" WWW "target",  false, true,  1, "other slots" },
		{ "something between", AGENT "1|Welcome|" WWW "issuer",        false, true,  0, "other slots" },
		{ "a later version",   AGENT "1|certferry-1 formats pem,der|" WWW "issuer|certferry-1 slots www", true, true, 1, "" },
		{ "our own version, first", "certferry-1 formats pem|" AGENT "1|" WWW "issuer", true, false, 0, "" },
		{ "a run's line",      AGENT "1|certferry-1 tested|" WWW "issuer", false, true, 0, "other slots" },
		{ "another's line",    AGENT "1|certferry-1 csr www 1",        false, true,  0, "other slots" },
		{ "no such kind",      AGENT "1|" WWW "both",                  false, true,  0, "not of its protocol" },
		{ "257 slots",         AGENT "257",                            false, false, 0, "not of its protocol" },
		{ "a broken policy",   "certferry-1 failed the policy of this server has 2 mistakes", false, false, 0, "2 mistakes (there: certferry-agent check" },
		{ "a slot at first",   WWW "issuer",                           true,  false, 0, "" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_GREETING struct greeting greeting = { 0 };
		struct err err = { 0 };

		CHECK(rows[i].name, hear(&greeting, rows[i].lines, &err) == rows[i].good);
		CHECK(rows[i].name, greeting.is_agent == rows[i].is_agent);
		CHECK(rows[i].name, greeting.count == rows[i].count);
		CHECK(rows[i].name, strstr(err.msg, rows[i].text));
	}
	DONE();
}

static void version(void **state)
{
	AUTO_GREETING struct greeting greeting = { 0 };
	struct err err;

	(void)state;
	assert_true(hear(&greeting, "certferry-1 agent 1.2~rc3 0", &err));
	assert_string_equal(greeting.version, "1.2~rc3");
}

/* A later version may say more, but not without an end. */
static void passed_over(void **state)
{
	AUTO_GREETING struct greeting greeting = { 0 };
	struct err err = { 0 };
	int taken = 0;

	(void)state;
	assert_true(greeting_take(&greeting, AGENT "1", &err));
	while (taken < 5000 && greeting_take(&greeting, "certferry-1 more of it", &err))
		taken++;
	assert_int_equal(taken, 1024);
	assert_int_equal(err.kind, ERR_REMOTE);
	assert_true(strstr(err.msg, "other slots than the 1"));
}

static void fits(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *lines;
		bool on_target;
		enum finding_result result;
		const char *text, *advice;
	} rows[] = {
		{ "both here",          AGENT "1|" WWW "issuer", false, FINDING_OK,  "", "" },
		{ "both there",         AGENT "1|" WWW "target", true,  FINDING_OK,  "", "" },
		{ "wanted there",       AGENT "1|" WWW "issuer", true,  FINDING_FAILED, "slot www of this server's policy takes its key from the issuer", "install web-1; or there" },
		{ "wanted here",        AGENT "1|" WWW "target", false, FINDING_FAILED, "slot www of this server's policy makes the key there", "certificates.www.key-on: target" },
		{ "no slot",            AGENT "0",               false, FINDING_FAILED, "no such slot: www", "install web-1; or there" },
		{ "another's slot",     AGENT "1|certferry-1 slot www2 issuer", false, FINDING_FAILED, "no such slot: www", "agent.yaml" },
		{ "no slot, key there", AGENT "0",               true,  FINDING_FAILED, "no such slot: www", "" },
		{ "a shell",            "not found",             false, FINDING_OK,  "", "" },
		{ "a shell, key there", "not found",             true,  FINDING_FAILED, "no certferry-agent answers", "agent install web-1" },
		{ "its service",        AGENT "1|" NGINX "nginx", false, FINDING_OK,  "", "" },
		{ "one of two",         AGENT "1|" NGINX "nginx-www|" SERVICE "www other", false, FINDING_OK, "", "" },
		{ "another service",    AGENT "1|" NGINX "nginx2", false, FINDING_NOTE, "slot www of this server's policy has no service called nginx", "install web-1; nothing" },
		{ "key comes first",    AGENT "1|" NGINX "nginx2", true, FINDING_FAILED, "takes its key from the issuer", "" },
	};
	/* clang-format on */
	AUTO_STRLIST struct strlist services = { 0 };

	(void)state;
	strlist_add(&services, "nginx");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_GREETING struct greeting greeting = { 0 };
		AUTO_BUF struct buf text = BUF_INIT(1024), advice = BUF_INIT(1024);
		const struct deploy_slot slot = {
			.certificate = "www",
			.host = "web-1",
			.is_key_on_target = rows[i].on_target,
			.services = strstr(rows[i].lines, SERVICE) ? &services : NULL
		};
		struct err err = { 0 };

		CHECK(rows[i].name, hear(&greeting, rows[i].lines, &err));
		CHECK(rows[i].name,
		      greeting_fits(&greeting, &slot, &text, &advice) == rows[i].result);
		CHECK(rows[i].name, (text.len == 0) == (rows[i].result == FINDING_OK));
		CHECK(rows[i].name, !text.len || strstr(text.data, rows[i].text));
		CHECK(rows[i].name, !advice.len || strstr(advice.data, rows[i].advice));
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greetings),
		cmocka_unit_test(version),
		cmocka_unit_test(passed_over),
		cmocka_unit_test(fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
