/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "inventory/inventory.h"

/* host import: the hosts of an inventory become a file of conf.d. */

enum { YAML_MAX = 16 * 1024 * 1024, FILES_MAX = 99 };

static const char *const formats[INVENTORY_FORMAT_COUNT] = {
	[INVENTORY_KNOWN_HOSTS] = "known_hosts",
	[INVENTORY_CSV] = "csv",
	[INVENTORY_INI] = "ansible",
	[INVENTORY_YAML] = "ansible",
};

static bool find_format(const struct args *args, const struct buf *text,
                        enum inventory_format *format, struct err *err)
{
	*format = inventory_guess(text->data, text->len);
	/* Which of Ansible's two is still for the guess to say. */
	if (!args->format || str_eq(args->format, formats[*format]))
		return true;
	for (enum inventory_format i = 0; i < INVENTORY_FORMAT_COUNT; i++)
		if (str_eq(formats[i], args->format)) {
			*format = i;
			return true;
		}
	return err_set(err, ERR_INPUT, "--format takes known_hosts, ansible or csv");
}

/* "conf.d/hosts-NAME": of the source's name what may stand in one. */
static char *make_base(const char *config, const char *source)
{
	const char *slash = strrchr(config, '/'), *name = strrchr(source, '/');
	AUTO_BUF struct buf stem = BUF_INIT(40);

	name = name ? name + 1 : source;
	for (; *name && *name != '.' && stem.len < 32; name++) {
		const char letter = (char)tolower((unsigned char)*name);

		if (isalnum((unsigned char)letter) && (unsigned char)letter < 127)
			buf_addf(&stem, "%c", letter);
		else if (stem.len > 0)
			buf_addf(&stem, "-");
	}
	return xasprintf("%.*sconf.d/hosts-%s", slash ? (int)(slash - config) + 1 : 0,
	                 config, stem.len ? stem.data : "imported");
}

/* The first name that is free. Where the configuration does not load, nobody can say what
 * of the file is there already: then only the very first. */
static char *find_path(const struct args *args, const struct config *config,
                       struct err *err)
{
	AUTO_FREE char *base = make_base(args->config, args->words.items[0]);

	for (int i = 1; i <= (config ? FILES_MAX : 1); i++) {
		char *path = i == 1 ? xasprintf("%s.yaml", base)
		                    : xasprintf("%s-%d.yaml", base, i);

		if (!fs_exists(path))
			return path;
		free(path);
	}
	(void)err_set(err, ERR_CONFLICT,
	              "%s.yaml exists%s; nothing was written: see to that first", base,
	              config ? ", and 98 more"
	                     : ", and the configuration does not load (certferry check)");
	return NULL;
}

static void add_host(const struct inventory_host *host, struct buf *out)
{
	buf_addf(out, "  ");
	buf_add_quoted(out, host->name);
	buf_addf(out, ":\n    address: ");
	buf_add_quoted(out, host->address);
	if (host->port)
		buf_addf(out, "\n    port: %u", host->port);
	if (host->user) {
		buf_addf(out, "\n    user: ");
		buf_add_quoted(out, host->user);
	}
	for (size_t i = 0; i < host->groups.len; i++) {
		buf_addf(out, i ? ", " : "\n    groups: [");
		buf_add_quoted(out, host->groups.items[i]);
	}
	buf_addf(out, "%s\n", host->groups.len ? "]" : "");
}

static void add_head(const char *source, struct buf *out)
{
	char shown[200], when[CLOCK_TEXT];

	buf_addf(out, "# Made by certferry host import, %s,\n# from %s\nhosts:\n",
	         clock_format(clock_now(), when),
	         str_eq(source, "-") ? "standard input"
	                             : str_printable(source, shown, sizeof(shown)));
}

/* Those that the configuration has are named in skipped; of the others' users each is in
 * logins, as often as it is taken. */
static size_t make_text(const struct inventory *inventory, const struct config *config,
                        struct strlist *skipped, struct strlist *logins, struct buf *out)
{
	size_t count = 0;

	for (size_t i = 0; i < inventory->len; i++) {
		const struct inventory_host *host = &inventory->hosts[i];

		if (config && config_host_find(config, host->name)) {
			strlist_add(skipped, host->name);
			continue;
		}
		add_host(host, out);
		if (host->user)
			strlist_add(logins, host->user);
		count++;
	}
	return count;
}

