/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { PROBLEMS_MAX = 100, TEXT_MAX = 1024, NEAR = 3 };

void reader_problem(struct reader *reader, const yaml_node_t *node, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *line = NULL;
	size_t number = node ? node->start_mark.line + 1 : 1;
	va_list ap;

	if (reader->problems->len == PROBLEMS_MAX)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	line = xasprintf("%s:%zu: %s%s%s", reader->file, number, reader->where,
	                 *reader->where ? ": " : "", text);
	strlist_add(reader->problems, line);
}

/* Goes one step down; the caller puts the old length back. */
static size_t enter(struct reader *reader, const char *name)
{
	size_t len = strlen(reader->where);
	char shown[70];

	snprintf(reader->where + len, sizeof(reader->where) - len, "%s%s", len ? "." : "",
	         str_printable(name, shown, sizeof(shown)));
	return len;
}

static bool is_map(struct reader *reader, const yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE)
		reader_problem(reader, node, "not a map: KEY: VALUE lines, indented");
	return node->type == YAML_MAPPING_NODE;
}

static const char *key_of(struct reader *reader, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);

	return reader_text(reader, key);
}

/* The value of a key, and how often it stands there. */
static const yaml_node_t *find(struct reader *reader, const yaml_node_t *map,
                               const char *name, int *count)
{
	const yaml_node_t *found = NULL;

	*count = 0;
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(reader->document,
		                                                pair->key);

		if (key->type != YAML_SCALAR_NODE ||
		    !str_eq((const char *)key->data.scalar.value, name))
			continue;
		if ((*count)++ == 0)
			found = yaml_document_get_node(reader->document, pair->value);
	}
	return found;
}

static void unknown(struct reader *reader, const yaml_node_t *node, const char *name,
                    const struct field *fields, size_t count)
{
	char shown[70];
	const char *near = NULL;

	for (size_t i = 0; i < count; i++)
		if (str_distance(name, fields[i].name) < NEAR)
			near = fields[i].name;
	reader_problem(reader, node, "unknown key '%s'%s%s%s",
	               str_printable(name, shown, sizeof(shown)),
	               near ? ": did you mean '" : "", near ? near : "",
	               near ? "'?" : "");
}

static bool is_field(const struct field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(fields[i].name, name))
			return true;
	return false;
}

void reader_fields(struct reader *reader, const yaml_node_t *node,
                   const struct field *fields, size_t count, void *base)
{
	if (!is_map(reader, node))
		return;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const char *name = key_of(reader, pair);

		if (name && !is_field(fields, count, name))
			unknown(reader,
			        yaml_document_get_node(reader->document, pair->key), name,
			        fields, count);
	}
	for (size_t i = 0; i < count; i++) {
		int times;
		const yaml_node_t *value = find(reader, node, fields[i].name, &times);
		size_t len = enter(reader, fields[i].name);

		if (times > 1)
			reader_problem(reader, node, "stands there twice");
		if (value)
			fields[i].read(reader, value, base);
		else if (fields[i].is_required)
			reader_problem(reader, node, "missing");
		reader->where[len] = '\0';
	}
}

void reader_entries(struct reader *reader, const yaml_node_t *node, entry_fn *each,
                    void *base)
{
	if (!is_map(reader, node))
		return;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const char *name = key_of(reader, pair);
		const yaml_node_t *value = yaml_document_get_node(reader->document,
		                                                  pair->value);
		size_t len;

		if (!name)
			continue;
		len = enter(reader, name);
		each(reader, name, value, base);
		reader->where[len] = '\0';
	}
}

const char *reader_text(struct reader *reader, const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type != YAML_SCALAR_NODE) {
		reader_problem(reader, node, "not a text");
		return NULL;
	}
	if (strlen(text) != node->data.scalar.length || strlen(text) > TEXT_MAX ||
	    !*text) {
		reader_problem(reader, node, "a text that is empty or too long");
		return NULL;
	}
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 127) {
			reader_problem(reader, node, "a text with control characters");
			return NULL;
		}
	}
	return text;
}

void reader_list(struct reader *reader, const yaml_node_t *node, size_t max,
                 struct strlist *out)
{
	const yaml_node_item_t *item;

	if (node->type != YAML_SEQUENCE_NODE) {
		reader_problem(reader, node, "not a list: [A, B]");
		return;
	}
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top;
	     item++) {
		const yaml_node_t *one = yaml_document_get_node(reader->document, *item);
		const char *text = reader_text(reader, one);

		if (out->len == max) {
			reader_problem(reader, one, "more than %zu", max);
			return;
		}
		if (text)
			strlist_add(out, text);
	}
}

bool reader_number(struct reader *reader, const yaml_node_t *node, int max, int *out)
{
	const char *text = reader_text(reader, node);
	int64_t number;

	if (!text)
		return false;
	if (!str_to_i64(text, 1, max, &number)) {
		reader_problem(reader, node, "not a number from 1 to %d", max);
		return false;
	}
	*out = (int)number;
	return true;
}

int reader_choice(struct reader *reader, const yaml_node_t *node, const char *text,
                  const char *const *choices, size_t count)
{
	AUTO_BUF struct buf all = BUF_INIT(500);

	for (size_t i = 0; i < count; i++) {
		if (str_eq(choices[i], text))
			return (int)i;
		buf_addf(&all, "%s%s", i ? ", " : "", choices[i]);
	}
	reader_problem(reader, node, "one of: %s", all.data);
	return -1;
}
