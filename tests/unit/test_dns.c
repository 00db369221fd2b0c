/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against a name server of our own, a thread on 127.0.0.1, that is told how to
 * misbehave. It speaks UDP and TCP on one port, and is the resolver as well.
 */
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
	TRUNCATED_WRONG, /* the same, and TCP answers something else */
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
	m->bytes[7]++;
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
	if (manner >= TRUNCATED && manner <= TRUNCATED_WRONG && !is_tcp) {
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
		                { fake->tcp, POLLIN, 0 },
		                { fake->stop[0], POLLIN, 0 } };

	while (poll(fds, 3, -1) > 0 && !fds[2].revents) {
		if (fds[0].revents)
			serve_udp(fake);
		if (fds[1].revents)
			serve_tcp(fake);
	}
	return NULL;
}

static void fake_start(struct fake *fake)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fake->tcp = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fake->tcp, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fake->tcp, 4), 0);
	assert_int_equal(getsockname(fake->tcp, (struct sockaddr *)&at, &size), 0);
	fake->udp = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fake->udp, (struct sockaddr *)&at, size), 0);
	assert_int_equal(pipe(fake->stop), 0);
	fake->port = ntohs(at.sin_port);
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

static const struct {
	const char *name;
	enum manner manner;
	const char *txt[4];
	enum dns_answer answer;
	const char *note;
} rows[] = {
	{ "shows it", HONEST, { "value-one" }, DNS_SHOWS, "" },
	{ "both there", HONEST, { "other", "value-one", "third" }, DNS_SHOWS, "" },
	{ "lacks it", HONEST, { "other" }, DNS_LACKS, "" },
	{ "a prefix is not it", HONEST, { "value-on" }, DNS_LACKS, "" },
	{ "longer is not it", HONEST, { "value-one-" }, DNS_LACKS, "" },
	{ "no record", HONEST, { NULL }, DNS_LACKS, "NOERROR" },
	{ "no name", NO_SUCH_NAME, { NULL }, DNS_LACKS, "NXDOMAIN" },
	{ "silent", SILENT, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "forged id", FORGED_ID, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "wrong question",
	  WRONG_QUESTION,
	  { "value-one" },
	  DNS_SILENT,
	  "no answer in 120 ms" },
	{ "forgeries, then the truth", FORGERIES_FIRST, { "value-one" }, DNS_SHOWS, "" },
	{ "cut, then TCP", TRUNCATED, { "value-one" }, DNS_SHOWS, "" },
	{ "cut, TCP hangs up",
	  TRUNCATED_DEAD,
	  { "value-one" },
	  DNS_SILENT,
	  "connection closed in mid-answer" },
	{ "cut, TCP answers something else",
	  TRUNCATED_WRONG,
	  { "value-one" },
	  DNS_SILENT,
	  "an answer to something else, over TCP" },
	{ "garbage", GARBAGE, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "oversized", OVERSIZED, { "value-one" }, DNS_SILENT, "no answer in 120 ms" },
	{ "a pointer that loops",
	  LOOPING_POINTER,
	  { "value-one" },
	  DNS_SILENT,
	  "not a DNS message" },
	{ "refuses", REFUSES, { "value-one" }, DNS_NO_AUTHORITY, "REFUSED" },
	{ "no AA bit",
	  NOT_AUTHORITATIVE,
	  { "value-one" },
	  DNS_NO_AUTHORITY,
	  "answers without authority" },
	{ "other letter case", OTHER_LETTER_CASE, { "value-one" }, DNS_SHOWS, "" },
};

