/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "host.h"

/* A shorter value is no secret, but "yes", or a port. */
enum { SECRET_MIN = 4 };

static bool is_quoted(const char *text, size_t len)
{
	return len >= 2 && (text[0] == '\'' || text[0] == '"') &&
	       text[len - 1] == text[0];
}

/* NAME=value, or nothing: a blank line, a comment. False: neither. */
static bool put_line(struct host *host, char *line, struct buf *frame)
{
	static const char names[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789_";
	char *value = NULL;
	size_t name = 0, len = 0;

	line = str_trim(line);
	line += str_starts(line, "export ") ? strlen("export ") : 0;
	if (!*line || *line == '#')
		return true;
	name = strspn(line, names);
	if (name == 0 || line[name] != '=')
		return false;
	value = line + name + 1;
	len = strlen(value);
	if (is_quoted(value, len)) {
		value++;
		len -= 2;
		value[len] = '\0';
	}
	if (len >= SECRET_MIN)
		host_learn_secret(host, value);
	buf_add(frame, line, name + 1);
	buf_add(frame, value, len + 1);
	return true;
}

/* The number of the line that is none, or 0. */
static int put_settings(struct host *host, const char *settings, struct buf *frame)
{
	for (int number = 1; settings && *settings; number++) {
		size_t len = strcspn(settings, "\n");
		AUTO_FREE char *line = xstrndup(settings, len);
		bool good = put_line(host, line, frame);

		explicit_bzero(line, strlen(line));
		if (!good)
			return number;
		settings += len + (settings[len] == '\n');
	}
	return 0;
}

static bool put_texts(const struct dns_program *io, struct buf *frame)
{
	uint32_t argc = 0;

	while (io->argv[argc])
		argc++;
	buf_add(frame, &argc, sizeof(argc));
	for (uint32_t i = 0; i < argc; i++)
		buf_add(frame, io->argv[i], strlen(io->argv[i]) + 1);
	for (const char *const *entry = io->environment; entry && *entry; entry++)
		buf_add(frame, *entry, strlen(*entry) + 1);
	return argc > 0;
}

static enum dns_result make_request(struct host *host, const struct dns_program *io,
                                    struct buf *frame)
{
	const struct dns_host *services = &host->services;
	int wrong;

	if (!put_texts(io, frame))
		return services->fail(services, DNS_BAD_OPTION, "no program is named");
	wrong = put_settings(host, io->settings, frame);
	if (wrong)
		return services->fail(services, DNS_BAD_OPTION,
		                      "line %d of its environment is not NAME=value",
		                      wrong);
	if (frame->over)
		return services->fail(services, DNS_BAD_OPTION,
		                      "more arguments and environment than %d bytes",
		                      FRAME_MAX);
	return DNS_OK;
}

/* Text, whatever it was: a NUL byte would end it. */
static const char *as_text(const char *bytes, size_t len)
{
	char *text = xcalloc(len + 1, 1);

	for (size_t i = 0; i < len; i++)
		text[i] = bytes[i] ? bytes[i] : '?';
	return text;
}

static bool exchange(struct host *host, struct buf *frame, struct err *err)
{
	bool ended = false;

	if (!frame_send(host->runner.fd, frame->data, frame->len, host->deadline_ms,
	                err) ||
	    !frame_receive(host->runner.fd, frame, &ended, host->deadline_ms, err))
		return false;
	if (ended || frame->len < sizeof(struct runner_answer))
		return err_set(err, ERR_INTERNAL,
		               "the runner of programs has ended without an answer");
	return true;
}

enum dns_result host_run(const struct dns_host *services, struct dns_program *io)
{
	struct host *host = host_of(services);
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct runner_answer answer;
	enum dns_result result;
	struct err err;

	io->status = 0;
	io->output = "";
	if (host->runner.fd < 0)
		return services->fail(services, DNS_BAD_OPTION,
		                      "programs are run only for an entry that has the "
		                      "option 'program'");
	result = make_request(host, io, &frame);
	if (result != DNS_OK)
		return result;
	if (!exchange(host, &frame, &err))
		return services->fail(services, DNS_TEMPORARY, "%s", err.msg);
	memcpy(&answer, frame.data, sizeof(answer));
	io->status = answer.status;
	io->output = as_text(frame.data + sizeof(answer), frame.len - sizeof(answer));
	if (answer.result == RUNNER_REFUSED)
		return services->fail(services, DNS_BAD_OPTION, "%s", io->output);
	if (answer.result == RUNNER_TIMED_OUT)
		return services->fail(services, DNS_TEMPORARY,
		                      "%s did not end in time and was killed",
		                      io->argv[0]);
	return DNS_OK;
}
