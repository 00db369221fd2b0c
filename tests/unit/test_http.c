/* SPDX-License-Identifier: Apache-2.0 */
/* Module http against servers that are broken, slow, greedy, or somebody else. */
#include "unit.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/http.h"
#include "make_cert.h"

/* One connection after the other; what it answers is chosen by the path. */
struct server {
	SSL_CTX *ctx; /* NULL: no TLS at all */
	int listener;
	int port;
	bool mute; /* accepts, and says nothing */
	atomic_int connections;
	atomic_int requests;
	pthread_t thread;
};

struct path {
	const char *path;
	const char *head;   /* sent once */
	const char *repeat; /* then this, for ever or `times` times */
	int times;
	int pause_ms;
};

#define OK "HTTP/1.1 200 OK\r\n"

/* clang-format off */
static const struct path paths[] = {
	{ "/ok", OK "Content-Length: 5\r\nReplay-Nonce: abc\r\nretry-after: \t 7 \r\n"
	  "X-Other: 1\r\n\r\nhello", NULL, 0, 0 },
	{ "/empty", "HTTP/1.1 204 No Content\r\n\r\n", NULL, 0, 0 },
	{ "/500", "HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad", NULL, 0, 0 },
	{ "/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
	  NULL, 0, 0 },
	{ "/long", OK "Content-Length: 100000\r\n\r\n", "0123456789", 10000, 0 },
	{ "/exact", OK "Content-Length: 1000\r\n\r\n", "0123456789", 100, 0 },
	{ "/one-more", OK "Content-Length: 1001\r\n\r\n+", "0123456789", 100, 0 },
	{ "/endless", OK "\r\n", "for ever and ever ", -1, 0 },
	{ "/chunks", OK "Transfer-Encoding: chunked\r\n\r\n", "4\r\nmore\r\n", -1, 0 },
	{ "/headers", OK, "X-More: and more\r\n", -1, 0 },
	{ "/wide-header", OK "X-Wide: ", "wwwwwwwwwwwwwwwwwwwwwwwww", -1, 0 },
	{ "/continue", "", "HTTP/1.1 100 Continue\r\n\r\n", -1, 0 },
	{ "/drip", OK "Content-Length: 1000\r\n\r\n", ".", 1000, 100 },
	{ "/header-drip", OK, "X: y\r\n", 1000, 100 },
	{ "/hang", "", "", -1, 100 },
	{ "/close", NULL, NULL, 0, 0 },
	{ "/cut", OK "Content-Length: 10\r\n\r\nhalf", NULL, 0, 0 },
	{ "/garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", NULL, 0, 0 },
	{ "/twice", OK "Content-Length: 0\r\nReplay-Nonce: one\r\nreplay-nonce: two\r\n\r\n",
	  NULL, 0, 0 },
	{ "/gzip", OK "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08!",
	  NULL, 0, 0 },
	{ "/nonce-of-100", "HTTP/1.1 103 Early\r\nReplay-Nonce: early\r\n\r\n" OK
	  "Content-Length: 0\r\n\r\n", NULL, 0, 0 },
};
/* clang-format on */

static bool put(SSL *ssl, const char *text)
{
	return !*text || SSL_write(ssl, text, (int)strlen(text)) > 0;
}

