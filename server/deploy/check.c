/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/finding.h"
#include "base/mem.h"

/* A visit that only looks: what would keep a delivery from getting through? */

enum { LINE_MAX_BYTES = 2048, LOOK_TIMEOUT_S = 30, TEST_TIMEOUT_S = 60 };

struct check {
	struct visit visit;
	const struct deploy_slot **slots; /* of one service */
	size_t count;
	size_t said;    /* lines about them, and about their test */
	bool has_begun; /* the checker ran there, and that was noted */
	struct findings *out;
};

/* In err's texts the advice stands behind what was seen, for tables that have both in one
 * column; here they are apart. */
static void cut_advice(char *text, const char *from)
{
	char *at = strstr(text, from);

	if (at)
		*at = '\0';
}

static void add(const struct check *check, const char *certificate, const char *what,
                enum finding_result result, const char *text, const char *advice)
{
	const char *host = check->visit.host->name;
	const struct finding row = { .certificate = certificate,
		                     .host = host,
		                     .subject = host,
		                     .check = what,
		                     .result = result,
		                     .text = text,
		                     .advice = advice };

	findings_add(check->out, &row);
}

static bool is_sudo(const struct check *check)
{
	return !str_eq(check->visit.host->user, "root");
}

static bool is_agent(const struct check *check)
{
	return check->visit.transport && check->visit.transport->has_own_services;
}

static const char *tool(const struct check *check)
{
	return is_agent(check) ? "agent" : is_sudo(check) ? "sudo" : "tools";
}

/* A line for each slot, and one for the test; whether there is a test, an agent's policy
 * says. */
static size_t lines_least(const struct check *check)
{
	return check->count + (!is_agent(check) && check->slots[0]->tests->len > 0);
}

static size_t lines_most(const struct check *check)
{
	return check->count + (is_agent(check) || check->slots[0]->tests->len > 0);
}

static bool refused_login(const struct check *check, const char *text, struct err *err)
{
	const struct deploy_host *host = check->visit.host;
	AUTO_FREE char *line = ssh_public_line(check->visit.deploy->ssh_key, "certferry",
	                                       err);

	if (!line)
		return false;
	AUTO_FREE char *advice = xasprintf(
	    "add this line to ~%s/.ssh/authorized_keys there: restrict %s", host->user,
	    line);

	add(check, NULL, "login", FINDING_FAILED, text, advice);
	return true;
}

/* What did not work, from how far it got. */
static bool not_connected(const struct check *check, struct err *why, struct err *err)
{
	const struct deploy_host *host = check->visit.host;
	AUTO_FREE char *enroll = xasprintf(
	    "%scertferry host enroll %s",
	    why->kind == ERR_CONFIG ? "" : "if the server was reinstalled: ", host->name);
	AUTO_FREE char *reach = xasprintf(
	    "is it up, is the address right, and may this machine reach port %u?",
	    host->port);

	if (str_eq(why->code, "connect")) {
		const struct finding row = { .host = host->name,
			                     .subject = host->name,
			                     .check = "reached",
			                     .result = FINDING_FAILED,
			                     .is_passing = true,
			                     .text = why->msg,
			                     .advice = reach };

		findings_add(check->out, &row);
		return true;
	}
	if (why->kind == ERR_INTERNAL) {
		*err = *why;
		return false;
	}
	if (why->kind != ERR_CONFIG)
		add(check, NULL, "reached", FINDING_OK, host->address, "");
	cut_advice(why->msg, ": certferry host enroll");
	cut_advice(why->msg, "; if the server was reinstalled");
	cut_advice(why->msg, ": add the line that");
	if (str_eq(why->code, "login"))
		return refused_login(check, why->msg, err);
	add(check, NULL, "host key", FINDING_FAILED, why->msg, enroll);
	return true;
}

static bool is_installed(const struct check *check, bool *yes, struct err *err)
{
	*yes = false;
	for (size_t i = 0; i < check->count && !*yes; i++) {
		AUTO_DELIVERY struct delivery row = { 0 };
		bool found;

		if (!store_delivery_find(check->visit.deploy->settings.store,
		                         check->slots[i]->certificate,
		                         check->slots[i]->host, &row, &found, err))
			return false;
		/* What the server lost with its key is not there for the test either. */
		*yes = found && row.installed_id &&
		       !str_eq(row.last.code, DELIVERY_NO_KEY);
	}
	return true;
}

