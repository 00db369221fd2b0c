/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "provider/wire.h"
#include "unit.h"

enum reader { REQUEST, CHANGE, ANSWER };

static bool read_as(enum reader reader, const char *text, struct err *err)
{
	struct buf frame = { .data = xstrdup(text), .len = strlen(text) };
	struct wire_request request;
	struct wire_change change;
	struct wire_answer answer;
	bool ok = false;

	if (reader == REQUEST) {
		ok = wire_get_request(&frame, &request, err);
		wire_request_deinit(&request);
	} else if (reader == CHANGE) {
		ok = wire_get_change(&frame, &change, err);
		wire_change_deinit(&change);
	} else {
		ok = wire_get_answer(&frame, &answer, err);
		wire_answer_deinit(&answer);
	}
	free(frame.data);
	return ok;
}

#define HEAD                                                            \
	"{\"v\":1,\"op\":\"run\",\"provider\":\"x\",\"plugin_dir\":\"/" \
	"p\",\"deadline\":9,"
#define INFO                                                                          \
	"{\"result\":\"ok\",\"info\":{\"name\":\"x\",\"summary\":\"\",\"options\":[{" \
	"\"name\":\"a\","                                                             \
	"\"help\":\"h\",\"required\":true,\"secret\":false}]}}"

/* want: NULL where it reads, else a piece of the error */
static const struct {
	const char *name;
	enum reader reader;
	const char *text, *want;
} rows[] = {
	{ "request", REQUEST, HEAD "\"options\":[],\"changes\":0}", NULL },
	{ "value and secret", REQUEST,
	  HEAD "\"options\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\",\"secret\":"
	       "\"2\"}],"
	       "\"changes\":100}",
	  NULL },
	{ "trailing data", REQUEST, HEAD "\"options\":[],\"changes\":0} x", "not JSON" },
	{ "two objects", REQUEST, HEAD "\"options\":[],\"changes\":0}{}", "not JSON" },
	{ "unknown member", REQUEST, HEAD "\"options\":[],\"changes\":0,\"more\":1}",
	  "unknown member 'more'" },
	{ "member twice", REQUEST, HEAD "\"v\":1,\"options\":[],\"changes\":0}",
	  "twice" },
	{ "too many changes", REQUEST, HEAD "\"options\":[],\"changes\":101}",
	  "changes" },
	{ "fewer than none", REQUEST, HEAD "\"options\":[],\"changes\":-1}", "changes" },
	{ "half a change", REQUEST, HEAD "\"options\":[],\"changes\":1.5}", "changes" },
	{ "no options", REQUEST, HEAD "\"changes\":0}", "options" },
	{ "an option with both", REQUEST,
	  HEAD "\"options\":[{\"name\":\"a\",\"value\":\"1\",\"secret\":\"1\"}],"
	       "\"changes\":0}",
	  "a value and a secret" },
	{ "an option without", REQUEST,
	  HEAD "\"options\":[{\"name\":\"a\"}],\"changes\":0}", "value" },
	{ "an option that is none", REQUEST, HEAD "\"options\":[1],\"changes\":0}",
	  "object" },
	{ "another version", REQUEST, "{\"v\":2}", "protocol version 2" },
	{ "another op", REQUEST,
	  "{\"v\":1,\"op\":\"rm\",\"provider\":\"x\",\"plugin_dir\":\"/"
	  "p\",\"deadline\":9}",
	  "unknown op 'rm'" },
	{ "describe", REQUEST,
	  "{\"v\":1,\"op\":\"describe\",\"provider\":\"x\",\"plugin_dir\":\"/"
	  "p\",\"deadline\":9}",
	  NULL },
	{ "a list", REQUEST, "[]", "v" },
	{ "nothing", REQUEST, "", "not JSON" },

	{ "change", CHANGE,
	  "{\"op\":\"present\",\"zone\":\"z\",\"name\":\"n\",\"value\":\"v\",\"ttl\":60}",
	  NULL },
	{ "change without ttl", CHANGE,
	  "{\"op\":\"present\",\"zone\":\"z\",\"name\":\"n\",\"value\":\"v\"}", "ttl" },
	{ "change of another kind", CHANGE,
	  "{\"op\":\"set\",\"zone\":\"z\",\"name\":\"n\",\"value\":\"v\",\"ttl\":60}",
	  "unknown op 'set'" },
	{ "value of another type", CHANGE,
	  "{\"op\":\"present\",\"zone\":\"z\",\"name\":\"n\",\"value\":7,\"ttl\":60}",
	  "value" },

	{ "what was spent", REQUEST,
	  HEAD "\"options\":[],\"changes\":0,\"spent\":1200,\"free_in\":299}", NULL },
	{ "spent without end", REQUEST,
	  HEAD "\"options\":[],\"changes\":0,\"spent\":1000001}", "spent" },
	{ "free tomorrow", REQUEST, HEAD "\"options\":[],\"changes\":0,\"free_in\":3601}",
	  "free_in" },
	{ "change for another name", CHANGE,
	  "{\"op\":\"present\",\"zone\":\"z\",\"name\":\"n\",\"value\":\"v\",\"ttl\":60,"
	  "\"for\":\"_acme-challenge.x.y\"}",
	  NULL },
	{ "change for a number", CHANGE,
	  "{\"op\":\"present\",\"zone\":\"z\",\"name\":\"n\",\"value\":\"v\",\"ttl\":60,"
	  "\"for\":1}",
	  "for" },

	{ "end with requests", ANSWER,
	  "{\"result\":\"ok\",\"requests\":3,\"window\":300}", NULL },
	{ "a window of a day", ANSWER,
	  "{\"result\":\"ok\",\"requests\":3,\"window\":86400}", "window" },
	{ "requests of one change", ANSWER,
	  "{\"change\":1,\"result\":\"ok\",\"requests\":3}",
	  "unknown member 'requests'" },
	{ "log", ANSWER, "{\"log\":\"x\"}", NULL },
	{ "log and more", ANSWER, "{\"log\":\"x\",\"result\":\"ok\"}", "unknown member" },
	{ "result", ANSWER, "{\"change\":3,\"result\":\"denied\",\"text\":\"no\"}",
	  NULL },
	{ "no result", ANSWER, "{\"change\":3}", "result" },
	{ "unknown result", ANSWER, "{\"result\":\"fine\"}", "unknown result 'fine'" },
	{ "change out of range", ANSWER, "{\"change\":100,\"result\":\"ok\"}", "change" },
	{ "retry after a year", ANSWER,
	  "{\"result\":\"rate-limited\",\"retry_after\":31536000}", "retry_after" },
	{ "info", ANSWER, INFO, NULL },
	{ "info in a change", ANSWER, "{\"change\":1,\"result\":\"ok\",\"info\":{}}",
	  "unknown member 'info'" },
	{ "info without a name", ANSWER, "{\"result\":\"ok\",\"info\":{}}", "name" },
};

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { 0 };
		bool ok = read_as(rows[i].reader, rows[i].text, &err);

		CHECK(rows[i].name, ok == (rows[i].want == NULL));
		CHECK(rows[i].name,
		      ok || (rows[i].want && strstr(err.msg, rows[i].want)));
		if (!ok && rows[i].want && !strstr(err.msg, rows[i].want))
			print_error("[%s] %s\n", rows[i].name, err.msg);
	}
	DONE();
}