static void test_manners(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake fake = { .manner = rows[i].manner };
		/* Short only where the time must pass: the machine may be busy. */
		const struct dns_settings settings = {
			.timeout_ms = str_starts(rows[i].note, "no answer") ? 120 : 5000
		};
		struct dns_zone zone = { .name = "example.test", .count = 1 };
		AUTO_STRLIST struct strlist wanted = { 0 };
		struct err err = { 0 };
		bool all_show = false;
		int64_t start = clock_mono_ms();

		memcpy(fake.txt, rows[i].txt, sizeof(fake.txt));
		fake_start(&fake);
		snprintf(zone.servers[0].address, DNS_ADDRESS_MAX, "127.0.0.1@%d",
		         fake.port);
		strlist_add(&wanted, "value-one");
		CHECK(rows[i].name,
		      dns_txt_ask(&settings, &zone, "_acme-challenge.example.test",
		                  &wanted, &all_show, &err));
		CHECK(rows[i].name, zone.servers[0].answer == rows[i].answer);
		CHECK(rows[i].name, all_show == (rows[i].answer == DNS_SHOWS));
		CHECK(rows[i].name, strcmp(zone.servers[0].note, rows[i].note) == 0);
		CHECK(rows[i].name, clock_mono_ms() - start < 4000);
		if (strcmp(zone.servers[0].note, rows[i].note) != 0)
			print_error("[%s] note: %s\n", rows[i].name,
			            zone.servers[0].note);
		fake_stop(&fake);
	}
	DONE();
}

static void test_two_servers(void **state)
{
	struct fake good = { .txt = { "a", "b" } }, stale = { .txt = { "a" } };
	struct dns_zone zone = { .name = "example.test", .count = 3 };
	const struct dns_settings settings = { .timeout_ms = 5000 };
	AUTO_STRLIST struct strlist wanted = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(4096);
	struct err err = { 0 };
	bool all_show = true;

	(void)state;
	fake_start(&good);
	fake_start(&stale);
	strlist_add(&wanted, "a");
	strlist_add(&wanted, "b");
	for (size_t i = 0; i < 3; i++)
		snprintf(zone.servers[i].ns, DNS_NAME_TEXT, "ns%zu.example.test", i + 1);
	snprintf(zone.servers[0].address, DNS_ADDRESS_MAX, "127.0.0.1@%d", good.port);
	snprintf(zone.servers[1].address, DNS_ADDRESS_MAX, "127.0.0.1@%d", stale.port);
	snprintf(zone.servers[2].address, DNS_ADDRESS_MAX, "127.0.0.1@1");
	assert_true(
	    dns_txt_ask(&settings, &zone, "x.example.test", &wanted, &all_show, &err));
	assert_false(all_show);
	dns_zone_format(&zone, &text);
	assert_non_null(strstr(text.data, " shows it; ns2.example.test 127.0.0.1@"));
	assert_non_null(strstr(text.data, " lacks it (1 value); ns3.example.test "
	                                  "127.0.0.1@1 does not answer "
	                                  "(connection refused)"));
	fake_stop(&stale);
	fake_stop(&good);
}

/* The documentation's IPv6 address is silent or without a route, on every machine. */
static const struct {
	const char *name;
	const char *addresses[4]; /* "good", "stale", or an address */
	bool all_show, any_shows;
	const char *text;
} reaches[] = {
	{ "IPv4 shows, IPv6 is dead",
	  { "good", "2001:db8::53" },
	  true,
	  true,
	  "2001:db8::53 cannot be reached from here, not counted (" },
	{ "dead alone", { "2001:db8::53" }, false, false, "2001:db8::53" },
	{ "IPv4 lags, IPv6 is dead",
	  { "good", "stale", "2001:db8::53" },
	  false,
	  true,
	  "lacks it (1 value)" },
	{ "one of IPv4 is silent",
	  { "good", "127.0.0.1@1" },
	  false,
	  true,
	  "127.0.0.1@1 does not answer (connection refused)" },
	{ "nobody shows, IPv6 is dead",
	  { "stale", "2001:db8::53" },
	  false,
	  false,
	  "lacks it (1 value)" },
};

