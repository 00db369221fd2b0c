/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/str.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *name;
	size_t max;
	const char *add[3];
	const char *want;
	bool over;
} rows[] = {
	{ "nothing", 4, { 0 }, "", false },
	{ "empty texts", 0, { "", "" }, "", false },
	{ "exactly full", 4, { "ab", "cd" }, "abcd", false },
	{ "one too many", 4, { "abcd", "e" }, "abcd", true },
	{ "over stays over", 4, { "abcde", "a" }, "", true },
	{ "no room at all", 0, { "a" }, "", true },
	{ "grows",
	  200,
	  { "0123456789012345678901234567890123456789012345678901234567890123", "x" },
	  "0123456789012345678901234567890123456789012345678901234567890123x",
	  false },
};

static void add_all(struct buf *buf, const char *const *texts, bool formatted)
{
	for (size_t i = 0; i < 3 && texts[i]; i++) {
		if (formatted)
			buf_addf(buf, "%s", texts[i]);
		else
			buf_add(buf, texts[i], strlen(texts[i]));
	}
}

static void test_adding(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		size_t row = i / 2;
		AUTO_BUF struct buf buf = BUF_INIT(rows[row].max);

		add_all(&buf, rows[row].add, i % 2);
		CHECK(rows[row].name, str_eq(buf.data, rows[row].want));
		CHECK(rows[row].name, buf.len == strlen(rows[row].want));
		CHECK(rows[row].name, buf.over == rows[row].over);
	}
	DONE();
}

static void test_taking(void **state)
{
	AUTO_BUF struct buf buf = BUF_INIT(100);
	AUTO_FREE char *empty = buf_take(&buf);
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_string_equal(empty, "");
	buf_add(&buf, "a\0b", 3);
	buf_add(&buf, NULL, 0);
	assert_int_equal(buf.len, 3);
	text = buf_take(&buf);
	assert_memory_equal(text, "a\0b", 4);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	buf_add_quoted(&buf, "it's");
	assert_string_equal(buf.data, "'it''s'");
	buf_wipe(&buf);
	buf_wipe(&buf);
	buf_add(&buf, "again", 5);
	assert_string_equal(buf.data, "again");
	assert_int_equal(buf.max, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adding),
		cmocka_unit_test(test_taking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
