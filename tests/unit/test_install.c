/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "unit.h"

#include "install/install.h"

static struct install_slot good_slot(const struct secret *key)
{
	return (struct install_slot){
		.name = "www",
		.directory = "/etc/ssl/certferry/www",
		.owner = "root",
		.group = "ssl-cert",
		.mode = 0640,
		.cert_pem = "C1\nC2\n",
		.chain_pem = "",
		.fullchain_pem = "C1\nC2\n",
		.key_pem = key,
	};
}

static struct install_commands command_of(const char *first, const char *second)
{
	struct install_commands commands = { 0 };
	struct strlist *argv = install_commands_add(&commands);

	if (first)
		strlist_add(argv, first);
	if (second)
		strlist_add(argv, second);
	return commands;
}

#define NAMES                                          \
	"open 3\ncert.pem\nchain.pem\nfullchain.pem\n" \
	"secret 1\nprivkey.pem\n"

static void bundle_has_this_form(void **state)
{
	AUTO_SECRET struct secret *key = secret_new("KEY\n", 4);
	const struct install_slot slot = good_slot(key);
	AUTO_COMMANDS struct install_commands test = command_of("nginx", "-t");
	const struct install_commands none = { 0 };
	const struct install_job job = { &slot, 1, &test, &none, 30, 60 };
	AUTO_BUF struct buf out = BUF_INIT(INSTALL_BUNDLE_MAX);
	AUTO_BUF struct buf ask = BUF_INIT(INSTALL_BUNDLE_MAX);
	struct err err = { 0 };

	(void)state;
	assert_true(install_bundle(&job, &out, &err));
	/* The sum is what printf 'C1\nC2\nC1\nC2\nKEY\n' | sha256sum prints. */
	assert_string_equal(
	    out.data,
	    "certferry-bundle 2\njob install\n"
	    "service-timeout 30\nconfirm-timeout 60\n"
	    "test 3\n=nginx\n=-t\n-\nreload 0\n"
	    "slot www\ndirectory /etc/ssl/certferry/www\n"
	    "owner root\ngroup ssl-cert\n"
	    "mode 0640\nopen-mode 0644\n" NAMES
	    "sum b3341dcf81a282d058e0328d7f5b87e41a28ca4996a81ba73ee0ef23d1d26b37\n"
	    "cert.pem 2\nC1\nC2\nchain.pem 0\n"
	    "fullchain.pem 2\nC1\nC2\nprivkey.pem 1\nKEY\n"
	    "end\n");
	assert_true(install_inspect_bundle(&slot, 1, &ask, &err));
	assert_string_equal(ask.data, "certferry-bundle 2\njob inspect\n"
	                              "service-timeout 1\nconfirm-timeout 1\n"
	                              "test 0\nreload 0\n"
	                              "slot www\ndirectory /etc/ssl/certferry/www\n"
	                              "owner root\ngroup ssl-cert\n"
	                              "mode 0640\nopen-mode 0644\n" NAMES "end\n");
	AUTO_FREE char *live = install_live_text(&slot);
	assert_string_equal(live, "b3341dcf81a282d058e0328d7f5b87e41a28ca4996a81ba73ee0ef"
	                          "23d1d26b37 0640 root:ssl-cert");
}

/* The DER of "PRIVATE KEY" is the five bytes "hello". */
static void formats_have_this_form(void **state)
{
	static const char pem[] = "-----BEGIN X-----\naGVs\nbG8=\n-----END X-----\n";
	AUTO_SECRET struct secret *key = secret_new(pem, strlen(pem));
	struct install_slot slot = good_slot(key);
	const struct install_commands none = { 0 };
	const struct install_job job = { &slot, 1, &none, &none, 30, 60 };
	AUTO_BUF struct buf out = BUF_INIT(INSTALL_BUNDLE_MAX);
	struct err err = { 0 };

	(void)state;
	slot.cert_pem = slot.fullchain_pem = pem;
	slot.formats = 1U << INSTALL_COMBINED | 1U << INSTALL_DER;
	assert_true(install_bundle(&job, &out, &err));
	assert_non_null(strstr(out.data, "open 4\ncert.pem\nchain.pem\nfullchain.pem\n"
	                                 "cert.der\nsecret 3\nprivkey.pem\n"
	                                 "combined.pem\nprivkey.der\n"));
	assert_non_null(strstr(out.data, "\ncert.der 2\naGVs\nbG8=\nprivkey.pem 4\n"));
	assert_non_null(strstr(out.data, "\nprivkey.der 2\naGVs\nbG8=\nend\n"));
	/* Of cert, fullchain, hello, privkey, combined (it twice), hello: sha256sum. */
	assert_non_null(strstr(
	    out.data,
	    "sum 29a930a3c7ba3e2c0dc88d9e7b41cd783121d91a216c3b88cf8cf57c02f19714\n"));
}

