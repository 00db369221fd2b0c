/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "host.h"

/* Room for each: what is not a text of its own goes in by the runner. */
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
	return !frame->over && argc > 0;
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
	struct err err;

	io->status = 0;
	io->output = "";
	if (host->runner.fd < 0)
		return services->fail(services, DNS_BAD_OPTION,
		                      "programs are run only for an entry that has the "
		                      "option 'program'");
	if (!put_texts(io, &frame))
		return services->fail(services, DNS_BAD_OPTION,
		                      "more arguments and environment than %d bytes",
		                      FRAME_MAX);
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
