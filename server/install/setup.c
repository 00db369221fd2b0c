/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <string.h>

#include "installer_files.h"

static const char from_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.:*?!,/_-";

void setup_host_deinit(struct setup_host *host)
{
	free(host->policy);
	strlist_deinit(&host->sudo);
	strlist_deinit(&host->directories);
	strlist_deinit(&host->groups);
	strlist_deinit(&host->passwords);
	*host = (struct setup_host){ 0 };
}

bool setup_key_check(const struct setup_key *key, struct err *err)
{
	return !key->from || str_is_made_of(key->from, from_letters, 1, 500) ||
	       err_set(err, ERR_INPUT,
	               "--from takes addresses, networks and names, with commas between "
	               "them: 192.0.2.10,2001:db8::/64");
}

bool setup_sudo_line(const struct strlist *argv, struct buf *out)
{
	for (size_t i = 0; i < argv->len; i++) {
		const char *text = argv->items[i];

		if (!*text)
			return false;
		buf_addf(out, "%s", i ? " " : "");
		for (; *text; text++) {
			if ((unsigned char)*text < ' ' || *text == '\\' || *text == 127)
				return false;
			buf_addf(out, "%s%c", strchr(",:=#*?[]!^", *text) ? "\\" : "",
			         *text);
		}
	}
	return argv->len > 0;
}

static void add_quoted(const char *text, struct buf *out)
{
	buf_addf(out, "'");
	for (; *text; text++)
		buf_addf(out, *text == '\'' ? "'\\''" : "%c", *text);
	buf_addf(out, "'");
}

static void add_options(const struct setup_key *key, struct buf *out)
{
	buf_addf(out, "restrict,command=\"" SETUP_AGENT " session\"");
	if (key->from)
		buf_addf(out, ",from=\"%s\"", key->from);
}

static void add_here(const char *name, size_t number, const char *text, struct buf *out)
{
	buf_addf(out, "%s_%zu() {\n\tcat <<'END_OF_FILE'\n%sEND_OF_FILE\n}\n\n", name,
	         number, text);
}

static void add_sudoers(const struct setup_host *host, size_t number, struct buf *out)
{
	buf_addf(out, "sudoers_%zu() {\n", number);
	for (size_t i = 0; i < host->sudo.len; i++) {
		const char *line = host->sudo.items[i];
		size_t len = strcspn(line, " ");
		AUTO_BUF struct buf program = BUF_INIT(4096);

		buf_add(&program, line, len);
		buf_addf(out, "\tmay_run ");
		add_quoted(program.data, out);
		buf_addf(out, " ");
		add_quoted(line[len] ? line + len + 1 : "", out);
		buf_addf(out, "\n");
	}
	buf_addf(out, "\t:\n}\n\n");
}

static void add_places(const struct setup_host *host, size_t number, struct buf *out)
{
	buf_addf(out, "slots_%zu() {\n", number);
	for (size_t i = 0; i < host->directories.len; i++) {
		buf_addf(out, "\t\"$@\" ");
		add_quoted(host->directories.items[i], out);
		buf_addf(out, " ");
		add_quoted(host->groups.items[i], out);
		buf_addf(out, "\n");
	}
	buf_addf(out, "\t:\n}\n\n");
}

static void add_passwords(const struct setup_host *host, size_t number, struct buf *out)
{
	buf_addf(out, "passwords_%zu() {\n", number);
	for (size_t i = 0; i < host->passwords.len; i++) {
		buf_addf(out, "\tmake_password ");
		add_quoted(host->passwords.items[i], out);
		buf_addf(out, "\n");
	}
	buf_addf(out, "\t:\n}\n\n");
}

static void add_host(const struct setup_host *host, size_t number, struct buf *out)
{
	buf_addf(out, "# %s\n\n", host->name);
	add_here("policy", number, host->policy, out);
	if (host->sudo.len > 0 || !str_eq(host->user, "root"))
		add_sudoers(host, number, out);
	add_places(host, number, out);
	add_passwords(host, number, out);
}

/* Which of them is this? A script of one host is for whoever runs it. */
static void add_choice(const struct setup_host *hosts, size_t count, struct buf *out)
{
	buf_addf(out, "choose() {\n\tcase $1 in\n");
	for (size_t i = 0; i < count; i++) {
		buf_addf(out, "\t");
		add_quoted(hosts[i].name, out);
		buf_addf(out, ") number=%zu user=", i + 1);
		add_quoted(hosts[i].user, out);
		buf_addf(out, " ;;\n");
	}
	buf_addf(out, "\t*) return 1 ;;\n\tesac\n}\n");
	buf_addf(out, "only=");
	add_quoted(count == 1 ? hosts[0].name : "", out);
	buf_addf(out, "\n\n");
}

/* Without its first lines, "#!" and the license: they stand in front of all. */
static const char *program(void)
{
	const struct embedded_file *file = installer_files;

	while (!str_eq(file->name, "setup.sh"))
		file++;
	return strstr(file->data, "\n\n") + 1;
}

void setup_script(const struct setup_host *hosts, size_t count,
                  const struct setup_key *key, struct buf *out)
{
	AUTO_BUF struct buf options = BUF_INIT(1024);

	add_options(key, &options);
	buf_addf(out,
	         "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"
	         "# Made by `certferry agent script`; the second half is the same for "
	         "every server.\n\n");
	buf_addf(out, "key=");
	add_quoted(key->line, out);
	buf_addf(out, "\nbeside=");
	add_quoted(key->beside ? key->beside : "", out);
	buf_addf(out, "\ngone=");
	add_quoted(key->gone ? key->gone : "", out);
	buf_addf(out, "\noptions=");
	add_quoted(options.data, out);
	buf_addf(out, "\nagent=" SETUP_AGENT "\n\n");
	add_choice(hosts, count, out);
	for (size_t i = 0; i < count; i++)
		add_host(&hosts[i], i + 1, out);
	buf_addf(out, "%s", program());
}

static void show_key(const struct setup_key *key, const char *line, struct buf *out)
{
	buf_addf(out, "authorized_keys  ");
	add_options(key, out);
	buf_addf(out, " %s\n", line);
}

void setup_show(const struct setup_host *host, const struct setup_key *key,
                struct buf *out)
{
	buf_addf(out, "user             %s%s\n", host->user,
	         str_eq(host->user, "root") ? "" : ", made where it is missing");
	show_key(key, key->line, out);
	if (key->beside)
		show_key(key, key->beside, out);
	if (key->gone)
		buf_addf(out, "  taken away     %s\n", key->gone);
	for (size_t i = 0; i < host->directories.len; i++)
		buf_addf(out, "directory        %s\n", host->directories.items[i]);
	for (size_t i = 0; i < host->passwords.len; i++)
		buf_addf(out, "password         %s, made where it is missing\n",
		         host->passwords.items[i]);
	for (size_t i = 0; i < host->sudo.len; i++)
		buf_addf(out, "sudo             %s\n", host->sudo.items[i]);
	buf_addf(out, "\n/etc/certferry/agent.yaml\n\n%s", host->policy);
}
