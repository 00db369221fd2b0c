/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/grammar.h"

typedef bool text_fn(const struct key *key, const char *text, void *to, struct err *err);

const char *scalar_text(struct load *load, const struct node *node,
                        const struct where *where, const char *wanted)
{
	const yaml_node_t *yaml = node->yaml;
	const char *text = (const char *)yaml->data.scalar.value;

	if (!node_visit(load, node, where))
		return NULL;
	if (yaml->type != YAML_SCALAR_NODE) {
		problem(load, where, "not one value; %s", wanted);
		return NULL;
	}
	if (yaml->data.scalar.length != strlen(text)) {
		problem(load, where, "a NUL byte in it; %s", wanted);
		return NULL;
	}
	if (!*text || (yaml->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	               (str_eq(text, "~") || str_eq(text, "null")))) {
		problem(load, where, "empty; %s", wanted);
		return NULL;
	}
	return text;
}

static bool text_from(const struct key *key, const char *text, void *to, struct err *err)
{
	AUTO_FREE char *copy = xstrdup(text);
	struct err why = { 0 };

	if (key->grammar && !key->grammar->read(&copy, &why)) {
		char shown[100];

		return err_set(err, ERR_CONFIG, "'%s': %s",
		               str_printable(text, shown, sizeof(shown)), why.msg);
	}
	*(char **)to = TAKE(copy);
	return true;
}

static bool number_from(const struct key *key, const char *text, int64_t *out,
                        struct err *err)
{
	if (str_to_i64(text, key->min, key->max, out))
		return true;
	return err_set(err, ERR_CONFIG,
	               "'%.40s' is out of place; a number of %lld to %lld", text,
	               (long long)key->min, (long long)key->max);
}

static bool integer_from(const struct key *key, const char *text, void *to,
                         struct err *err)
{
	int64_t number;

	if (!number_from(key, text, &number, err))
		return false;
	*(int *)to = (int)number;
	return true;
}

static bool port_from(const struct key *key, const char *text, void *to, struct err *err)
{
	int64_t number;

	if (!number_from(key, text, &number, err))
		return false;
	*(uint16_t *)to = (uint16_t)number;
	return true;
}

static int64_t unit_seconds(char unit)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 }
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].unit == unit)
			return units[i].seconds;
	return 0;
}

static bool duration_from(const struct key *key, const char *text, int64_t *out,
                          struct err *err)
{
	AUTO_FREE char *digits = xstrdup(text);
	size_t len = strlen(digits);
	int64_t unit = len > 1 ? unit_seconds(digits[len - 1]) : 0, number = 0;

	if (len > 1)
		digits[len - 1] = '\0';
	if (!unit || !str_to_i64(digits, 0, INT64_MAX / 604800, &number))
		return err_set(
		    err, ERR_CONFIG,
		    "'%.40s' is no duration; a number and one of s, m, h, d, w, "
		    "such as 90s or 30d",
		    text);
	*out = number * unit;
	if (*out < key->min || *out > key->max)
		return err_set(err, ERR_CONFIG, "'%.40s' is out of range; %llds to %llds",
		               text, (long long)key->min, (long long)key->max);
	return true;
}

static bool seconds_from(const struct key *key, const char *text, void *to,
                         struct err *err)
{
	int64_t seconds;

	if (!duration_from(key, text, &seconds, err))
		return false;
	*(int *)to = (int)seconds;
	return true;
}

static bool long_seconds_from(const struct key *key, const char *text, void *to,
                              struct err *err)
{
	return duration_from(key, text, to, err);
}

static bool boolean_from(const struct key *key, const char *text, void *to,
                         struct err *err)
{
	(void)key;
	if (!str_eq(text, "true") && !str_eq(text, "false"))
		return err_set(err, ERR_CONFIG, "'%.40s' is neither; true or false",
		               text);
	*(bool *)to = str_eq(text, "true");
	return true;
}

static bool key_type_from(const struct key *key, const char *text, void *to,
                          struct err *err)
{
	(void)key;
	if (!key_type_parse(text, to) || *(enum key_type *)to == KEY_ED25519)
		return err_set(err, ERR_CONFIG,
		               "'%.40s' is no kind of key; ec-256, ec-384, rsa-2048, "
		               "rsa-3072 or rsa-4096",
		               text);
	return true;
}

/* Octal as chmod takes it, with or without YAML's leading 0 or 0o. */
bool mode_parse(const char *text, mode_t *out)
{
	mode_t mode = 0;

	text += str_starts(text, "0o") ? 2 : 0;
	if (!str_is_made_of(text, "01234567", 3, 4))
		return false;
	for (; *text; text++)
		mode = mode * 8 + (mode_t)(*text - '0');
	*out = mode;
	return true;
}

static bool mode_from(const struct key *key, const char *text, void *to, struct err *err)
{
	mode_t mode;

	(void)key;
	if (!mode_parse(text, &mode))
		return err_set(err, ERR_CONFIG, "'%.40s' is no mode; octal, such as 0640",
		               text);
	if (mode & 07)
		return err_set(
		    err, ERR_CONFIG,
		    "'%.40s' lets every user of the server at the private key; "
		    "0600, or 0640 with a group",
		    text);
	if ((mode & ~0660U) || !(mode & 0400))
		return err_set(
		    err, ERR_CONFIG,
		    "'%.40s' does not fit a file that its owner reads and nobody "
		    "runs; 0600, 0640 or 0660",
		    text);
	*(mode_t *)to = mode;
	return true;
}

