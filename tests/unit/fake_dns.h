/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_dns - a name server of our own, a thread on 127.0.0.1, told how to misbehave
 *
 * It speaks UDP and TCP on one port, and is the resolver as well.
 */
#ifndef FAKE_DNS_H
#define FAKE_DNS_H
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/address.h"
#include "dns/dns.h"
#include "dns/message.h"
#include "unit.h"

enum manner {
	HONEST,
	SILENT,
	FORGED_ID,
	WRONG_QUESTION,
	FORGERIES_FIRST, /* then the truth */
	TRUNCATED,       /* over UDP; honest over TCP */
	TRUNCATED_DEAD,  /* the same, and TCP hangs up */
	TRUNCATED_ALONE, /* the same, and nobody listens on TCP */
	TRUNCATED_WRONG, /* the same, and TCP answers something else */
	CROWDED,         /* 60 values more, which need TCP */
	GARBAGE,
	OVERSIZED,
	REFUSES,
	NOT_AUTHORITATIVE,
	NO_SUCH_NAME,
	OTHER_LETTER_CASE,
	LOOPING_POINTER,
};

struct fake {
	enum manner manner;
	const char *txt[4]; /* NULL ends */
	int udp, tcp, stop[2];
	uint16_t port;
	pthread_t thread;
};

struct message {
	uint8_t bytes[8192];
	size_t len;
};

static void put(struct message *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

/* One record at the name of the question (a pointer to byte 12). */
static void put_record(struct message *m, uint8_t type, const void *data, uint16_t len)
{
	const uint8_t head[] = {
		0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, (uint8_t)(len >> 8), (uint8_t)len
	};

	put(m, head, sizeof(head));
	put(m, data, len);
	m->bytes[7]++; /* 255 records at most */
}

static void put_txt(struct message *m, const char *text)
{
	uint8_t data[300];
	size_t len = strlen(text), half = len / 2;

	/* In two strings, which a reader must join. */
	data[0] = (uint8_t)half;
	data[half + 1] = (uint8_t)(len - half);
	for (size_t i = 0; i < len; i++)
		data[i < half ? i + 1 : i + 2] = (uint8_t)text[i];
	put_record(m, DNS_TYPE_TXT, data, (uint16_t)(len + 2));
}

static uint8_t asked_type(const struct message *m)
{
	return m->bytes[m->len - 3];
}

static bool asks_for(const struct message *m, const char *wire_name)
{
	return memcmp(m->bytes + 12, wire_name, strlen(wire_name) + 1) == 0;
}

static const char zone_name[] = "\7example\4test";

/* example.test has one name server, ns.example.test at 127.0.0.1 and ::1. */
static void add_answers(const struct fake *fake, struct message *m)
{
	static const uint8_t ns[] = { 2, 'n', 's', 0xc0, 12 }, here[] = { 127, 0, 0, 1 },
			     soa[] = { 0xc0, 12, 0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 1,
		                       0,    0,  0,    1,  0, 0, 0, 1, 0, 0, 0, 1 };
	uint8_t type = asked_type(m);

	if (type == DNS_TYPE_SOA && asks_for(m, zone_name))
		put_record(m, type, soa, sizeof(soa));
	if (type == DNS_TYPE_NS && asks_for(m, zone_name))
		put_record(m, type, ns, sizeof(ns));
	if (type == DNS_TYPE_A)
		put_record(m, type, here, sizeof(here));
	for (size_t i = 0; type == DNS_TYPE_TXT && fake->txt[i]; i++)
		put_txt(m, fake->txt[i]);
	for (int i = 0; type == DNS_TYPE_TXT && fake->manner == CROWDED && i < 60; i++) {
		char text[44];

		snprintf(text, sizeof(text),
		         "of-another-order-abcdefghijklmnopqrstuvw-%02d", i);
		put_txt(m, text);
	}
}

/* Each changes the question m into the answer; false: none is sent. */
static bool misbehave(const struct fake *fake, struct message *m, bool is_tcp)
{
	enum manner manner = fake->manner;
	const uint8_t loop[] = { 0xc0, 0xff, 0xc0, 0xff };

	m->bytes[2] = 0x84;
	if (manner == SILENT)
		return false;
	if (manner == TRUNCATED_WRONG && is_tcp)
		m->bytes[0] ^= 0x55;
	if (manner >= TRUNCATED && manner <= CROWDED && !is_tcp) {
		m->bytes[2] |= 2;
		return true;
	}
	add_answers(fake, m);
	switch ((int)manner) {
	case FORGED_ID: m->bytes[1] ^= 1; break;
	case WRONG_QUESTION: m->bytes[14] = 'x'; break;
	case GARBAGE: memset(m->bytes + 20, 0xc5, m->len - 20); break;
	case OVERSIZED: m->len = 6000; break;
	case REFUSES: m->bytes[3] = 5; break;
	case NOT_AUTHORITATIVE: m->bytes[2] = 0x80; break;
	case NO_SUCH_NAME: m->bytes[3] = 3; break;
	case OTHER_LETTER_CASE: m->bytes[14] ^= 0x20; break;
	case LOOPING_POINTER:
		put(m, loop, sizeof(loop));
		m->bytes[7]++;
		break;
	default: break;
	}
	return true;
}

static void serve_udp(const struct fake *fake)
{
	struct message m = { 0 };
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fake->udp, m.bytes, 512, 0, (struct sockaddr *)&from, &size);

	if (n < 17)
		return;
	m.len = (size_t)n;
	if (fake->manner == FORGERIES_FIRST) {
		struct fake forger = *fake;

		for (forger.manner = FORGED_ID; forger.manner < FORGERIES_FIRST;
		     forger.manner++) {
			struct message lie = m;

			(void)misbehave(&forger, &lie, false);
			sendto(fake->udp, lie.bytes, lie.len, 0, (struct sockaddr *)&from,
			       size);
		}
	}
	if (misbehave(fake, &m, false))
		sendto(fake->udp, m.bytes, m.len, 0, (struct sockaddr *)&from, size);
}