/* Nothing to say: has the client hung up (close_notify, FIN)? */
static bool has_hung_up(SSL *ssl)
{
	char peeked = 0;

	return recv(SSL_get_fd(ssl), &peeked, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static bool say(SSL *ssl, const struct path *path)
{
	if (!path->head || !put(ssl, path->head))
		return false;
	for (int n = 0; path->repeat && n != path->times; n++) {
		if (!*path->repeat && has_hung_up(ssl))
			return false;
		if (!put(ssl, path->repeat))
			return false;
		usleep((useconds_t)path->pause_ms * 1000);
	}
	return !str_eq(path->path, "/cut") && !str_eq(path->path, "/garbage");
}

static bool echo(SSL *ssl, const char *request)
{
	AUTO_FREE char *body = xasprintf("Content-Length: %zu\r\n\r\n%s", strlen(request),
	                                 request);

	return put(ssl, OK) && put(ssl, body);
}

static bool answer(SSL *ssl, const char *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		AUTO_FREE char *asked = xasprintf(" %s ", paths[i].path);

		if (strstr(request, asked))
			return say(ssl, &paths[i]);
	}
	return echo(ssl, request);
}

static void serve_tls(struct server *server, int fd)
{
	SSL *ssl = SSL_new(server->ctx);
	char request[8192];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		int len = 0;

		while ((len = SSL_read(ssl, request, sizeof(request) - 1)) > 0) {
			request[len] = '\0';
			atomic_fetch_add(&server->requests, 1);
			if (!answer(ssl, request))
				break;
		}
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
}

static void *serve(void *arg)
{
	struct server *server = arg;
	static const char plain[] = OK "Content-Length: 0\r\n\r\n";

	for (;;) {
		int fd = accept(server->listener, NULL, NULL);
		char byte = 0;

		if (fd < 0)
			return NULL;
		atomic_fetch_add(&server->connections, 1);
		if (server->mute)
			while (recv(fd, &byte, 1, 0) > 0)
				;
		else if (server->ctx)
			serve_tls(server, fd);
		else if (recv(fd, &byte, 1, 0) > 0)
			(void)send(fd, plain, sizeof(plain) - 1, MSG_NOSIGNAL);
		close(fd);
	}
}

static void server_start(struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server->listener, 64), 0);
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
}

static EVP_PKEY *ca_key, *other_key, *leaf_key;
static char ca_file[] = "/tmp/test_http.XXXXXX";

static X509 *make_leaf(const struct make_cert *difference)
{
	struct make_cert want = { .subject = "server",
		                  .issuer = "test CA",
		                  .names = "IP:127.0.0.1",
		                  .not_before = clock_now() - 86400,
		                  .not_after = clock_now() + 86400,
		                  .key = leaf_key,
		                  .signer = ca_key };

	if (difference->names)
		want.names = difference->names;
	if (difference->issuer)
		want.issuer = difference->issuer;
	if (difference->not_before)
		want.not_before = clock_now() + difference->not_before;
	if (difference->not_after)
		want.not_after = clock_now() + difference->not_after;
	if (difference->signer)
		want.signer = difference->signer;
	return make_x509(&want);
}

static SSL_CTX *make_context(const struct make_cert *difference, int max_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509 *leaf = make_leaf(difference);

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_max_proto_version(ctx, max_version);
	assert_int_equal(SSL_CTX_use_certificate(ctx, leaf), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, leaf_key), 1);
	X509_free(leaf);
	return ctx;
}

static int setup(void **state)
{
	struct err err = { 0 };
	EVP_PKEY **out[] = { &ca_key, &other_key, &leaf_key };
	struct make_cert root = { .subject = "test CA",
		                  .issuer = "test CA",
		                  .constraints = "critical,CA:TRUE",
		                  .not_before = clock_now() - 86400,
		                  .not_after = clock_now() + 86400 };
	X509 *cert = NULL;
	int fd = mkstemp(ca_file);
	FILE *file = fdopen(fd, "w");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(out); i++) {
		AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);

		*out[i] = evp_of(key);
	}
	root.key = root.signer = ca_key;
	cert = make_x509(&root);
	PEM_write_X509(file, cert);
	fclose(file);
	X509_free(cert);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(leaf_key);
	return unlink(ca_file);
}

static const char *const wanted[] = { "replay-nonce", "retry-after", "location", NULL };

/* Short only where the time must pass: the machine may be busy. */
enum { SHORT_S = 2, LONG_S = 60 };

static struct http *make_http(int timeout_s)
{
	const struct http_settings settings = { .ca_file = ca_file,
		                                .user_agent = "test/1",
		                                .timeout_s = timeout_s,
		                                .reply_max = 1000 };
	struct err err = { 0 };
	struct http *http = http_new(&settings, &err);

