/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *text;
	int64_t min, max, want;
	bool good;
} numbers[] = {
	{ "0", 0, 10, 0, true },
	{ "10", 0, 10, 10, true },
	{ "11", 0, 10, 0, false },
	{ "-1", 0, 10, 0, false },
	{ "-1", -1, 10, -1, true },
	{ "007", 0, 10, 7, true },
	{ "", 0, 10, 0, false },
	{ "-", -10, 10, 0, false },
	{ "--1", -10, 10, 0, false },
	{ "+1", 0, 10, 0, false },
	{ " 1", 0, 10, 0, false },
	{ "1 ", 0, 10, 0, false },
	{ "0x1", 0, 10, 0, false },
	{ "1.5", 0, 10, 0, false },
	{ "1e1", 0, 10, 0, false },
	{ "9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, true },
	{ "9223372036854775808", INT64_MIN, INT64_MAX, 0, false },
	{ "-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, true },
	{ "-9223372036854775809", INT64_MIN, INT64_MAX, 0, false },
	{ "99999999999999999999999999", INT64_MIN, INT64_MAX, 0, false },
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int64_t got = 0;
		bool good = str_to_i64(numbers[i].text, numbers[i].min, numbers[i].max,
		                       &got);

		CHECK(numbers[i].text, good == numbers[i].good);
		CHECK(numbers[i].text, got == numbers[i].want);
	}
	DONE();
}

static const struct {
	const char *name, *text;
	size_t size;
	const char *want;
} shown[] = {
	{ "plain", "hello", 100, "hello" },
	{ "escape sequence", "a\033[2J", 100, "a\\x1b[2J" },
	{ "line end", "a\nb\r", 100, "a\\x0ab\\x0d" },
	{ "not ASCII", "\xc3\xa9\x7f", 100, "\\xc3\\xa9\\x7f" },
	{ "just fits", "1234567", 8, "1234567" },
	{ "one too many", "12345678", 8, "1234..." },
	{ "escapes too many", "12\n\n\n", 8, "12\\x..." },
	{ "tiny", "12345678", 2, "1" },
};

static void test_printable(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		char out[100];

		str_printable(shown[i].text, out, shown[i].size);
		CHECK(out, str_eq(out, shown[i].want));
	}
	AUTO_BUF struct buf buf = BUF_INIT(100);
	str_add_printable(&buf, "ab\0cd", 5, 4);
	assert_string_equal(buf.data, "ab\\x00c...");
	DONE();
}

static const struct {
	const char *a, *b;
	size_t want;
} distances[] = {
	{ "", "", 0 },
	{ "hosts", "hosts", 0 },
	{ "host", "hosts", 1 },
	{ "kitten", "sitting", 3 },
	{ "", "abc", 3 },
	{ "0123456789012345678901234567890123456789012345678901234567890123456", "a",
	  64 },
};

static void test_distances(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(distances); i++) {
		CHECK(distances[i].a,
		      str_distance(distances[i].a, distances[i].b) == distances[i].want);
		CHECK(distances[i].a,
		      str_distance(distances[i].b, distances[i].a) == distances[i].want);
	}
	DONE();
}

static void test_comparing(void **state)
{
	(void)state;
	assert_true(str_eq(NULL, NULL) && !str_eq("a", NULL) && !str_eq(NULL, "a"));
	assert_true(str_eq("a", "a") && !str_eq("a", "ab") && !str_eq("A", "a"));
	assert_true(str_starts("abc", "ab") && !str_starts("ab", "abc"));
	assert_true(str_ends("abc", "bc") && !str_ends("bc", "abc"));
	assert_true(str_is_made_of("aab", "ab", 1, 3));
	assert_false(str_is_made_of("aabb", "ab", 1, 3));
	assert_false(str_is_made_of("", "ab", 1, 3));
	assert_true(str_is_made_of("", "ab", 0, 3));
	assert_false(str_is_made_of("abc", "ab", 1, 3));
}

static void test_trim(void **state)
{
	static const char *const texts[][2] = {
		{ "", "" },
		{ " \t\r\n\v\f", "" },
		{ " a b ", "a b" },
		{ "a", "a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[20];

		snprintf(text, sizeof(text), "%s", texts[i][0]);
		CHECK(texts[i][0], str_eq(str_trim(text), texts[i][1]));
	}
	DONE();
}

static void test_lists(void **state)
{
	AUTO_STRLIST struct strlist list = { 0 }, copy = { 0 };
	AUTO_BUF struct buf joined = BUF_INIT(100), nothing = BUF_INIT(100);

	(void)state;
	strlist_join(&list, ", ", &nothing);
	assert_string_equal(nothing.data, "");
	strlist_sort(&list);
	strlist_add(&list, "c");
	strlist_add(&list, "a");
	strlist_add(&list, "b");
	strlist_copy(&copy, &list);
	assert_true(strlist_equal(&copy, &list));
	strlist_sort(&list);
	assert_false(strlist_equal(&copy, &list));
	strlist_join(&list, ", ", &joined);
	assert_string_equal(joined.data, "a, b, c");
	assert_string_equal(copy.items[0], "c");
	assert_true(strlist_has(&list, "b") && !strlist_has(&list, "d"));
	strlist_deinit(&list);
	strlist_deinit(&list);
	assert_int_equal(list.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),   cmocka_unit_test(test_printable),
		cmocka_unit_test(test_distances), cmocka_unit_test(test_comparing),
		cmocka_unit_test(test_trim),      cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
