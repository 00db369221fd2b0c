/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "install/preset.h"
#include "install/probe.h"
#include "make_cert.h"
#include "unit.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/str.h"

/* A TLS server on a port of its own, as well-behaved as the row wants it. SIGPIPE is
 * held back in its thread only: a probe that raised it would end this test. */
struct server {
	int listener;
	uint16_t port;
	const char *manner;
	const char *const *says; /* before TLS: one after each line it hears; NULL ends */
	int64_t not_after;       /* of its certificate */
	SSL_CTX *ctx;
	X509 *cert;
	pthread_t thread;
	char sni[100];
	int data; /* bytes that came after the handshake */
};

static EVP_PKEY *server_key;
/* In the year 2096: these tests hold until then. */
#define SOME_DAY INT64_C(4000000000)
/* Short only where the time must pass: the machine may be busy. */
enum { SHORT_S = 1, LONG_S = 60 };

static void serve_tls(struct server *server, int fd)
{
	SSL *ssl = SSL_new(server->ctx);
	char piece[100];
	const char *sni;
	int n;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
		snprintf(server->sni, sizeof(server->sni), "%s", sni ? sni : "(none)");
		n = SSL_read(ssl, piece, sizeof(piece));
		server->data += n > 0 ? n : 0;
	}
	SSL_free(ssl);
}

/* A line, or the eight bytes of an SSLRequest. */
static void hear(int fd)
{
	char byte = 0;

	for (int i = 0; byte != '\n' && read(fd, &byte, 1) == 1; i++)
		if (i == 7 && byte == 0x2f)
			return;
}

static void talk(struct server *server, int fd)
{
	for (const char *const *says = server->says; *says; says++) {
		if (says != server->says)
			hear(fd);
		(void)!write(fd, *says, strlen(*says));
	}
}

static void serve_one(struct server *server, int fd)
{
	static const char plain[] = "HTTP/1.0 400 Bad Request\r\n\r\n";
	const struct linger reset = { 1, 0 };
	char piece[5000];

	if (server->says)
		talk(server, fd);
	if (str_eq(server->manner, "plain")) {
		(void)!write(fd, plain, sizeof(plain) - 1);
		(void)!read(fd, piece, sizeof(piece));
	} else if (str_eq(server->manner, "silent")) {
		while (read(fd, piece, sizeof(piece)) > 0)
			;
	} else if (str_eq(server->manner, "drips")) {
		/* Slowly, and until nobody listens any more. */
		while (write(fd, "2", 1) == 1)
			usleep(20000);
	} else if (str_eq(server->manner, "reset")) {
		(void)!read(fd, piece, 1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	} else if (!str_eq(server->manner, "close")) {
		serve_tls(server, fd);
	}
	close(fd);
}

static void *serve(void *arg)
{
	struct server *server = arg;
	sigset_t pipe;
	int fd;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	while ((fd = accept(server->listener, NULL, NULL)) >= 0)
		serve_one(server, fd);
	return NULL;
}

static SSL_CTX *server_context(const char *manner, X509 *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, server_key), 1);
	if (str_eq(manner, "tls 1.2") || str_eq(manner, "asks for ours"))
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	if (str_eq(manner, "tls 1.1"))
		SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	if (str_eq(manner, "asks for ours"))
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		                   NULL);
	return ctx;
}

static void server_start(struct server *server, const char *manner)
{
	const char *const *says = server->says;
	int64_t not_after = server->not_after ? server->not_after : SOME_DAY;

	const struct make_cert cert = {
		.issuer = "Issuer",
		.names = "DNS:a.example",
		.serial_hex = "abcdef",
		.not_before = 1000000000,
		.not_after = not_after,
		.key = server_key,
		.signer = server_key,
	};
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	*server =
	    (struct server){ .manner = manner, .says = says, .cert = make_x509(&cert) };
	server->ctx = server_context(manner, server->cert);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server->listener, 20), 0);
	getsockname(server->listener, (struct sockaddr *)&address, &len);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	SSL_CTX_free(server->ctx);
	X509_free(server->cert);
}

static void digest_of(X509 *cert, unsigned char out[SHA256_LEN])
{
	X509_digest(cert, EVP_sha256(), out, NULL);
}

