/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <string.h>

#include "agentwire/agentwire.h"
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "deploy/deploy.h"
#include "install/install.h"
#include "ssh/ssh.h"
#include "store/transport.h"

/* One HELLO and one check job over the deploy key's login. */

enum { PROVE_TIMEOUT_S = 300, LINE_MAX_BYTES = 2048, CONFIRM_S = 60 };
/* What it is, what its policy has, what it says of ours and of their tests. */
enum {
	GREETING_MAX = AGENTWIRE_POLICY_SLOTS_MAX * (1 + AGENTWIRE_POLICY_SERVICES_MAX),
	SAID_MAX = 2 * AGENTWIRE_SLOTS_MAX + 10,
	LINES_MAX = 1 + GREETING_MAX + SAID_MAX
};

struct proof {
	const struct config *config;
	const struct config_host *host;
	struct ssh *ssh;
	int64_t deadline_ms;
	size_t slots, good;
	int said;                     /* lines about the slots */
	struct host_transport answer; /* version: "" until the agent said it */
};

static struct ssh *connect_to(struct session *session, const struct config_host *host,
                              struct err *err)
{
	AUTO_KEY struct key *key = store_ssh_key_load(session->store, err);
	const struct deploy_settings settings = { .store = session->store,
		                                  .worker = session->paths.ssh_worker };
	struct deploy_host way;

	engine_host(host, &way);
	return key ? deploy_connect(&settings, &way, key, err) : NULL;
}

static void add_slots(struct proof *proof, struct buf *job)
{
	for (size_t i = 0; i < proof->config->certificate_count; i++) {
		const struct config_certificate *from = &proof->config->certificates[i];
		AUTO_STRLIST struct strlist names = { 0 };
		bool is_here = false;

		for (size_t j = 0; j < from->host_count; j++)
			is_here |= from->hosts[j] == proof->host;
		if (!is_here || proof->slots == AGENTWIRE_SLOTS_MAX)
			continue;
		config_certificate_names(from, proof->host, &names);
		agentwire_add_slot(job, from->name);
		agentwire_add_request(job, from->key, &names);
		proof->slots++;
	}
}

static void make_input(struct proof *proof, struct buf *out)
{
	const struct agentwire_start start = { AGENTWIRE_CHECK, false, CONFIRM_S };
	unsigned char digest[SHA256_LEN];
	size_t begin;

	agentwire_add_hello(out);
	begin = out->len;
	agentwire_add_job(out, &start);
	add_slots(proof, out);
	sha256(out->data + begin, out->len - begin, digest);
	agentwire_add_end(out, digest);
}

static bool take_line(struct proof *proof, const char *text, struct err *err)
{
	struct agentwire_line ours;
	struct install_line line;
	bool is_ours;

	if (!agentwire_line_parse(text, &ours, &is_ours, err))
		return false;
	if (is_ours && ours.word == AGENTWIRE_LINE_AGENT && !*proof->answer.version) {
		printf("certferry-agent %s answers\n", ours.name);
		snprintf(proof->answer.version, sizeof(proof->answer.version), "%s",
		         ours.name);
	}
	if (is_ours)
		return true;
	/* Until it speaks of our slots it greets, and a later version may say more. */
	if (!install_line_parse(text, &line, err))
		return proof->said == 0 && agentwire_is_line(text);
	if (++proof->said > SAID_MAX)
		return err_set(err, ERR_REMOTE, "the agent goes on and on");
	proof->good += line.step == INSTALL_CHECKED;
	if (line.step == INSTALL_CHECKED)
		printf("  %s could be installed\n", line.slot);
	else if (line.step == INSTALL_SLOT_FAILED)
		printf("  %s could not be installed: %s\n", line.slot, line.text);
	else if (line.step == INSTALL_TESTED)
		printf("  the services' tests pass\n");
	else if (line.step == INSTALL_TEST_FAILED)
		printf(
		    "  a test fails as things are (without the files that it is to find, "
		    "it may): %s\n",
		    line.text);
	else
		return err_set(err, ERR_REMOTE, "the agent: %s",
		               *line.text ? line.text : text);
	return true;
}

static bool talk(struct proof *proof, struct err *err)
{
	AUTO_BUF struct buf input = BUF_INIT(AGENTWIRE_JOB_MAX);
	bool ended = false;

	make_input(proof, &input);
	if (!ssh_exec(proof->ssh, "certferry-agent session", proof->deadline_ms, err) ||
	    !ssh_write(proof->ssh, input.data, input.len, proof->deadline_ms, err) ||
	    !ssh_write_eof(proof->ssh, proof->deadline_ms, err))
		return false;
	for (int lines = 0; !ended && lines < LINES_MAX; lines++) {
		AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);

		if (!ssh_read_line(proof->ssh, &line, &ended, proof->deadline_ms, err))
			return false;
		if (!ended && !take_line(proof, line.data, err))
			return false;
	}
	return ended || err_set(err, ERR_REMOTE, "the agent goes on and on");
}

static bool judge(struct proof *proof, struct err *err)
{
	AUTO_BUF struct buf complaint = BUF_INIT(4096);
	int status;

	if (!ssh_finish(proof->ssh, &status, &complaint, proof->deadline_ms, err))
		return false;
	if (!*proof->answer.version)
		return err_set(err, ERR_REMOTE, "no certferry-agent answers: %.250s",
		               complaint.len ? complaint.data : "it said nothing");
	return proof->good == proof->slots ||
	       err_set(err, ERR_REMOTE, "%zu of %zu slot%s could not be installed",
	               proof->slots - proof->good, proof->slots,
	               proof->slots == 1 ? "" : "s");
}

bool agent_prove(struct session *session, const struct config_host *host, struct err *err)
{
	struct proof proof = { .config = session->config,
		               .host = host,
		               .answer = { .name = "agent", .asked_at = clock_now() },
		               .deadline_ms = clock_deadline_ms(PROVE_TIMEOUT_S *
		                                                INT64_C(1000)) };
	bool good;

	proof.ssh = connect_to(session, host, err);
	if (!proof.ssh)
		return err_context(err, "the trial");
	good = talk(&proof, err) && judge(&proof, err);
	ssh_close(proof.ssh);
	if (!good)
		return err_context(err, "%s: the trial", host->name);
	if (!store_transport_save(session->store, host->name, &proof.answer, err))
		return false;
	printf("%s is ready for the next certferry apply.\n", host->name);
	return true;
}
