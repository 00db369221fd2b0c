/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "host_key.h"
#include "session.h"
#include "userauth.h"

/* What the worker is given above its own deadline, so that its own words arrive. */
enum { GRACE_MS = 1000 };

static bool sign(struct ssh *ssh, const struct key *key, const struct buf *blob,
                 int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf signature = BUF_INIT(256);
	AUTO_BUF struct buf frame = BUF_INIT(512);
	struct wire_reader reader = wire_read(ssh->frame.data + 1, ssh->frame.len - 1);
	const struct wire_string what = wire_read_string(&reader);

	if (!userauth_check(what.bytes, what.len, ssh->user, blob->data, blob->len,
	                    err) ||
	    !key_sign(key, what.bytes, what.len, &signature, err))
		return false;
	wire_begin(&frame, WIRE_SIGNATURE);
	wire_add_string(&frame, signature.data, signature.len);
	return child_send(&ssh->child, frame.data, frame.len, deadline_ms, err);
}

/* Until the worker is logged in; it gets one signature. */
static bool log_in(struct ssh *ssh, const struct key *key, const struct buf *blob,
                   int64_t deadline_ms, struct err *err)
{
	bool is_signed = false;

	for (;;) {
		if (!session_receive(ssh, deadline_ms, err))
			return false;
		if (ssh->frame.data[0] == WIRE_READY)
			return true;
		if (ssh->frame.data[0] != WIRE_SIGN || is_signed)
			return err_set(err, ERR_INTERNAL,
			               "certferry-ssh-worker said something out of turn");
		if (!sign(ssh, key, blob, deadline_ms, err))
			return false;
		is_signed = true;
	}
}

static bool check_target(const struct ssh_target *target, struct err *err)
{
	if (target->pin_count == 0)
		return err_set(err, ERR_CONFIG,
		               "no host key is pinned: run 'certferry host enroll %s'",
		               target->name);
	if (target->pin_count > WIRE_PINS_MAX)
		return err_set(err, ERR_CONFIG, "%zu host keys are pinned; at most %d go",
		               target->pin_count, WIRE_PINS_MAX);
	return true;
}

struct ssh *ssh_open(const struct ssh_target *target, struct err *err)
{
	const int64_t deadline_ms = clock_deadline_ms((int64_t)target->connect_timeout_s *
	                                              1000);
	CLEANUP(ssh_closep)
	struct ssh *ssh = session_new(target->name, target->address, target->port);
	AUTO_BUF struct buf blob = BUF_INIT(256);

	ssh->user = xstrdup(target->user);
	if (!check_target(target, err) || !public_blob(target->user_key, &blob, err)) {
		(void)session_context(ssh, err);
		return NULL;
	}
	ssh->pins = xcalloc(target->pin_count, sizeof(*ssh->pins));
	ssh->pin_count = target->pin_count;
	memcpy(ssh->pins, target->pins, target->pin_count * sizeof(*ssh->pins));
	if (!session_start(ssh, target->worker, &blob, deadline_ms, err) ||
	    !log_in(ssh, target->user_key, &blob, deadline_ms + GRACE_MS, err)) {
		(void)session_context(ssh, err);
		return NULL;
	}
	return TAKE(ssh);
}
