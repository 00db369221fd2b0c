/* SPDX-License-Identifier: Apache-2.0 */
#include "starttls.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"

enum { LINE_BYTES = 1024, LINES_MAX = 100 };

bool socket_wait(int fd, short what, int64_t deadline_ms)
{
	struct pollfd pfd = { .fd = fd, .events = what };
	int n;

	do
		n = poll(&pfd, 1, clock_left_ms(deadline_ms));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

bool socket_send(int fd, const void *bytes, size_t len, int64_t deadline_ms)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = send(fd, (const char *)bytes + sent, len - sent,
		                 MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR &&
		         (errno != EAGAIN || !socket_wait(fd, POLLOUT, deadline_ms)))
			return false;
	}
	return true;
}

/* One byte, since what stands behind an answer may be TLS. At the end errno is 0. */
static bool take_byte(int fd, char *out, int64_t deadline_ms)
{
	ssize_t n;

	do {
		if (!socket_wait(fd, POLLIN, deadline_ms))
			return false;
		n = recv(fd, out, 1, 0);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n == 0)
		errno = 0;
	return n == 1;
}

/* A line without its end. */
static bool take_line(int fd, char line[LINE_BYTES], int64_t deadline_ms)
{
	size_t len = 0;

	while (len < LINE_BYTES - 1) {
		if (!take_byte(fd, &line[len], deadline_ms))
			return false;
		if (line[len] == '\n') {
			line[len] = '\0';
			len -= len > 0 && line[len - 1] == '\r';
			line[len] = '\0';
			return true;
		}
		/* A NUL would hide what follows it. */
		if (line[len] == '\0')
			line[len] = '?';
		len++;
	}
	errno = EMSGSIZE;
	return false;
}

/* What we say, and what is to be said to it. */
struct step {
	const char *say;  /* NULL: the server begins */
	const char *good; /* how the last line of a good answer starts */
	const char *more; /* how a line starts that is not the last; NULL: none */
	const char *what; /* for error texts */
};

/* clang-format off */
static const struct step smtp[] = {
	{ NULL,                       "220", "220-", "its greeting" },
	{ "EHLO certferry.invalid\r\n", "250", "250-", "EHLO" },
	{ "STARTTLS\r\n",             "220", "220-", "STARTTLS" },
	{ 0 },
};
static const struct step imap[] = {
	{ NULL,                       "* OK", NULL, "its greeting" },
	{ "a STARTTLS\r\n",           "a OK", "* ", "STARTTLS" },
	{ 0 },
};
static const struct step pop3[] = {
	{ NULL,                       "+OK", NULL, "its greeting" },
	{ "STLS\r\n",                 "+OK", NULL, "STLS" },
	{ 0 },
};
/* clang-format on */

static bool cut_off(const char *what, char *why, size_t size)
{
	snprintf(why, size, "no answer to %s: %s", what,
	         errno == ETIMEDOUT ? "the time is up"
	         : errno            ? strerror(errno)
	                            : "the server closed the connection");
	return false;
}

static bool refused(const char *what, const char *line, char *why, size_t size)
{
	char shown[80];

	snprintf(why, size, "instead of %s%s the server said '%s'",
	         str_eq(what, "its greeting") ? "" : "a yes to ", what,
	         str_printable(line, shown, sizeof(shown)));
	return false;
}

static bool take_step(const struct step *step, int fd, int64_t deadline_ms, char *why,
                      size_t size)
{
	char line[LINE_BYTES];

	if (step->say && !socket_send(fd, step->say, strlen(step->say), deadline_ms))
		return cut_off(step->what, why, size);
	for (int lines = 0; lines < LINES_MAX; lines++) {
		if (!take_line(fd, line, deadline_ms))
			return cut_off(step->what, why, size);
		if (!step->more || !str_starts(line, step->more))
			return str_starts(line, step->good) ||
			       refused(step->what, line, why, size);
	}
	errno = EMSGSIZE;
	return cut_off(step->what, why, size);
}

static bool talk(const struct step *step, int fd, int64_t deadline_ms, char *why,
                 size_t size)
{
	for (; step->what; step++)
		if (!take_step(step, fd, deadline_ms, why, size))
			return false;
	return true;
}

/* SSLRequest: its length, and a number that no version has. */
static bool ask_postgresql(int fd, int64_t deadline_ms, char *why, size_t size)
{
	static const unsigned char request[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };
	char answer[2] = "";

	if (!socket_send(fd, request, sizeof(request), deadline_ms) ||
	    !take_byte(fd, answer, deadline_ms))
		return cut_off("SSLRequest", why, size);
	if (answer[0] == 'N') {
		snprintf(why, size, "the server has no TLS: is ssl = on there?");
		return false;
	}
	return answer[0] == 'S' || refused("SSLRequest", answer, why, size);
}

bool starttls_run(enum probe_protocol protocol, int fd, int64_t deadline_ms, char *why,
                  size_t why_size)
{
	static const struct step *const talks[PROBE_PROTOCOL_COUNT] = {
		[PROBE_SMTP] = smtp,
		[PROBE_IMAP] = imap,
		[PROBE_POP3] = pop3,
	};

	if (protocol == PROBE_POSTGRESQL)
		return ask_postgresql(fd, deadline_ms, why, why_size);
	return !talks[protocol] || talk(talks[protocol], fd, deadline_ms, why, why_size);
}
