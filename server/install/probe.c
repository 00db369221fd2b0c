/* SPDX-License-Identifier: Apache-2.0 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "resolve.h"
#include "starttls.h"

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free);
DEFINE_CLEANUP(SSL *, SSL_free);
DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(BIGNUM *, BN_free);

/* A handshake is a few thousand bytes; nobody may feed us for ever. */
enum { TAKEN_MAX = 512 * 1024 };

const char *const probe_seen_names[PROBE_SEEN_COUNT] = {
	[PROBE_WANTED] = "wanted",
	[PROBE_OTHER] = "other",
	[PROBE_NO_TLS] = "no-tls",
	[PROBE_UNREACHABLE] = "unreachable",
};

const char *const probe_protocol_names[PROBE_PROTOCOL_COUNT] = {
	[PROBE_TLS] = "tls",
	[PROBE_SMTP] = "smtp",
	[PROBE_IMAP] = "imap",
	[PROBE_POP3] = "pop3",
	[PROBE_POSTGRESQL] = "postgresql",
};

bool probe_protocol_find(const char *name, enum probe_protocol *out)
{
	for (size_t i = 0; i < PROBE_PROTOCOL_COUNT; i++)
		if (str_eq(probe_protocol_names[i], name)) {
			*out = (enum probe_protocol)i;
			return true;
		}
	return false;
}

/* The connected socket; else -1 and errno. */
static int connect_one(const struct addrinfo *to, int64_t deadline_ms)
{
	AUTO_CLOSE int fd = socket(to->ai_family,
	                           to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
	                           to->ai_protocol);
	socklen_t len = sizeof(int);
	int problem = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
		if (errno != EINPROGRESS || !socket_wait(fd, POLLOUT, deadline_ms))
			return -1;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) < 0)
			return -1;
	}
	errno = problem;
	return problem ? -1 : TAKE_FD(fd);
}

static int count(const struct addrinfo *list)
{
	int n = 0;

	for (; list; list = list->ai_next)
		n++;
	return n;
}

/* Each address gets its share of what is left, so that one that swallows packets
 * leaves time for the next. */
static int connect_any(const struct addrinfo *list, int64_t deadline_ms)
{
	int fd = -1;

	errno = EADDRNOTAVAIL;
	for (const struct addrinfo *to = list; to && fd < 0; to = to->ai_next)
		fd = connect_one(
		    to, clock_deadline_ms(clock_left_ms(deadline_ms) / count(to)));
	return fd;
}

static bool is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 ||
	       inet_pton(AF_INET6, text, address) == 1;
}

static SSL_CTX *context_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* Nothing of ours goes over it: a weak key is to be seen, not refused. */
	SSL_CTX_set_security_level(ctx, 0);
	return ctx;
}

/*
 * TLS goes through memory, and the bytes from there to the socket by our own send():
 * OpenSSL's own sockets use write(2), and a server that has gone would then end the
 * program with SIGPIPE.
 */
static SSL *session_new(SSL_CTX *ctx, const char *sni)
{
	CLEANUP(SSL_freep) SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (!ssl || !in || !out) {
		BIO_free(in);
		BIO_free(out);
		return NULL;
	}
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	/* RFC 6066 3: an address is not a name. The name is copied, though not const. */
	if (sni && *sni && !is_address(sni) &&
	    SSL_set_tlsext_host_name(ssl, (char *)(uintptr_t)sni) != 1)
		return NULL;
	return TAKE(ssl);
}

static bool send_out(SSL *ssl, int fd, int64_t deadline_ms)
{
	char *bytes = NULL;
	size_t len = (size_t)BIO_get_mem_data(SSL_get_wbio(ssl), &bytes);

	if (!socket_send(fd, bytes, len, deadline_ms))
		return false;
	return BIO_reset(SSL_get_wbio(ssl)) == 1;
}

/* True when something came. At the end of the stream errno is 0. */
static bool take_in(SSL *ssl, int fd, size_t *taken, int64_t deadline_ms)
{
	char piece[4096];
	ssize_t n;

	do {
		if (!socket_wait(fd, POLLIN, deadline_ms))
			return false;
		n = recv(fd, piece, sizeof(piece), 0);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n == 0)
		errno = 0;
	if (n <= 0)
		return false;
	*taken += (size_t)n;
	errno = EMSGSIZE;
	return *taken <= TAKEN_MAX && BIO_write(SSL_get_rbio(ssl), piece, (int)n) == n;
}

/* True when the handshake is through. Else errno, where it is the connection's fault,
 * or an entry in OpenSSL's queue. */
static bool handshake(SSL *ssl, int fd, int64_t deadline_ms)
{
	size_t taken = 0;

	for (;;) {
		int done = SSL_do_handshake(ssl);
		int why = SSL_get_error(ssl, done);

		/* Also when it failed: an alert goes out. Where nothing can be sent any
		 * more, what the server said before it left may still be read. */
		(void)send_out(ssl, fd, deadline_ms);
		if (done == 1)
			return true;
		if (why != SSL_ERROR_WANT_READ || !take_in(ssl, fd, &taken, deadline_ms))
			return false;
	}
}

