/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

/* A shorter word of a secret file is a name, of a TSIG key say, which an operator wants
 * to read. */
enum { SEND_MS = 10 * 1000, WORD_MIN = 16, PAUSE_SPARES_MS = 500 };

struct host *host_of(const struct dns_host *services)
{
	return services->ctx;
}

void host_answer(const struct wire_answer *answer)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct err err;

	if (!wire_put_answer(answer, &frame, &err) ||
	    !frame_send(CHILD_FD, frame.data, frame.len, clock_deadline_ms(SEND_MS),
	                &err))
		_exit(1);
}

void host_learn_secret(struct host *host, const char *text)
{
	static const char between[] = " \t\r\n\"';:{}";

	/* The whole first: a shorter word would cut it into pieces. */
	if (*text)
		strlist_add(&host->secrets, text);
	while (*text) {
		size_t len = strcspn(text, between);
		AUTO_FREE char *word = xstrndup(text, len);

		if (len >= WORD_MIN)
			strlist_add(&host->secrets, word);
		text += len;
		text += strspn(text, between);
	}
}

void host_learn_provider(struct host *host, const struct dns_provider *provider)
{
	for (const struct dns_option *o = provider->options; o->name; o++) {
		const char *value = host->services.option(&host->services, o->name);

		if (value && (o->flags & DNS_SECRET))
			host_learn_secret(host, value);
	}
	host->pace.max = (int)provider->requests_max;
	host->pace.window_s = (int)provider->requests_window_s;
}

/* The length of the first secret that stands at text, or 0; of what there is of it,
 * where the text was cut in its midst. */
static size_t secret_at(const struct host *host, const char *text, bool is_cut)
{
	for (size_t i = 0; i < host->secrets.len; i++) {
		const char *secret = host->secrets.items[i];
		size_t len = strlen(secret), left = strnlen(text, len);

		if (strncmp(text, secret, left) == 0 && (left == len || is_cut))
			return left;
	}
	return 0;
}

/* Cleaned before it is cut: half a secret would not be recognized. */
static void clean(const struct host *host, const char *text, bool is_cut, char *out,
                  size_t size)
{
	AUTO_BUF struct buf buf = BUF_INIT(size + 1);

	while (*text && !buf.over) {
		size_t len = secret_at(host, text, is_cut);

		if (len)
			buf_add(&buf, "***", 3);
		else
			buf_add(&buf, text, 1);
		text += len ? len : 1;
	}
	snprintf(out, size, "%s", buf.data);
}

static void format(const struct host *host, char *out, size_t size, const char *fmt,
                   va_list ap) PRINTF(4, 0);
static void format(const struct host *host, char *out, size_t size, const char *fmt,
                   va_list ap)
{
	/* Room for a secret of the longest kind, which must be seen whole. */
	size_t room = WIRE_OPTION_VALUE_MAX + WIRE_TEXT_MAX;
	AUTO_FREE char *text = xcalloc(1, room);

	int len = vsnprintf(text, room, fmt, ap);
	clean(host, text, len < 0 || (size_t)len >= room, out, size);
}

const char *host_option(const struct wire_request *request, const char *name)
{
	for (size_t i = 0; i < request->option_count; i++)
		if (str_eq(request->options[i].name, name))
			return request->options[i].value;
	return NULL;
}

static const char *option(const struct dns_host *services, const char *name)
{
	return host_option(host_of(services)->request, name);
}

static void say(const struct dns_host *services, const char *fmt, ...) PRINTF(2, 3);
static void say(const struct dns_host *services, const char *fmt, ...)
{
	struct host *host = host_of(services);
	struct wire_answer answer = { .kind = WIRE_ANSWER_LOG };
	va_list ap;

	if (++host->logs > WIRE_LOGS_MAX + 1)
		return;
	va_start(ap, fmt);
	format(host, answer.text, WIRE_TEXT_MAX + 1, fmt, ap);
	va_end(ap);
	if (host->logs > WIRE_LOGS_MAX)
		snprintf(answer.text, sizeof(answer.text), "more log lines dropped");
	host_answer(&answer);
}

static enum dns_result fail(const struct dns_host *services, enum dns_result result,
                            const char *fmt, ...) PRINTF(3, 4);
static enum dns_result fail(const struct dns_host *services, enum dns_result result,
                            const char *fmt, ...)
{
	struct host *host = host_of(services);
	va_list ap;

	va_start(ap, fmt);
	format(host, host->text, sizeof(host->text), fmt, ap);
	va_end(ap);
	return result;
}

static const char *text(const struct dns_host *services, const char *fmt, ...)
    PRINTF(2, 3);
static const char *text(const struct dns_host *services, const char *fmt, ...)
{
	const char *made;
	va_list ap;

	(void)services;
	va_start(ap, fmt);
	made = xvasprintf(fmt, ap);
	va_end(ap);
	return made;
}

/* Never to the deadline's end: there would be no time left to say how it went. */
static void wait_a_bit(const struct dns_host *services, unsigned milliseconds)
{
	int left = clock_left_ms(host_of(services)->deadline_ms) - PAUSE_SPARES_MS;
	int wait = milliseconds < HOST_PAUSE_MAX_MS ? (int)milliseconds
	                                            : HOST_PAUSE_MAX_MS;

	wait = wait < left ? wait : left;
	if (wait > 0)
		usleep((useconds_t)wait * 1000);
}

void host_init(struct host *host, const struct wire_request *request)
{
	*host = (struct host){
		.request = request,
		.deadline_ms = clock_deadline_ms((int64_t)request->deadline_s * 1000),
		.runner = RUNNER_NONE,
		.pace = { .spent = request->spent, .free_in_s = request->free_in_s },
	};
	host->services = (struct dns_host){ .size = sizeof(struct dns_host),
		                            .ctx = host,
		                            .option = option,
		                            .http = host_http,
		                            .log = say,
		                            .fail = fail,
		                            .update = host_update,
		                            .json = host_json,
		                            .json_count = host_json_count,
		                            .json_quote = host_json_quote,
		                            .text = text,
		                            .pause = wait_a_bit,
		                            .run = host_run };
	for (size_t i = 0; i < request->option_count; i++) {
		const struct wire_option *option = &request->options[i];

		/* Certificates come out of a file as secrets do, and are none. */
		if (option->is_secret && !str_eq(option->name, DNS_OPTION_CA))
			host_learn_secret(host, option->value);
	}
}
