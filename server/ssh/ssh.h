/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSH_SSH_H
#define SSH_SSH_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * ssh - one session to one server, spoken by a sandboxed child
 *
 * certferry-ssh-worker (libssh2) connects, checks the host key against the pins and
 * only then authenticates. The SSH private key never reaches it: it asks for a
 * signature, and we look at what is to be signed first (ssh/userauth.h). A host key
 * that is not pinned gets no authentication attempt. Then any number of commands run,
 * one after the other, over the same session. A struct ssh belongs to one thread.
 *
 * Errors: ERR_DENIED for a host key that is not the pinned one or a login that was
 * refused, ERR_CONFIG for no pin, ERR_TEMPORARY for all that may be better later. Where
 * a session could not be opened, err.code says at which step: "connect", "host-key" or
 * "login".
 */
struct ssh;
struct key;

/* A host key as the server presents it: the blob of RFC 4253 6.6. */
struct ssh_host_key {
	char type[40]; /* "ssh-ed25519" */
	unsigned char blob[2048];
	size_t blob_len;
};

struct ssh_target {
	const char *worker;  /* path of certferry-ssh-worker */
	const char *name;    /* for error texts: "web-1" */
	const char *address; /* name or address */
	uint16_t port;
	const char *user;
	const struct key *user_key; /* KEY_ED25519 */
	const struct ssh_host_key *pins;
	size_t pin_count;
	int connect_timeout_s; /* connect, handshake and login together */
};

struct ssh *ssh_open(const struct ssh_target *target, struct err *err) MUST_CHECK;
void ssh_close(struct ssh *ssh); /* NULL is fine; ends the child */
DEFINE_CLEANUP(struct ssh *, ssh_close);

/* Starts a command. The one before must have been ended with ssh_finish(). */
bool ssh_exec(struct ssh *ssh, const char *command, int64_t deadline_ms,
              struct err *err) MUST_CHECK;
/* To its standard input. */
bool ssh_write(struct ssh *ssh, const void *bytes, size_t len, int64_t deadline_ms,
               struct err *err) MUST_CHECK;
bool ssh_write_eof(struct ssh *ssh, int64_t deadline_ms, struct err *err) MUST_CHECK;
/* One line of its standard output, without the newline, appended to line; *ended where
 * there is none any more. A line over the buf's limit is an error. */
bool ssh_read_line(struct ssh *ssh, struct buf *line, bool *ended, int64_t deadline_ms,
                   struct err *err) MUST_CHECK;
/* Waits for its end. What it wrote to standard error (the first 2 KiB, printable) is
 * appended to complaint. status is its exit status, 128 + n where signal n ended it. */
bool ssh_finish(struct ssh *ssh, int *status, struct buf *complaint, int64_t deadline_ms,
                struct err *err) MUST_CHECK;

/* Which host keys does the server have? Connects once for each type we can verify;
 * no login is tried. For "host enroll". Of target, user, key and pins are not used. */
enum { SSH_HOST_KEYS_MAX = 4 };
bool ssh_scan(const struct ssh_target *target,
              struct ssh_host_key keys[SSH_HOST_KEYS_MAX], size_t *count,
              struct err *err) MUST_CHECK;

/* "ssh-ed25519 AAAA... comment", the line for authorized_keys. The caller frees. */
char *ssh_public_line(const struct key *key, const char *comment,
                      struct err *err) MUST_CHECK;
/* "SHA256:..." */
void ssh_fingerprint(const struct ssh_host_key *key, struct buf *out);
#endif
