/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"

/* Owned by the thread. */
struct question {
	char *host;
	char port[8];
	int fd;
};

struct answer {
	int problem;
	struct addrinfo *list;
};

static struct answer look_up(const char *host, const char *port, int flags)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | flags,
	};
	struct answer answer = { 0 };

	answer.problem = getaddrinfo(host, port, &hints, &answer.list);
	return answer;
}

static void question_free(struct question *question)
{
	close(question->fd);
	free(question->host);
	free(question);
}

static void *ask(void *arg)
{
	struct question *question = arg;
	struct answer answer = look_up(question->host, question->port, 0);
	ssize_t n = send(question->fd, &answer, sizeof(answer), MSG_NOSIGNAL);

	/* Nobody waits any more. */
	if (n != (ssize_t)sizeof(answer) && answer.list)
		freeaddrinfo(answer.list);
	question_free(question);
	return NULL;
}

static bool start(const char *host, const char *port, int fd, struct err *err)
{
	struct question *question = NEW(struct question);
	pthread_attr_t attr;
	pthread_t thread;

	question->host = xstrdup(host);
	question->fd = fd;
	snprintf(question->port, sizeof(question->port), "%s", port);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(&thread, &attr, ask, question);
	pthread_attr_destroy(&attr);
	if (errno == 0)
		return true;
	(void)err_set_errno(err, ERR_INTERNAL, "cannot look up %s", host);
	question_free(question);
	return false;
}

static struct answer wait_for(int fd, int64_t deadline_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct answer answer = { .problem = EAI_AGAIN };

	while (poll(&pfd, 1, clock_left_ms(deadline_ms)) < 0 && errno == EINTR)
		;
	/* From here on the thread cannot send: it has, or it frees the list. */
	shutdown(fd, SHUT_RD);
	if (recv(fd, &answer, sizeof(answer), MSG_DONTWAIT) != (ssize_t)sizeof(answer))
		answer = (struct answer){ .problem = EAI_AGAIN };
	return answer;
}

struct addrinfo *resolve(const char *host, uint16_t port, int64_t deadline_ms,
                         struct err *err)
{
	struct answer answer;
	char port_text[8];
	int pair[2];

	snprintf(port_text, sizeof(port_text), "%u", port);
	answer = look_up(host, port_text, AI_NUMERICHOST);
	if (answer.problem == 0)
		return answer.list;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)err_set_errno(err, ERR_INTERNAL, "cannot look up %s", host);
		return NULL;
	}
	AUTO_CLOSE int ours = pair[0];
	if (!start(host, port_text, pair[1], err))
		return NULL;
	answer = wait_for(ours, deadline_ms);
	if (answer.problem == 0)
		return answer.list;
	(void)err_set(err, answer.problem == EAI_NONAME ? ERR_CONFIG : ERR_TEMPORARY,
	              "cannot look up %s: %s", host, gai_strerror(answer.problem));
	return NULL;
}
