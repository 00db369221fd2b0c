/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "host_key.h"

enum { OUT_MAX = 256 * 1024, COMPLAINT_MAX = 2048 };

struct ssh *session_new(const char *name, const char *address, uint16_t port)
{
	struct ssh *ssh = NEW(struct ssh);

	*ssh = (struct ssh){
		.child = CHILD_INIT,
		.name = xstrdup(name),
		.address = xstrdup(address),
		.port = port,
		.frame = BUF_INIT(FRAME_MAX),
		.out = BUF_INIT(OUT_MAX),
		.complaint = BUF_INIT(COMPLAINT_MAX),
	};
	return ssh;
}

void ssh_close(struct ssh *ssh)
{
	if (!ssh)
		return;
	child_end(&ssh->child);
	buf_wipe(&ssh->frame);
	buf_wipe(&ssh->out);
	buf_wipe(&ssh->complaint);
	free(ssh->name);
	free(ssh->address);
	free(ssh->user);
	free(ssh->pins);
	free(ssh);
}

bool session_context(const struct ssh *ssh, struct err *err)
{
	const char *before = strchr(ssh->address, ':') ? "[" : "";
	const char *after = *before ? "]" : "";

	return err_context(err, "%s (%s%s%s:%u)", ssh->name, before, ssh->address, after,
	                   ssh->port);
}

bool session_start(struct ssh *ssh, const char *worker, const struct buf *public_blob,
                   int64_t deadline_ms, struct err *err)
{
	AUTO_BUF struct buf frame = BUF_INIT(FRAME_MAX);
	const char *user = ssh->user ? ssh->user : "";

	wire_begin(&frame, WIRE_OPEN);
	wire_add_string(&frame, ssh->address, strlen(ssh->address));
	wire_add_u32(&frame, ssh->port);
	wire_add_string(&frame, user, strlen(user));
	wire_add_string(&frame, public_blob->data, public_blob->len);
	wire_add_u32(&frame, (uint32_t)clock_left_ms(deadline_ms));
	wire_add_u32(&frame, (uint32_t)ssh->pin_count);
	for (size_t i = 0; i < ssh->pin_count; i++) {
		wire_add_string(&frame, ssh->pins[i].type, strlen(ssh->pins[i].type));
		wire_add_string(&frame, ssh->pins[i].blob, ssh->pins[i].blob_len);
	}
	return child_start(&ssh->child, worker, "certferry-ssh-worker", err) &&
	       child_send(&ssh->child, frame.data, frame.len, deadline_ms, err);
}

static void list_pins(const struct ssh *ssh, bool with_fingerprint, struct buf *out)
{
	for (size_t i = 0; i < ssh->pin_count; i++) {
		buf_addf(out, "%s", i ? " or " : "");
		if (with_fingerprint)
			host_key_show(&ssh->pins[i], out);
		else
			buf_addf(out, "%s", ssh->pins[i].type);
	}
}

typedef bool fail_fn(const struct ssh *ssh, struct wire_string what, struct err *err);

static const char *printable(struct wire_string what, char out[161])
{
	AUTO_BUF struct buf text = BUF_INIT(4 * 160);

	str_add_printable(&text, (const char *)what.bytes, what.len, 150);
	snprintf(out, 161, "%s", text.data);
	return out;
}

static bool fail_internal(const struct ssh *ssh, struct wire_string what, struct err *err)
{
	char shown[161];

	(void)ssh;
	return err_set(err, ERR_INTERNAL, "%s", printable(what, shown));
}

static bool fail_temporary(const struct ssh *ssh, struct wire_string what,
                           struct err *err)
{
	char shown[161];

	(void)ssh;
	return err_set(err, ERR_TEMPORARY, "%s", printable(what, shown));
}

static bool fail_algorithms(const struct ssh *ssh, struct wire_string what,
                            struct err *err)
{
	AUTO_BUF struct buf types = BUF_INIT(400);
	char shown[161];

	list_pins(ssh, false, &types);
	return err_set(
	    err, ERR_DENIED,
	    "the server offers no host key of the pinned type (%s), or no "
	    "algorithm in common (%s); if the server was reinstalled: certferry "
	    "host enroll %s",
	    types.data, printable(what, shown), ssh->name);
}

static bool fail_host_key(const struct ssh *ssh, struct wire_string what, struct err *err)
{
	AUTO_BUF struct buf pinned = BUF_INIT(1024);
	AUTO_BUF struct buf shown = BUF_INIT(200);
	struct ssh_host_key key;

	list_pins(ssh, true, &pinned);
	if (host_key_parse(what.bytes, what.len, &key))
		host_key_show(&key, &shown);
	else
		buf_addf(&shown, "something that is no key");
	return err_set(
	    err, ERR_DENIED,
	    "the host key is not the pinned one: pinned %s, the server shows %s; "
	    "if the server was reinstalled: certferry host enroll %s",
	    pinned.data, shown.data, ssh->name);
}

static bool fail_login(const struct ssh *ssh, struct wire_string what, struct err *err)
{
	char shown[161];

	return err_set(err, ERR_DENIED,
	               "the server does not let user '%s' in (%s): add the line that "
	               "'certferry init' printed to that user's ~/.ssh/authorized_keys",
	               ssh->user, printable(what, shown));
}

static const struct {
	fail_fn *say;
	const char *code; /* which step it was, for who tells them apart */
} fails[] = {
	[WIRE_FAIL_INTERNAL] = { fail_internal, "" },
	[WIRE_FAIL_CONNECT] = { fail_temporary, "connect" },
	[WIRE_FAIL_ALGORITHMS] = { fail_algorithms, "host-key" },
	[WIRE_FAIL_HOST_KEY] = { fail_host_key, "host-key" },
	[WIRE_FAIL_LOGIN] = { fail_login, "login" },
	[WIRE_FAIL_SESSION] = { fail_temporary, "login" },
};
_Static_assert(ARRAY_SIZE(fails) == WIRE_FAIL_COUNT, "a failure has no words");

bool session_receive(struct ssh *ssh, int64_t deadline_ms, struct err *err)
{
	if (!child_receive(&ssh->child, &ssh->frame, deadline_ms, err))
		return false;
	if (ssh->frame.data[0] != WIRE_FAILED)
		return true;
	struct wire_reader reader = wire_read(ssh->frame.data + 1, ssh->frame.len - 1);
	const uint32_t failure = wire_read_u32(&reader);
	const struct wire_string what = wire_read_string(&reader);
	if (reader.bad || failure >= WIRE_FAIL_COUNT)
		return err_set(err, ERR_INTERNAL,
		               "certferry-ssh-worker failed without saying why");
	(void)fails[failure].say(ssh, what, err);
	snprintf(err->code, sizeof(err->code), "%s", fails[failure].code);
	ssh->failure = (enum wire_failure)failure;
	return false;
}