static void several_commands(void **state)
{
	AUTO_COMMANDS struct install_commands all = command_of("a", "");
	AUTO_COMMANDS struct install_commands other = command_of("a", NULL);
	AUTO_SECRET struct secret *key = secret_new("KEY\n", 4);
	const struct install_slot slot = good_slot(key);
	const struct install_job job = { &slot, 1, &all, &other, 30, 60 };
	AUTO_BUF struct buf out = BUF_INIT(INSTALL_BUNDLE_MAX), shown = BUF_INIT(100);
	struct err err = { 0 };

	(void)state;
	strlist_add(install_commands_add(&all), "-");
	assert_true(install_bundle(&job, &out, &err));
	assert_non_null(strstr(out.data, "\ntest 5\n=a\n=\n-\n=-\n-\nreload 2\n=a\n-\n"));
	install_commands_show(&all, &shown);
	assert_string_equal(shown.data, "a ; -");
	assert_true(install_commands_equal(&all, &all));
	assert_false(install_commands_equal(&all, &other));
}

static void check_bundle_has_no_files(void **state)
{
	const struct install_slot slot = good_slot(NULL);
	AUTO_COMMANDS struct install_commands test = command_of("nginx", "-t");
	const struct install_job job = {
		.slots = &slot, .slot_count = 1, .tests = &test, .service_timeout_s = 60
	};
	AUTO_BUF struct buf out = BUF_INIT(INSTALL_BUNDLE_MAX);
	struct err err = { 0 };

	(void)state;
	assert_true(install_check_bundle(&job, &out, &err));
	assert_string_equal(out.data, "certferry-bundle 2\njob check\n"
	                              "service-timeout 60\nconfirm-timeout 1\n"
	                              "test 3\n=nginx\n=-t\n-\nreload 0\n"
	                              "slot www\ndirectory /etc/ssl/certferry/www\n"
	                              "owner root\ngroup ssl-cert\n"
	                              "mode 0640\nopen-mode 0644\n" NAMES "end\n");
}

