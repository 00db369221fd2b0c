/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "agent/policy.h"

#define HEAD     "version: 1\nslots:\n  www:\n"
#define MINIMAL  HEAD "    names: [a.example]\n    directory: /t\n"
#define WITH(ln) MINIMAL "    " ln "\n"

static struct policy *parse(const char *text, struct strlist *problems)
{
	return policy_parse("p", text, strlen(text), problems);
}

/* Each mistake, and where and how it is told. */
/* clang-format off */
static const struct {
	const char *name, *text, *said;
} bad[] = {
	{ "empty",          "",                              "p:1: empty" },
	{ "not YAML",       "a: [",                          "not YAML" },
	{ "a list",         "- a\n",                         "p:1: not a map" },
	{ "no version",     "slots: {}\n",                   "p:1: version: missing" },
	{ "version 2",      "version: 2\nslots: {}\n",       "p:1: version: not a number from 1 to 1" },
	{ "no slots",       "version: 1\n",                  "slots: missing" },
	{ "unknown key",    "version: 1\nslots: {}\nservice: {}\n", "p:3: unknown key 'service': did you mean 'services'?" },
	{ "twice",          "version: 1\nversion: 1\nslots: {}\n", "version: stands there twice" },
	{ "slot twice",     MINIMAL "  www:\n    names: [a.example]\n    directory: /u\n", "this slot stands there twice" },
	{ "directory twice", MINIMAL "  b:\n    names: [a.example]\n    directory: /t\n", "has the directory of slot www" },
	{ "slot's name",    "version: 1\nslots:\n  ../x:\n    names: [a.example]\n    directory: /t\n", "a name has letters" },
	{ "no names",       HEAD "    directory: /t\n",      "p:4: slots.www.names: missing" },
	{ "empty names",    HEAD "    directory: /t\n    names: []\n", "no name is allowed" },
	{ "names a text",   HEAD "    directory: /t\n    names: a.example\n", "not a list" },
	{ "bad name",       HEAD "    directory: /t\n    names: ['a b.example']\n", "slots.www.names" },
	{ "star inside",    HEAD "    directory: /t\n    names: ['a.*.example']\n", "slots.www.names" },
	{ "no directory",   HEAD "    names: [a.example]\n", "directory: missing" },
	{ "relative",       HEAD "    names: [a.example]\n    directory: t\n", "p:5: slots.www.directory: not an absolute path" },
	{ "root",           HEAD "    names: [a.example]\n    directory: /\n", "not an absolute path" },
	{ "..",             HEAD "    names: [a.example]\n    directory: /t/../etc\n", "not an absolute path" },
	{ "final slash",    HEAD "    names: [a.example]\n    directory: /t/\n", "not an absolute path" },
	{ "owner",          WITH("owner: a b"),              "no name of a user" },
	{ "group -",        WITH("group: -x"),               "no name of a user" },
	{ "mode for all",   WITH("mode: 0644"),              "slots.www.mode: '0644'" },
	{ "mode group w",   WITH("mode: 0660"),              "the group could change the key" },
	{ "mode, not octal", WITH("mode: 0680"),             "in octal" },
	{ "mode exec",      WITH("mode: 0700"),              "in octal" },
	{ "mode suid",      WITH("mode: 4600"),              "in octal" },
	{ "format",         WITH("formats: [jks]"),          "one of: pem, combined, pkcs12, der" },
	{ "no password",    WITH("formats: [pkcs12]"),       "pkcs12 needs pkcs12-password-file" },
	{ "key-on",         WITH("key-on: moon"),            "one of: issuer, target" },
	{ "older",          WITH("older: yes"),              "one of: refuse, allow" },
	{ "no such service", WITH("services: [nginx]"),      "no service 'nginx'" },
	{ "unknown in slot", WITH("direktory: /x"),          "did you mean 'directory'?" },
	{ "no reload",      MINIMAL "services:\n  web: {}\n", "services.web.reload: missing" },
	{ "reload a text",  MINIMAL "services:\n  web:\n    reload: nginx -s reload\n", "not a list" },
	{ "blank",          MINIMAL "services:\n  web:\n    reload: ['nginx -s reload']\n", "one argument each" },
	{ "relative program", MINIMAL "services:\n  web:\n    reload: [bin/x]\n", "its name or whole path" },
	{ "empty reload",   MINIMAL "services:\n  web:\n    reload: []\n", "a command without a program" },
	{ "timeout 0",      MINIMAL "services:\n  web:\n    reload: [a]\n    reload-timeout: 0\n", "not a number from 1 to 600" },
	{ "timeout text",   MINIMAL "services:\n  web:\n    reload: [a]\n    test-timeout: 5 min\n", "not a number" },
	{ "line in text",   MINIMAL "services:\n  web:\n    reload: [a, \"b\\nc\"]\n", "control characters" },
	{ "state",          "version: 1\nstate: x\nslots: {}\n", "state: not an absolute path" },
};
/* clang-format on */

