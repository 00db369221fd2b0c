/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

/* clang-format off */
const struct command commands[] = {
	{ "init", "", 0, 0, TAKES_JSON, cmd_init,
	  "make state directory, store and keys; again is fine" },
	{ "check", "", 0, 0, 0, cmd_check,
	  "check configuration, secrets and providers" },
	{ "host enroll", "NAME", 1, 1, TAKES_FINGERPRINT, cmd_host_enroll,
	  "pin a server's SSH host keys; you compare them" },
	{ "host list", "", 0, 0, TAKES_JSON, cmd_host_list,
	  "list the servers and their pinned keys" },
	{ "host import", "FILE|-", 1, 1, TAKES_YES | TAKES_FORMAT | TAKES_USER,
	  cmd_host_import,
	  "take servers from Ansible or CSV, and host keys\n"
	  "from known_hosts" },
	{ "host rotate-key", "[NAME...]", 0, 10000,
	  TAKES_STATUS | TAKES_DROP | TAKES_LOGIN | TAKES_JSON, cmd_host_rotate,
	  "a new deploy key beside the old one, then in its\n"
	  "place; again goes on where it ended. Where the\n"
	  "agent is, your own SSH login brings it" },
	{ "agent script", "HOST|GROUP...", 1, 10000, TAKES_FROM, cmd_agent_script,
	  "print the script that sets up certferry-agent on\n"
	  "servers: for Ansible, cloud-init, packages" },
	{ "agent install", "HOST", 1, 1, TAKES_FROM | TAKES_LOGIN | TAKES_YES,
	  cmd_agent_install,
	  "the same over your own SSH login, and try it" },
	{ "plan", "", 0, 0, TAKES_ONLY | TAKES_FORCE | TAKES_CHECK | TAKES_JSON, cmd_plan,
	  "say what apply would do, and why" },
	{ "apply", "", 0, 0, TAKES_ONLY | TAKES_FORCE | TAKES_YES | TAKES_NO_CHECK,
	  cmd_apply,
	  "issue and deliver what is due, look at the rest;\n"
	  "on a terminal it asks first, unless --yes" },
	{ "status", "[NAME...]", 0, 1000, TAKES_JSON, cmd_status,
	  "what each server has, serves and waits for" },
	{ "pending", "", 0, 0, TAKES_JSON, cmd_pending,
	  "the TXT records to be set or removed by a person" },
	{ "cert show", "NAME[/HOST]", 1, 1, TAKES_JSON, cmd_cert_show,
	  "show a certificate" },
	{ "provider list", "", 0, 0, TAKES_JSON, cmd_provider_list,
	  "list the DNS providers that are installed" },
	{ "provider show", "NAME", 1, 1, TAKES_JSON, cmd_provider_show,
	  "show the options of a DNS provider" },
	{ "dns import-credentials", "FILE|-", 1, 1, TAKES_JSON, cmd_dns_import,
	  "take over what lego, certbot or acme.sh have" },
	{ "events", "", 0, 0, TAKES_LIMIT | TAKES_JSON, cmd_events,
	  "list what was done, newest last" },
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
	  "default /etc/certferry/certferry.yaml" },
	{ 'j', "json", NULL, TAKES_JSON, "print JSON" },
	{ 'v', "verbose", NULL, 0, "log steps; twice: what goes over the wires" },
	{ 'q', "quiet", NULL, 0, "print only what failed or waits; for cron" },
	{ 'y', "yes", NULL, TAKES_YES, "do not ask" },
	{ 'C', "check", NULL, TAKES_CHECK,
	  "look for what would fail: DNS, CA, servers" },
	{ 'N', "no-check", NULL, TAKES_NO_CHECK,
	  "ask the CA without checking first" },
	{ 'f', "fingerprint", "SHA256:...", TAKES_FINGERPRINT,
	  "what the server must show; no question" },
	{ 'o', "only", "NAME|HOST", TAKES_ONLY, "only these; may be repeated" },
	{ 'F', "force", "NAME[/HOST]", TAKES_FORCE,
	  "renew now; may be repeated" },
	{ 'n', "limit", "N", TAKES_LIMIT, "the newest N events (50)" },
	{ 's', "status", NULL, TAKES_STATUS, "show how far it is; change nothing" },
	{ 'D', "drop-unproved", NULL, TAKES_DROP,
	  "go on without the hosts that are not done" },
	{ 'm', "format", "FORMAT", TAKES_FORMAT,
	  "known_hosts, ansible or csv; else it is guessed" },
	{ 'u', "user", "NAME", TAKES_USER,
	  "certferry's login there, whatever the file says" },
	{ 'r', "from", "ADDRESS,...", TAKES_FROM,
	  "the deploy key is taken from there only" },
	{ 'l', "login", "USER", TAKES_LOGIN, "your own login, else as ssh does by itself" },
	{ 'i', "identity", "FILE", TAKES_LOGIN, "your own key for it" },
	{ 'h', "help", NULL, 0, "show help" },
	{ 0 }
};
/* clang-format on */
