/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <string.h>

#include "agentwire/agentwire.h"
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "greeting.h"
#include "ssh/ssh.h"

/*
 * The transport "agent". What we ask to run is not heard where the agent is a forced
 * command; where there is none, a shell says that it knows no such command, and nothing
 * has happened.
 */

enum { HELLO_TIMEOUT_S = 30, LINE_MAX_BYTES = 2048 };

_Static_assert((int)INSTALL_BUNDLE_MAX == (int)AGENTWIRE_JOB_MAX, "one limit for both");

static char *command(const struct deploy_host *host)
{
	(void)host;
	return xstrdup(AGENT_ANY);
}

typedef void slot_fn(const struct transport_job *job, size_t at, struct buf *out);

static bool add_job(const struct transport_job *job, enum agentwire_job kind,
                    slot_fn *add_slot, struct buf *out, struct err *err)
{
	int confirm_s = job->install.confirm_timeout_s;
	const struct agentwire_start start = {
		.job = kind,
		.reload_anyway = job->reload_anyway,
		.confirm_timeout_s = confirm_s < 1 ? 1
		                     : confirm_s > AGENTWIRE_CONFIRM_MAX_S
		                         ? AGENTWIRE_CONFIRM_MAX_S
		                         : confirm_s,
	};
	unsigned char digest[AGENTWIRE_DIGEST];

	if (job->install.slot_count > AGENTWIRE_SLOTS_MAX)
		return err_set(err, ERR_CONFIG,
		               "%zu certificates of one service on one host: the agent "
		               "takes %d at once",
		               job->install.slot_count, AGENTWIRE_SLOTS_MAX);
	agentwire_add_job(out, &start);
	for (size_t i = 0; i < job->install.slot_count; i++) {
		agentwire_add_slot(out, job->install.slots[i].name);
		if (add_slot)
			add_slot(job, i, out);
	}
	sha256(out->data, out->len, digest);
	agentwire_add_end(out, digest);
	return !out->over ||
	       err_set(err, ERR_CONFIG,
	               "the certificates of one service are over %d KiB together: give "
	               "it fewer, or a second host entry",
	               AGENTWIRE_JOB_MAX / 1024);
}

static void add_files(const struct transport_job *job, size_t at, struct buf *out)
{
	const struct install_slot *slot = &job->install.slots[at];
	size_t len;

	agentwire_add_file(out, AGENTWIRE_CERT, slot->cert_pem, strlen(slot->cert_pem));
	agentwire_add_file(out, AGENTWIRE_CHAIN, slot->chain_pem,
	                   strlen(slot->chain_pem));
	if (!slot->key_pem)
		return; /* the server made it */
	const char *key = secret_reveal(slot->key_pem, &len);
	agentwire_add_file(out, AGENTWIRE_KEY, key, len);
}

static void add_names(const struct transport_job *job, size_t at, struct buf *out)
{
	const struct deploy_slot *wanted = job->wanted[at];

	agentwire_add_request(out, wanted->key_type, wanted->names);
}

static bool add_install(const struct transport_job *job, struct buf *out, struct err *err)
{
	return add_job(job, AGENTWIRE_INSTALL, add_files, out, err);
}

static bool add_inspect(const struct transport_job *job, struct buf *out, struct err *err)
{
	return add_job(job, AGENTWIRE_INSPECT, NULL, out, err);
}

static bool add_check(const struct transport_job *job, struct buf *out, struct err *err)
{
	return add_job(job, AGENTWIRE_CHECK, add_names, out, err);
}

static bool add_request(const struct transport_job *job, struct buf *out, struct err *err)
{
	return add_job(job, AGENTWIRE_CSR, add_names, out, err);
}

static void say(bool is_commit, struct buf *out)
{
	agentwire_add_word(out, is_commit ? AGENTWIRE_COMMIT : AGENTWIRE_ROLLBACK);
}

/* Over the four PEM files, or over those without the key, where we have none. */
static void add_sum(const struct install_slot *slot, struct buf *out)
{
	AUTO_BUF struct buf all = BUF_INIT(INSTALL_BUNDLE_MAX);
	unsigned char digest[SHA256_LEN];
	size_t len;

	buf_addf(&all, "%s%s%s", slot->cert_pem, slot->chain_pem, slot->fullchain_pem);
	if (slot->key_pem) {
		const char *key = secret_reveal(slot->key_pem, &len);

		buf_add(&all, key, len);
	}
	sha256(all.data, all.len, digest);
	buf_wipe(&all);
	str_add_hex(out, digest, sizeof(digest));
}

/* "SUM MODE OWNER:GROUP PUBLIC" or "SUM other owner or mode PUBLIC": which owner and mode
 * are right is the policy's business, and whether they are so is said. */
static bool is_live(const struct install_slot *slot, const char *text)
{
	AUTO_BUF struct buf sum = BUF_INIT(100);
	const char *rest = strchr(text, ' '), *last = strrchr(text, ' ');

	add_sum(slot, &sum);
	if (!rest || str_starts(rest, " other "))
		return false;
	return slot->key_pem ? strlen(sum.data) == (size_t)(rest - text) &&
	                           str_starts(text, sum.data)
	                     : str_eq(last + 1, sum.data);
}

const struct transport transport_agent = {
	.name = "agent",
	.command = command,
	.check_command = command,
	.install = add_install,
	.inspect = add_inspect,
	.check = add_check,
	.request = add_request,
	.say = say,
	.is_live = is_live,
	.may_skip_reload = true,
	.has_own_services = true,
};

bool agent_hello(struct ssh *ssh, const char *to, struct greeting *out, struct err *err)
{
	AUTO_BUF struct buf hello = BUF_INIT(100), complaint = BUF_INIT(4096);
	int64_t deadline = clock_deadline_ms(HELLO_TIMEOUT_S * INT64_C(1000));
	bool ended = false;
	int status;

	agentwire_add_hello(&hello);
	if (!ssh_exec(ssh, to, deadline, err) ||
	    !ssh_write(ssh, hello.data, hello.len, deadline, err) ||
	    !ssh_write_eof(ssh, deadline, err))
		return false;
	while (!ended) {
		AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);

		if (!ssh_read_line(ssh, &line, &ended, deadline, err) ||
		    (!ended && !greeting_take(out, line.data, err)))
			return false;
	}
	return greeting_end(out, err) &&
	       ssh_finish(ssh, &status, &complaint, deadline, err);
}