static void test_there_and_back(void **state)
{
	AUTO_SECRET struct secret *secret = secret_new("top\n\"secret\"", 12);
	const struct provider_option options[] = { { "server", "127.0.0.1", NULL },
		                                   { "key", NULL, secret },
		                                   { "unset", NULL, NULL } };
	const struct provider_call call = { .provider = "rfc2136",
		                            .options = options,
		                            .option_count = 3,
		                            .change_count = 7 };
	const struct provider_home home = { "/h", "/plugins" };
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct wire_request request;
	struct err err;

	(void)state;
	assert_true(wire_put_request(&home, &call, 30, &frame, &err));
	assert_true(wire_get_request(&frame, &request, &err));
	assert_string_equal(request.provider, "rfc2136");
	assert_string_equal(request.plugin_dir, "/plugins");
	assert_int_equal(request.deadline_s, 30);
	assert_int_equal(request.change_count, 7);
	assert_int_equal(request.option_count, 2);
	assert_string_equal(request.options[1].value, "top\n\"secret\"");
	assert_true(request.options[1].is_secret);
	assert_false(request.options[0].is_secret);
	assert_int_equal(request.spent, 0);
	wire_request_deinit(&request);
}

static void test_toll(void **state)
{
	static const struct {
		const char *name;
		struct provider_toll toll;
		int spent, free_in_s;
	} tolls[] = {
		{ "some", { .spent = 5, .free_in_s = 60 }, 5, 60 },
		{ "nothing yet", { .free_in_s = 60 }, 0, 0 },
		{ "odd", { .spent = -1, .free_in_s = -1 }, 0, 0 },
		{ "more than matters",
		  { .spent = INT32_MAX, .free_in_s = INT32_MAX },
		  WIRE_REQUESTS_MAX,
		  WIRE_WINDOW_MAX },
	};
	const struct provider_home home = { "/h", "/plugins" };

	(void)state;
	for (size_t i = 0; i < sizeof(tolls) / sizeof(tolls[0]); i++) {
		struct provider_toll toll = tolls[i].toll;
		const struct provider_call call = { .provider = "x", .toll = &toll };
		AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
		struct wire_request request;
		struct err err;

		CHECK(tolls[i].name, wire_put_request(&home, &call, 30, &frame, &err));
		CHECK(tolls[i].name, wire_get_request(&frame, &request, &err));
		CHECK(tolls[i].name, request.spent == tolls[i].spent);
		CHECK(tolls[i].name, request.free_in_s == tolls[i].free_in_s);
		wire_request_deinit(&request);
	}
	DONE();
}

