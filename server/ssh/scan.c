/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host_key.h"
#include "session.h"

/* One connection each. A server has one ECDSA key at most, so its three curves share
 * one. RSA is left out by a worker whose libssh2 knows only its SHA-1 kind. */
static const char *const groups[][3] = {
	{ "ssh-ed25519" },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521" },
	{ "ssh-rsa" },
};
_Static_assert(ARRAY_SIZE(groups) <= SSH_HOST_KEYS_MAX, "room for all keys");

static void ask_for(struct ssh *ssh, const char *const types[3])
{
	ssh->pins = xcalloc(3, sizeof(*ssh->pins));
	for (size_t i = 0; i < 3 && types[i]; i++, ssh->pin_count++)
		snprintf(ssh->pins[i].type, sizeof(ssh->pins[i].type), "%s", types[i]);
}

/* *found is false where the server has no such key: no error. */
static bool scan_one(struct ssh *ssh, const struct ssh_target *target,
                     struct ssh_host_key *key, bool *found, struct err *err)
{
	const int64_t deadline_ms = clock_deadline_ms((int64_t)target->connect_timeout_s *
	                                              1000);
	const struct buf nobody = BUF_INIT(0);
	struct err why = { 0 };

	*found = false;
	if (!session_start(ssh, target->worker, &nobody, deadline_ms, err))
		return false;
	if (!session_receive(ssh, deadline_ms + 1000, &why)) {
		if (ssh->failure == WIRE_FAIL_ALGORITHMS)
			return true;
		*err = why;
		return false;
	}
	struct wire_reader reader = wire_read(ssh->frame.data + 1, ssh->frame.len - 1);
	const struct wire_string blob = wire_read_string(&reader);
	if (ssh->frame.data[0] != WIRE_HOST_KEY || reader.bad ||
	    !host_key_parse(blob.bytes, blob.len, key))
		return err_set(err, ERR_REMOTE, "the server shows no host key");
	*found = true;
	return true;
}

bool ssh_scan(const struct ssh_target *target,
              struct ssh_host_key keys[SSH_HOST_KEYS_MAX], size_t *count, struct err *err)
{
	*count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		CLEANUP(ssh_closep)
		struct ssh *ssh = session_new(target->name, target->address,
		                              target->port);
		bool found;

		ask_for(ssh, groups[i]);
		if (!scan_one(ssh, target, &keys[*count], &found, err))
			return session_context(ssh, err);
		*count += found;
	}
	if (*count == 0)
		return err_set(
		    err, ERR_REMOTE,
		    "%s (%s:%u) shows no host key of a type that can be verified "
		    "here (ed25519 or ecdsa; rsa from libssh2 1.11 on)",
		    target->name, target->address, target->port);
	return true;
}
