/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

void import_deinit(struct import *import)
{
	for (size_t i = 0; i < import->len; i++) {
		free(import->items[i].said);
		secret_free(import->items[i].value);
	}
	free(import->items);
	strlist_deinit(&import->unknown);
	*import = (struct import){ 0 };
}

const struct import_item *import_find(const struct import *import,
                                      enum import_provider provider, const char *option)
{
	for (size_t i = 0; i < import->len; i++)
		if (import->items[i].name->provider == provider &&
		    str_eq(import->items[i].name->option, option))
			return &import->items[i];
	return NULL;
}

static bool is_name(const char *text)
{
	return *text && strlen(text) <= 80 &&
	       text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                         "0123456789_-:")] == '\0';
}

/* Behind a value there may be a comment, and nothing else. */
static bool is_rest(const char *text)
{
	text += strspn(text, " \t");
	return *text == '\0' || *text == '#' || *text == ';';
}

/* Takes the quotes off, in place; NULL where there is no end to them. */
static char *unquote(char *text, bool *is_literal)
{
	char quote = *text, *to = text, *from = text + 1;

	*is_literal = quote == '\'';
	for (; *from && *from != quote; from++) {
		if (quote == '"' && *from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	if (*from != quote || !is_rest(from + 1))
		return NULL;
	*to = '\0';
	return text;
}

/* NULL: this is more than a plain value, a shell would have to say what. */
static char *read_value(char *text)
{
	bool is_literal = false;
	char *comment;

	text = str_trim(text);
	if (*text == '\'' || *text == '"') {
		text = unquote(text, &is_literal);
	} else {
		comment = strstr(text, " #");
		if (comment)
			*comment = '\0';
		text = str_trim(text);
	}
	if (!text || (!is_literal && strpbrk(text, "$`")))
		return NULL;
	return text;
}

static bool is_same(const struct secret *a, const struct secret *b)
{
	return str_eq(secret_reveal(a, NULL), secret_reveal(b, NULL));
}

static bool add(struct import *import, const struct import_name *name, const char *said,
                struct secret *value, struct err *err)
{
	const struct import_item *there =
	    name->option ? import_find(import, name->provider, name->option) : NULL;

	if (there && !is_same(there->value, value))
		return err_set(err, ERR_INPUT,
		               "%s and %s do not say the same: leave one away",
		               there->said, said);
	import->items = xrealloc(import->items, import->len + 1, sizeof(*import->items));
	import->items[import->len++] = (struct import_item){ name, xstrdup(said),
		                                             secret_dup(value) };
	return true;
}

/* NAME_FILE is lego's way to name a file that holds the value. */
static const struct import_name *find_of_file(const char *said)
{
	static const char end[] = "_FILE";
	AUTO_FREE char *name = xstrdup(said);

	if (!str_ends(name, end))
		return NULL;
	name[strlen(name) - (sizeof(end) - 1)] = '\0';
	return import_name_find(name);
}

static bool read_item(struct import *import, const char *said, const char *value,
                      struct err *err)
{
	const struct import_name *name = import_name_find(said);
	AUTO_SECRET struct secret *text = NULL;
	AUTO_SECRET struct secret *made = NULL;

	if (name) {
		made = import_value(name, said, value, err);
	} else {
		name = find_of_file(said);
		if (!name) {
			strlist_add(&import->unknown, said);
			return true;
		}
		text = import_file(said, value, err);
		if (text)
			made = import_value(name, said, secret_reveal(text, NULL), err);
	}
	return made && add(import, name, said, made, err);
}

static char *skip_export(char *line)
{
	static const char word[] = "export";

	if (str_starts(line, word) && isblank((unsigned char)line[sizeof(word) - 1]))
		return str_trim(line + sizeof(word) - 1);
	return line;
}

static bool read_line(struct import *import, char *line, int number, struct err *err)
{
	char *equals, *value, *name;

	line = skip_export(str_trim(line));
	if (!*line || strchr("#;[", *line))
		return true;
	equals = strchr(line, '=');
	if (equals)
		*equals = '\0';
	name = str_trim(line);
	value = equals && is_name(name) ? read_value(equals + 1) : NULL;
	/* acme.sh keeps what was cleared. */
	if (value && !*value)
		return true;
	if (value)
		return read_item(import, name, value, err);

	/* The line itself may be a secret, so it is not shown. */
	AUTO_FREE char *where = equals && is_name(name) ? xasprintf("%s", name)
	                                                : xasprintf("line %d", number);
	strlist_add(&import->unknown, where);
	return true;
}

bool import_read(struct import *import, char *text, struct err *err)
{
	int number = 0;

	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!read_line(import, line, ++number, err))
			return false;
	}
	return true;
}