/* clang-format off */
static const struct {
	const char *name, *manner, *sni;
	enum probe_seen seen;
	const char *text, *sni_seen;
	bool want_another;
} rows[] = {
	{ "wanted", "tls", "a.example", PROBE_WANTED,
	  "serves the wanted certificate", "a.example", false },
	{ "another", "tls", "b.example", PROBE_OTHER,
	  "another certificate, which is not for that name: serial abcdef, until "
  "2096-10-02T07:06:40Z", "b.example", true },
	{ "another for the name", "tls", "a.example", PROBE_OTHER,
	  "another certificate: serial abcdef", "a.example", true },
	{ "no SNI", "tls", NULL, PROBE_WANTED, "wanted", "(none)", false },
	{ "empty SNI", "tls", "", PROBE_WANTED, "wanted", "(none)", false },
	{ "IPv4 as SNI", "tls", "192.0.2.1", PROBE_WANTED, "wanted", "(none)", false },
	{ "IPv6 as SNI", "tls", "2001:db8::1", PROBE_WANTED, "wanted", "(none)", false },
	{ "TLS 1.2", "tls 1.2", "a.example", PROBE_WANTED, "wanted", "a.example", false },
	{ "TLS 1.1 only", "tls 1.1", "a.example", PROBE_NO_TLS, "handshake failed", "", false },
	{ "wants a certificate", "asks for ours", "a.example", PROBE_WANTED,
	  "wanted", "", false },
	{ "not TLS", "plain", "a.example", PROBE_NO_TLS, "wrong version number", "", false },
	{ "closes", "close", "a.example", PROBE_NO_TLS, "cut off", "", false },
	{ "resets", "reset", "a.example", PROBE_NO_TLS, "cut off: Connection reset", "", false },
	{ "says nothing", "silent", "a.example", PROBE_NO_TLS,
	  "no TLS answer within 1 s", "", false },
};
/* clang-format on */

static void test_servers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct server server = { 0 };
		struct probe_result result;
		unsigned char wanted[SHA256_LEN];
		int64_t start = clock_mono_ms();

		server_start(&server, rows[i].manner);
		const struct probe_target target = {
			.address = "127.0.0.1",
			.port = server.port,
			.sni = rows[i].sni,
			.timeout_s = strstr(rows[i].text, "within 1 s") ? SHORT_S : LONG_S
		};
		digest_of(server.cert, wanted);
		wanted[31] ^= rows[i].want_another;
		probe_run(&target, wanted, &result);
		CHECK(rows[i].name, clock_mono_ms() - start < LONG_S * 1000);
		server_stop(&server);
		CHECK(rows[i].name, result.seen == rows[i].seen);
		CHECK(result.text, strstr(result.text, rows[i].text));
		CHECK(rows[i].name, str_eq(server.sni, rows[i].sni_seen));
		CHECK(rows[i].name, server.data == 0);
		if (result.seen <= PROBE_OTHER) {
			CHECK(rows[i].name, str_eq(result.serial, "abcdef"));
			CHECK(rows[i].name, result.not_after == SOME_DAY);
		}
	}
	DONE();
}

static const struct {
	const char *name, *address, *text;
} nowhere[] = {
	{ "refused", "127.0.0.1", "127.0.0.1 port 1: Connection refused" },
	{ "refused by both families", "localhost",
	  "localhost port 1: Connection refused" },
	{ "not a name", "not a name", "cannot look up not a name: " },
	{ "empty", "", "cannot look up" },
};

static void test_unreachable(void **state)
{
	const unsigned char wanted[SHA256_LEN] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		const struct probe_target target = { .address = nowhere[i].address,
			                             .port = 1,
			                             .sni = "a.example",
			                             .timeout_s = LONG_S };
		struct probe_result result;

		probe_run(&target, wanted, &result);
		CHECK(nowhere[i].name, result.seen == PROBE_UNREACHABLE);
		CHECK(result.text, strstr(result.text, nowhere[i].text));
	}
	DONE();
}

static void *probe_often(void *arg)
{
	const struct server *server = arg;
	const struct probe_target target = { .address = "localhost",
		                             .port = server->port,
		                             .sni = "a.example",
		                             .timeout_s = LONG_S };
	unsigned char wanted[SHA256_LEN];

	digest_of(server->cert, wanted);
	for (int i = 0; i < 5; i++) {
		struct probe_result result;

		probe_run(&target, wanted, &result);
		if (result.seen != PROBE_WANTED)
			return arg;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[8];
	struct server server = { 0 };

	(void)state;
	server_start(&server, "tls");
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, probe_often, &server),
		                 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		CHECK("thread", !failed);
	}
	server_stop(&server);
	DONE();
}

#define LONG_100                                                                 \
	"0123456789012345678901234567890123456789012345678901234567890123456789" \
	"012345678901234567890123456789"
#define LONG_1000                                                                        \
	LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100 \
	    LONG_100
#define MORE_10                                         \
	"250-a\r\n250-b\r\n250-c\r\n250-d\r\n250-e\r\n" \
	"250-a\r\n250-b\r\n250-c\r\n250-d\r\n250-e\r\n"
#define MORE_100 \
	MORE_10 MORE_10 MORE_10 MORE_10 MORE_10 MORE_10 MORE_10 MORE_10 MORE_10 MORE_10

