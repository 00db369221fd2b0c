/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *name, *text;
	bool good;
} texts[] = {
	{ "object", "{\"a\":1}", true },
	{ "white space around", " \r\n\t{} \n", true },
	{ "a bare string", "\"a\"", true },
	{ "escaped quote and brackets", "{\"a\":\"\\\"[[[[[\"}", true },
	{ "escaped backslash before u0000", "\"\\\\u0000\"", true },
	{ "nothing", "", false },
	{ "white space only", "  ", false },
	{ "trailing letter", "{}x", false },
	{ "two values", "{}{}", false },
	{ "trailing comma", "{\"a\":1,}", false },
	{ "cut", "{\"a\":", false },
	{ "cut in a string", "{\"a\":\"b", false },
	{ "cut in an escape", "{\"a\":\"b\\", false },
	{ "a member twice", "{\"a\":1,\"a\":2}", false },
	{ "a member twice, deep", "[[{\"a\":1,\"b\":2,\"a\":2}]]", false },
	{ "a member twice by escape", "{\"a\":1,\"\\u0061\":2}", false },
	{ "same names in two objects", "[{\"a\":1},{\"a\":2}]", true },
	{ "single quotes", "{'a':1}", false },
	{ "comment", "{}/* */", false },
	{ "escaped NUL", "{\"a\":\"good\\u0000evil\"}", false },
	{ "escaped NUL in a name", "{\"a\\u0000b\":1}", false },
	{ "closed before opened", "]]]][[[[", false },
	{ "NaN", "NaN", false },
};

static cJSON *parse(const char *text)
{
	struct err err = { 0 };
	cJSON *json = json_parse(text, strlen(text), &err);

	if (!json)
		CHECK(text, err.kind == ERR_REMOTE && err.msg[0]);
	return json;
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_JSON cJSON *json = parse(texts[i].text);

		CHECK(texts[i].name, !!json == texts[i].good);
	}
	DONE();
}

static bool nested(size_t depth, char open, char close)
{
	AUTO_BUF struct buf text = BUF_INIT(2100000);
	AUTO_JSON cJSON *json = NULL;

	for (size_t i = 0; i < depth; i++)
		buf_add(&text, &open, 1);
	for (size_t i = 0; close && i < depth; i++)
		buf_add(&text, &close, 1);
	json = parse(text.data);
	return json;
}

static void test_limits(void **state)
{
	AUTO_BUF struct buf members = BUF_INIT(100000);
	AUTO_JSON cJSON *many = NULL, *nul = NULL;
	struct err err = { 0 };

	(void)state;
	assert_true(nested(JSON_DEPTH_MAX, '[', ']'));
	assert_false(nested(JSON_DEPTH_MAX + 1, '[', ']'));
	assert_false(nested(1000000, '[', ']'));
	assert_false(nested(1000000, '[', '\0'));
	assert_false(nested(1000000, '{', '\0'));
	for (int i = 0; i <= 1000; i++)
		buf_addf(&members, "%c\"%d\":0", i ? ',' : '{', i);
	buf_addf(&members, "}");
	many = parse(members.data);
	assert_null(many);
	nul = json_parse("{}\0", 3, &err);
	assert_null(nul);
	DONE();
}

static const struct {
	const char *text;
	int64_t want;
	bool good;
} integers[] = {
	{ "0", 0, true },
	{ "-7", -7, true },
	{ "1e3", 1000, true },
	{ "9007199254740991", 9007199254740991, true },
	{ "-9007199254740991", -9007199254740991, true },
	{ "9007199254740993", 0, false },
	{ "18446744073709551616", 0, false },
	{ "1e999", 0, false },
	{ "-1e999", 0, false },
	{ "1.5", 0, false },
	{ "\"1\"", 0, false },
	{ "true", 0, false },
	{ "null", 0, false },
};

static void test_integers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(integers); i++) {
		AUTO_BUF struct buf text = BUF_INIT(100);
		AUTO_JSON cJSON *json = NULL;
		struct err err = { 0 };
		int64_t got = 0;

		buf_addf(&text, "{\"n\":%s}", integers[i].text);
		json = parse(text.data);
		CHECK(integers[i].text,
		      json_int(json, "n", &got, &err) == integers[i].good);
		CHECK(integers[i].text, got == integers[i].want);
		if (!integers[i].good)
			CHECK(err.msg,
			      err.kind == ERR_REMOTE && strstr(err.msg, "\"n\""));
	}
	DONE();
}

static void test_getters(void **state)
{
	AUTO_JSON cJSON *json = parse(
	    "{\"s\":\"text\",\"S\":1,\"a\":[],\"o\":{},\"t\":true,\"none\":null}");
	const char *text = NULL;
	const cJSON *part = NULL;
	struct err err = { 0 };
	bool flag = false;

	(void)state;
	assert_true(json_str(json, "s", &text, &err));
	assert_string_equal(text, "text");
	/* Names are compared with their case. */
	assert_false(json_str(json, "S", &text, &err));
	assert_false(json_str(json, "A", &text, &err));
	assert_string_equal(err.msg, "\"A\" is missing (a string)");
	assert_true(json_array(json, "a", &part, &err));
	assert_false(json_array(json, "o", &part, &err));
	assert_true(json_object(json, "o", &part, &err));
	assert_false(json_object(json, "none", &part, &err));
	assert_true(json_str_or(json, "none", "other", &text, &err));
	assert_string_equal(text, "other");
	assert_false(json_str_or(json, "a", "other", &text, &err));
	assert_true(json_bool_or(json, "t", false, &flag, &err) && flag);
	assert_true(json_bool_or(json, "none", true, &flag, &err) && flag);
	assert_false(json_bool_or(json, "s", false, &flag, &err));
	/* Not an object at all. */
	assert_false(json_str(part, "s", &text, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_getters),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