	assert_non_null(http);
	return http;
}

/* The words of the error; "" where a reply came. */
static bool get(struct http *http, int port, const char *path, struct http_call *call,
                struct err *err)
{
	AUTO_FREE char *url = xasprintf("https://127.0.0.1:%d%s", port, path);
	bool done = false;

	*err = (struct err){ 0 };
	call->method = "GET";
	call->url = url;
	call->want = wanted;
	done = http_do(http, call, err);
	call->url = NULL;
	return done;
}

/* Nobody listens at port 1: where a request would be made, it is answered with that. */
static void test_plain_http(void **state)
{
	static const struct {
		const char *url;
		bool goes;
	} rows[] = {
		{ "http://127.0.0.1:1/", true },
		{ "http://127.255.0.9:1/x?y", true },
		{ "http://[::1]:1/", true },
		{ "http://localhost:1/", false },
		{ "http://127.0.0.1.example.org:1/", false },
		{ "http://127.0.0.1@192.0.2.1:1/", false },
		{ "http://user@127.0.0.1:1/", false },
		{ "http://128.0.0.1:1/", false },
		{ "http://[::ffff:127.0.0.1]:1/", false },
		{ "http://[::1%25lo]:1/", false },
		{ "http://0.0.0.0:1/", false },
		{ "ftp://127.0.0.1:1/", false },
		{ "file:///etc/passwd", false },
	};
	struct http_settings settings = { .plain_loopback = true, .timeout_s = LONG_S };
	struct err err = { 0 };

	(void)state;
	for (int allowed = 0; allowed < 2; allowed++) {
		settings.plain_loopback = allowed;
		CLEANUP(http_freep) struct http *http = http_new(&settings, &err);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			AUTO_HTTP_CALL struct http_call call = { .method = "GET",
				                                 .url = rows[i].url };

			CHECK(rows[i].url, !http_do(http, &call, &err));
			CHECK(rows[i].url,
			      err.kind ==
			          (allowed && rows[i].goes ? ERR_TEMPORARY : ERR_INPUT));
			if (err.kind == ERR_TEMPORARY)
				CHECK(rows[i].url, str_starts(err.msg, "http://"));
		}
	}
	DONE();
}

static void test_roots_in_memory(void **state)
{
	AUTO_BUF struct buf pem = BUF_INIT(16384);
	struct http_settings settings = { .timeout_s = LONG_S };
	struct server server = { .ctx = make_context(&(struct make_cert){ 0 }, 0) };
	struct err err = { 0 };
	static const struct {
		const char *name;
		bool ours;
		enum err_kind want;
	} rows[] = {
		{ "the CA's certificate", true, ERR_NONE },
		{ "no certificate", false, ERR_CONFIG },
	};

	(void)state;
	assert_true(fs_read(ca_file, &pem, &err));
	server_start(&server);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_HTTP_CALL struct http_call call = { 0 };

		settings.ca_pem = rows[i].ours ? pem.data : "nothing";
		CLEANUP(http_freep) struct http *http = http_new(&settings, &err);
		CHECK(rows[i].name, get(http, server.port, "/empty", &call, &err) ==
		                        (rows[i].want == ERR_NONE));
		CHECK(rows[i].name, err.kind == rows[i].want);
	}
	server_stop(&server);
	DONE();
}

