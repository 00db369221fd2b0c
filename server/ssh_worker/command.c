/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "worker.h"

/* The parent has the deadlines of commands; it ends us when they pass. */
enum { COMMAND_MS = 4 * 3600 * 1000 };

static int call_open(struct worker *worker)
{
	worker->channel = libssh2_channel_open_session(worker->session);
	return worker->channel ? 0 : libssh2_session_last_errno(worker->session);
}

static int call_exec(struct worker *worker)
{
	return libssh2_channel_exec(worker->channel, worker->command);
}

static int call_send_eof(struct worker *worker)
{
	return libssh2_channel_send_eof(worker->channel);
}

static int call_close(struct worker *worker)
{
	return libssh2_channel_close(worker->channel);
}

static int call_wait_closed(struct worker *worker)
{
	return libssh2_channel_wait_closed(worker->channel);
}

static int call_free(struct worker *worker)
{
	return libssh2_channel_free(worker->channel);
}

/* What must not fail once the login is done. */
static void must(struct worker *worker, worker_call *call, const char *what)
{
	char text[200];

	if (worker_run(worker, call, WIRE_FAIL_SESSION))
		worker_fail(WIRE_FAIL_SESSION, "%s: %s", what,
		            worker_ssh_error(worker, text));
}

static void start_command(struct worker *worker)
{
	if (worker->channel)
		worker_fail(WIRE_FAIL_INTERNAL, "two commands at once");
	must(worker, call_open, "the server opened no channel");
	must(worker, call_exec, "the server started no command");
	worker->input_ended = worker->eof_sent = false;
}

static int call_signal(struct worker *worker, char **name)
{
	size_t len = 0;

	*name = NULL;
	return libssh2_channel_get_exit_signal(worker->channel, name, &len, NULL, NULL,
	                                       NULL, NULL);
}

/* The status comes after all output, and is known for sure after the close. */
static void end_command(struct worker *worker)
{
	AUTO_BUF struct buf frame = BUF_INIT(256);
	char *name = NULL;

	must(worker, call_close, "closing the channel");
	must(worker, call_wait_closed, "closing the channel");
	if (call_signal(worker, &name) || (name && strlen(name) > 15))
		name = NULL;
	wire_begin(&frame, WIRE_EXIT);
	wire_add_u32(&frame, (uint32_t)libssh2_channel_get_exit_status(worker->channel));
	wire_add_string(&frame, name ? name : "", name ? strlen(name) : 0);
	must(worker, call_free, "closing the channel");
	worker->channel = NULL;
	buf_wipe(&worker->input);
	worker->input_at = 0;
	worker_send(&frame);
}

static void take_frame(struct worker *worker)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	struct err err = { 0 };
	bool ended = false;

	if (!frame_receive(CHILD_FD, &frame, &ended, worker->deadline_ms, &err) || ended)
		_exit(0);
	struct wire_reader reader = wire_read(frame.data + 1, frame.len - 1);
	if (frame.data[0] == WIRE_EXEC) {
		wire_read_text(&reader, worker->command, sizeof(worker->command));
		if (reader.bad)
			worker_fail(WIRE_FAIL_INTERNAL, "the command is too long");
		start_command(worker);
	} else if (frame.data[0] == WIRE_STDIN) {
		const struct wire_string bytes = wire_read_string(&reader);

		/* A command that has ended takes no more. */
		if (worker->channel)
			buf_add(&worker->input, bytes.bytes, bytes.len);
	} else if (frame.data[0] == WIRE_STDIN_EOF) {
		worker->input_ended = true;
	} else {
		worker_fail(WIRE_FAIL_INTERNAL, "a frame out of turn");
	}
}

/* The number of bytes, 0, or EAGAIN where the server's window is full: then we must
 * read on. A packet that is half out must be finished first, by the same call. */
static bool write_input(struct worker *worker)
{
	while (worker->input_at < worker->input.len) {
		const ssize_t n = libssh2_channel_write(
		    worker->channel, worker->input.data + worker->input_at,
		    worker->input.len - worker->input_at);
		const int directions = libssh2_session_block_directions(worker->session);
		char text[200];

		if (n > 0) {
			worker->input_at += (size_t)n;
		} else if (n == LIBSSH2_ERROR_EAGAIN &&
		           directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) {
			worker_wait(worker, POLLOUT, false, NULL);
		} else if (n == LIBSSH2_ERROR_EAGAIN) {
			return false;
		} else if (libssh2_channel_eof(worker->channel) ||
		           n == LIBSSH2_ERROR_CHANNEL_CLOSED ||
		           n == LIBSSH2_ERROR_CHANNEL_EOF_SENT) {
			/* The command has ended without reading all. */
			worker->input_at = worker->input.len;
		} else {
			worker_fail(WIRE_FAIL_SESSION, "sending: %s",
			            worker_ssh_error(worker, text));
		}
	}
	buf_wipe(&worker->input);
	worker->input_at = 0;
	return true;
}

/* All that is there of one stream. True if there was something. */
static bool read_output(struct worker *worker, int stream, enum wire_kind kind)
{
	static char bytes[WIRE_DATA_MAX];
	bool any = false;
	char text[200];

	for (;; any = true) {
		const ssize_t n = libssh2_channel_read_ex(worker->channel, stream, bytes,
		                                          sizeof(bytes));
		const int directions = libssh2_session_block_directions(worker->session);

		if (n == LIBSSH2_ERROR_EAGAIN &&
		    directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) {
			worker_wait(worker, POLLOUT, false, NULL);
			continue;
		}
		if (n == 0 || n == LIBSSH2_ERROR_EAGAIN)
			return any;
		if (n < 0)
			worker_fail(WIRE_FAIL_SESSION, "the connection was lost: %s",
			            worker_ssh_error(worker, text));
		AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
		wire_begin(&frame, kind);
		wire_add_string(&frame, bytes, (size_t)n);
		worker_send(&frame);
	}
}

/* Both ways until nothing moves, and nothing came: what libssh2 has taken in, be it
 * output, room for our input, or the end of a key exchange that held either back, shows
 * in no poll(). Each of its calls reads all that has come, also what another one waits
 * for: that for standard error may be the one that meets the last line of standard
 * output. */
static void relay(struct worker *worker)
{
	bool moved = true;

	while (moved) {
		const size_t before = worker->input.len - worker->input_at;
		const uint64_t had = worker->received;

		if (write_input(worker) && worker->input_ended && !worker->eof_sent) {
			must(worker, call_send_eof, "ending the input");
			worker->eof_sent = true;
		}
		moved = worker->input.len - worker->input_at != before;
		moved |= read_output(worker, 0, WIRE_STDOUT);
		moved |= read_output(worker, SSH_EXTENDED_DATA_STDERR, WIRE_STDERR);
		moved |= worker->received != had;
	}
	if (libssh2_channel_eof(worker->channel))
		end_command(worker);
}

void worker_serve(struct worker *worker)
{
	worker->deadline_ms = clock_deadline_ms(COMMAND_MS);
	for (;;) {
		const bool has_input = worker->input_at < worker->input.len;
		bool parent_says = false;

		if (!worker_wait(worker, worker->channel ? POLLIN : 0, !has_input,
		                 &parent_says))
			worker_fail(WIRE_FAIL_SESSION, "the session took too long");
		if (parent_says)
			take_frame(worker);
		if (worker->channel)
			relay(worker);
	}
}
