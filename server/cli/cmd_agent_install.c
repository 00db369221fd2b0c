/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "fleet/agent.h"
#include "operator.h"

/* agent install: the script of one host, over the operator's own login, and a trial. */

enum { AGENT_MAX = 64 * 1024 * 1024, FACTS_MAX = 64 * 1024 };

struct work {
	const struct args *args;
	struct session *session;
	const struct config_host *host;
	struct operator_login login;
	struct setup_host setup;
	struct setup_key key;
	char machine[32]; /* uname -m there */
	char there[80];   /* the digest of its agent; "none", "package" */
	bool is_root;     /* the operator's login */
	struct buf agent; /* to be copied; empty: the one that is there stays */
};

static void work_deinit(struct work *work)
{
	operator_deinit(&work->login);
	setup_host_deinit(&work->setup);
	buf_wipe(&work->agent);
}

/* A marked line's value: login scripts may print anything beside. */
static bool find_fact(const struct buf *facts, const char *name, char *out, size_t size)
{
	AUTO_FREE char *mark = xasprintf("certferry-%s ", name);
	const char *at = strstr(facts->data, mark);
	size_t len;

	if (!at)
		return false;
	at += strlen(mark);
	len = strcspn(at, " \n");
	if (len == 0 || len >= size)
		return false;
	snprintf(out, size, "%.*s", (int)len, at);
	return true;
}

static bool ask_facts(struct work *work, struct err *err)
{
	static const char command[] =
	    "exec sh -c 'echo certferry-machine $(uname -m); echo certferry-id $(id -u); "
	    "if [ ! -x " SETUP_AGENT " ]; then echo certferry-agent none; "
	    "elif dpkg -S " SETUP_AGENT " >/dev/null 2>&1; then echo certferry-agent "
	    "package; else echo certferry-agent $(sha256sum <" SETUP_AGENT "); fi'";
	AUTO_BUF struct buf facts = BUF_INIT(FACTS_MAX);
	char id[16];

	if (!operator_run(&work->login, command, NULL, &facts, err))
		return false;
	if (!find_fact(&facts, "machine", work->machine, sizeof(work->machine)) ||
	    !find_fact(&facts, "id", id, sizeof(id)) ||
	    !find_fact(&facts, "agent", work->there, sizeof(work->there)))
		return err_set(err, ERR_REMOTE,
		               "%s: your login there does not run commands of sh",
		               work->host->name);
	work->is_root = str_eq(id, "0");
	return true;
}

/* What the kernel there calls the machine that our program is for. */
static bool fits(const struct buf *agent, const char *machine)
{
	static const struct {
		unsigned short elf;
		const char *name;
	} rows[] = {
		{ EM_X86_64, "x86_64" }, { EM_AARCH64, "aarch64" },
		{ EM_386, "i686" },      { EM_386, "i386" },
		{ EM_ARM, "armv7l" },    { EM_RISCV, "riscv64" },
		{ EM_PPC64, "ppc64le" }, { EM_S390, "s390x" },
	};
	Elf32_Half kind;

	if (agent->len < sizeof(Elf32_Ehdr) || memcmp(agent->data, ELFMAG, SELFMAG) != 0)
		return false;
	memcpy(&kind, agent->data + offsetof(Elf32_Ehdr, e_machine), sizeof(kind));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].elf == kind && str_eq(rows[i].name, machine))
			return true;
	return false;
}

static bool is_same(const struct buf *agent, const char *there)
{
	AUTO_BUF struct buf hex = BUF_INIT(2 * SHA256_LEN);
	unsigned char digest[SHA256_LEN];

	sha256(agent->data, agent->len, digest);
	str_add_hex(&hex, digest, sizeof(digest));
	return str_eq(hex.data, there);
}

static bool choose_agent(struct work *work, struct err *err)
{
	const char *path = work->session->paths.agent;
	const bool is_there = !str_eq(work->there, "none");

	if (str_eq(work->there, "package") || (is_there && !fs_exists(path)))
		return true;
	if (!fs_exists(path))
		return err_set(err, ERR_CONFIG,
		               "neither %s nor this machine (%s) has certferry-agent: "
		               "install its package",
		               work->host->name, path);
	if (!fs_read(path, &work->agent, err))
		return false;
	if (!fits(&work->agent, work->machine)) {
		buf_wipe(&work->agent);
		return is_there ||
		       err_set(err, ERR_CONFIG,
		               "%s is a machine %s, and this one's certferry-agent is "
		               "for another: install the package of certferry-agent "
		               "there, then run this again",
		               work->host->name, work->machine);
	}
	if (is_same(&work->agent, work->there))
		buf_wipe(&work->agent);
	return true;
}

