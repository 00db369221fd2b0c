/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { HEADER = 12, UDP_MAX = 4096, SENDS = 3 };

enum phase { PHASE_OVER, PHASE_UDP, PHASE_SEND, PHASE_READ, PHASE_COUNT };

struct peer {
	struct dns_asking *asking;
	enum phase phase;
	int fd;
	int timeout_ms;
	int64_t deadline, send_again;
	struct buf out; /* TCP: length and message */
	size_t sent;
	struct buf in;
};

static void end(struct peer *peer, const char *note)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	peer->phase = PHASE_OVER;
	buf_wipe(&peer->out);
	buf_wipe(&peer->in);
	snprintf(peer->asking->note, sizeof(peer->asking->note), "%s", note);
}

static void end_by_errno(struct peer *peer)
{
	static const struct {
		int number;
		bool no_route;
		const char *note;
	} known[] = {
		{ ECONNREFUSED, false, "connection refused" },
		{ ENETUNREACH, true, "no route" },
		{ EADDRNOTAVAIL, true, "no route" },
		{ EAFNOSUPPORT, true, "no route" },
		{ EHOSTUNREACH, false, "host unreachable" },
		{ ECONNRESET, false, "connection reset" },
	};
	int number = errno;
	const char *text = strerror(number);
	char line[80];

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].number == number) {
			peer->asking->has_no_route = known[i].no_route;
			text = known[i].note;
		}
	/* By UDP it does answer. */
	snprintf(line, sizeof(line), "%s%s", text,
	         peer->asking->was_cut ? " over TCP" : "");
	end(peer, line);
}

static void answered(struct peer *peer, const void *bytes, size_t len)
{
	buf_add(&peer->asking->reply, bytes, len);
	peer->asking->is_answered = true;
	end(peer, "");
}

/* The question must come back as it went, but for letter case (RFC 1035 2.3.3). */
static bool is_same_question(const unsigned char *ours, const unsigned char *theirs,
                             size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool is_letter = (ours[i] | 0x20) >= 'a' && (ours[i] | 0x20) <= 'z';
		unsigned char differ = ours[i] ^ theirs[i];

		if (differ != 0 && !(is_letter && differ == 0x20))
			return false;
	}
	return true;
}

static bool is_answer(const struct dns_asking *asking, const unsigned char *bytes,
                      size_t len)
{
	const unsigned char *asked = asking->wire;
	enum { QR_OPCODE = 0xf8 };

	if (len < HEADER || bytes[0] != asked[0] || bytes[1] != asked[1] ||
	    (bytes[2] & QR_OPCODE) != ((asked[2] & QR_OPCODE) | 0x80))
		return false;
	if (asking->tcp_only)
		return true;
	return len >= asking->len && bytes[4] == 0 && bytes[5] == 1 &&
	       is_same_question(asked + HEADER, bytes + HEADER, asking->len - HEADER);
}