static void mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_STRLIST struct strlist problems = { 0 };
		AUTO_POLICY struct policy *policy = parse(bad[i].text, &problems);
		bool found = false;

		for (size_t j = 0; j < problems.len; j++)
			found = found || strstr(problems.items[j], bad[i].said);
		CHECK(bad[i].name, !policy && found);
		if (!found && problems.len)
			print_error("said: %s\n", problems.items[0]);
	}
	DONE();
}

static void all_is_read(void **state)
{
	static const char text[] = "version: 1\n"
				   "state: /var/x\n"
				   "services:\n"
				   "  a: {reload: [/bin/a, '']}\n"
				   "  b: {test: [b, -t], test-timeout: 7, reload: [b], "
				   "reload-timeout: 600}\n"
				   "slots:\n"
				   "  www:\n"
				   "    names: [a.example, '*.b.example']\n"
				   "    directory: /etc/x\n"
				   "    owner: o\n"
				   "    group: g\n"
				   "    mode: 0440\n"
				   "    formats: [combined, pkcs12]\n"
				   "    pkcs12-password-file: /etc/p\n"
				   "    key-on: target\n"
				   "    older: allow\n"
				   "    services: [b]\n";
	AUTO_STRLIST struct strlist problems = { 0 };
	AUTO_POLICY struct policy *policy = NULL;
	const struct policy_slot *slot;

	(void)state;
	/* An empty argument is a text of its own only where it is said so. */
	policy = parse(text, &problems);
	assert_null(policy);
	assert_int_equal(problems.len, 1);
	strlist_deinit(&problems);
	problems = (struct strlist){ 0 };
	AUTO_BUF struct buf good = BUF_INIT(4096);
	buf_add(&good, text, (size_t)(strstr(text, ", ''") - text));
	buf_addf(&good, "%s", strstr(text, ", ''") + 4);
	policy = parse(good.data, &problems);
	assert_non_null(policy);
	slot = policy_slot(policy, "www");
	assert_non_null(slot);
	assert_null(policy_slot(policy, "ww"));
	assert_string_equal(policy->state, "/var/x");
	assert_int_equal(slot->mode, 0440);
	assert_int_equal(slot->services, 2);
	assert_true(slot->is_key_on_target && slot->may_be_older);
	assert_int_equal(slot->formats,
	                 1 << POLICY_PEM | 1 << POLICY_COMBINED | 1 << POLICY_PKCS12);
	assert_int_equal(policy->services[1].run[POLICY_TEST].timeout_s, 7);
	assert_int_equal(policy->services[1].run[POLICY_RELOAD].timeout_s, 600);
	assert_int_equal(policy->services[0].run[POLICY_RELOAD].timeout_s,
	                 POLICY_TIMEOUT_S);
}

static void names(void **state)
{
	static const struct {
		const char *name;
		bool allowed;
	} rows[] = {
		{ "a.example", true },      { "x.b.example", true },
		{ "*.b.example", true },    { "b.example", false },
		{ "x.y.b.example", false }, { "*.example", false },
		{ "*.a.example", false },   { "a.example.org", false },
		{ "xa.example", false },    { "*.x.b.example", false },
	};
	AUTO_STRLIST struct strlist problems = { 0 };
	AUTO_POLICY struct policy *policy = parse(
	    HEAD "    names: [a.example, '*.b.example']\n    directory: /t\n", &problems);

	(void)state;
	assert_non_null(policy);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(rows[i].name,
		      policy_allows(&policy->slots[0], rows[i].name) == rows[i].allowed);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes),
		cmocka_unit_test(all_is_read),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