static void serve_tcp(const struct fake *fake)
{
	struct message m = { 0 };
	uint8_t prefix[2];
	int fd = accept(fake->tcp, NULL, NULL);

	if (recv(fd, prefix, 2, MSG_WAITALL) == 2) {
		ssize_t n = recv(fd, m.bytes, prefix[1], MSG_WAITALL);

		m.len = n > 0 ? (size_t)n : 0;
		/* It hangs up once all was read, so that the end is no reset. */
		if (m.len > 16 && fake->manner != TRUNCATED_DEAD &&
		    misbehave(fake, &m, true)) {
			prefix[0] = (uint8_t)(m.len >> 8);
			prefix[1] = (uint8_t)m.len;
			/* In pieces, as a network may deliver it. */
			(void)!write(fd, prefix, 1);
			(void)!write(fd, prefix + 1, 1);
			(void)!write(fd, m.bytes, 5);
			usleep(1000);
			(void)!write(fd, m.bytes + 5, m.len - 5);
		}
	}
	close(fd);
}

static void *serve(void *arg)
{
	struct fake *fake = arg;
	struct pollfd fds[] = { { fake->udp, POLLIN, 0 },
		                { fake->manner == TRUNCATED_ALONE ? -1 : fake->tcp,
		                  POLLIN, 0 },
		                { fake->stop[0], POLLIN, 0 } };

	/* One that does not listen would be ready all the time: it is left out. */
	while (poll(fds, 3, -1) > 0 && !fds[2].revents) {
		if (fds[0].revents)
			serve_udp(fake);
		if (fds[1].revents)
			serve_tcp(fake);
	}
	return NULL;
}

/* A port that is free for both protocols: what the kernel gives for the one, somebody may
 * have for the other, as whoever asks a name server has one while he waits. */
static bool take_port(struct fake *fake)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fake->tcp = socket(AF_INET, SOCK_STREAM, 0);
	fake->udp = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fake->tcp, (struct sockaddr *)&at, size), 0);
	assert_int_equal(getsockname(fake->tcp, (struct sockaddr *)&at, &size), 0);
	fake->port = ntohs(at.sin_port);
	if (bind(fake->udp, (struct sockaddr *)&at, size) == 0)
		return true;
	close(fake->tcp);
	close(fake->udp);
	return false;
}

static void fake_start(struct fake *fake)
{
	int tries = 0;

	while (!take_port(fake))
		assert_true(++tries < 1000);
	/* Bound and not listening: refused, and nobody else gets the port meanwhile. */
	if (fake->manner != TRUNCATED_ALONE)
		assert_int_equal(listen(fake->tcp, 4), 0);
	assert_int_equal(pipe(fake->stop), 0);
	assert_int_equal(pthread_create(&fake->thread, NULL, serve, fake), 0);
}

static void fake_stop(struct fake *fake)
{
	close(fake->stop[1]);
	pthread_join(fake->thread, NULL);
	close(fake->stop[0]);
	close(fake->udp);
	close(fake->tcp);
}
#endif