/* Before the first installation it may be the very files that it misses. */
static bool on_test_failed(const struct check *check, const char *text, struct err *err)
{
	bool is_ours;

	if (!is_installed(check, &is_ours, err))
		return false;
	for (size_t i = 0; i < check->count; i++)
		add(check, check->slots[i]->certificate, "test",
		    is_ours ? FINDING_FAILED : FINDING_NOTE, text,
		    is_ours ? "mend the service's configuration: a new certificate would "
		              "be taken back at once"
		            : "nothing is installed yet, and it may be these files that "
		              "it misses: it is tested again with them");
	return true;
}

static void on_slot(const struct check *check, const struct install_line *line)
{
	const struct deploy_slot *slot = check->slots[check->said];
	AUTO_FREE char *policy = xasprintf(
	    "mend it there, or the slot in /etc/certferry/agent.yaml (certferry agent "
	    "install %s, or by hand): certferry-agent check explains it",
	    slot->host);

	if (line->step == INSTALL_CHECKED)
		add(check, slot->certificate, "directory", FINDING_OK,
		    is_agent(check) ? "as the server's policy says" : slot->directory,
		    "");
	else
		add(check, slot->certificate, "directory", FINDING_FAILED, line->text,
		    is_agent(check) ? policy
		                    : "mend it there, or set install.directory, owner or "
		                      "group otherwise");
}

static bool on_test(const struct check *check, const struct install_line *line,
                    struct err *err)
{
	AUTO_BUF struct buf shown = BUF_INIT(4096);

	if (line->step == INSTALL_TEST_FAILED)
		return on_test_failed(check, line->text, err);
	if (is_agent(check))
		buf_addf(&shown, "as the server's policy says");
	else
		install_commands_show(check->slots[0]->tests, &shown);
	add(check, NULL, "test", FINDING_OK, shown.data, "");
	return true;
}

/* Each slot in the order of the bundle, then the test. A server that goes on and on, or
 * speaks out of turn, is not heard any further. */
static bool is_in_turn(const struct check *check, const struct install_line *line)
{
	bool is_slot = line->step == INSTALL_CHECKED || line->step == INSTALL_SLOT_FAILED;
	bool is_test = line->step == INSTALL_TESTED || line->step == INSTALL_TEST_FAILED;

	if (check->said < check->count)
		return is_slot &&
		       str_eq(line->slot, check->slots[check->said]->certificate);
	return is_test && check->said < lines_most(check);
}

/* why: what the server said wrong. */
static bool take_line(struct check *check, const char *text, struct err *why,
                      struct err *err)
{
	struct install_line line;
	bool good = true;

	if (!install_line_parse(text, &line, why))
		return true;
	if (line.step == INSTALL_FAILED) {
		(void)err_set(why, ERR_REMOTE, "%s", line.text);
		return true;
	}
	if (!is_in_turn(check, &line)) {
		(void)err_set(why, ERR_REMOTE, "the server said something out of turn");
		return true;
	}
	if (!check->has_begun)
		add(check, NULL, tool(check), FINDING_OK,
		    is_agent(check)  ? "answers, and its policy is in order"
		    : is_sudo(check) ? "root without a password, and what the installer "
		                       "needs"
		                     : "what the installer needs",
		    "");
	check->has_begun = true;
	if (check->said < check->count)
		on_slot(check, &line);
	else
		good = on_test(check, &line, err);
	check->said++;
	return good;
}

static bool send_bundle(struct check *check, int64_t deadline_ms, struct err *err)
{
	AUTO_FREE struct install_slot *slots = xcalloc(check->count, sizeof(*slots));
	AUTO_BUF struct buf bundle = BUF_INIT(INSTALL_BUNDLE_MAX);
	const struct transport *transport = check->visit.transport;
	AUTO_FREE char *command = transport->check_command(check->visit.host);
	const struct transport_job job = {
		.install = { .slots = slots,
		             .slot_count = check->count,
		             .tests = check->slots[0]->tests,
		             .service_timeout_s = TEST_TIMEOUT_S },
		.wanted = check->slots,
	};

	for (size_t i = 0; i < check->count; i++)
		slots[i] = (struct install_slot){
			.name = check->slots[i]->certificate,
			.directory = check->slots[i]->directory,
			.owner = check->slots[i]->owner,
			.group = check->slots[i]->group,
			.mode = check->slots[i]->mode,
			.formats = check->slots[i]->formats,
		};
	return transport->check(&job, &bundle, err) &&
	       ssh_exec(check->visit.ssh, command, deadline_ms, err) &&
	       ssh_write(check->visit.ssh, bundle.data, bundle.len, deadline_ms, err) &&
	       ssh_write_eof(check->visit.ssh, deadline_ms, err);
}

