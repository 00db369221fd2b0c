/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * Progress while a run lasts. On a terminal: one bar over all, and below it one line per
 * order and delivery that is under way, drawn again when something changes, at most a few
 * times a second. Elsewhere: one plain line per change, which a log keeps. Log lines go
 * above the bar. Called from every worker; a mutex keeps the drawing whole.
 */

enum {
	LINES_MAX = 12,
	WIDTH_MAX = 200,
	BAR_MAX = 40,
	REDRAW_MS = 80,
	NAME_PAD = 32,
	STATE_MAX = 12
};

struct work {
	char name[160]; /* "order www/web-1" */
	char state[60];
};

struct live {
	pthread_mutex_t lock;
	bool is_quiet, is_verbose, is_terminal, has_color;
	size_t works, ended;
	struct work running[LINES_MAX];
	size_t running_count;
	int drawn; /* lines on the screen that are ours */
	int64_t drawn_at_ms;
};

static size_t width(void)
{
	size_t columns = terminal_width(stdout);

	return columns > WIDTH_MAX ? WIDTH_MAX : columns;
}

static void erase(struct live *live)
{
	if (live->drawn > 0)
		printf("\033[%dA\033[J", live->drawn);
	live->drawn = 0;
}

static void draw(struct live *live)
{
	size_t columns = width(), bar = columns / 2 < BAR_MAX ? columns / 2 : BAR_MAX;
	size_t done = live->works ? live->ended * bar / live->works : bar;
	int name;

	if (done > bar)
		done = bar;
	/* A line that is broken by the terminal would not be erased. */
	name = (int)columns - STATE_MAX - 4;
	erase(live);
	printf("[%s", live->has_color ? "\033[32m" : "");
	for (size_t i = 0; i < bar; i++)
		putchar(i < done ? '#' : '.');
	printf("%s] %zu of %zu\n", live->has_color ? "\033[0m" : "", live->ended,
	       live->works);
	live->drawn = 1;
	for (size_t i = 0; i < live->running_count; i++, live->drawn++)
		printf("  %-*.*s %.*s\n", name < NAME_PAD ? name : NAME_PAD, name,
		       live->running[i].name, STATE_MAX, live->running[i].state);
	fflush(stdout);
	live->drawn_at_ms = clock_mono_ms();
}

/* What failed is told by a line of progress, or by the table at the end: not by the log
 * as well. */
static bool is_told(const struct live *live, const char *line)
{
	bool is_order = strstr(line, ": order.failed ") || strstr(line, ": order.waits ");

	/* Of tidying up after an order nothing else tells. */
	if (live->is_verbose || (is_order && strstr(line, ": tidy: ")))
		return false;
	return is_order || strstr(line, ": delivery.failed ");
}

static void log_above(void *arg, enum log_level level, const char *line)
{
	struct live *live = arg;

	(void)level;
	if (is_told(live, line))
		return;
	pthread_mutex_lock(&live->lock);
	if (live->is_terminal)
		erase(live);
	fflush(stdout);
	fprintf(stderr, "%s\n", line);
	if (live->is_terminal)
		draw(live);
	pthread_mutex_unlock(&live->lock);
}

struct live *live_new(size_t works, int verbose)
{
	struct live *live = NEW(struct live);
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	pthread_mutex_init(&live->lock, NULL);
	live->works = works;
	live->is_quiet = verbose < 0;
	live->is_verbose = verbose > 0;
	live->is_terminal = !live->is_quiet && isatty(STDOUT_FILENO) && terminal &&
	                    !str_eq(terminal, "dumb");
	live->has_color = live->is_terminal && !(no_color && *no_color);
	log_set_sink(log_above, live);
	return live;
}

static void drop(struct live *live, const char *name)
{
	for (size_t i = 0; i < live->running_count; i++) {
		if (!str_eq(live->running[i].name, name))
			continue;
		memmove(&live->running[i], &live->running[i + 1],
		        (live->running_count - i - 1) * sizeof(live->running[0]));
		live->running_count--;
		return;
	}
}

static void put(struct live *live, const char *name, const char *state)
{
	struct work *work = NULL;

	for (size_t i = 0; i < live->running_count && !work; i++)
		if (str_eq(live->running[i].name, name))
			work = &live->running[i];
	if (!work && live->running_count < LINES_MAX)
		work = &live->running[live->running_count++];
	if (!work)
		return;
	snprintf(work->name, sizeof(work->name), "%s", name);
	snprintf(work->state, sizeof(work->state), "%s", state);
}

static void print_line(const struct progress_event *event, const char *name)
{
	char when[CLOCK_TEXT];

	if (event->kind == PROGRESS_WAITS)
		printf("%s: %s, again at %s: %s\n", name, event->state,
		       clock_format(event->until, when), event->text ? event->text : "");
	else if (event->text && event->text[0])
		printf("%s: %s: %s\n", name, event->state, event->text);
	else
		printf("%s: %s\n", name, event->state);
	fflush(stdout);
}

static bool is_at_end(const struct progress_event *event)
{
	return event->kind == PROGRESS_FAILED ||
	       (event->kind == PROGRESS_DONE && str_eq(event->what, "delivery"));
}

static void report(void *arg, const struct progress_event *event)
{
	struct live *live = arg;
	AUTO_FREE char *name = xasprintf("%s %s/%s", event->what, event->certificate,
	                                 event->host);
	bool is_end = event->kind != PROGRESS_STEP;

	if (live->is_quiet)
		return;
	pthread_mutex_lock(&live->lock);
	if (is_end)
		drop(live, name);
	else
		put(live, name, event->state);
	/* A place is at its end when its delivery is, or when its order failed; what
	 * waits may come again in this run. */
	if (live->ended < live->works && is_at_end(event))
		live->ended++;
	if (!live->is_terminal) {
		print_line(event, name);
	} else {
		if (event->kind == PROGRESS_WAITS || event->kind == PROGRESS_FAILED) {
			erase(live);
			print_line(event, name);
		}
		if (is_end || clock_mono_ms() - live->drawn_at_ms > REDRAW_MS)
			draw(live);
	}
	pthread_mutex_unlock(&live->lock);
}

struct progress live_progress(struct live *live)
{
	return (struct progress){ .report = report, .arg = live };
}

void live_free(struct live *live)
{
	if (!live)
		return;
	log_set_sink(NULL, NULL);
	if (live->is_terminal) {
		erase(live);
		fflush(stdout);
	}
	pthread_mutex_destroy(&live->lock);
	free(live);
}
