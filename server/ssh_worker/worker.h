/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSH_WORKER_WORKER_H
#define SSH_WORKER_WORKER_H
#include <libssh2.h>
#include <stdint.h>

#include "ssh/wire.h"

/*
 * worker - one SSH session for one server, then the end
 *
 * Single-threaded, and its memory is never freed: the process ends with the session. Each
 * libssh2 call is non-blocking and repeated by worker_run() until it is through, since
 * libssh2 wants the same call again after EAGAIN, and no other in between. Wherever we
 * wait, we also see that the parent has gone, and end. The functions that can fail do
 * not return then: worker_fail() tells the parent why and ends the process.
 */
struct worker {
	int fd; /* the connection */
	int64_t deadline_ms;
	LIBSSH2_SESSION *session;
	LIBSSH2_CHANNEL *channel; /* of the running command, or NULL */
	uint64_t received;        /* bytes, by libssh2, whichever of its calls it was */
	bool is_cut;              /* the connection has ended without a word of SSH */

	char address[256];
	uint16_t port;
	char user[128];
	struct wire_string public_blob; /* empty: a scan */
	char types[WIRE_PINS_MAX][40];
	struct wire_string pins[WIRE_PINS_MAX];
	size_t pin_count;

	struct buf input; /* for the command's standard input, from input_at on */
	size_t input_at;
	bool input_ended, eof_sent;
	char command[48 * 1024];
};

/* Ends the process. */
void worker_fail(enum wire_failure failure, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));
void worker_fail_bytes(enum wire_failure failure, const void *bytes, size_t len)
    __attribute__((noreturn));
void worker_send(const struct buf *frame);

/* Waits for events on the connection, and on CHILD_FD if from_parent. False: deadline.
 * *parent_says is set when a frame is there. */
bool worker_wait(struct worker *worker, short events, bool from_parent,
                 bool *parent_says);

/* Calls again until it is not EAGAIN; a deadline that passes is a failure. */
typedef int worker_call(struct worker *worker);
int worker_run(struct worker *worker, worker_call *call, enum wire_failure failure);

/* "text of libssh2 (-18)" */
const char *worker_ssh_error(struct worker *worker, char out[200]);

/* connect.c */
void worker_connect(struct worker *worker);
/* handshake.c: up to the point where the pins have been compared, then the login. */
void worker_prepare(struct worker *worker);
void worker_handshake(struct worker *worker);
void worker_login(struct worker *worker);
/* command.c: serves the parent until it closes. Does not return. */
void worker_serve(struct worker *worker) __attribute__((noreturn));
#endif
