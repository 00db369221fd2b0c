/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "install/authorize.h"
#include "unit.h"

#define SAYS "certferry-authorizer-1 "

/* clang-format off */
static const struct {
	const char *name, *line;
	enum authorize_result result; /* AUTHORIZE_RESULT_COUNT: it is refused */
	const char *text;
} lines[] = {
	{ "added", SAYS "added", AUTHORIZE_ADDED, "" },
	{ "present", SAYS "present", AUTHORIZE_PRESENT, "" },
	{ "removed", SAYS "removed", AUTHORIZE_REMOVED, "" },
	{ "absent", SAYS "absent", AUTHORIZE_ABSENT, "" },
	{ "elsewhere", SAYS "elsewhere there is no file", AUTHORIZE_ELSEWHERE,
	  "there is no file" },
	{ "failed", SAYS "failed no", AUTHORIZE_FAILED, "no" },
	{ "empty", "", AUTHORIZE_RESULT_COUNT, "" },
	{ "no word", SAYS, AUTHORIZE_RESULT_COUNT, "" },
	{ "another version", "certferry-authorizer-2 added", AUTHORIZE_RESULT_COUNT, "" },
	{ "the installer's", "certferry-1 staged x", AUTHORIZE_RESULT_COUNT, "" },
	{ "more than the word", SAYS "added x", AUTHORIZE_RESULT_COUNT, "" },
	{ "a longer word", SAYS "addedx", AUTHORIZE_RESULT_COUNT, "" },
	{ "a reason is missing", SAYS "failed", AUTHORIZE_RESULT_COUNT, "" },
	{ "an empty reason", SAYS "failed ", AUTHORIZE_RESULT_COUNT, "" },
	{ "control characters", SAYS "failed a\033[2J", AUTHORIZE_RESULT_COUNT, "" },
	{ "bytes over 126", SAYS "failed \xc3\xa4", AUTHORIZE_RESULT_COUNT, "" },
	{ "a greeting", "Welcome to web-1", AUTHORIZE_RESULT_COUNT, "" },
};
/* clang-format on */

static void lines_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct authorize_line got;
		struct err err = { 0 };
		const bool good = authorize_line_parse(lines[i].line, &got, &err);

		CHECK(lines[i].name, good == (lines[i].result != AUTHORIZE_RESULT_COUNT));
		CHECK(lines[i].name, got.result == lines[i].result);
		CHECK(lines[i].name, !good || str_eq(got.text, lines[i].text));
		CHECK(lines[i].name, good || err.kind == ERR_REMOTE);
	}
	DONE();
}

static void a_long_reason_is_cut(void **state)
{
	char line[1000];
	struct authorize_line got;
	struct err err;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, SAYS "failed ", strlen(SAYS "failed "));
	line[sizeof(line) - 1] = '\0';
	assert_true(authorize_line_parse(line, &got, &err));
	assert_int_equal(strlen(got.text), 290);
}

static void it_is_found_among_others(void **state)
{
	struct authorize_line got;
	struct err err = { 0 };

	(void)state;
	assert_true(authorize_line_find("Welcome\n\n" SAYS "removed\nbye\n", &got, &err));
	assert_int_equal(got.result, AUTHORIZE_REMOVED);
	assert_true(authorize_line_find(SAYS "added", &got, &err));
	assert_false(authorize_line_find("x " SAYS "added\n", &got, &err));
	assert_false(authorize_line_find("", &got, &err));
}

static void input_and_command(void **state)
{
	AUTO_BUF struct buf input = BUF_INIT(1000);
	AUTO_FREE char *command = authorize_command();
	AUTO_FREE char *others = authorize_command_for("deploy");

	(void)state;
	authorize_input(false, "AAAA", "BBBB", &input);
	assert_string_equal(input.data, "certferry-authorizer 1\njob add\nold AAAA\n"
	                                "new BBBB\nend\n");
	buf_wipe(&input);
	authorize_input(true, "AAAA", "BBBB", &input);
	assert_non_null(strstr(input.data, "\njob remove\n"));
	assert_true(str_starts(command, "exec sh -c '"));
	/* What dropbear takes. */
	assert_true(strlen(command) < 9000);
	assert_non_null(strstr(others, "' sh 'deploy' '"));
	assert_true(strlen(others) < 9000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),
		cmocka_unit_test(a_long_reason_is_cut),
		cmocka_unit_test(it_is_found_among_others),
		cmocka_unit_test(input_and_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
