/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

/* clang-format off */
const struct command commands[] = {
	{ "init", "", 0, 0, TAKES_JSON, cmd_init,
	  "make state directory, sealing key, store and SSH key; may be run again" },
	{ "check", "", 0, 0, 0, cmd_check,
	  "check the configuration, its secrets and its providers" },
	{ "host enroll", "NAME", 1, 1, TAKES_FINGERPRINT, cmd_host_enroll,
	  "pin the SSH host keys of a server, after you have compared them" },
	{ "host list", "", 0, 0, TAKES_JSON, cmd_host_list,
	  "list the servers and their pinned keys" },
	{ "plan", "", 0, 0, TAKES_ONLY | TAKES_FORCE | TAKES_JSON, cmd_plan,
	  "say what apply would do" },
	{ "apply", "", 0, 0, TAKES_ONLY | TAKES_FORCE | TAKES_YES, cmd_apply,
	  "issue and deliver what is due, and look at what was delivered" },
	{ "status", "[NAME...]", 0, 1000, TAKES_JSON, cmd_status,
	  "what is wanted, installed and served on each server" },
	{ "cert show", "NAME[/HOST]", 1, 1, TAKES_JSON, cmd_cert_show,
	  "show a certificate" },
	{ "provider list", "", 0, 0, TAKES_JSON, cmd_provider_list,
	  "list the DNS providers that are installed" },
	{ "provider show", "NAME", 1, 1, TAKES_JSON, cmd_provider_show,
	  "show the options of a DNS provider" },
	{ "events", "", 0, 0, TAKES_LIMIT | TAKES_JSON, cmd_events,
	  "list what was done" },
	{ "completion", "bash", 1, 1, 0, cmd_completion,
	  "print the completion script of a shell" },
	{ "version", "", 0, 0, TAKES_JSON, cmd_version,
	  "print the version" },
	{ "help", "[COMMAND]", 0, 2, 0, cmd_help,
	  "show this, or one command" },
	{ 0 }
};

const struct option_row option_rows[] = {
	{ 'c', "config", "FILE", 0,
	  "the configuration (/etc/certferry/certferry.yaml)" },
	{ 'j', "json", NULL, TAKES_JSON, "print JSON" },
	{ 'v', "verbose", NULL, 0, "log more: state changes; twice: what goes over the wires" },
	{ 'q', "quiet", NULL, 0, "no progress, errors only" },
	{ 'y', "yes", NULL, TAKES_YES, "do not ask" },
	{ 'f', "fingerprint", "SHA256:...", TAKES_FINGERPRINT,
	  "the fingerprint that the server must show" },
	{ 'o', "only", "NAME|HOST", TAKES_ONLY, "this certificate or host only; may be repeated" },
	{ 'F', "force", "NAME[/HOST]", TAKES_FORCE,
	  "renew this certificate now; may be repeated" },
	{ 'n', "limit", "N", TAKES_LIMIT, "the newest N events (50)" },
	{ 'h', "help", NULL, 0, "show help" },
	{ 0 }
};
/* clang-format on */
