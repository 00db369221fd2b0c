/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "mem.h"

static bool wait_for(int fd, short what, int64_t deadline_ms, struct err *err)
{
	struct pollfd pfd = { .fd = fd, .events = what };

	for (;;) {
		int n = poll(&pfd, 1, clock_left_ms(deadline_ms));

		if (n > 0)
			return true;
		if (n == 0)
			return err_set(err, ERR_TEMPORARY, "no answer in time");
		if (errno != EINTR)
			return err_set_errno(err, ERR_INTERNAL, "poll");
	}
}

bool frame_send(int fd, const void *bytes, size_t len, int64_t deadline_ms,
                struct err *err)
{
	if (len == 0 || len > FRAME_MAX)
		return err_set(err, ERR_INTERNAL, "a frame of %zu bytes; 1 to %d go", len,
		               FRAME_MAX);
	for (;;) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			return true;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_set_errno(err, ERR_INTERNAL, "send to child");
		if (!wait_for(fd, POLLOUT, deadline_ms, err))
			return false;
	}
}

bool frame_receive(int fd, struct buf *frame, bool *ended, int64_t deadline_ms,
                   struct err *err)
{
	AUTO_FREE char *bytes = xcalloc(1, FRAME_MAX);
	ssize_t n;

	*ended = false;
	do {
		if (!wait_for(fd, POLLIN, deadline_ms, err))
			return false;
		/* MSG_TRUNC: the packet's real length, so that a cut one is seen. That
		 * the other end closed without reading all is said once, before its last
		 * frames. */
		n = recv(fd, bytes, FRAME_MAX, MSG_TRUNC | MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ECONNRESET));
	buf_wipe(frame);
	if (n < 0)
		return err_set_errno(err, ERR_INTERNAL, "receive from child");
	if (n > FRAME_MAX)
		return err_set(err, ERR_INTERNAL, "a frame of %zd bytes; at most %d come",
		               n, FRAME_MAX);
	*ended = n <= 0;
	if (n > 0)
		buf_add(frame, bytes, (size_t)n);
	explicit_bzero(bytes, FRAME_MAX);
	return true;
}
