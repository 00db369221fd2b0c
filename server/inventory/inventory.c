/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "parts.h"

static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789._-";

static void host_deinit(struct inventory_host *host)
{
	free(host->name);
	free(host->address);
	free(host->user);
	strlist_deinit(&host->groups);
}

void inventory_deinit(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->len; i++)
		host_deinit(&inventory->hosts[i]);
	free(inventory->hosts);
	strlist_deinit(&inventory->notes);
	*inventory = (struct inventory){ 0 };
}

static bool is_word(const char *text, size_t max)
{
	return str_is_made_of(text, word, 1, max) && !strchr("-.", *text);
}

bool inventory_is_user(const char *text)
{
	return is_word(text, 32);
}

static bool check_address(char *address)
{
	unsigned char bytes[16];
	struct err ignored;

	if (inet_pton(AF_INET, address, bytes) == 1 ||
	    inet_pton(AF_INET6, address, bytes) == 1)
		return true;
	for (char *at = address; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return dnsname_check(address, DNSNAME_ONE_LABEL, &ignored);
}

static bool check(struct inventory_host *host, struct err *err)
{
	char shown[80];

	if (!is_word(host->name, 64))
		return err_set(err, ERR_INPUT,
		               "line %d: '%s' is no name for a host: 1 to 64 letters, "
		               "digits, . _ or -, and neither - nor . in front; give it "
		               "another name, and its address beside it",
		               host->line,
		               str_printable(host->name, shown, sizeof(shown)));
	if (!check_address(host->address))
		return err_set(
		    err, ERR_INPUT,
		    "line %d: '%s' is neither an IP address nor a host name of "
		    "letters, digits and hyphens; write the address of %s",
		    host->line, str_printable(host->address, shown, sizeof(shown)),
		    host->name);
	if (host->user && !inventory_is_user(host->user))
		return err_set(
		    err, ERR_INPUT,
		    "line %d: '%s' is no user: 1 to 32 letters, digits, . _ or "
		    "-",
		    host->line, str_printable(host->user, shown, sizeof(shown)));
	for (size_t i = 0; i < host->groups.len; i++)
		if (!is_word(host->groups.items[i], 64))
			return err_set(
			    err, ERR_INPUT,
			    "line %d: '%s' is no name for a group: 1 to 64 "
			    "letters, digits, . _ or -",
			    host->line,
			    str_printable(host->groups.items[i], shown, sizeof(shown)));
	if (host->groups.len > 100)
		return err_set(err, ERR_INPUT,
		               "line %d: %s is in %zu groups; at most 100 go", host->line,
		               host->name, host->groups.len);
	return true;
}

static bool is_new(const struct inventory *inventory, const struct inventory_host *host,
                   struct err *err)
{
	for (size_t i = 0; i < inventory->len; i++)
		if (str_eq(inventory->hosts[i].name, host->name))
			return err_set(err, ERR_INPUT,
			               "line %d: host %s stands in line %d already; "
			               "leave one away",
			               host->line, host->name, inventory->hosts[i].line);
	return inventory->len < INVENTORY_HOSTS_MAX ||
	       err_set(err, ERR_INPUT, "line %d: more than %d hosts; split the file",
	               host->line, INVENTORY_HOSTS_MAX);
}

bool inventory_add(struct inventory *inventory, struct inventory_host *host,
                   struct err *err)
{
	if (!check(host, err) || !is_new(inventory, host, err)) {
		host_deinit(host);
		return false;
	}
	inventory->hosts = xrealloc(inventory->hosts, inventory->len + 1, sizeof(*host));
	inventory->hosts[inventory->len++] = *host;
	return true;
}

static bool read_ansible(enum inventory_format format, char *text, size_t len,
                         struct inventory *out, struct err *err)
{
	AUTO_TREE struct tree tree = { 0 };

	return (format == INVENTORY_INI ? ini_read(text, &tree, err)
	                                : yaml_read(text, len, &tree, err)) &&
	       tree_finish(&tree, out, err);
}

static int line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

bool inventory_read(enum inventory_format format, const char *text, size_t len,
                    struct inventory *out, struct err *err)
{
	const char *nul = memchr(text, '\0', len);

	if (len > INVENTORY_BYTES_MAX)
		return err_set(err, ERR_INPUT, "more than %d MiB; split the file",
		               INVENTORY_BYTES_MAX / 1024 / 1024);
	if (nul)
		return err_set(err, ERR_INPUT,
		               "line %d: a NUL byte; this is no text: is it the right "
		               "file, in UTF-8?",
		               line_of(text, nul));
	/* Excel puts a mark in front of UTF-8. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	AUTO_FREE char *copy = xstrndup(text, len);

	return format == INVENTORY_CSV ? csv_read(copy, out, err)
	                               : read_ansible(format, copy, len, out, err);
}
