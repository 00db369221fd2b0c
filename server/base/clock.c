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

const char *clock_format_duration(int64_t seconds, char out[CLOCK_TEXT])
{
	static const struct {
		int64_t seconds;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) &&
	       (seconds == 0 || seconds % units[i].seconds != 0))
		i++;
	snprintf(out, CLOCK_TEXT, "%lld%c", (long long)(seconds / units[i].seconds),
	         units[i].name);
	return out;
}

/* Exactly n digits at *text, which moves behind them; *good is cleared where not. */
static int digits(const char **text, int n, bool *good)
{
	int value = 0;

	for (; n > 0 && *good; n--) {
		*good = **text >= '0' && **text <= '9';
		if (*good)
			value = 10 * value + (*(*text)++ - '0');
	}
	return value;
}

static void expect(const char **text, char c, bool *good)
{
	*good = *good && **text == c;
	*text += *good;
}

static void read_time(const char **text, struct tm *tm, bool *good)
{
	tm->tm_hour = digits(text, 2, good);
	expect(text, ':', good);
	tm->tm_min = digits(text, 2, good);
	expect(text, ':', good);
	tm->tm_sec = digits(text, 2, good);
}

/* timegm() turns February 30 into March 2; here it is an error. 60 is a leap second. */
static bool finish(struct tm *tm, int64_t *out)
{
	const struct tm read = *tm;

	*out = (int64_t)timegm(tm);
	return read.tm_hour < 24 && read.tm_min < 60 && read.tm_sec <= 60 &&
	       read.tm_mon >= 0 && read.tm_mon < 12 && read.tm_mday >= 1 &&
	       (read.tm_sec == 60 ||
	        (tm->tm_mday == read.tm_mday && tm->tm_mon == read.tm_mon));
}

/* "Z" or "+hh:mm" and the end of the text: the seconds that it is ahead of UTC. */
static int64_t read_offset(const char *text, bool *good)
{
	bool is_utc = *text == 'Z' || *text == 'z', is_behind = *text == '-';
	int hours = 0, minutes = 0;

	*good = *good && (is_utc || is_behind || *text == '+');
	text += *good;
	if (!is_utc) {
		hours = digits(&text, 2, good);
		expect(&text, ':', good);
		minutes = digits(&text, 2, good);
	}
	*good = *good && !*text && hours < 24 && minutes < 60;
	return (is_behind ? -60 : 60) * (60 * hours + minutes);
}

bool clock_parse_rfc3339(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	bool good = true;
	int64_t ahead;

	tm.tm_year = digits(&text, 4, &good) - 1900;
	expect(&text, '-', &good);
	tm.tm_mon = digits(&text, 2, &good) - 1;
	expect(&text, '-', &good);
	tm.tm_mday = digits(&text, 2, &good);
	expect(&text, 'T', &good);
	read_time(&text, &tm, &good);
	if (good && *text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	ahead = read_offset(text, &good);
	if (!good || !finish(&tm, out))
		return false;
	*out -= ahead;
	return true;
}

/* Not by strptime(), which would read the months of the user's language. */
bool clock_parse_http_date(const char *text, int64_t *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *month = NULL;
	struct tm tm = { 0 };
	bool good = strlen(text) == strlen("Sun, 06 Nov 1994 08:49:37 GMT");

	if (!good || strncmp(text + 3, ", ", 2) != 0)
		return false;
	text += 5;
	tm.tm_mday = digits(&text, 2, &good);
	expect(&text, ' ', &good);
	for (size_t i = 0; good && !month && months[i]; i += 3)
		month = strncmp(months + i, text, 3) == 0 ? months + i : NULL;
	if (!month)
		return false;
	tm.tm_mon = (int)(month - months) / 3;
	text += 3;
	expect(&text, ' ', &good);
	tm.tm_year = digits(&text, 4, &good) - 1900;
	expect(&text, ' ', &good);
	read_time(&text, &tm, &good);
	return good && strcmp(text, " GMT") == 0 && finish(&tm, out);
}