static bool write_file(const char *path, const struct buf *text, struct err *err)
{
	AUTO_FREE char *directory = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	bool existed;

	if (text->over)
		return err_set(err, ERR_INPUT,
		               "more than %d MiB of hosts; split the file",
		               YAML_MAX / 1024 / 1024);
	if (!fs_make_dir(directory, 0755, err) ||
	    !fs_create_private(path, text->data, text->len, &existed, err))
		return false;
	if (existed)
		return err_set(err, ERR_CONFLICT, "%s exists; nothing was written", path);
	if (chmod(path, 0644) < 0)
		return err_set_errno(err, ERR_INTERNAL, "%s", path);
	return true;
}

static void print_left_out(const struct inventory *inventory,
                           const struct strlist *skipped)
{
	AUTO_BUF struct buf names = BUF_INIT(1024 * 1024);

	for (size_t i = 0; i < inventory->notes.len; i++)
		printf("%s\n", inventory->notes.items[i]);
	strlist_join(skipped, ", ", &names);
	if (skipped->len > 0)
		printf("in the configuration already, left as %s: %s\n",
		       skipped->len == 1 ? "it is" : "they are", names.data);
}

static bool set_user(const char *user, struct inventory *inventory, struct err *err)
{
	char shown[80];

	if (!user)
		return true;
	if (!inventory_is_user(user))
		return err_set(
		    err, ERR_INPUT,
		    "--user '%s' is no user: 1 to 32 letters, digits, . _ or -",
		    str_printable(user, shown, sizeof(shown)));
	for (size_t i = 0; i < inventory->len; i++) {
		free(inventory->hosts[i].user);
		inventory->hosts[i].user = xstrdup(user);
	}
	return true;
}

/* In an inventory it is often a person's own login, who does not mean to share it. */
static void print_logins(struct strlist *logins)
{
	strlist_sort(logins);
	for (size_t i = 0, next; i < logins->len; i = next) {
		for (next = i; next < logins->len; next++)
			if (!str_eq(logins->items[next], logins->items[i]))
				break;
		printf("certferry's login as the inventory says: %s on %zu host%s\n",
		       logins->items[i], next - i, next - i == 1 ? "" : "s");
	}
	if (logins->len > 0)
		printf("Where that is a person's login, give certferry another: user: "
		       "in the file, or remove it\nand import again with --user NAME "
		       "(root, or one with sudo, or one for certferry-agent alone).\n");
}

static void print_next(bool is_ansible)
{
	if (is_ansible)
		printf(
		    "Files of variables (group_vars, host_vars, vaults) were not "
		    "read: ansible-inventory --list --yaml puts them into one file.\n");
	printf("\nNow: certferry check\n"
	       "Then, for the servers' host keys: certferry host import "
	       "~/.ssh/known_hosts\n"
	       "or, one by one: certferry host enroll NAME\n");
}

static bool import_hosts(const struct args *args, enum inventory_format format,
                         const struct buf *text, struct err *err)
{
	AUTO_INVENTORY struct inventory inventory = { 0 };
	AUTO_STRLIST struct strlist skipped = { 0 }, logins = { 0 }, problems = { 0 };
	AUTO_BUF struct buf out = BUF_INIT(YAML_MAX);
	struct err ignored = { 0 };
	size_t count;

	if (!inventory_read(format, text->data, text->len, &inventory, err))
		return err_context(err, "%s", args->words.items[0]);
	if (!set_user(args->user, &inventory, err))
		return false;
	/* It may want these very hosts to load. */
	CLEANUP(config_freep)
	struct config *config = config_load(args->config, &problems, &ignored);

	add_head(args->words.items[0], &out);
	count = make_text(&inventory, config, &skipped, &logins, &out);
	print_left_out(&inventory, &skipped);
	if (count == 0) {
		printf("Nothing new in %s; nothing was written.\n", args->words.items[0]);
		return true;
	}
	AUTO_FREE char *path = find_path(args, config, err);

	if (!path || !write_file(path, &out, err))
		return false;
	printf("written: %s (%zu host%s)\n", path, count, count == 1 ? "" : "s");
	if (!args->user)
		print_logins(&logins);
	print_next(format != INVENTORY_CSV);
	return true;
}

bool cmd_host_import(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(INVENTORY_BYTES_MAX);
	enum inventory_format format;

	if (!input_read(args->words.items[0], &text, err) ||
	    !find_format(args, &text, &format, err))
		return false;
	if (format == INVENTORY_KNOWN_HOSTS && args->user)
		return err_set(err, ERR_INPUT,
		               "--user is for servers, and a known_hosts has keys alone");
	return format == INVENTORY_KNOWN_HOSTS
	           ? host_pins_import(&session, args, &text, err)
	           : import_hosts(args, format, &text, err);
}
