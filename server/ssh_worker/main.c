/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certferry-ssh-worker - one SSH session to one server
 *
 * Started by server/ssh, which has all secrets; docs/protocol-ssh-worker.md has the
 * frames. It connects, then locks itself in with its two sockets, and only then listens
 * to the server: libssh2 reads what strangers send long before a host key can be
 * checked. Nothing is sent for a login unless the host key is a pinned one.
 */
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "sandbox/sandbox.h"
#include "worker.h"

enum {
	WALL_S = 4 * 3600, /* the longest service and confirm times there may be */
	CPU_S = 20,        /* a handshake and a bundle take milliseconds */
	MEMORY_MAX = 256 * 1024 * 1024,
	NOBODY = 65534,
};

/* The frame stays: pins and keys point into it. */
static void read_open(struct worker *worker, struct buf *frame)
{
	struct err err = { 0 };
	bool ended = false;

	if (!frame_receive(CHILD_FD, frame, &ended, clock_deadline_ms(60 * 1000), &err) ||
	    ended)
		_exit(1);
	struct wire_reader reader = wire_read(frame->data + 1, frame->len - 1);
	wire_read_text(&reader, worker->address, sizeof(worker->address));
	worker->port = (uint16_t)wire_read_u32(&reader);
	wire_read_text(&reader, worker->user, sizeof(worker->user));
	worker->public_blob = wire_read_string(&reader);
	worker->deadline_ms = clock_deadline_ms(wire_read_u32(&reader));
	worker->pin_count = wire_read_u32(&reader);
	if (frame->data[0] != WIRE_OPEN || reader.bad ||
	    worker->pin_count > WIRE_PINS_MAX)
		worker_fail(WIRE_FAIL_INTERNAL, "the first frame is not understood");
	for (size_t i = 0; i < worker->pin_count; i++) {
		wire_read_text(&reader, worker->types[i], sizeof(worker->types[i]));
		worker->pins[i] = wire_read_string(&reader);
	}
	if (reader.bad || reader.left)
		worker_fail(WIRE_FAIL_INTERNAL, "the first frame is not understood");
}

static void lock_in(void)
{
	const struct sandbox_limits limits = { .cpu_s = CPU_S, .memory_max = MEMORY_MAX };
	struct err err = { 0 };

	if (!sandbox_enter(SANDBOX_ONE_SOCKET, &limits, &err))
		worker_fail(WIRE_FAIL_INTERNAL, "%s", err.msg);
}

int main(void)
{
	static struct worker worker = { .fd = -1, .input = BUF_INIT(FRAME_MAX) };
	struct buf open_frame = BUF_INIT(FRAME_MAX);
	AUTO_BUF struct buf ready = BUF_INIT(8);
	struct err err = { 0 };

	child_enter(WALL_S);
	read_open(&worker, &open_frame);
	if (!sandbox_drop_user(NOBODY, NOBODY, &err))
		worker_fail(WIRE_FAIL_INTERNAL, "%s", err.msg);
	worker_prepare(&worker);
	worker_connect(&worker);
	lock_in();
	worker_handshake(&worker);
	worker_login(&worker);
	wire_begin(&ready, WIRE_READY);
	worker_send(&ready);
	worker_serve(&worker);
}
