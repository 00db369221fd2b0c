/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/str.h"
#include "unit.h"

#include <limits.h>

enum { BAD = -1 };

static const struct {
	const char *text;
	int64_t want;
} rfc3339[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-11-21T03:04:05Z", 1795230245 },
	{ "2026-11-21T03:04:05z", 1795230245 },
	{ "2026-11-21T03:04:05.999999999Z", 1795230245 },
	{ "2026-11-21T04:04:05+01:00", 1795230245 },
	{ "2026-11-20T21:34:05.5-05:30", 1795230245 },
	{ "2024-02-29T00:00:00Z", 1709164800 },
	{ "2016-12-31T23:59:60Z", 1483228800 },
	{ "9999-12-31T23:59:59Z", 253402300799 },
	{ "", BAD },
	{ "2026-11-21", BAD },
	{ "2026-11-21T03:04:05", BAD },
	{ "2026-11-21 03:04:05Z", BAD },
	{ "2026-11-21T03:04:05Zx", BAD },
	{ "2026-11-21T03:04:05 Z", BAD },
	{ "2026-11-21T03:04:05+0100", BAD },
	{ "2026-11-21T03:04:05+24:00", BAD },
	{ "2026-11-21T03:04:05+01:60", BAD },
	{ "2026-13-01T00:00:00Z", BAD },
	{ "2026-00-01T00:00:00Z", BAD },
	{ "2026-02-29T00:00:00Z", BAD },
	{ "2026-01-00T00:00:00Z", BAD },
	{ "2026-01-01T24:00:00Z", BAD },
	{ "2026-01-01T00:60:00Z", BAD },
	{ "2026-01-01T00:00:61Z", BAD },
	{ "2026- 1- 1T 0: 0: 0Z", BAD },
	{ "-026-01-01T00:00:00Z", BAD },
	{ "202-01-01T00:00:00ZZ", BAD },
};

static const struct {
	const char *text;
	int64_t want;
} http_dates[] = {
	{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
	{ "Sat, 21 Nov 2026 03:04:05 GMT", 1795230245 },
	{ "", BAD },
	{ "120", BAD },
	{ "Sun, 06 Nov 1994 08:49:37 CET", BAD },
	{ "Sun, 06 Nov 1994 08:49:37 GMT ", BAD },
	{ "Sun, 31 Feb 1994 08:49:37 GMT", BAD },
	{ "Sun, 06 Nox 1994 08:49:37 GMT", BAD },
	{ "Sun, 06 anF 1994 08:49:37 GMT", BAD },
	{ "Sunday, 06-Nov-94 08:49:37 GMT", BAD },
	{ "Sun Nov  6 08:49:37 1994", BAD },
};

static void test_dates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rfc3339); i++) {
		int64_t got = BAD;
		bool good = clock_parse_rfc3339(rfc3339[i].text, &got);

		CHECK(rfc3339[i].text, good == (rfc3339[i].want != BAD));
		CHECK(rfc3339[i].text, !good || got == rfc3339[i].want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(http_dates); i++) {
		int64_t got = BAD;
		bool good = clock_parse_http_date(http_dates[i].text, &got);

		CHECK(http_dates[i].text, good == (http_dates[i].want != BAD));
		CHECK(http_dates[i].text, !good || got == http_dates[i].want);
	}
	DONE();
}

static const struct {
	int64_t seconds;
	const char *want;
} spans[] = {
	{ 0, "now" },
	{ 1, "in 1 s" },
	{ -90, "90 s ago" },
	{ 120, "in 2 min" },
	{ 7199, "in 119 min" },
	{ -10800, "3 h ago" },
	{ 86400 * 60, "in 60 d" },
};

static void test_formatting(void **state)
{
	char text[CLOCK_TEXT];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		CHECK(spans[i].want,
		      str_eq(clock_format_span(spans[i].seconds, text), spans[i].want));
	assert_string_equal(clock_format(1795230245, text), "2026-11-21T03:04:05Z");
	assert_true(clock_parse_rfc3339(clock_format(951782400, text), &back));
	assert_int_equal(back, 951782400);
	assert_string_equal(clock_format(INT64_MAX, text), "-");
	DONE();
}

static void test_time_passes(void **state)
{
	enum { MINUTE = 60, DAY = 86400 };
	int64_t wall = clock_now(), mono = clock_mono_ms();

	(void)state;
	/* Within a minute: this process may be kept from going on. */
	clock_shift(DAY);
	assert_in_range(clock_now() - wall, DAY, DAY + MINUTE);
	assert_in_range(clock_now_ms() / 1000 - wall, DAY, DAY + MINUTE);
	/* Deadlines do not care. */
	assert_in_range(clock_mono_ms() - mono, 0, MINUTE * 1000);
	clock_shift(0);
	assert_int_equal(clock_left_ms(clock_mono_ms() - 5), 0);
	assert_in_range(clock_left_ms(clock_deadline_ms(DAY * 1000)),
	                (DAY - MINUTE) * 1000, DAY * 1000);
	assert_int_equal(clock_left_ms(clock_deadline_ms((int64_t)INT_MAX * 2)), INT_MAX);
}

static const struct {
	int64_t seconds;
	const char *want;
} durations[] = {
	{ 0, "0s" },      { 1, "1s" },         { 90, "90s" },   { 60, "1m" },
	{ 600, "10m" },   { 3600, "1h" },      { 5400, "90m" }, { 86400, "1d" },
	{ 432000, "5d" }, { 86401, "86401s" },
};

static void format_duration(void **state)
{
	char text[CLOCK_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
		assert_string_equal(clock_format_duration(durations[i].seconds, text),
		                    durations[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_duration),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_formatting),
		cmocka_unit_test(test_time_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