/* Why the checker did not come to its end: the shell's words, or sudo's. */
static void not_ended(const struct check *check, int status, const char *complaint)
{
	AUTO_FREE char *text = xasprintf("it ended with status %d%s%.300s", status,
	                                 *complaint ? ": " : "", complaint);
	AUTO_FREE char *advice = xasprintf(
	    "let %s become root without a password; with visudo, on a line of its own: "
	    "%s ALL=(root) NOPASSWD: ALL",
	    check->visit.host->user, check->visit.host->user);

	add(check, NULL, tool(check), FINDING_FAILED, text,
	    is_agent(check) ? "see the server's own log"
	    : is_sudo(check) && !check->has_begun
	        ? advice
	        : "the login's shell must be a POSIX one");
}

/* why: a trouble of the session, which is a finding; err: one of our own. */
static bool look(struct check *check, struct err *why, struct err *err)
{
	int64_t tests = (int64_t)check->slots[0]->tests->len +
	                (is_agent(check) ? OWN_COMMANDS : 0);
	int64_t deadline = clock_deadline_ms((LOOK_TIMEOUT_S + tests * TEST_TIMEOUT_S) *
	                                     1000);
	AUTO_BUF struct buf complaint = BUF_INIT(4096);
	bool ended = false;
	int status;

	check->said = 0;
	if (!send_bundle(check, deadline, why))
		return true;
	while (!ended && why->kind == ERR_NONE) {
		AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);

		if (!ssh_read_line(check->visit.ssh, &line, &ended, deadline, why))
			return true;
		if (!ended && !take_line(check, line.data, why, err))
			return false;
	}
	if (why->kind == ERR_NONE &&
	    ssh_finish(check->visit.ssh, &status, &complaint, deadline, why) &&
	    check->said < lines_least(check))
		not_ended(check, status, complaint.data);
	return true;
}

/* The slots of one service with slots[at], which leave the list. */
static void gather(struct check *check, const struct deploy_slot **slots, size_t count,
                   size_t at)
{
	const struct deploy_slot *first = slots[at];

	check->count = 0;
	for (size_t i = at; first && i < count; i++) {
		if (!slots[i] || !slot_same_service(first, slots[i]))
			continue;
		check->slots[check->count++] = slots[i];
		slots[i] = NULL;
	}
}

/* One service after the other, as a delivery does it. */
static bool look_at_all(struct check *check, const struct deploy_slot **slots,
                        size_t count, struct err *err)
{
	struct err why = { 0 };

	for (size_t i = 0; i < count && why.kind == ERR_NONE; i++) {
		gather(check, slots, count, i);
		if (check->count > 0 && !look(check, &why, err))
			return false;
	}
	if (why.kind != ERR_NONE)
		add(check, NULL, tool(check), FINDING_FAILED, why.msg,
		    "a delivery would end the same way");
	return true;
}

/* Neither the agent nor, where it may take its place, a shell. */
static bool not_chosen(const struct check *check, const struct err *why, struct err *err)
{
	if (why->kind == ERR_INTERNAL) {
		*err = *why;
		return false;
	}
	add(check, NULL, "agent", FINDING_FAILED, why->msg,
	    "certferry-agent check, on that server, says what is wrong with its policy");
	return true;
}

bool deploy_check(struct deploy *deploy, const char *host,
                  const struct strlist *certificates, struct findings *out,
                  struct err *err)
{
	size_t size = sizeof(const struct deploy_slot *);
	AUTO_FREE const struct deploy_slot **slots = xcalloc(certificates->len + 1, size);
	AUTO_FREE const struct deploy_slot **group = xcalloc(certificates->len + 1, size);
	struct check check = { .visit = { .deploy = deploy,
		                          .host = deploy_find_host(deploy, host) },
		               .slots = group,
		               .out = out };
	struct err why = { 0 };
	bool good;

	if (!check.visit.host)
		return err_set(err, ERR_INTERNAL, "the configuration has no host '%s'",
		               host);
	for (size_t i = 0; i < certificates->len; i++)
		slots[i] = deploy_find_slot(deploy, certificates->items[i], host);
	check.visit.ssh = visit_connect(&check.visit, &why);
	if (!check.visit.ssh)
		return not_connected(&check, &why, err);
	add(&check, NULL, "reached", FINDING_OK, check.visit.host->address, "");
	add(&check, NULL, "host key", FINDING_OK, "as pinned", "");
	add(&check, NULL, "login", FINDING_OK, check.visit.host->user, "");
	if (visit_choose(&check.visit, true, &why)) {
		visit_fit(&check.visit, slots, certificates->len, out);
		good = look_at_all(&check, slots, certificates->len, err);
	} else {
		good = not_chosen(&check, &why, err);
	}
	ssh_close(TAKE(check.visit.ssh));
	greeting_deinit(&check.visit.greeting);
	return good;
}