static void slots_are_checked(void **state)
{
	/* clang-format off */
	static const struct {
		const char *row, *name, *directory, *owner, *group, *cert;
		mode_t mode;
		bool good;
	} rows[] = {
		{ "good", "www", "/etc/www", "root", "ssl-cert", "C\n", 0640, true },
		{ "blank in path", "www", "/etc/my certs", "root", "root", "C\n", 0600, true },
		{ "number as owner", "www", "/etc/www", "0", "33", "C\n", 0600, true },
		{ "no name", "", "/etc/www", "root", "root", "C\n", 0600, false },
		{ "name with blank", "a b", "/etc/www", "root", "root", "C\n", 0600, false },
		{ "name with newline", "a\nb", "/etc/www", "root", "root", "C\n", 0600, false },
		{ "relative", "www", "etc/www", "root", "root", "C\n", 0600, false },
		{ "root directory", "www", "/", "root", "root", "C\n", 0600, false },
		{ "dots", "www", "/etc/../tmp", "root", "root", "C\n", 0600, false },
		{ "dots at the end", "www", "/etc/..", "root", "root", "C\n", 0600, false },
		{ "one dot", "www", "/etc/./x", "root", "root", "C\n", 0600, false },
		{ "two slashes", "www", "/etc//x", "root", "root", "C\n", 0600, false },
		{ "final slash", "www", "/etc/x/", "root", "root", "C\n", 0600, false },
		{ "newline in path", "www", "/etc/x\nowner y", "root", "root", "C\n", 0600, false },
		{ "three dots", "www", "/etc/...", "root", "root", "C\n", 0600, true },
		{ "owner is an option", "www", "/etc/www", "-R", "root", "C\n", 0600, false },
		{ "group with colon", "www", "/etc/www", "root", "a:b", "C\n", 0600, false },
		{ "empty owner", "www", "/etc/www", "", "root", "C\n", 0600, false },
		{ "set-uid", "www", "/etc/www", "root", "root", "C\n", 04755, false },
		{ "no final newline", "www", "/etc/www", "root", "root", "C", 0600, false },
		{ "empty certificate", "www", "/etc/www", "root", "root", "", 0600, false },
		{ "carriage return", "www", "/etc/www", "root", "root", "C\r\n", 0600, false },
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_SECRET struct secret *key = secret_new("KEY\n", 4);
		struct install_slot slot = good_slot(key);
		const struct install_commands none = { 0 };
		const struct install_job job = { &slot, 1, &none, &none, 30, 60 };
		AUTO_BUF struct buf out = BUF_INIT(INSTALL_BUNDLE_MAX);
		struct err err = { 0 };

		slot.name = rows[i].name;
		slot.directory = rows[i].directory;
		slot.owner = rows[i].owner;
		slot.group = rows[i].group;
		slot.cert_pem = rows[i].cert;
		slot.mode = rows[i].mode;
		CHECK(rows[i].row, install_bundle(&job, &out, &err) == rows[i].good);
		CHECK(rows[i].row, rows[i].good == !err.msg[0]);
		CHECK(rows[i].row, !strchr(err.msg, '\n'));
	}
	DONE();
}

static void jobs_are_checked(void **state)
{
	/* clang-format off */
	static const struct {
		const char *row, *first, *second;
		int service_s, confirm_s;
		size_t slots;
		bool good;
	} rows[] = {
		{ "good", "nginx", "-t", 30, 60, 1, true },
		{ "empty second argument", "nginx", "", 30, 60, 1, true },
		{ "empty program", "", "-t", 30, 60, 1, false },
		{ "newline", "nginx", "-t\nreload 1", 30, 60, 1, false },
		{ "no service time", "nginx", "-t", 0, 60, 1, false },
		{ "long confirm time", "nginx", "-t", 30, 3601, 1, false },
		{ "no slot", "nginx", "-t", 30, 60, 0, false },
		{ "one directory twice", "nginx", "-t", 30, 60, 2, false },
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_SECRET struct secret *key = secret_new("KEY\n", 4);
		struct install_slot slots[2] = { good_slot(key), good_slot(key) };
		AUTO_COMMANDS struct install_commands argv = command_of(rows[i].first,
		                                                        rows[i].second);
		const struct install_commands none = { 0 };
		const struct install_job job = {
			slots, rows[i].slots,     &none,
			&argv, rows[i].service_s, rows[i].confirm_s
		};
		AUTO_BUF struct buf out = BUF_INIT(INSTALL_BUNDLE_MAX);
		struct err err = { 0 };

		slots[1].name = "other";
		CHECK(rows[i].row, install_bundle(&job, &out, &err) == rows[i].good);
	}
	DONE();
}