/* What servers say before TLS, in the right words and in others. */
/* clang-format off */
static const struct {
	const char *name;
	enum probe_protocol protocol;
	const char *says[5];
	const char *manner;
	enum probe_seen seen;
	const char *text;
} talks[] = {
	{ "smtp", PROBE_SMTP,
	  { "220 mx ESMTP\r\n", "250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n", "220 2.0.0 go\r\n" },
	  "tls", PROBE_WANTED, "wanted" },
	{ "smtp, greeting of many lines", PROBE_SMTP,
	  { "220-a\r\n220-b\r\n220 c\r\n", "250 mx\r\n", "220 go\r\n" },
	  "tls", PROBE_WANTED, "wanted" },
	{ "smtp, bare newlines", PROBE_SMTP, { "220 mx\n", "250 mx\n", "220 go\n" },
	  "tls", PROBE_WANTED, "wanted" },
	{ "smtp, no STARTTLS", PROBE_SMTP, { "220 mx\r\n", "250 mx\r\n", "502 5.5.1 what?\r\n" },
	  "close", PROBE_NO_TLS, "instead of a yes to STARTTLS the server said '502 5.5.1 what?'" },
	{ "smtp, not for us", PROBE_SMTP, { "554 go away\r\n" },
	  "close", PROBE_NO_TLS, "instead of its greeting the server said '554 go away'" },
	{ "smtp, control characters", PROBE_SMTP, { "554 \033[2J\r\n" },
	  "close", PROBE_NO_TLS, "said '554 \\x1b[2J'" },
	{ "smtp, a line without end", PROBE_SMTP, { LONG_1000 LONG_100 },
	  "silent", PROBE_NO_TLS, "no answer to its greeting: Message too long" },
	{ "smtp, lines without end", PROBE_SMTP, { "220 mx\r\n", MORE_100 MORE_10 },
	  "silent", PROBE_NO_TLS, "no answer to EHLO: Message too long" },
	{ "smtp, cut off", PROBE_SMTP, { "220 mx\r\n", "250-mx\r\n" },
	  "close", PROBE_NO_TLS, "no answer to EHLO: the server closed the connection" },
	{ "smtp, silent", PROBE_SMTP, { "" }, "silent", PROBE_NO_TLS, "the time is up" },
	{ "smtp, drips", PROBE_SMTP, { "220-" }, "drips", PROBE_NO_TLS, "the time is up" },
	{ "tls, drips", PROBE_TLS, { "\x16\x03\x03\x3f\xff\x02" }, "drips", PROBE_NO_TLS,
	  "no TLS answer within 1 s" },
	/* What was put in before TLS is not taken for what comes over it. */
	{ "smtp, plain text behind the yes", PROBE_SMTP,
	  { "220 mx\r\n", "250 mx\r\n", "220 go\r\n250 injected\r\n" }, "tls", PROBE_NO_TLS,
	  "handshake failed" },
	{ "imap, plain text behind the yes", PROBE_IMAP,
	  { "* OK ready\r\n", "a OK begin\r\n* CAPABILITY injected\r\n" }, "tls", PROBE_NO_TLS,
	  "handshake failed" },
	{ "pop3, plain text behind the yes", PROBE_POP3,
	  { "+OK ready\r\n", "+OK begin\r\n+OK injected\r\n" }, "tls", PROBE_NO_TLS,
	  "handshake failed" },
	{ "postgresql, plain text behind the yes", PROBE_POSTGRESQL, { "", "SE injected" }, "tls",
	  PROBE_NO_TLS, "handshake failed" },
	{ "smtp, then no TLS", PROBE_SMTP, { "220 mx\r\n", "250 mx\r\n", "220 go\r\n" },
	  "plain", PROBE_NO_TLS, "handshake failed" },
	{ "imap", PROBE_IMAP, { "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", "a OK begin\r\n" },
	  "tls", PROBE_WANTED, "wanted" },
	{ "imap, untagged between", PROBE_IMAP, { "* OK ready\r\n", "* NOOP\r\na OK begin\r\n" },
	  "tls", PROBE_WANTED, "wanted" },
	{ "imap, no", PROBE_IMAP, { "* OK ready\r\n", "a BAD TLS support isn't enabled.\r\n" },
	  "close", PROBE_NO_TLS, "yes to STARTTLS the server said 'a BAD TLS support" },
	{ "imap, bye", PROBE_IMAP, { "* BYE full\r\n" },
	  "close", PROBE_NO_TLS, "instead of its greeting the server said '* BYE full'" },
	{ "pop3", PROBE_POP3, { "+OK ready\r\n", "+OK begin\r\n" }, "tls", PROBE_WANTED, "wanted" },
	{ "pop3, no", PROBE_POP3, { "+OK ready\r\n", "-ERR no\r\n" },
	  "close", PROBE_NO_TLS, "yes to STLS the server said '-ERR no'" },
	/* The server begins to speak only when it was asked. */
	{ "postgresql", PROBE_POSTGRESQL, { "", "S" }, "tls", PROBE_WANTED, "wanted" },
	{ "postgresql without", PROBE_POSTGRESQL, { "", "N" },
	  "close", PROBE_NO_TLS, "the server has no TLS: is ssl = on there?" },
	{ "postgresql, an error", PROBE_POSTGRESQL, { "", "E\1\2" },
	  "close", PROBE_NO_TLS, "instead of a yes to SSLRequest the server said 'E'" },
	{ "postgresql, gone", PROBE_POSTGRESQL, { "" },
	  "close", PROBE_NO_TLS, "no answer to SSLRequest: " },
};
/* clang-format on */

