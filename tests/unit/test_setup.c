/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "install/setup.h"
#include "unit.h"

static const struct {
	const char *name;
	const char *argv[4];
	const char *line; /* NULL: refused */
} sudo_rows[] = {
	{ "plain", { "nginx", "-s", "reload" }, "nginx -s reload" },
	{ "alone", { "true" }, "true" },
	{ "special", { "x", "a,b:c=d#e" }, "x a\\,b\\:c\\=d\\#e" },
	{ "pattern",
	  { "sh", "-c", "for f in *.pid [a]?" },
	  "sh -c for f in \\*.pid \\[a\\]\\?" },
	{ "negation and regular expression", { "x", "!y", "^z$" }, "x \\!y \\^z$" },
	{ "backslash", { "x", "a\\b" }, NULL },
	{ "newline", { "x", "a\nb ALL=(ALL) ALL" }, NULL },
	{ "empty argument", { "x", "" }, NULL },
	{ "nothing", { NULL }, NULL },
};

static void test_sudo_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sudo_rows); i++) {
		AUTO_STRLIST struct strlist argv = { 0 };
		AUTO_BUF struct buf out = BUF_INIT(1000);

		for (size_t k = 0; k < 4 && sudo_rows[i].argv[k]; k++)
			strlist_add(&argv, sudo_rows[i].argv[k]);
		const bool good = setup_sudo_line(&argv, &out);
		const char *want = sudo_rows[i].line;

		CHECK(sudo_rows[i].name, good == (want != NULL));
		CHECK(sudo_rows[i].name, !want || str_eq(out.data, want));
	}
	DONE();
}

static const struct {
	const char *from;
	bool good;
} from_rows[] = {
	{ NULL, true },
	{ "192.0.2.1", true },
	{ "2001:db8::/32", true },
	{ "192.0.2.*,!192.0.2.9,ca.example.org", true },
	{ "", false },
	{ "a\" ssh-ed25519", false },
	{ "a b", false },
	{ "a'b", false },
	{ "a\nb", false },
	{ "$(id)", false },
};

static void test_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(from_rows); i++) {
		const struct setup_key key = { .line = "ssh-ed25519 AAAA x",
			                       .from = from_rows[i].from };
		struct err err;

		CHECK(key.from ? key.from : "none",
		      setup_key_check(&key, &err) == from_rows[i].good);
	}
	DONE();
}

/* No word of a host's can end the quotes that it stands in. */
static void test_quotes(void **state)
{
	struct setup_host host = { .name = "web-1", .user = "certferry" };
	const struct setup_key key = { .line = "ssh-ed25519 AAAA x" };
	AUTO_BUF struct buf out = BUF_INIT(SETUP_SCRIPT_MAX);

	(void)state;
	host.policy = xstrdup("version: 1\n");
	strlist_add(&host.directories, "/etc/it's; id");
	strlist_add(&host.groups, "g");
	strlist_add(&host.sudo, "x it's $(id)");
	setup_script(&host, 1, &key, &out);
	CHECK("script", strstr(out.data, "\"$@\" '/etc/it'\\''s; id' 'g'\n"));
	CHECK("script", strstr(out.data, "may_run 'x' 'it'\\''s $(id)'\n"));
	CHECK("script",
	      strstr(out.data, "cat <<'END_OF_FILE'\nversion: 1\nEND_OF_FILE\n"));
	setup_host_deinit(&host);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sudo_line),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