static const struct {
	const char *path;
	int status; /* 0: an error */
	enum err_kind kind;
	const char *text; /* the reply, or in the error */
} replies[] = {
	{ "/ok", 200, ERR_NONE, "hello" },
	{ "/empty", 204, ERR_NONE, "" },
	{ "/500", 500, ERR_NONE, "bad" },
	{ "/redirect", 302, ERR_NONE, "" },
	{ "/exact", 200, ERR_NONE, "0123456789" },
	{ "/twice", 200, ERR_NONE, "" },
	{ "/gzip", 200, ERR_NONE, "\x1f\x8b\x08!" },
	{ "/nonce-of-100", 200, ERR_NONE, "" },
	{ "/one-more", 0, ERR_REMOTE, "more than 1000 bytes" },
	{ "/long", 0, ERR_REMOTE, "more than 1000 bytes" },
	{ "/endless", 0, ERR_REMOTE, "more than 1000 bytes" },
	{ "/chunks", 0, ERR_REMOTE, "more than 1000 bytes" },
	{ "/headers", 0, ERR_REMOTE, "flood of headers" },
	{ "/continue", 0, ERR_REMOTE, "flood of headers" },
	{ "/wide-header", 0, ERR_TEMPORARY, "" },
	{ "/drip", 0, ERR_TEMPORARY, "in time" },
	{ "/header-drip", 0, ERR_TEMPORARY, "in time" },
	{ "/hang", 0, ERR_TEMPORARY, "in time" },
	{ "/close", 0, ERR_TEMPORARY, "hung up" },
	{ "/cut", 0, ERR_TEMPORARY, "in the middle" },
	{ "/garbage", 0, ERR_TEMPORARY, "no answer" },
};

static void test_replies(void **state)
{
	struct server server = { .ctx = make_context(&(struct make_cert){ 0 }, 0) };
	CLEANUP(http_freep) struct http *http = make_http(LONG_S);
	bool is_short = false;

	(void)state;
	server_start(&server);
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		const char *name = replies[i].path;
		const bool must_pass = str_eq(replies[i].text, "in time");

		if (is_short != must_pass) {
			http_free(TAKE(http));
			http = make_http(must_pass ? SHORT_S : LONG_S);
			is_short = must_pass;
		}
		AUTO_HTTP_CALL struct http_call call = { 0 };
		struct err err = { 0 };
		int64_t started = clock_mono_ms();
		bool done = get(http, server.port, name, &call, &err);

		CHECK(name, done == (replies[i].status != 0));
		CHECK(name, call.status == replies[i].status);
		CHECK(name, err.kind == replies[i].kind);
		if (!strstr(done ? call.reply.data : err.msg, replies[i].text))
			print_error("[%s] says: %s\n", name, err.msg);
		CHECK(name, strstr(done ? call.reply.data : err.msg, replies[i].text));
		CHECK(name, done || str_starts(err.msg, "https://127.0.0.1:"));
		CHECK(name, clock_mono_ms() - started < LONG_S * 1000);
		CHECK(name, call.reply.len <= 1000);
	}
	http_free(TAKE(http));
	server_stop(&server);
	DONE();
}

static void test_headers(void **state)
{
	static const struct {
		const char *path, *nonce, *retry_after, *location;
	} rows[] = {
		{ "/ok", "abc", "7", NULL },
		{ "/redirect", NULL, NULL, "/ok" },
		{ "/twice", "one, two", NULL, NULL },
		{ "/nonce-of-100", NULL, NULL, NULL },
	};
	struct server server = { .ctx = make_context(&(struct make_cert){ 0 }, 0) };
	CLEANUP(http_freep) struct http *http = make_http(LONG_S);
	AUTO_HTTP_CALL struct http_call call = { 0 };

	(void)state;
	server_start(&server);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };

		CHECK(rows[i].path, get(http, server.port, rows[i].path, &call, &err));
		CHECK(rows[i].path, str_eq(call.got[0], rows[i].nonce));
		CHECK(rows[i].path, str_eq(call.got[1], rows[i].retry_after));
		CHECK(rows[i].path, str_eq(call.got[2], rows[i].location));
	}
	CHECK("one connection for all", server.connections == 1);
	CHECK("no redirect was followed", server.requests == ARRAY_SIZE(rows));
	http_free(TAKE(http));
	server_stop(&server);
	DONE();
}