static void test_talks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(talks); i++) {
		struct server server = { .says = talks[i].says };
		struct probe_result result;
		unsigned char wanted[SHA256_LEN];

		server_start(&server, talks[i].manner);
		const bool must_pass = strstr(talks[i].text, "the time is up") ||
		                       strstr(talks[i].text, "within 1 s");
		const struct probe_target target = { .address = "127.0.0.1",
			                             .port = server.port,
			                             .sni = "a.example",
			                             .timeout_s = must_pass ? SHORT_S
			                                                    : LONG_S,
			                             .protocol = talks[i].protocol };
		digest_of(server.cert, wanted);
		probe_run(&target, wanted, &result);
		server_stop(&server);
		CHECK(talks[i].name, result.seen == talks[i].seen);
		CHECK(result.text, strstr(result.text, talks[i].text));
	}
	DONE();
}

/* clang-format off */
static const struct {
	const char *name, *sni;
	int64_t not_after;
	bool is_wanted, is_before;
	const char *text;
} others[] = {
	{ "expired", "a.example", 1000000100, false, false, "another certificate, which has expired:" },
	{ "wanted and expired", "a.example", 1000000100, true, false, "wanted certificate, but it has expired" },
	{ "not for the name", "b.example", SOME_DAY, false, false, "which is not for that name" },
	{ "the one before", "a.example", SOME_DAY, false, true,
	  "still serves the certificate before this one, it has not reloaded: serial abcdef" },
	{ "the one before, expired", "a.example", 1000000100, false, true, "it has not reloaded" },
	{ "of somebody else", "a.example", SOME_DAY, false, false, "serves another certificate: serial" },
};
/* clang-format on */

static void test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct server server = { .not_after = others[i].not_after };
		unsigned char wanted[SHA256_LEN], before[SHA256_LEN];
		struct probe_result result;

		server_start(&server, "tls");
		digest_of(server.cert, wanted);
		digest_of(server.cert, before);
		wanted[0] ^= !others[i].is_wanted;
		before[0] ^= !others[i].is_before;
		const struct probe_target target = { .address = "127.0.0.1",
			                             .port = server.port,
			                             .sni = others[i].sni,
			                             .timeout_s = LONG_S,
			                             .before_sha256 = before };
		probe_run(&target, wanted, &result);
		server_stop(&server);
		CHECK(others[i].name,
		      result.seen == (others[i].is_wanted ? PROBE_WANTED : PROBE_OTHER));
		CHECK(result.text, strstr(result.text, others[i].text));
	}
	DONE();
}

static void test_presets(void **state)
{
	const struct preset *nginx = preset_find("nginx");

	(void)state;
	assert_non_null(nginx);
	assert_string_equal(nginx->test[0], "nginx");
	assert_int_equal(nginx->probes[0].port, 443);
	assert_null(preset_find("Nginx"));
	assert_null(preset_find(""));
	for (size_t i = 0; presets[i].name; i++)
		CHECK(presets[i].name, presets[i].reload && presets[i].summary &&
		                           presets[i].probes[0].port);
	DONE();
}

static void test_protocols(void **state)
{
	enum probe_protocol protocol;

	(void)state;
	for (size_t i = 0; i < PROBE_PROTOCOL_COUNT; i++)
		CHECK(probe_protocol_names[i],
		      probe_protocol_find(probe_protocol_names[i], &protocol) &&
		          protocol == (enum probe_protocol)i);
	CHECK("unknown", !probe_protocol_find("ldap", &protocol));
	DONE();
}

static int set_up(void **state)
{
	(void)state;
	server_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return server_key ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(server_key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),   cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_threads),   cmocka_unit_test(test_talks),
		cmocka_unit_test(test_others),    cmocka_unit_test(test_presets),
		cmocka_unit_test(test_protocols),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
