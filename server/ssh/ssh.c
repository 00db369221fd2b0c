/* SPDX-License-Identifier: Apache-2.0 */
#include "ssh.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "session.h"

static bool take_exit(struct ssh *ssh, struct wire_reader *reader)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {
		{ "HUP", 1 },   { "INT", 2 },   { "QUIT", 3 },  { "ILL", 4 },
		{ "ABRT", 6 },  { "FPE", 8 },   { "KILL", 9 },  { "USR1", 10 },
		{ "SEGV", 11 }, { "USR2", 12 }, { "PIPE", 13 }, { "ALRM", 14 },
		{ "TERM", 15 },
	};
	const uint32_t status = wire_read_u32(reader);
	char name[16];

	wire_read_text(reader, name, sizeof(name));
	ssh->exited = true;
	ssh->status = status > 255 ? 255 : (int)status;
	if (*name)
		ssh->status = 255;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (str_eq(signals[i].name, name))
			ssh->status = 128 + signals[i].number;
	return !reader->bad;
}

/* Forgets what was read of the standard output, so that the limit is on the rest. */
static void drop_read(struct ssh *ssh)
{
	memmove(ssh->out.data, ssh->out.data + ssh->out_at, ssh->out.len - ssh->out_at);
	ssh->out.len -= ssh->out_at;
	ssh->out_at = 0;
	if (ssh->out.cap)
		ssh->out.data[ssh->out.len] = '\0';
}

/* One frame of a running command. */
static bool pump(struct ssh *ssh, int64_t deadline_ms, struct err *err)
{
	/* A server that never stops talking has no say in how long we listen. */
	if (clock_left_ms(deadline_ms) == 0)
		return err_set(err, ERR_TEMPORARY, "no answer in time");
	if (!session_receive(ssh, deadline_ms, err))
		return false;
	struct wire_reader reader = wire_read(ssh->frame.data + 1, ssh->frame.len - 1);
	const char kind = ssh->frame.data[0];

	if (kind == WIRE_EXIT && take_exit(ssh, &reader))
		return true;
	const struct wire_string data = wire_read_string(&reader);
	if (reader.bad || (kind != WIRE_STDOUT && kind != WIRE_STDERR))
		return err_set(err, ERR_INTERNAL,
		               "certferry-ssh-worker said something out of turn");
	if (kind == WIRE_STDERR) {
		const size_t room = ssh->complaint.max - ssh->complaint.len;

		buf_add(&ssh->complaint, data.bytes, data.len < room ? data.len : room);
		return true;
	}
	drop_read(ssh);
	buf_add(&ssh->out, data.bytes, data.len);
	return !ssh->out.over ||
	       err_set(err, ERR_REMOTE, "the command writes without end: over %zu KiB",
	               ssh->out.max / 1024);
}

/* Sends a frame, and reads what comes meanwhile: a server that writes while we write
 * would else block us both. */
static bool send_frame(struct ssh *ssh, const struct buf *frame, int64_t deadline_ms,
                       struct err *err)
{
	for (;;) {
		struct pollfd pfd = { ssh->child.fd, POLLIN | POLLOUT, 0 };
		const int n = poll(&pfd, 1, clock_left_ms(deadline_ms));

		if (n == 0)
			return err_set(err, ERR_TEMPORARY, "no answer in time");
		if (n < 0 && errno != EINTR)
			return err_set_errno(err, ERR_INTERNAL, "poll");
		if (n < 0)
			continue;
		if (pfd.revents & (POLLIN | POLLHUP)) {
			if (!pump(ssh, deadline_ms, err))
				return false;
		} else if (pfd.revents & POLLOUT) {
			return child_send(&ssh->child, frame->data, frame->len,
			                  deadline_ms, err);
		}
	}
}

bool ssh_exec(struct ssh *ssh, const char *command, int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);

	if (ssh->running)
		return err_set(err, ERR_INTERNAL, "the command before was not ended");
	buf_wipe(&ssh->out);
	buf_wipe(&ssh->complaint);
	ssh->out_at = 0;
	ssh->running = true;
	ssh->exited = ssh->eof_sent = false;
	wire_begin(&frame, WIRE_EXEC);
	wire_add_string(&frame, command, strlen(command));
	return (!frame.over ||
	        err_set(err, ERR_INTERNAL, "a command of %zu bytes", strlen(command))) &&
	       (send_frame(ssh, &frame, deadline_ms, err) || session_context(ssh, err));
}

bool ssh_write(struct ssh *ssh, const void *bytes, size_t len, int64_t deadline_ms,
               struct err *err)
{
	for (size_t done = 0; done < len && !ssh->exited;) {
		const size_t left = len - done;
		const size_t part = left < WIRE_DATA_MAX ? left : WIRE_DATA_MAX;
		AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);

		wire_begin(&frame, WIRE_STDIN);
		wire_add_string(&frame, (const char *)bytes + done, part);
		if (!send_frame(ssh, &frame, deadline_ms, err))
			return session_context(ssh, err);
		done += part;
	}
	return true;
}

bool ssh_write_eof(struct ssh *ssh, int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(8);

	if (ssh->eof_sent || ssh->exited)
		return true;
	ssh->eof_sent = true;
	wire_begin(&frame, WIRE_STDIN_EOF);
	return send_frame(ssh, &frame, deadline_ms, err) || session_context(ssh, err);
}

bool ssh_read_line(struct ssh *ssh, struct buf *line, bool *ended, int64_t deadline_ms,
                   struct err *err)
{
	/* Also for lines that are here already: the caller may do long work for each. */
	if (clock_left_ms(deadline_ms) == 0) {
		(void)err_set(err, ERR_TEMPORARY, "no end in time");
		return session_context(ssh, err);
	}
	for (;;) {
		const char *start = ssh->out.data + ssh->out_at;
		const size_t have = ssh->out.len - ssh->out_at;
		const char *newline = memchr(start, '\n', have);
		const size_t len = newline ? (size_t)(newline - start) : have;

		if (len > line->max - line->len) {
			(void)err_set(err, ERR_REMOTE,
			              "the command wrote a line of over %zu "
			              "bytes",
			              line->max);
			return session_context(ssh, err);
		}
		if (newline || ssh->exited) {
			*ended = !newline && len == 0;
			buf_add(line, start, len);
			ssh->out_at += len + (newline ? 1 : 0);
			return true;
		}
		if (!pump(ssh, deadline_ms, err))
			return session_context(ssh, err);
	}
}

bool ssh_finish(struct ssh *ssh, int *status, struct buf *complaint, int64_t deadline_ms,
                struct err *err)
{
	if (!ssh_write_eof(ssh, deadline_ms, err))
		return false;
	while (!ssh->exited) {
		ssh->out_at = ssh->out.len;
		if (!pump(ssh, deadline_ms, err))
			return session_context(ssh, err);
	}
	ssh->running = false;
	*status = ssh->status;
	str_add_printable(complaint, ssh->complaint.data, ssh->complaint.len,
	                  ssh->complaint.len);
	return true;
}