/* What is sent; and that nothing of a call is left in the handle for the next. */
static void test_requests(void **state)
{
	static const char *const typed[] = { "Content-Type: a/b", "X-Token: t", NULL };
	static const struct {
		const char *name, *method, *body;
		const char *const *headers;
		const char *has, *has_not;
	} rows[] = {
		{ "post", "POST", "payload", typed, "\r\n\r\npayload", "Expect" },
		{ "get after it", "GET", NULL, NULL, "GET /echo HTTP/1.1", "X-Token" },
		{ "type of the post", "POST", "x", typed, "Content-Type: a/b\r\n",
		  "urlencoded" },
		{ "delete", "DELETE", NULL, NULL, "DELETE /echo HTTP/1.1", "payload" },
		{ "put", "PUT", "{}", typed, "PUT /echo HTTP/1.1", "payload" },
		{ "get again", "GET", NULL, NULL, "GET /echo HTTP/1.1", "Content-" },
		{ "empty post", "POST", NULL, typed, "Content-Length: 0", "payload" },
		{ "agent", "GET", NULL, NULL, "User-Agent: test/1\r\n",
		  "Accept-Encoding" },
	};
	struct server server = { .ctx = make_context(&(struct make_cert){ 0 }, 0) };
	CLEANUP(http_freep) struct http *http = make_http(LONG_S);
	AUTO_FREE char *url = NULL;

	(void)state;
	server_start(&server);
	url = xasprintf("https://127.0.0.1:%d/echo", server.port);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_HTTP_CALL struct http_call call = {
			.method = rows[i].method,
			.url = url,
			.headers = rows[i].headers,
			.body = rows[i].body,
			.body_len = rows[i].body ? strlen(rows[i].body) : 0
		};
		struct err err = { 0 };

		CHECK(rows[i].name, http_do(http, &call, &err));
		CHECK(rows[i].name, strstr(call.reply.data, rows[i].has));
		CHECK(rows[i].name, !strstr(call.reply.data, rows[i].has_not));
	}
	http_free(TAKE(http));
	server_stop(&server);
	DONE();
}

static void test_refused_before_sending(void **state)
{
	static const char *const broken[] = { "X: a\r\nEvil: b", NULL };
	static const struct {
		const char *name, *method, *url;
		const char *const *headers;
	} rows[] = {
		{ "http", "GET", "http://127.0.0.1:%d/ok", NULL },
		{ "ftp", "GET", "ftp://127.0.0.1:%d/ok", NULL },
		{ "file", "GET", "file:///etc/passwd", NULL },
		{ "no scheme", "GET", "127.0.0.1:%d/ok", NULL },
		{ "user", "GET", "https://a:b@127.0.0.1:%d/ok", NULL },
		{ "line break", "GET", "https://127.0.0.1:%d/ok\r\nX: y", NULL },
		{ "method with a line break", "GET / HTTP/1.1\r\nX: y",
		  "https://127.0.0.1:%d/", NULL },
		{ "header with a line break", "GET", "https://127.0.0.1:%d/ok", broken },
	};
	struct server server = { .ctx = make_context(&(struct make_cert){ 0 }, 0) };
	CLEANUP(http_freep) struct http *http = make_http(LONG_S);

	(void)state;
	server_start(&server);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char url[200];
		struct http_call call = { .method = rows[i].method,
			                  .url = url,
			                  .headers = rows[i].headers };
		struct err err = { 0 };
		const char *gap = strstr(rows[i].url, "%d");

		snprintf(url, sizeof(url), "%.*s", gap ? (int)(gap - rows[i].url) : 199,
		         rows[i].url);
		if (gap)
			snprintf(url + strlen(url), sizeof(url) - strlen(url), "%d%s",
			         server.port, gap + 2);
		CHECK(rows[i].name, !http_do(http, &call, &err));
		CHECK(rows[i].name, err.kind == ERR_INPUT);
		http_call_deinit(&call);
	}
	CHECK("nobody connected", server.connections == 0);
	http_free(TAKE(http));
	server_stop(&server);
	DONE();
}

