/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSH_SESSION_H
#define SSH_SESSION_H
#include "base/child.h"
#include "ssh.h"
#include "wire.h"

/*
 * session - what ssh.c, login.c and scan.c share: the child and what it said
 *
 * Texts and pins are copies, since an error may be worded long after ssh_open().
 */
struct ssh {
	struct child child;
	char *name, *address, *user;
	uint16_t port;
	struct ssh_host_key *pins;
	size_t pin_count;
	struct buf frame; /* the last one received */
	struct buf out;   /* standard output that nobody has read yet, from out_at on */
	size_t out_at;
	struct buf complaint;      /* the start of standard error */
	enum wire_failure failure; /* the worker's last word */
	bool running, eof_sent, exited;
	int status;
};

struct ssh *session_new(const char *name, const char *address, uint16_t port);

/* "web-1 (192.0.2.11:22): " before what err says. */
bool session_context(const struct ssh *ssh, struct err *err);

/* Starts the worker and sends WIRE_OPEN. An empty public blob asks for a scan; pins
 * without blobs are types. */
bool session_start(struct ssh *ssh, const char *worker, const struct buf *public_blob,
                   int64_t deadline_ms, struct err *err) MUST_CHECK;

/* One frame into ssh->frame. WIRE_FAILED becomes the error, in words for people. */
bool session_receive(struct ssh *ssh, int64_t deadline_ms, struct err *err) MUST_CHECK;
#endif
