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
	SSL_CTX *ctx;
	X509 *cert;
	pthread_t thread;
	char sni[100];
	int data; /* bytes that came after the handshake */
};

static EVP_PKEY *server_key;
enum { SOME_DAY = 1900000000 };

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

static void serve_one(struct server *server, int fd)
{
	static const char plain[] = "HTTP/1.0 400 Bad Request\r\n\r\n";
	const struct linger reset = { 1, 0 };
	char piece[5000];

	if (str_eq(server->manner, "plain")) {
		(void)!write(fd, plain, sizeof(plain) - 1);
		(void)!read(fd, piece, sizeof(piece));
	} else if (str_eq(server->manner, "silent")) {
		while (read(fd, piece, sizeof(piece)) > 0)
			;
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
	const struct make_cert cert = {
		.issuer = "Issuer",
		.names = "DNS:a.example",
		.serial_hex = "abcdef",
		.not_before = 1000000000,
		.not_after = SOME_DAY,
		.key = server_key,
		.signer = server_key,
	};
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	*server = (struct server){ .manner = manner, .cert = make_x509(&cert) };
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
	  "another certificate: serial abcdef, until 2030-03-17T17:46:40Z", "b.example", true },
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
		struct server server;
		struct probe_result result;
		unsigned char wanted[SHA256_LEN];
		int64_t start = clock_mono_ms();

		server_start(&server, rows[i].manner);
		const struct probe_target target = { "127.0.0.1", server.port,
			                             rows[i].sni, 1 };
		digest_of(server.cert, wanted);
		wanted[31] ^= rows[i].want_another;
		probe_run(&target, wanted, &result);
		CHECK(rows[i].name, clock_mono_ms() - start < 3000);
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
		const struct probe_target target = { nowhere[i].address, 1, "a.example",
			                             3 };
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
	const struct probe_target target = { "localhost", server->port, "a.example", 10 };
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
	struct server server;

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

static void test_presets(void **state)
{
	const struct preset *nginx = preset_find("nginx");

	(void)state;
	assert_non_null(nginx);
	assert_string_equal(nginx->test[0], "nginx");
	assert_int_equal(nginx->probe_port, 443);
	assert_null(preset_find("Nginx"));
	assert_null(preset_find(""));
	for (size_t i = 0; presets[i].name; i++)
		CHECK(presets[i].name, presets[i].reload && presets[i].summary);
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
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_presets),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