/* clang-format off */
static const struct {
	const char *name;
	struct make_cert difference;
	int max_version;
	bool no_tls, mute;
	enum err_kind kind;
	EVP_PKEY *const *signer; /* NULL: our CA's */
} wrong_servers[] = {
	{ "right", { 0 }, 0, false, false, ERR_NONE, NULL },
	{ "right, TLS 1.2", { 0 }, TLS1_2_VERSION, false, false, ERR_NONE, NULL },
	{ "expired", { .not_after = -60 }, 0, false, false, ERR_CONFIG, NULL },
	{ "not valid yet", { .not_before = 3600 }, 0, false, false, ERR_CONFIG, NULL },
	{ "another name", { .names = "DNS:other.test" }, 0, false, false, ERR_CONFIG, NULL },
	{ "another address", { .names = "IP:127.0.0.2" }, 0, false, false, ERR_CONFIG, NULL },
	{ "address as a name", { .names = "DNS:127.0.0.1" }, 0, false, false, ERR_CONFIG, NULL },
	{ "wildcard", { .names = "DNS:*.0.0.1" }, 0, false, false, ERR_CONFIG, NULL },
	/* OpenSSL's first error is then the signature's, which curl does not
	   know. */
	{ "another signer", { 0 }, 0, false, false, ERR_TEMPORARY, &other_key },
	{ "another CA", { .issuer = "x" }, 0, false, false, ERR_CONFIG, &other_key },
	{ "signed by itself", { .issuer = "server" }, 0, false, false, ERR_CONFIG, &leaf_key },
	{ "TLS 1.1", { 0 }, TLS1_1_VERSION, false, false, ERR_TEMPORARY, NULL },
	{ "TLS 1.0", { 0 }, TLS1_VERSION, false, false, ERR_TEMPORARY, NULL },
	{ "no TLS", { 0 }, 0, true, false, ERR_TEMPORARY, NULL },
	{ "mute", { 0 }, 0, true, true, ERR_TEMPORARY, NULL },
};
/* clang-format on */

/* Whatever is wrong with a server's certificate, nothing is said to it. */
static void test_wrong_servers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong_servers); i++) {
		struct server server = { .mute = wrong_servers[i].mute };
		CLEANUP(http_freep)
		struct http *http = make_http(wrong_servers[i].mute ? SHORT_S : LONG_S);
		AUTO_HTTP_CALL struct http_call call = { 0 };
		struct make_cert difference = wrong_servers[i].difference;
		struct err err = { 0 };

		if (wrong_servers[i].signer)
			difference.signer = *wrong_servers[i].signer;
		if (!wrong_servers[i].no_tls)
			server.ctx = make_context(&difference,
			                          wrong_servers[i].max_version);
		server_start(&server);
		CHECK(wrong_servers[i].name, get(http, server.port, "/ok", &call, &err) ==
		                                 (wrong_servers[i].kind == ERR_NONE));
		CHECK(wrong_servers[i].name, err.kind == wrong_servers[i].kind);
		CHECK(wrong_servers[i].name,
		      (server.requests > 0) == (wrong_servers[i].kind == ERR_NONE));
		CHECK(wrong_servers[i].name, wrong_servers[i].kind != ERR_CONFIG ||
		                                 strstr(err.msg, "`ca-file`"));
		http_free(TAKE(http));
		server_stop(&server);
	}
	DONE();
}

static void test_system_roots(void **state)
{
	const struct http_settings settings = { .user_agent = "test/1",
		                                .timeout_s = LONG_S };
	struct server server = { .ctx = make_context(&(struct make_cert){ 0 }, 0) };
	AUTO_HTTP_CALL struct http_call call = { 0 };
	struct err err = { 0 };
	CLEANUP(http_freep) struct http *http = http_new(&settings, &err);

	(void)state;
	server_start(&server);
	CHECK("our CA is none of them", !get(http, server.port, "/ok", &call, &err));
	CHECK("our CA is none of them", err.kind == ERR_CONFIG);
	CHECK("our CA is none of them", server.requests == 0);
	http_free(TAKE(http));
	server_stop(&server);
	DONE();
}

