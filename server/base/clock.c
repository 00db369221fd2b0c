/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t shift_s;

int64_t clock_now(void)
{
	return (int64_t)time(NULL) + atomic_load(&shift_s);
}

int64_t clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec + atomic_load(&shift_s)) * 1000 +
	       now.tv_nsec / 1000000;
}

void clock_shift(int64_t seconds)
{
	atomic_store(&shift_s, seconds);
}

int64_t clock_mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_deadline_ms(int64_t from_now_ms)
{
	return clock_mono_ms() + from_now_ms;
}

int clock_left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_mono_ms();

	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

const char *clock_format(int64_t when, char out[CLOCK_TEXT])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, CLOCK_TEXT, "-");
	return out;
}

const char *clock_format_span(int64_t seconds, char out[CLOCK_TEXT])
{
	static const struct {
		int64_t over, unit;
		const char *name;
	} units[] = {
		{ 2 * 86400, 86400, "d" },
		{ 2 * 3600, 3600, "h" },
		{ 2 * 60, 60, "min" },
		{ 1, 1, "s" },
	};
	int64_t size = seconds < 0 ? -seconds : seconds;

	snprintf(out, CLOCK_TEXT, "now");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (size < units[i].over)
			continue;
		snprintf(out, CLOCK_TEXT, seconds < 0 ? "%lld %s ago" : "in %lld %s",
		         (long long)(size / units[i].unit), units[i].name);
		break;
	}
	return out;
}

static bool finish(const char *rest, struct tm *tm, int64_t *out)
{
	if (!rest || *rest)
		return false;
	*out = (int64_t)timegm(tm);
	return true;
}

bool clock_parse_rfc3339(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!rest || strlen(text) < 20)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (*rest == 'Z' || *rest == 'z')
		return finish(rest + 1, &tm, out);
	/* An offset: strptime's %z fills tm_gmtoff, which timegm() does not read. */
	rest = strptime(rest, "%z", &tm);
	long offset = tm.tm_gmtoff;
	if (!finish(rest, &tm, out))
		return false;
	*out -= offset;
	return true;
}

bool clock_parse_http_date(const char *text, int64_t *out)
{
	struct tm tm = { 0 };

	return finish(strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm), &tm, out);
}
