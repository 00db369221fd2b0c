/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"

/*
 * clock - what time it is, and how long is left
 *
 * Wall time (seconds since the epoch, UTC) is for what is written down and for
 * a certificate's dates; monotonic time is for deadlines. A deadline is a
 * monotonic millisecond. Tests move the wall clock with clock_shift(). Any thread.
 */
int64_t clock_now(void);
/* The same in milliseconds: what a row's run_at holds. */
int64_t clock_now_ms(void);
int64_t clock_mono_ms(void);

/* The deadline that many milliseconds from now. */
int64_t clock_deadline_ms(int64_t from_now_ms);
/* Milliseconds left, for poll(): 0 when it has passed. */
int clock_left_ms(int64_t deadline_ms);

/* "2026-11-21T03:04:05Z" */
enum { CLOCK_TEXT = 32 };
const char *clock_format(int64_t when, char out[CLOCK_TEXT]);
/* For people: "in 3 h", "12 min ago", "now". */
const char *clock_format_span(int64_t seconds, char out[CLOCK_TEXT]);

/* As the configuration says it: "90s", "10m", "5d"; the largest unit that leaves no rest.
 */
const char *clock_format_duration(int64_t seconds, char out[CLOCK_TEXT]);

/* RFC 3339, fractions cut off; and the HTTP date of RFC 9110 5.6.7 (IMF-fixdate). */
bool clock_parse_rfc3339(const char *text, int64_t *out) MUST_CHECK;
bool clock_parse_http_date(const char *text, int64_t *out) MUST_CHECK;

/* For tests: wall time runs that many seconds ahead. */
void clock_shift(int64_t seconds);
#endif