static void test_no_such_ca_file(void **state)
{
	const struct http_settings settings = { .ca_file = "/nonexistent/ca.pem" };
	struct err err = { 0 };

	(void)state;
	assert_null(http_new(&settings, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "/nonexistent/ca.pem"));
}

static void test_nobody_listens(void **state)
{
	CLEANUP(http_freep) struct http *http = make_http(LONG_S);
	AUTO_HTTP_CALL struct http_call call = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_false(get(http, 1, "/ok", &call, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_non_null(strstr(err.msg, "https://127.0.0.1:1: cannot connect"));
}

static void test_same_origin(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "https://a.test/", "https://a.test/x?y#z", true },
		{ "https://a.test", "https://a.test:443/x", true },
		{ "https://a.test/", "HTTPS://A.TEST/x", true },
		{ "https://a.test:444/", "https://a.test:444/x", true },
		{ "https://[::1]:1/", "https://[::1]:1/x", true },
		{ "https://a.test/", "https://a.test:444/", false },
		{ "https://a.test/", "http://a.test/", false },
		{ "http://a.test/", "http://a.test/", false },
		{ "https://a.test/", "https://a.test.evil/", false },
		{ "https://a.test/", "https://a.tes/", false },
		{ "https://a.test/", "https://a.test./", false },
		{ "https://a.test/", "https://b.test/a.test", false },
		{ "https://a.test/", "https://u@a.test/", false },
		{ "https://u@a.test/", "https://a.test/", false },
		{ "https://a.test/", "https://:p@a.test/", false },
		{ "https://a.test/", "https://@a.test/", false },
		{ "https://a.test/", "https://a.test@b.test/", false },
		{ "https://a.test/", "https://b.test\\@a.test/", false },
		{ "https://a.test/", "https://a.test\\.b.test/", false },
		{ "https://a.test/", "https://a.test /", false },
		{ "https://a.test/", "https://a.test/\n", false },
		{ "https://a.test/", "https://a.test/\x7f", false },
		{ "https://a.test/", "https://\xd0\xb0.test/", false },
		{ "https://a.test/", "//a.test/", false },
		{ "https://a.test/", "/x", false },
		{ "https://a.test/", "", false },
		{ "https://a.test/", NULL, false },
		{ NULL, NULL, false },
		{ "https://a.test/", "https:///x", false },
		{ "https://a.test/", "https://a.test:0443/", true },
		{ "https://a.test/", "https://a.test:65979/", false },
		{ "https://127.0.0.1/", "https://127.1/", true },
		{ "https://[fe80::1]/", "https://[fe80::1%25eth0]/", false },
		{ "javascript:x", "javascript:x", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(rows[i].b ? rows[i].b : "NULL",
		      http_same_origin(rows[i].a, rows[i].b) == rows[i].same);
	DONE();
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *text;
		int seconds;
	} rows[] = {
		{ NULL, 0 },
		{ "", 0 },
		{ "soon", 0 },
		{ "-1", 0 },
		{ "1.5", 0 },
		{ " 5", 0 },
		{ "5 ", 0 },
		{ "0x10", 0 },
		{ "5, 6", 0 },
		{ "0", 1 },
		{ "1", 1 },
		{ "120", 120 },
		{ "86400", 86400 },
		{ "86401", 86400 },
		{ "99999999999999999999999999", 86400 },
		{ "Thu, 01 Jan 1970 00:20:00 GMT", 200 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 1 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 86400 },
		{ "Thu, 01 Jan 1970 00:20:00", 0 },
		{ "Thu, 32 Jan 1970 00:20:00 GMT", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK(rows[i].text ? rows[i].text : "NULL",
		      http_retry_after(rows[i].text, 1000) == rows[i].seconds);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_http),
		cmocka_unit_test(test_roots_in_memory),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_refused_before_sending),
		cmocka_unit_test(test_wrong_servers),
		cmocka_unit_test(test_system_roots),
		cmocka_unit_test(test_no_such_ca_file),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_same_origin),
		cmocka_unit_test(test_retry_after),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	return cmocka_run_group_tests(tests, setup, teardown);
}
