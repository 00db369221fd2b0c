/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include "base/mem.h"

/* The transport "shell": server/install makes all of it. */

static bool needs_sudo(const struct deploy_host *host)
{
	return !str_eq(host->user, "root");
}

static char *command(const struct deploy_host *host)
{
	return install_command(needs_sudo(host));
}

static char *check_command(const struct deploy_host *host)
{
	return install_check_command(needs_sudo(host));
}

static bool has_keys(const struct transport_job *job, struct err *err)
{
	for (size_t i = 0; i < job->install.slot_count; i++)
		if (!job->install.slots[i].key_pem)
			return err_set(
			    err, ERR_CONFIG,
			    "certificate %s: its key is on the server (key-on: "
			    "target), and no certferry-agent answers there",
			    job->install.slots[i].name);
	return true;
}

/* The installer hears of no password. */
static bool can_make(const struct transport_job *job, struct err *err)
{
	for (size_t i = 0; i < job->install.slot_count; i++)
		if (job->install.slots[i].formats & 1U << INSTALL_PKCS12)
			return err_set(
			    err, ERR_CONFIG,
			    "certificate %s: pkcs12 is made by certferry-agent, and "
			    "none answers there: certferry agent install",
			    job->install.slots[i].name);
	return true;
}

static bool add_install(const struct transport_job *job, struct buf *out, struct err *err)
{
	return has_keys(job, err) && can_make(job, err) &&
	       install_bundle(&job->install, out, err);
}

static bool add_inspect(const struct transport_job *job, struct buf *out, struct err *err)
{
	return has_keys(job, err) &&
	       install_inspect_bundle(job->install.slots, job->install.slot_count, out,
	                              err);
}

static bool add_check(const struct transport_job *job, struct buf *out, struct err *err)
{
	return can_make(job, err) && install_check_bundle(&job->install, out, err);
}

static void say(bool is_commit, struct buf *out)
{
	buf_addf(out, "%s\n", is_commit ? "commit" : "rollback");
}

static bool is_live(const struct install_slot *slot, const char *text)
{
	AUTO_FREE char *wanted = install_live_text(slot);

	return str_eq(wanted, text);
}

const struct transport transport_shell = {
	.name = "shell",
	.command = command,
	.check_command = check_command,
	.install = add_install,
	.inspect = add_inspect,
	.check = add_check,
	.say = say,
	.is_live = is_live,
};
