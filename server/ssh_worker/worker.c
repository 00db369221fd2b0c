/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/child.h"
#include "base/clock.h"

/* The parent reads whenever it waits for us; it has this long for its other work. */
enum { PARENT_MS = 3600 * 1000 };

void worker_send(const struct buf *frame)
{
	struct err err = { 0 };

	if (!frame_send(CHILD_FD, frame->data, frame->len, clock_deadline_ms(PARENT_MS),
	                &err))
		_exit(1);
}

void worker_fail_bytes(enum wire_failure failure, const void *bytes, size_t len)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);

	wire_begin(&frame, WIRE_FAILED);
	wire_add_u32(&frame, failure);
	wire_add_string(&frame, bytes, len);
	worker_send(&frame);
	_exit(0);
}

void worker_fail(enum wire_failure failure, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	worker_fail_bytes(failure, text, strlen(text));
}

const char *worker_ssh_error(struct worker *worker, char out[200])
{
	char *text = NULL;
	const int code = libssh2_session_last_error(worker->session, &text, NULL, 0);

	snprintf(out, 200, "%.150s (libssh2 error %d)", text ? text : "", code);
	return out;
}

bool worker_wait(struct worker *worker, short events, bool from_parent, bool *parent_says)
{
	for (;;) {
		/* POLLHUP comes unasked. */
		struct pollfd fds[2] = { { CHILD_FD, from_parent ? POLLIN : 0, 0 },
			                 { events ? worker->fd : -1, events, 0 } };
		const int n = poll(fds, 2, clock_left_ms(worker->deadline_ms));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			worker_fail(WIRE_FAIL_INTERNAL, "poll: errno %d", errno);
		if (fds[0].revents & (POLLHUP | POLLERR))
			_exit(0);
		if (parent_says)
			*parent_says = fds[0].revents & POLLIN;
		return n > 0;
	}
}

int worker_run(struct worker *worker, worker_call *call, enum wire_failure failure)
{
	for (;;) {
		const int r = call(worker);
		const int directions = libssh2_session_block_directions(worker->session);
		short events = 0;

		if (r != LIBSSH2_ERROR_EAGAIN)
			return r;
		if (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND)
			events |= POLLOUT;
		if (directions & LIBSSH2_SESSION_BLOCK_INBOUND || !events)
			events |= POLLIN;
		if (!worker_wait(worker, events, false, NULL))
			worker_fail(failure, "the server did not answer in time");
	}
}
