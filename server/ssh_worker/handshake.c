/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/str.h"
#include "worker.h"

/*
 * What we speak, best first; libssh2 drops what its version lacks. 1.10 (Debian 12) has
 * of these the plain curves, CTR and plain HMAC; 1.11.1 (Debian 13) all but ML-KEM. Left
 * out: chacha20-poly1305 (CVE-2026-55200 in libssh2), CBC, SHA-1, MD5, group 1 and 14.
 * Plain HMAC stands before -etm: with CTR it is not exposed to Terrapin, whatever the
 * server makes of strict key exchange.
 */
static const char kex_list[] =
    "mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,"
    "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512";
static const char cipher_list[] = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
				  "aes256-ctr,aes192-ctr,aes128-ctr";
static const char mac_list[] = "hmac-sha2-256,hmac-sha2-512";
static const char mac_list_strict[] =
    "hmac-sha2-256,hmac-sha2-512,"
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com";

/* Which signature algorithms belong to a type of key. */
static const struct {
	const char *type, *methods;
} host_key_methods[] = {
	{ "ssh-ed25519", "ssh-ed25519" },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256" },
	{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384" },
	{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521" },
	{ "ssh-rsa", "rsa-sha2-512,rsa-sha2-256" },
};

static bool has(const char **algorithms, int count, const char *name, size_t len)
{
	for (int i = 0; i < count; i++)
		if (strlen(algorithms[i]) == len && memcmp(algorithms[i], name, len) == 0)
			return true;
	return false;
}

/* Only what this libssh2 has is handed to it: 1.10 copies overlapping memory when it
 * takes unknown names out of a list. */
static void prefer(struct worker *worker, int what, const char *list)
{
	AUTO_BUF struct buf known = BUF_INIT(1000);
	const char **algorithms = NULL;
	const int count = libssh2_session_supported_algs(worker->session, what,
	                                                 &algorithms);
	char text[200];

	for (const char *at = list; *at;) {
		const size_t len = strcspn(at, ",");

		if (has(algorithms, count, at, len))
			buf_addf(&known, "%s%.*s", known.len ? "," : "", (int)len, at);
		at += len + (at[len] == ',');
	}
	if (known.len == 0)
		worker_fail(WIRE_FAIL_ALGORITHMS, "this libssh2 (%s) has none of %s",
		            libssh2_version(0), list);
	if (libssh2_session_method_pref(worker->session, what, known.data))
		worker_fail(WIRE_FAIL_INTERNAL, "%s", worker_ssh_error(worker, text));
	if (count > 0)
		libssh2_free(worker->session, algorithms);
}

static void prefer_host_keys(struct worker *worker)
{
	AUTO_BUF struct buf list = BUF_INIT(400);

	for (size_t i = 0; i < worker->pin_count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(host_key_methods); j++)
			if (str_eq(host_key_methods[j].type, worker->types[i]))
				buf_addf(&list, "%s%s", list.len ? "," : "",
				         host_key_methods[j].methods);
	if (list.len == 0)
		worker_fail(WIRE_FAIL_ALGORITHMS, "'%s' host keys are not supported",
		            worker->types[0]);
	prefer(worker, LIBSSH2_METHOD_HOSTKEY, list.data);
}

/* libssh2's callback, in place of its own recv(): it alone knows that something came, or
 * the end. */
static LIBSSH2_RECV_FUNC(receive)
{
	struct worker *worker = *abstract;
	const ssize_t n = recv(socket, buffer, length, flags);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return -EAGAIN;
	if (n <= 0)
		worker->is_cut = true;
	if (n < 0)
		return -errno;
	worker->received += (uint64_t)n;
	return n;
}

static void watch_receiving(struct worker *worker)
{
#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(worker->session, LIBSSH2_CALLBACK_RECV,
	                              (libssh2_cb_generic *)receive);
#else
	libssh2_session_callback_set(worker->session, LIBSSH2_CALLBACK_RECV,
	                             (void *)receive);
#endif
}

void worker_prepare(struct worker *worker)
{
	const bool is_strict = libssh2_version(0x010b01) != NULL;

	if (libssh2_init(0) ||
	    !(worker->session = libssh2_session_init_ex(NULL, NULL, NULL, worker)))
		worker_fail(WIRE_FAIL_INTERNAL, "libssh2 does not start");
	watch_receiving(worker);
	libssh2_session_set_blocking(worker->session, 0);
	prefer_host_keys(worker);
	/* 1.11.0 loses strict key exchange where a list is set. */
	if (is_strict || !libssh2_version(0x010b00))
		prefer(worker, LIBSSH2_METHOD_KEX, kex_list);
	prefer(worker, LIBSSH2_METHOD_CRYPT_CS, cipher_list);
	prefer(worker, LIBSSH2_METHOD_CRYPT_SC, cipher_list);
	prefer(worker, LIBSSH2_METHOD_MAC_CS, is_strict ? mac_list_strict : mac_list);
	prefer(worker, LIBSSH2_METHOD_MAC_SC, is_strict ? mac_list_strict : mac_list);
	prefer(worker, LIBSSH2_METHOD_COMP_CS, "none");
	prefer(worker, LIBSSH2_METHOD_COMP_SC, "none");
}

static int call_handshake(struct worker *worker)
{
	return libssh2_session_handshake(worker->session, worker->fd);
}

static bool is_pinned(const struct worker *worker, const char *blob, size_t len)
{
	for (size_t i = 0; i < worker->pin_count; i++)
		if (wire_string_is(worker->pins[i], blob, len))
			return true;
	return false;
}

void worker_handshake(struct worker *worker)
{
	const int r = worker_run(worker, call_handshake, WIRE_FAIL_CONNECT);
	char text[200];
	size_t len = 0;
	int type = 0;

	if (r == LIBSSH2_ERROR_KEX_FAILURE || r == LIBSSH2_ERROR_METHOD_NONE)
		worker_fail(WIRE_FAIL_ALGORITHMS, "%s", worker_ssh_error(worker, text));
	if (r)
		worker_fail(WIRE_FAIL_CONNECT, "SSH handshake: %s",
		            worker_ssh_error(worker, text));
	const char *blob = libssh2_session_hostkey(worker->session, &len, &type);
	if (!blob || len == 0)
		worker_fail(WIRE_FAIL_CONNECT, "the server showed no host key");
	if (worker->public_blob.len == 0) {
		AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);

		wire_begin(&frame, WIRE_HOST_KEY);
		wire_add_string(&frame, blob, len);
		worker_send(&frame);
		_exit(0);
	}
	if (!is_pinned(worker, blob, len))
		worker_fail_bytes(WIRE_FAIL_HOST_KEY, blob, len);
}

