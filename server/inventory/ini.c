/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "parts.h"

/* Ansible's INI: [group], [group:children], [group:vars]; before them, hosts in none. */

enum section { HOSTS, CHILDREN, VARS, SECTION_COUNT };
static const char *const suffixes[SECTION_COUNT] = {
	[CHILDREN] = "children", [VARS] = "vars"
};

struct ini {
	struct tree *tree;
	int line;
	int group;
	enum section section;
};

static bool wrong(const struct ini *ini, const char *text, const char *why,
                  struct err *err)
{
	char shown[80];

	return err_set(err, ERR_INPUT, "line %d: '%s': %s", ini->line,
	               str_printable(text, shown, sizeof(shown)), why);
}

static bool read_section(struct ini *ini, char *text, struct err *err)
{
	char *end = strchr(text, ']'), *colon = strchr(text, ':'), *rest;

	rest = end ? str_trim(end + 1) : NULL;
	if (!end || (*rest && *rest != '#' && *rest != ';'))
		return wrong(ini, text, "no section; [web], [web:children] or [web:vars]",
		             err);
	*end = '\0';
	ini->section = HOSTS;
	if (colon) {
		*colon++ = '\0';
		while (
		    ini->section < SECTION_COUNT &&
		    (!suffixes[ini->section] || !str_eq(suffixes[ini->section], colon)))
			ini->section++;
		if (ini->section == SECTION_COUNT)
			return wrong(ini, colon,
			             "no kind of section; [web:children] or [web:vars]",
			             err);
	}
	ini->group = tree_group(ini->tree, str_trim(text + 1), ini->line, err);
	return ini->group >= 0;
}

/* Opens a quote, or closes the one that is open. */
static bool is_quote(char c, char *open)
{
	if (*open ? c != *open : c != '"' && c != '\'')
		return false;
	*open = *open ? 0 : c;
	return true;
}

/* The next word as a shell takes it: quotes go, blanks within them stay. Taken apart in
 * place; *word is NULL at the end of the line, or at a comment. */
static bool next_word(struct ini *ini, char **rest, char **word, struct err *err)
{
	char *from = *rest + strspn(*rest, " \t"), *to = from;
	char quote = 0;

	*word = NULL;
	if (!*from || *from == '#')
		return true;
	*word = to;
	for (; *from && (quote || !isblank((unsigned char)*from)); from++) {
		if (is_quote(*from, &quote))
			continue;
		if (*from == '\\' && from[1] && quote != '\'')
			from++;
		*to++ = *from;
	}
	if (quote)
		return wrong(ini, *word, "a quote is opened and not closed; close it",
		             err);
	*rest = from + (*from != '\0');
	*to = '\0';
	return true;
}

/* "web-1:2222" has the port in it; more colons are an IPv6 address, which is no name. */
static bool split_port(struct ini *ini, char *name, char *vars[VAR_COUNT],
                       struct err *err)
{
	char *close = strrchr(name, ']');
	char *colon = strrchr(close ? close : name, ':');
	int64_t port;

	if (!colon)
		return true;
	if (!str_to_i64(colon + 1, 1, 65535, &port) || memchr(name, ':', 1))
		return wrong(ini, name,
		             "no host name; give the host a name, and its address as "
		             "ansible_host=ADDRESS, its port as ansible_port=PORT",
		             err);
	*colon = '\0';
	if (strchr(close ? close : name, ':'))
		return wrong(ini, name,
		             "an IPv6 address is no name; give the host one, and "
		             "ansible_host=ADDRESS beside it",
		             err);
	return tree_set_var(ini->tree, vars, "ansible_port", colon + 1, ini->line, err);
}

static bool read_vars(struct ini *ini, char *rest, char *vars[VAR_COUNT], struct err *err)
{
	for (char *word;;) {
		if (!next_word(ini, &rest, &word, err))
			return false;
		if (!word)
			return true;
		char *equals = strchr(word, '=');

		if (!equals || equals == word)
			return wrong(ini, word,
			             "behind a host go variables as NAME=VALUE; one host "
			             "to a line",
			             err);
		*equals = '\0';
		if (!tree_set_var(ini->tree, vars, word, equals + 1, ini->line, err))
			return false;
	}
}

static bool read_host(struct ini *ini, char *rest, struct err *err)
{
	char *vars[VAR_COUNT] = { 0 }, *name;
	bool good = next_word(ini, &rest, &name, err);

	if (good && name)
		good = split_port(ini, name, vars, err) &&
		       read_vars(ini, rest, vars, err) &&
		       tree_add_hosts(ini->tree, ini->group, name, ini->line, vars, err);
	vars_deinit(vars);
	return good;
}

static bool read_child(struct ini *ini, char *rest, struct err *err)
{
	char *name, *more;

	if (!next_word(ini, &rest, &name, err))
		return false;
	if (!name)
		return true;
	if (!next_word(ini, &rest, &more, err))
		return false;
	if (more)
		return wrong(ini, more, "among children goes one group to a line", err);
	if (tree_group(ini->tree, name, ini->line, err) < 0)
		return false;
	struct strlist *children = &ini->tree->groups[ini->group].children;

	if (!strlist_has(children, name))
		strlist_add(children, name);
	return true;
}

/* Unlike those behind a host these go to the end of the line. */
static bool read_group_var(struct ini *ini, char *text, struct err *err)
{
	char *equals = strchr(text, '='), *value, *comment;
	size_t len;

	if (!equals || equals == text)
		return wrong(ini, text, "among vars go lines of NAME=VALUE", err);
	*equals = '\0';
	comment = strstr(equals + 1, " #");
	if (comment)
		*comment = '\0';
	value = str_trim(equals + 1);
	len = strlen(value);
	if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value[len - 1] = '\0';
		value++;
	}
	return tree_set_var(ini->tree, ini->tree->groups[ini->group].vars, str_trim(text),
	                    value, ini->line, err);
}

static bool (*const readers[SECTION_COUNT])(struct ini *, char *, struct err *) = {
	[HOSTS] = read_host,
	[CHILDREN] = read_child,
	[VARS] = read_group_var,
};

bool ini_read(char *text, struct tree *tree, struct err *err)
{
	struct ini ini = { .tree = tree };

	ini.group = tree_group(tree, "ungrouped", 1, err);
	if (ini.group < 0)
		return false;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		ini.line++;
		line = str_trim(line);
		if (!*line || *line == '#' || *line == ';')
			continue;
		if (!(*line == '[' ? read_section(&ini, line, err)
		                   : readers[ini.section](&ini, line, err)))
			return false;
	}
	return true;
}
