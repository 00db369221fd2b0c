/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

static char last[4096];

static void keep(void *arg, enum log_level level, const char *line)
{
	(void)arg, (void)level;
	snprintf(last, sizeof(last), "%s", line);
}

static const struct {
	const char *name;
	enum log_level level;
	struct log_about about;
	const char *text, *want;
} rows[] = {
	{ "plain", LOG_INFO, { 0 }, "text", "info: order.ready: text" },
	{ "about a thing",
	  LOG_ERROR,
	  { "order", "www", 7 },
	  "text",
	  "error: order.ready order=www order_id=7: text" },
	{ "name alone",
	  LOG_WARN,
	  { "host", "web-1", 0 },
	  "text",
	  "warn: order.ready host=web-1: text" },
	{ "no second line",
	  LOG_INFO,
	  { 0 },
	  "a\nerror: b\033[2J",
	  "info: order.ready: a error: b [2J" },
	{ "UTF-8 stays", LOG_INFO, { 0 }, "\xc3\xa9", "info: order.ready: \xc3\xa9" },
	{ "below the level", LOG_DEBUG, { 0 }, "text", "" },
};

static void test_lines(void **state)
{
	(void)state;
	log_set_level(LOG_INFO);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		last[0] = '\0';
		log_line(rows[i].level, &rows[i].about, "order.ready", "%s",
		         rows[i].text);
		CHECK(last, str_eq(last, rows[i].want));
	}
	DONE();
}

static void test_long_line(void **state)
{
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error(NULL, "event", "%s", text);
	assert_in_range(strlen(last), 900, 2000);
}

static void test_errors(void **state)
{
	struct err err = { 0 };
	char text[1000];

	(void)state;
	assert_false(err_set(&err, ERR_REMOTE, "it said %d", 7));
	err.retry_after = 30;
	assert_false(err_context(&err, "order %d", 1));
	assert_string_equal(err.msg, "order 1: it said 7");
	assert_int_equal(err.retry_after, 30);
	/* A part of the old error may go into the new one. */
	assert_false(err_set(&err, ERR_CONFIG, "again: %s", err.msg));
	assert_string_equal(err.msg, "again: order 1: it said 7");
	assert_int_equal(err.retry_after, 0);
	errno = ENOENT;
	assert_false(err_set_errno(&err, ERR_INTERNAL, "/a"));
	assert_string_equal(err.msg, "/a: No such file or directory");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(err_context(&err, "%s", text));
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_errors),
	};

	log_set_sink(keep, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