static void too_large_is_an_error(void **state)
{
	AUTO_SECRET struct secret *key = secret_new("KEY\n", 4);
	const struct install_slot slot = good_slot(key);
	AUTO_BUF struct buf out = BUF_INIT(100);
	struct err err = { 0 };

	(void)state;
	assert_false(install_inspect_bundle(&slot, 1, &out, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
}

static void lines_are_parsed(void **state)
{
	/* clang-format off */
	static const struct {
		const char *line;
		enum install_step step; /* INSTALL_STEP_COUNT: refused */
		const char *slot, *text;
	} rows[] = {
		{ "certferry-1 staged www", INSTALL_STAGED, "www", "" },
		{ "certferry-1 unchanged a.b_c-d", INSTALL_UNCHANGED, "a.b_c-d", "" },
		{ "certferry-1 slot-failed www no space", INSTALL_SLOT_FAILED, "www", "no space" },
		{ "certferry-1 no-key www it is gone", INSTALL_NO_KEY, "www", "it is gone" },
		{ "certferry-1 no-key www", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 switched", INSTALL_SWITCHED, "", "" },
		{ "certferry-1 tested", INSTALL_TESTED, "", "" },
		{ "certferry-1 test-failed ended with status 1: x", INSTALL_TEST_FAILED, "", "ended with status 1: x" },
		{ "certferry-1 reloaded", INSTALL_RELOADED, "", "" },
		{ "certferry-1 reload-failed x  ", INSTALL_RELOAD_FAILED, "", "x" },
		{ "certferry-1 committed", INSTALL_COMMITTED, "", "" },
		{ "certferry-1 rolled-back", INSTALL_ROLLED_BACK, "", "" },
		{ "certferry-1 rolled-back ", INSTALL_ROLLED_BACK, "", "" },
		{ "certferry-1 rolled-back  and more", INSTALL_ROLLED_BACK, "", "and more" },
		{ "certferry-1 live www 1 2 0640 root:root", INSTALL_LIVE, "www", "1 2 0640 root:root" },
		{ "certferry-1 checked www", INSTALL_CHECKED, "www", "" },
		{ "certferry-1 checked", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 failed the disk", INSTALL_FAILED, "", "the disk" },
		{ "", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 ", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-2 committed", INSTALL_STEP_COUNT, "", "" },
		{ "Welcome to web-1!", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 commit", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 committed x", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 COMMITTED", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 staged", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 staged ../x", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 staged www x", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 staged aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 failed", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 failed \033[2J", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 failed \377", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1 committed\r", INSTALL_STEP_COUNT, "", "" },
		{ "certferry-1  committed", INSTALL_STEP_COUNT, "", "" },
	};
	/* clang-format on */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct install_line line;
		struct err err = { 0 };
		bool good = install_line_parse(rows[i].line, &line, &err);

		CHECK(rows[i].line, good == (rows[i].step != INSTALL_STEP_COUNT));
		CHECK(rows[i].line, good || err.kind == ERR_REMOTE);
		if (!good)
			continue;
		CHECK(rows[i].line, line.step == rows[i].step);
		CHECK(rows[i].line, str_eq(line.slot, rows[i].slot));
		CHECK(rows[i].line, str_eq(line.text, rows[i].text));
	}
	DONE();
}

static void long_line_is_refused(void **state)
{
	AUTO_BUF struct buf text = BUF_INIT(1000);
	struct install_line line;
	struct err err = { 0 };

	(void)state;
	buf_addf(&text, "certferry-1 failed %0399d", 0);
	assert_true(install_line_parse(text.data, &line, &err));
	buf_addf(&text, "0");
	assert_false(install_line_parse(text.data, &line, &err));
}

/* dropbear takes commands of 9000 bytes at most. */
static void command_is_short_and_quoted(void **state)
{
	AUTO_FREE char *plain = install_command(false);
	AUTO_FREE char *sudo = install_command(true);
	AUTO_FREE char *check = install_check_command(true);

	(void)state;
	assert_true(strlen(sudo) < 9000);
	assert_true(strlen(check) < 9000);
	assert_true(str_starts(plain, "exec sh -c 'set -uf\n"));
	assert_true(str_starts(sudo, "exec sudo -n sh -c 'set -uf\n"));
	assert_true(str_ends(plain, "main\n'"));
	assert_true(str_starts(check, "exec sudo -n sh -c 'set -uf\n"));
	assert_true(str_ends(check, "main\n'"));
	assert_null(strstr(plain, "SPDX"));
	assert_null(strchr(plain, '\t'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bundle_has_this_form),
		cmocka_unit_test(formats_have_this_form),
		cmocka_unit_test(several_commands),
		cmocka_unit_test(check_bundle_has_no_files),
		cmocka_unit_test(slots_are_checked),
		cmocka_unit_test(jobs_are_checked),
		cmocka_unit_test(too_large_is_an_error),
		cmocka_unit_test(lines_are_parsed),
		cmocka_unit_test(long_line_is_refused),
		cmocka_unit_test(command_is_short_and_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
