/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

#include "buf.h"

enum { LINE_MAX_BYTES = 2000 };

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};
_Static_assert(ARRAY_SIZE(level_names) == LOG_LEVEL_COUNT, "a level has no name");

static void to_stderr(void *arg, enum log_level level, const char *line)
{
	(void)arg, (void)level;
	/* One call, so that lines of several threads do not mix. */
	fprintf(stderr, "%s\n", line);
}

/* The log sink is the one mutable global of the house; set before any thread. */
static struct {
	enum log_level level;
	log_sink_fn *sink;
	void *arg;
} out = { .level = LOG_WARN, .sink = to_stderr };

void log_set_level(enum log_level level)
{
	out.level = level;
}

void log_set_sink(log_sink_fn *sink, void *arg)
{
	out.sink = sink ? sink : to_stderr;
	out.arg = arg;
}

void log_line(enum log_level level, const struct log_about *about, const char *event,
              const char *fmt, ...)
{
	AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
	char text[LINE_MAX_BYTES / 2];
	va_list ap;

	if (level > out.level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Whatever got into it, a line stays one line, and a terminal is left in peace.
	 */
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = ' ';
	buf_addf(&line, "%s: %s", level_names[level], event);
	if (about && about->what && about->name)
		buf_addf(&line, " %s=%s", about->what, about->name);
	if (about && about->what && about->id)
		buf_addf(&line, " %s_id=%lld", about->what, (long long)about->id);
	buf_addf(&line, ": %s", text);
	out.sink(out.arg, level, line.data);
}