static bool credential_is_fine(const char *name)
{
	return str_is_made_of(name,
	                      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                      "0123456789._-",
	                      1, 255) &&
	       !str_eq(name, ".") && !str_eq(name, "..");
}

static bool secret_set(struct load *load, const struct member *member,
                       const struct where *where, struct config_secret *out)
{
	struct where at = { where, member->name, node_mark(&member->value) };
	bool is_file = str_eq(member->name, "file");
	const char *text;

	if (!is_file && !str_eq(member->name, "credential")) {
		problem(load, &at, "unknown key; file or credential");
		return false;
	}
	text = scalar_text(load, &member->value, &at, is_file ? "a path" : "a name");
	if (!text)
		return false;
	if (!is_file && !credential_is_fine(text)) {
		problem(load, &at,
		        "not a credential's name; letters, digits, . _ or -, as in "
		        "systemd's LoadCredential=");
		return false;
	}
	if (is_file)
		out->file = text[0] == '/'
		                ? xstrdup(text)
		                : xasprintf("%s%s", member->value.source->directory,
		                            text);
	else
		out->credential = xstrdup(text);
	return true;
}

bool secret_read(struct load *load, const struct node *node, const struct where *where,
                 struct config_secret *out)
{
	AUTO_MEMBERS struct members members = { 0 };

	if (!node_visit(load, node, where))
		return false;
	if (node->yaml->type != YAML_MAPPING_NODE) {
		problem(load, where,
		        "a secret does not stand in this file; put it into a file of its "
		        "own (chmod 0600) and write {file: PATH}, or {credential: NAME}");
		return false;
	}
	if (!members_add(load, &members, node, where))
		return false;
	if (members.len != 1) {
		problem(load, where,
		        "%zu keys; one of {file: PATH} and {credential: NAME}",
		        members.len);
		return false;
	}
	out->mark = where->mark;
	return secret_set(load, &members.items[0], where, out);
}

char *text_read(struct load *load, const struct key *key, const struct node *node,
                const struct where *where, const char *wanted)
{
	const char *text = scalar_text(load, node, where, wanted);
	char *value = NULL;
	struct err err = { 0 };

	if (text && !text_from(key, text, &value, &err))
		problem(load, where, "%s", err.msg);
	return value;
}

static void read_file(struct load *load, const struct key *key, const struct node *node,
                      const struct where *where, char **to)
{
	AUTO_FREE char *path = text_read(load, key, node, where, "a path");

	if (path)
		*to = path[0] == '/' ? xstrdup(path)
		                     : xasprintf("%s%s", node->source->directory, path);
}

static text_fn *const from_text[VALUE_KIND_COUNT] = {
	[VALUE_TEXT] = text_from,
	[VALUE_INTEGER] = integer_from,
	[VALUE_PORT] = port_from,
	[VALUE_DURATION] = seconds_from,
	[VALUE_LONG_DURATION] = long_seconds_from,
	[VALUE_BOOLEAN] = boolean_from,
	[VALUE_KEY_TYPE] = key_type_from,
	[VALUE_MODE] = mode_from,
	[VALUE_PRESET_OR_ARGV] = text_from,
};

static void read_scalar(struct load *load, const struct key *key, const struct node *node,
                        const struct where *where, void *to)
{
	const char *text = scalar_text(load, node, where, "a value");
	struct err err = { 0 };

	if (text && !from_text[key->kind](key, text, to, &err))
		problem(load, where, "%s", err.msg);
}

static void read_off(struct load *load, const struct node *node,
                     const struct where *where, bool *is_off)
{
	const char *text = scalar_text(load, node, where, "a map, or false");

	if (text && !str_eq(text, "false"))
		problem(load, where, "'%.40s' is neither; a map, or false", text);
	*is_off = true;
}

void value_read(struct load *load, const struct key *key, const struct node *node,
                const struct where *where, void *base)
{
	void *to = (char *)base + key->offset, *also = (char *)base + key->also;
	bool is_list = node->yaml->type == YAML_SEQUENCE_NODE;

	place_add(load, to, PLACE_WHOLE, where);
	if (key->kind == VALUE_LIST || (key->kind == VALUE_ONE_OR_LIST && is_list))
		list_read(load, key, node, where, to);
	else if (key->kind == VALUE_ONE_OR_LIST)
		list_read_one(load, key, node, where, to);
	else if (key->kind == VALUE_ARGV)
		argv_read(load, node, where, to);
	else if (key->kind == VALUE_PRESET_OR_ARGV && is_list)
		argv_read(load, node, where, also);
	else if (key->kind == VALUE_SECRET)
		(void)secret_read(load, node, where, to);
	else if (key->kind == VALUE_FILE)
		read_file(load, key, node, where, to);
	else if (key->kind == VALUE_SECTION_OR_OFF)
		read_off(load, node, where, also);
	else if (key->kind == VALUE_CHOICE)
		choice_read(load, key, node, where, base);
	else
		read_scalar(load, key, node, where, to);
}

void value_fall_back(const struct key *key, void *base)
{
	void *to = (char *)base + key->offset, *also = (char *)base + key->also;
	text_fn *from = key->kind == VALUE_CHOICE ? choice_from : from_text[key->kind];
	struct err err = { 0 };

	if (key->kind == VALUE_SECTION || key->kind == VALUE_SECTION_OR_OFF) {
		for (size_t i = 0; i < key->section->key_count; i++)
			value_fall_back(&key->section->keys[i], to);
	} else if (key->fallback &&
	           !from(key, key->fallback, from == choice_from ? also : to, &err)) {
		abort(); /* a row of keys.c is wrong: no test would pass */
	}
}