static void tell_failure(const struct probe_target *target, int problem,
                         struct probe_result *out)
{
	unsigned long first = ERR_get_error();
	const char *reason = first ? ERR_reason_error_string(first) : NULL;

	out->seen = PROBE_NO_TLS;
	if (reason)
		snprintf(out->text, sizeof(out->text), "the TLS handshake failed: %s",
		         reason);
	else if (problem == ETIMEDOUT)
		snprintf(out->text, sizeof(out->text),
		         "connected, but no TLS answer within %d s", target->timeout_s);
	else
		snprintf(
		    out->text, sizeof(out->text), "the TLS handshake was cut off: %s",
		    problem ? strerror(problem) : "the server closed the connection");
}

static void read_serial(const X509 *leaf, struct probe_result *out)
{
	CLEANUP(BN_freep)
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
	unsigned char bytes[sizeof(out->serial) / 2 - 1];
	AUTO_BUF struct buf hex = BUF_INIT(sizeof(out->serial) - 1);

	if (number && BN_num_bytes(number) <= (int)sizeof(bytes))
		str_add_hex(&hex, bytes, (size_t)BN_bn2bin(number, bytes));
	snprintf(out->serial, sizeof(out->serial), "%s", hex.len ? hex.data : "?");
}

/* Why it is another one, as far as can be told: what a person would ask next. */
static const char *kind_of_other(const struct probe_target *target, X509 *leaf,
                                 const struct probe_result *out)
{
	if (target->before_sha256 &&
	    memcmp(out->sha256, target->before_sha256, sizeof(out->sha256)) == 0)
		return "still serves the certificate before this one, it has not "
		       "reloaded";
	if (out->not_after < clock_now())
		return "serves another certificate, which has expired";
	if (target->sni && *target->sni && !is_address(target->sni) &&
	    X509_check_host(leaf, target->sni, 0, 0, NULL) != 1)
		return "serves another certificate, which is not for that name";
	return "serves another certificate";
}

static void tell_leaf(const struct probe_target *target, X509 *leaf,
                      struct probe_result *out)
{
	char until[CLOCK_TEXT];

	clock_format(out->not_after, until);
	if (out->seen == PROBE_OTHER)
		snprintf(out->text, sizeof(out->text), "%s: serial %s, until %s",
		         kind_of_other(target, leaf, out), out->serial, until);
	else if (out->not_after < clock_now())
		snprintf(out->text, sizeof(out->text),
		         "serves the wanted certificate, but it has expired: %s", until);
	else
		snprintf(out->text, sizeof(out->text), "serves the wanted certificate");
}

static void read_leaf(const struct probe_target *target, X509 *leaf,
                      const unsigned char wanted[32], struct probe_result *out)
{
	unsigned char *der = NULL;
	int len = i2d_X509(leaf, &der);
	struct tm tm = { 0 };

	if (len > 0)
		sha256(der, (size_t)len, out->sha256);
	OPENSSL_free(der);
	read_serial(leaf, out);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) == 1)
		out->not_after = (int64_t)timegm(&tm);
	out->seen = memcmp(out->sha256, wanted, sizeof(out->sha256)) == 0 ? PROBE_WANTED
	                                                                  : PROBE_OTHER;
	tell_leaf(target, leaf, out);
}

static void look(const struct probe_target *target, int fd, int64_t deadline_ms,
                 const unsigned char wanted[32], struct probe_result *out)
{
	CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = context_new();
	CLEANUP(SSL_freep) SSL *ssl = session_new(ctx, target->sni);
	CLEANUP(X509_freep) X509 *leaf = NULL;
	bool done;
	int problem;

	ERR_clear_error();
	errno = 0;
	done = ssl && handshake(ssl, fd, deadline_ms);
	problem = errno;
	/* A server that wants a certificate of ours has shown its own before it refuses.
	 */
	leaf = ssl ? SSL_get1_peer_certificate(ssl) : NULL;
	if (leaf)
		read_leaf(target, leaf, wanted, out);
	else
		tell_failure(target, done ? 0 : problem, out);
	ERR_clear_error();
}

void probe_run(const struct probe_target *target, const unsigned char wanted_sha256[32],
               struct probe_result *out)
{
	int64_t deadline_ms = clock_deadline_ms((int64_t)target->timeout_s * 1000);
	struct err err = { 0 };
	CLEANUP(freeaddrinfop)
	struct addrinfo *list = resolve(target->address, target->port, deadline_ms, &err);
	AUTO_CLOSE int fd = -1;

	*out = (struct probe_result){ .seen = PROBE_UNREACHABLE };
	if (!list) {
		snprintf(out->text, sizeof(out->text), "%.150s", err.msg);
		return;
	}
	fd = connect_any(list, deadline_ms);
	if (fd < 0) {
		snprintf(out->text, sizeof(out->text), "%s port %u: %s", target->address,
		         target->port, strerror(errno));
		return;
	}
	out->seen = PROBE_NO_TLS;
	if (starttls_run(target->protocol, fd, deadline_ms, out->text, sizeof(out->text)))
		look(target, fd, deadline_ms, wanted_sha256, out);
}