static void test_reach(void **state)
{
	struct fake good = { .txt = { "a" } }, stale = { .txt = { "b" } };
	const struct dns_settings settings = { .timeout_ms = 300 };
	AUTO_STRLIST struct strlist wanted = { 0 };

	(void)state;
	fake_start(&good);
	fake_start(&stale);
	strlist_add(&wanted, "a");
	for (size_t i = 0; i < sizeof(reaches) / sizeof(reaches[0]); i++) {
		AUTO_BUF struct buf text = BUF_INIT(4096);
		struct dns_zone zone = { .name = "example.test" };
		struct dns_look look;
		struct err err = { 0 };

		for (; reaches[i].addresses[zone.count]; zone.count++) {
			const char *at = reaches[i].addresses[zone.count];
			char *out = zone.servers[zone.count].address;

			if (strchr(at, ':') || strchr(at, '@'))
				snprintf(out, DNS_ADDRESS_MAX, "%s", at);
			else
				snprintf(out, DNS_ADDRESS_MAX, "127.0.0.1@%d",
				         *at == 'g' ? good.port : stale.port);
		}
		CHECK(reaches[i].name, dns_txt_look(&settings, &zone, "x.example.test",
		                                    &wanted, &look, &err));
		CHECK(reaches[i].name, look.all_show == reaches[i].all_show);
		CHECK(reaches[i].name, look.any_shows == reaches[i].any_shows);
		dns_zone_format(&zone, &text);
		CHECK(reaches[i].name, strstr(text.data, reaches[i].text) != NULL);
	}
	fake_stop(&good);
	fake_stop(&stale);
	DONE();
}

static const struct {
	const char *name;
	enum manner manner;
	const char *ask;
	enum err_kind want;
} walks[] = {
	{ "from below", HONEST, "_acme-challenge.www.example.test", ERR_NONE },
	{ "at the apex", HONEST, "example.test", ERR_NONE },
	{ "another zone", HONEST, "www.example.org", ERR_CONFIG },
	{ "over TCP", TRUNCATED, "a.example.test", ERR_NONE },
	{ "silent resolver", SILENT, "a.example.test", ERR_TEMPORARY },
	{ "refusing resolver", REFUSES, "a.example.test", ERR_TEMPORARY },
	{ "garbage", GARBAGE, "a.example.test", ERR_TEMPORARY },
	{ "no name at all", HONEST, "a..b", ERR_INPUT },
};

static void test_walks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		struct fake fake = { .manner = walks[i].manner };
		struct dns_zone zone;
		struct err err = { 0 };
		char resolver[32];
		int timeout_ms = walks[i].want == ERR_TEMPORARY ? 300 : 5000;
		bool ok;

		fake_start(&fake);
		snprintf(resolver, sizeof(resolver), "127.0.0.1@%d", fake.port);
		ok = dns_zone_find(&(struct dns_settings){ resolver, timeout_ms },
		                   walks[i].ask, &zone, &err);
		CHECK(walks[i].name, ok == (walks[i].want == ERR_NONE));
		CHECK(walks[i].name, err.kind == walks[i].want);
		if (ok) {
			CHECK(walks[i].name, strcmp(zone.name, "example.test") == 0);
			CHECK(walks[i].name, zone.count == 1);
			CHECK(walks[i].name,
			      strcmp(zone.servers[0].ns, "ns.example.test") == 0);
			CHECK(walks[i].name,
			      strcmp(zone.servers[0].address, "127.0.0.1") == 0);
		} else {
			CHECK(walks[i].name, err.msg[0] != '\0');
		}
		fake_stop(&fake);
	}
	DONE();
}

static void test_address(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int port;
	} addresses[] = {
		{ "192.0.2.1", true, 53 },
		{ "192.0.2.1@5353", true, 5353 },
		{ "2001:db8::1", true, 53 },
		{ "2001:db8::1@53000", true, 53000 },
		{ "ns.example.org", false, 0 },
		{ "192.0.2.1@", false, 0 },
		{ "192.0.2.1@0", false, 0 },
		{ "192.0.2.1@65536", false, 0 },
		{ "@53", false, 0 },
		{ "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct dns_address out;
		struct sockaddr_in in;
		struct err err;
		bool ok = dns_address_parse(addresses[i].text, &out, &err);

		CHECK(addresses[i].text, ok == addresses[i].ok);
		if (!ok)
			continue;
		/* The port stands at the same place in both families. */
		memcpy(&in, &out.sockaddr, sizeof(in));
		CHECK(addresses[i].text, ntohs(in.sin_port) == addresses[i].port);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manners), cmocka_unit_test(test_two_servers),
		cmocka_unit_test(test_reach),   cmocka_unit_test(test_walks),
		cmocka_unit_test(test_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