static bool open_socket(struct peer *peer, int type)
{
	const struct dns_address *to = &peer->asking->to;

	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = socket(to->sockaddr.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	peer->deadline = clock_deadline_ms(peer->timeout_ms);
	if (peer->fd >= 0 &&
	    (connect(peer->fd, (const struct sockaddr *)&to->sockaddr, to->len) == 0 ||
	     errno == EINPROGRESS))
		return true;
	end_by_errno(peer);
	return false;
}

static void start_tcp(struct peer *peer)
{
	size_t len = peer->asking->len;
	const unsigned char prefix[2] = { (unsigned char)(len >> 8), (unsigned char)len };

	if (!open_socket(peer, SOCK_STREAM))
		return;
	buf_add(&peer->out, prefix, sizeof(prefix));
	buf_add(&peer->out, peer->asking->wire, len);
	peer->phase = PHASE_SEND;
}

static void send_udp(struct peer *peer)
{
	peer->send_again = clock_deadline_ms(peer->timeout_ms / SENDS + 1);
	if (send(peer->fd, peer->asking->wire, peer->asking->len, MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN && errno != EINTR)
		end_by_errno(peer);
}

static void start(struct peer *peer)
{
	if (peer->asking->len > DNS_MESSAGE_MAX) {
		end(peer, "a message of more than 65535 bytes");
	} else if (peer->asking->tcp_only) {
		start_tcp(peer);
	} else if (open_socket(peer, SOCK_DGRAM)) {
		peer->phase = PHASE_UDP;
		send_udp(peer);
	}
}

static bool is_try_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void step_udp(struct peer *peer)
{
	unsigned char bytes[UDP_MAX];
	ssize_t n = recv(peer->fd, bytes, sizeof(bytes), MSG_TRUNC);

	if (n < 0) {
		if (!is_try_again())
			end_by_errno(peer);
		return;
	}
	/* We announce no size, so more than this is no honest answer either. */
	if (n > UDP_MAX || !is_answer(peer->asking, bytes, (size_t)n))
		return;
	peer->asking->was_cut = bytes[2] & 0x02;
	if (peer->asking->was_cut)
		start_tcp(peer);
	else
		answered(peer, bytes, (size_t)n);
}

static void step_send(struct peer *peer)
{
	ssize_t n = send(peer->fd, peer->out.data + peer->sent,
	                 peer->out.len - peer->sent, MSG_NOSIGNAL);

	if (n < 0) {
		if (!is_try_again())
			end_by_errno(peer);
		return;
	}
	peer->sent += (size_t)n;
	if (peer->sent == peer->out.len)
		peer->phase = PHASE_READ;
}

static void step_read(struct peer *peer)
{
	unsigned char bytes[UDP_MAX];
	const unsigned char *in;
	size_t want;
	ssize_t n = recv(peer->fd, bytes, sizeof(bytes), 0);

	if (n < 0) {
		if (!is_try_again())
			end_by_errno(peer);
		return;
	}
	if (n == 0) {
		end(peer, "connection closed in mid-answer");
		return;
	}
	buf_add(&peer->in, bytes, (size_t)n);
	in = (const unsigned char *)peer->in.data;
	want = peer->in.len < 2 ? 0 : (size_t)(in[0] << 8 | in[1]);
	/* in takes more than the longest message, so it is never over its limit. */
	if (peer->in.len < 2 || peer->in.len < want + 2)
		return;
	if (!is_answer(peer->asking, in + 2, want))
		end(peer, "an answer to something else, over TCP");
	else
		answered(peer, in + 2, want);
}

static const struct {
	short wait_for;
	void (*step)(struct peer *peer);
} phases[] = {
	[PHASE_OVER] = { 0, NULL },
	[PHASE_UDP] = { POLLIN, step_udp },
	[PHASE_SEND] = { POLLOUT, step_send },
	[PHASE_READ] = { POLLIN, step_read },
};
_Static_assert(ARRAY_SIZE(phases) == PHASE_COUNT, "a phase has no row");

static void look_at_clock(struct peer *peer)
{
	char note[64];

	if (peer->phase == PHASE_UDP && clock_left_ms(peer->send_again) == 0)
		send_udp(peer);
	if (peer->phase == PHASE_OVER || clock_left_ms(peer->deadline) > 0)
		return;
	snprintf(note, sizeof(note), "no answer in %d ms%s", peer->timeout_ms,
	         peer->phase == PHASE_UDP ? "" : " over TCP");
	end(peer, note);
}

/* Fills the poll set; *wait_ms is until the first of them has something to do. */
static bool fill_poll(const struct peer *peers, size_t count, struct pollfd *fds,
                      int *wait_ms)
{
	bool any = false;

	*wait_ms = 60 * 1000;
	for (size_t i = 0; i < count; i++) {
		int64_t next = peers[i].deadline;

		/* A negative descriptor is one that poll() passes over. */
		fds[i] = (struct pollfd){ .fd = peers[i].fd,
			                  .events = phases[peers[i].phase].wait_for };
		if (peers[i].phase == PHASE_OVER)
			continue;
		any = true;
		if (peers[i].phase == PHASE_UDP && peers[i].send_again < next)
			next = peers[i].send_again;
		if (clock_left_ms(next) < *wait_ms)
			*wait_ms = clock_left_ms(next);
	}
	return any;
}

static void run(struct peer *peers, struct pollfd *fds, size_t count)
{
	int wait_ms;

	while (fill_poll(peers, count, fds, &wait_ms)) {
		int ready = poll(fds, (nfds_t)count, wait_ms);

		for (size_t i = 0; i < count; i++) {
			if (ready > 0 && fds[i].revents && peers[i].phase != PHASE_OVER)
				phases[peers[i].phase].step(&peers[i]);
			look_at_clock(&peers[i]);
		}
	}
}

void dns_exchange(struct dns_asking *list, size_t count, int timeout_ms)
{
	AUTO_FREE struct peer *peers = xcalloc(count + 1, sizeof(*peers));
	AUTO_FREE struct pollfd *fds = xcalloc(count + 1, sizeof(*fds));

	for (size_t i = 0; i < count; i++) {
		peers[i] = (struct peer){ .asking = &list[i],
			                  .fd = -1,
			                  .timeout_ms = timeout_ms,
			                  .out = BUF_INIT(DNS_MESSAGE_MAX + 2),
			                  .in = BUF_INIT(DNS_MESSAGE_MAX + UDP_MAX) };
		start(&peers[i]);
	}
	run(peers, fds, count);
}
