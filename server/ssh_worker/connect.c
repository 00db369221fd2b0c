/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "worker.h"

/* Small packets both ways: no Nagle, and acknowledgements at once. */
static void tune(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* 0 or an errno. */
static int finish_connect(struct worker *worker, int64_t deadline_ms)
{
	const int64_t whole = worker->deadline_ms;
	int error = 0;
	socklen_t len = sizeof(error);

	worker->deadline_ms = deadline_ms;
	const bool ready = worker_wait(worker, POLLOUT, false, NULL);
	worker->deadline_ms = whole;
	if (!ready)
		return ETIMEDOUT;
	if (getsockopt(worker->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

static int try_address(struct worker *worker, const struct addrinfo *to,
                       int64_t deadline_ms)
{
	int error = 0;

	worker->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (worker->fd < 0)
		return errno;
	tune(worker->fd);
	if (connect(worker->fd, to->ai_addr, to->ai_addrlen) < 0)
		error = errno == EINPROGRESS ? finish_connect(worker, deadline_ms)
		                             : errno;
	if (error) {
		close(worker->fd);
		worker->fd = -1;
	}
	return error;
}

void worker_connect(struct worker *worker)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char port[8];
	int count = 0, error = 0;

	snprintf(port, sizeof(port), "%u", worker->port);
	const int r = getaddrinfo(worker->address, port, &hints, &list);
	if (r)
		worker_fail(WIRE_FAIL_CONNECT, "the name cannot be resolved: %s",
		            gai_strerror(r));
	for (const struct addrinfo *at = list; at; at = at->ai_next)
		count++;
	/* Each address gets its share of what is left, the last one all of it. */
	for (const struct addrinfo *at = list; at; at = at->ai_next, count--) {
		const int64_t share_ms = clock_left_ms(worker->deadline_ms) / count;

		error = try_address(worker, at, clock_deadline_ms(share_ms));
		if (!error)
			break;
	}
	freeaddrinfo(list);
	if (error)
		worker_fail(WIRE_FAIL_CONNECT, "no connection: %s",
		            error == ETIMEDOUT ? "no answer in time" : strerror(error));
}
