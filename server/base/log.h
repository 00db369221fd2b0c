/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"

/*
 * log - one line per event, for the journal and for people
 *
 * A line is: level, a stable event name ("order.ready"), what it is about, text.
 * Levels: error, someone must act; warn, will be tried again; info, a state
 * changed; debug, a summary of what went over a wire (method, URL, status, sizes;
 * never bodies, keys, tokens). Text of a remote goes through str_add_printable()
 * first. Lines go to stderr unless a sink was set. Any thread; a line is whole.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };

/* What lines are about; printed as key=value. { 0 } is nothing. */
struct log_about {
	const char *what; /* "order", "delivery", "host" */
	const char *name; /* "www/web-1"; may be NULL */
	int64_t id;       /* 0: none */
};

void log_line(enum log_level level, const struct log_about *about, const char *event,
              const char *fmt, ...) PRINTF(4, 5);

#define log_error(about, event, ...) log_line(LOG_ERROR, about, event, __VA_ARGS__)
#define log_warn(about, event, ...)  log_line(LOG_WARN, about, event, __VA_ARGS__)
#define log_info(about, event, ...)  log_line(LOG_INFO, about, event, __VA_ARGS__)
#define log_debug(about, event, ...) log_line(LOG_DEBUG, about, event, __VA_ARGS__)

/* Lines above the level are dropped. The start is LOG_WARN. Before any thread. */
void log_set_level(enum log_level level);

/* Takes every line (without newline) in place of stderr. Before any thread. */
typedef void log_sink_fn(void *arg, enum log_level level, const char *line);
void log_set_sink(log_sink_fn *sink, void *arg);
#endif
