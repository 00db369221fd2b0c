/* SPDX-License-Identifier: Apache-2.0 */
#include "preset.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "install.h"

/*
 * Each service by its own program and not through systemctl: that works in a container
 * without systemd as well, and tells the reason when it fails. The installer sets PATH,
 * so that /usr/sbin is in it for every login. Where a service knows no command for it, a
 * line of sh sends the signal that its systemd unit would send, to the process whose
 * number Debian's configuration has it write down; the name behind the line is for error
 * texts.
 *
 * No reload can be trusted to have worked: most only ask for it. The test before it and
 * the probe behind it are what can be.
 */
#define ARGV(...)           ((const char *const[]){ __VA_ARGS__, NULL })
#define LINE(service, text) ARGV("sh", "-c", text, service)

/* What its configuration files say, as it sees them. A setting that only a restart can
 * change is no mistake. */
static const char postgresql_check[] =
    "DO $$ DECLARE wrong text; BEGIN SELECT string_agg(concat(sourcefile, "
    "':', sourceline, ': ', error), '; ') INTO wrong FROM "
    "pg_file_settings WHERE error <> 'setting could not be applied'; "
    "IF wrong IS NOT NULL THEN RAISE '%', wrong; END IF; END $$";

/* Every cluster of the server: Debian has each write its number there. */
static const char postgresql_hup[] =
    "for f in /run/postgresql/*.pid; do kill -HUP $(head -n 1 \"$f\") || exit 1; done";

/* clang-format off */
const struct preset presets[] = {
	{
		.name = "nginx",
		.test = ARGV("nginx", "-t"),
		.reload = ARGV("nginx", "-s", "reload"),
		.probes = { { 443, PROBE_TLS } },
		.summary = "nginx: 'nginx -t', then 'nginx -s reload'; seen on port 443",
	},
	{
		.name = "apache2",
		.test = ARGV("apache2ctl", "configtest"),
		.reload = ARGV("apache2ctl", "graceful"),
		.probes = { { 443, PROBE_TLS } },
		.summary = "Apache: 'apache2ctl configtest', then 'apache2ctl graceful'; seen "
		           "on port 443",
	},
	{
		/* The master process takes USR2; it is -W or -Ws that makes one. */
		.name = "haproxy",
		.formats = 1U << INSTALL_COMBINED,
		.test = ARGV("haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"),
		.reload = LINE("haproxy", "kill -USR2 $(cat /run/haproxy.pid)"),
		.probes = { { 443, PROBE_TLS } },
		.summary = "haproxy, which wants combined.pem: 'haproxy -c', then USR2 to the "
		           "master process; seen on port 443",
	},
	{
		.name = "postfix",
		.test = ARGV("postfix", "check"),
		.reload = ARGV("postfix", "reload"),
		.probes = { { 25, PROBE_SMTP } },
		.summary = "Postfix: 'postfix check', then 'postfix reload'; seen on port 25 "
		           "by STARTTLS",
	},
	{
		.name = "dovecot",
		.test = ARGV("doveconf", "-n"),
		.reload = ARGV("doveadm", "reload"),
		.probes = { { 993, PROBE_TLS }, { 143, PROBE_IMAP } },
		.summary = "Dovecot: 'doveconf -n', then 'doveadm reload'; seen on port 993, "
		           "and on 143 by STARTTLS",
	},
	{
		/* It starts anew as the user that it has become, and dies of a key which that
		 * one cannot read: so the test is that user's. */
		.name = "lighttpd",
		.test = ARGV("runuser", "-u", "www-data", "--", "lighttpd", "-tt", "-f",
		             "/etc/lighttpd/lighttpd.conf"),
		.reload = LINE("lighttpd", "kill -USR1 $(cat /run/lighttpd.pid)"),
		.probes = { { 443, PROBE_TLS } },
		.summary = "lighttpd: 'lighttpd -tt' as www-data, then USR1; seen on port 443",
	},
	{
		.name = "postgresql",
		.test = ARGV("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", "postgres",
		             "-v", "ON_ERROR_STOP=1", "-c", "SET lc_messages = 'C'", "-c",
		             postgresql_check),
		.reload = LINE("postgresql", postgresql_hup),
		.probes = { { 5432, PROBE_POSTGRESQL } },
		.summary = "PostgreSQL: its configuration files as it sees them, then HUP; seen "
		           "on port 5432",
	},
	{
		/* It has no way to test its configuration. */
		.name = "mosquitto",
		.reload = LINE("mosquitto", "kill -HUP $(cat /run/mosquitto/mosquitto.pid)"),
		.probes = { { 8883, PROBE_TLS } },
		.summary = "Mosquitto: HUP; seen on port 8883",
	},
	{ 0 },
};
/* clang-format on */

const struct preset *preset_find(const char *name)
{
	for (size_t i = 0; presets[i].name; i++)
		if (str_eq(presets[i].name, name))
			return &presets[i];
	return NULL;
}