/* libssh2's callback: the key is the parent's, so the parent signs. libssh2 frees *sig
 * by free(), as the session has no allocator of its own. */
static int sign(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len,
                const unsigned char *data, size_t data_len, void **abstract)
{
	const struct worker *worker = *abstract;
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	AUTO_BUF struct buf answer = BUF_INIT(FRAME_MAX);
	struct err err = { 0 };
	bool ended = false;

	(void)session;
	wire_begin(&frame, WIRE_SIGN);
	wire_add_string(&frame, data, data_len);
	worker_send(&frame);
	if (!frame_receive(CHILD_FD, &answer, &ended, worker->deadline_ms, &err) || ended)
		_exit(1);
	struct wire_reader reader = wire_read(answer.data + 1, answer.len - 1);
	const struct wire_string signature = wire_read_string(&reader);
	if (answer.data[0] != WIRE_SIGNATURE || reader.bad || signature.len == 0)
		return 1;
	*sig = malloc(signature.len);
	if (!*sig)
		return 1;
	memcpy(*sig, signature.bytes, signature.len);
	*sig_len = signature.len;
	return 0;
}

static int call_login(struct worker *worker)
{
	void *abstract = worker;

	return libssh2_userauth_publickey(worker->session, worker->user,
	                                  worker->public_blob.bytes,
	                                  worker->public_blob.len, sign, &abstract);
}

/* One attempt: servers count failures, and shut out who makes many. */
void worker_login(struct worker *worker)
{
	const int r = worker_run(worker, call_login, WIRE_FAIL_SESSION);
	char text[200];

	/* libssh2 has the words of a refusal for this as well. */
	if (r == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED && worker->is_cut)
		worker_fail(
		    WIRE_FAIL_SESSION,
		    "the server closed the connection in the middle of the login");
	if (r == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
	    r == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
		worker_fail(WIRE_FAIL_LOGIN, "%s", worker_ssh_error(worker, text));
	if (r)
		worker_fail(WIRE_FAIL_SESSION, "login: %s",
		            worker_ssh_error(worker, text));
}