static void show(const struct work *work)
{
	const struct config_host *host = work->host;
	const struct args *args = work->args;
	AUTO_BUF struct buf text = BUF_INIT(SETUP_SCRIPT_MAX);

	setup_show(&work->setup, &work->key, &text);
	printf("%s (%s port %u), over the login %s%s\n\n", host->name, host->address,
	       host->port, args->login ? args->login : "of ssh's own choice",
	       work->is_root ? "" : " and sudo");
	printf("program          %s %s\n", SETUP_AGENT,
	       work->agent.len ? "is copied from this machine" : "is there");
	printf("%s\n", text.data);
}

static bool ask(const struct work *work, struct err *err)
{
	char answer[8] = "";

	if (work->args->yes)
		return true;
	if (!isatty(STDIN_FILENO))
		return err_set(err, ERR_INPUT,
		               "no terminal to ask on; --yes does what is shown above");
	printf("Do this on %s? [yes/no] ", work->host->name);
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) && str_eq(str_trim(answer), "yes"))
		return true;
	return err_set(err, ERR_DENIED, "%s: no yes, so nothing was done",
	               work->host->name);
}

/* One session: the script's bytes first, then the program's. */
static bool act(struct work *work, struct err *err)
{
	AUTO_BUF struct buf input = BUF_INIT(SETUP_SCRIPT_MAX + AGENT_MAX);
	AUTO_BUF struct buf output = BUF_INIT(FACTS_MAX);
	AUTO_FREE char *command = NULL;
	bool good;

	setup_script(&work->setup, 1, &work->key, &input);
	command = xasprintf("exec sh -c 'set -e; umask 077; "
	                    "d=$(mktemp -d /tmp/certferry.XXXXXX); "
	                    "trap \"rm -rf $d\" EXIT; "
	                    "dd bs=1 count=%zu of=\"$d/setup\" 2>/dev/null; "
	                    "cat >\"$d/agent\"; %ssh \"$d/setup\" %s </dev/null'",
	                    input.len, work->is_root ? "" : "sudo -n ",
	                    work->agent.len ? "\"$d/agent\"" : "");
	buf_add(&input, work->agent.data, work->agent.len);
	if (input.over)
		return err_set(err, ERR_INTERNAL, "%s is too large",
		               work->session->paths.agent);
	good = operator_run(&work->login, command, &input, &output, err);
	AUTO_BUF struct buf shown = BUF_INIT(4 * FACTS_MAX);
	for (const char *line = output.data; *line;) {
		size_t len = strcspn(line, "\n");

		str_add_printable(&shown, line, len, 1000);
		buf_addf(&shown, "\n");
		line += line[len] ? len + 1 : len;
	}
	fputs(shown.data, stdout);
	fflush(stdout);
	return good;
}

static bool prepare(struct work *work, struct err *err)
{
	const char *name = work->args->words.items[0];
	struct session *session = work->session;

	work->host = config_host_find(session->config, name);
	if (!work->host)
		return err_set(err, ERR_NOT_FOUND, "%s has no host '%s'",
		               session->config->file, name);
	work->key.from = work->args->from;
	return setup_key_check(&work->key, err) &&
	       fleet_agent(session->config, work->host, &work->setup, err) &&
	       session_store(session, err) &&
	       operator_init(&work->login, session->store, work->host, work->args, err);
}

bool cmd_agent_install(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	CLEANUP(work_deinit)
	struct work work = { .args = args,
		             .session = &session,
		             .agent = BUF_INIT(AGENT_MAX) };
	CLEANUP(agent_keys_deinit) struct agent_keys keys = { 0 };

	if (!session_config(&session, args, err) || !prepare(&work, err))
		return false;
	if (!agent_keys_load(session.store, &keys, err))
		return false;
	work.key.line = keys.line;
	work.key.beside = keys.beside;
	work.key.gone = keys.gone;
	if (!ask_facts(&work, err) || !choose_agent(&work, err))
		return false;
	show(&work);
	return ask(&work, err) && act(&work, err) &&
	       agent_prove(&session, work.host, err);
}