static void test_change_there_and_back(void **state)
{
	const struct provider_change with = { .zone = "example.net",
		                              .name = "abc.example.net",
		                              .value = "v",
		                              .challenge = "_acme-challenge.x.org" };
	struct provider_change without = with;
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct wire_change change;
	struct err err;

	(void)state;
	without.challenge = NULL;
	assert_true(wire_put_change(&with, &frame, &err));
	assert_true(wire_get_change(&frame, &change, &err));
	assert_string_equal(change.challenge, with.challenge);
	wire_change_deinit(&change);
	assert_true(wire_put_change(&without, &frame, &err));
	assert_true(wire_get_change(&frame, &change, &err));
	assert_null(change.challenge);
	wire_change_deinit(&change);
}

static void test_end_there_and_back(void **state)
{
	const struct wire_answer end = { .kind = WIRE_ANSWER_END,
		                         .requests = 7,
		                         .window_s = 300 };
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct wire_answer got;
	struct err err;

	(void)state;
	assert_true(wire_put_answer(&end, &frame, &err));
	assert_true(wire_get_answer(&frame, &got, &err));
	assert_int_equal(got.kind, WIRE_ANSWER_END);
	assert_int_equal(got.requests, 7);
	assert_int_equal(got.window_s, 300);
}

/* The longest texts that are allowed fit, whatever JSON makes of them. */
static void test_too_long(void **state)
{
	static char value[WIRE_OPTION_VALUE_MAX + 2];
	const struct provider_home home = { "/h", "/plugins" };
	struct provider_option options[6] = { { "a", value, NULL } };
	struct provider_call call = { .provider = "x",
		                      .options = options,
		                      .option_count = 1 };
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct err err;

	(void)state;
	memset(value, 'x', WIRE_OPTION_VALUE_MAX);
	assert_true(wire_put_request(&home, &call, 30, &frame, &err));
	value[WIRE_OPTION_VALUE_MAX] = 'x';
	assert_false(wire_put_request(&home, &call, 30, &frame, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	value[WIRE_OPTION_VALUE_MAX] = '\0';
	for (size_t i = 0; i < 6; i++)
		options[i] = options[0];
	call.option_count = 6;
	assert_false(wire_put_request(&home, &call, 30, &frame, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
}

static void test_result_to_err(void **state)
{
	static const struct {
		const char *name;
		enum wire_result result;
		enum err_kind want;
	} kinds[] = {
		{ "ok", WIRE_OK, ERR_NONE },
		{ "denied", WIRE_DENIED, ERR_DENIED },
		{ "rate-limited", WIRE_RATE_LIMITED, ERR_TEMPORARY },
		{ "by-hand", WIRE_BY_HAND, ERR_TEMPORARY },
		{ "no-zone", WIRE_NO_ZONE, ERR_CONFIG },
		{ "refused", WIRE_REFUSED, ERR_REMOTE },
		{ "broken", WIRE_BROKEN, ERR_INTERNAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct wire_answer answer = { .result = kinds[i].result,
			                            .retry_after = 5,
			                            .text = "red\x1b[31m\n" };
		struct err err;

		wire_result_to_err(&answer, &err);
		CHECK(kinds[i].name, err.kind == kinds[i].want);
		CHECK(kinds[i].name,
		      err.kind == ERR_NONE || strcmp(err.code, kinds[i].name) == 0);
		CHECK(kinds[i].name, !strchr(err.msg, '\x1b') && !strchr(err.msg, '\n'));
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_toll),
		cmocka_unit_test(test_change_there_and_back),
		cmocka_unit_test(test_end_there_and_back),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_result_to_err),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
