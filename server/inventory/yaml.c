/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "parts.h"

/* Ansible's YAML: a map of groups, each with hosts, children and vars. */

enum { NODES_MAX = 100000, DEPTH_MAX = 50 };

struct reader {
	struct tree *tree;
	yaml_document_t *document;
	long visited;
};

static int line_of(const yaml_node_t *node)
{
	return (int)node->start_mark.line + 1;
}

static bool wrong(const yaml_node_t *node, const char *what, const char *why,
                  struct err *err)
{
	char shown[80];

	return err_set(err, ERR_INPUT, "line %d: '%s': %s", line_of(node),
	               str_printable(what, shown, sizeof(shown)), why);
}

/* An alias of one node counts each time, so that a small file makes no large tree. */
static bool visit(struct reader *reader, const yaml_node_t *node, int depth,
                  struct err *err)
{
	if (++reader->visited > NODES_MAX)
		return err_set(err, ERR_INPUT,
		               "line %d: more than %d values, aliases counted each time",
		               line_of(node), NODES_MAX);
	return depth <= DEPTH_MAX ||
	       err_set(err, ERR_INPUT, "line %d: more than %d levels", line_of(node),
	               DEPTH_MAX);
}

static bool is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || str_eq(text, "null") || str_eq(text, "~"));
}

/* A text without a tag of its own: "!vault" and the like are none. */
static const char *text_of(const yaml_node_t *node, const char *what, struct err *err)
{
	const char *text = NULL;

	if (node->type == YAML_SCALAR_NODE)
		text = (const char *)node->data.scalar.value;
	if (text && strlen(text) == node->data.scalar.length &&
	    str_starts((const char *)node->tag, "tag:yaml.org,2002:"))
		return text;
	(void)wrong(node, what, "no plain text; write its value", err);
	return NULL;
}

/* Where a pair stands, and the pair. */
struct pair {
	int group;   /* -1: at the top */
	char **vars; /* that it may set, of the group or of a host */
	int depth;
	const char *name;
	const yaml_node_t *key, *value;
};
typedef bool pair_fn(struct reader *reader, const struct pair *pair, struct err *err);

/* All that the map at->value holds; null holds nothing. */
static bool each_pair(struct reader *reader, const struct pair *at, pair_fn *fn,
                      struct err *err)
{
	const yaml_node_t *map = at->value;
	const yaml_node_pair_t *row;

	if (is_null(map))
		return true;
	if (map->type != YAML_MAPPING_NODE)
		return wrong(map, at->name, "not a map; NAME: lines, indented, below it",
		             err);
	for (row = map->data.mapping.pairs.start; row < map->data.mapping.pairs.top;
	     row++) {
		struct pair pair = {
			.group = at->group,
			.vars = at->vars,
			.depth = at->depth + 1,
			.key = yaml_document_get_node(reader->document, row->key),
			.value = yaml_document_get_node(reader->document, row->value)
		};

		if (!visit(reader, pair.key, pair.depth, err) ||
		    !visit(reader, pair.value, pair.depth, err))
			return false;
		pair.name = text_of(pair.key, "a key", err);
		if (!pair.name || !fn(reader, &pair, err))
			return false;
	}
	return true;
}

static bool read_var(struct reader *reader, const struct pair *pair, struct err *err)
{
	char *tried[VAR_COUNT] = { 0 };
	const int line = line_of(pair->value);
	const char *text;
	bool counts;

	/* Those that do not count may be anything. */
	if (!tree_set_var(reader->tree, tried, pair->name, "", line, err))
		return false;
	counts = tried[VAR_ADDRESS] || tried[VAR_PORT] || tried[VAR_USER] ||
	         tried[VAR_CONNECTION];
	vars_deinit(tried);
	if (!counts)
		return true;
	text = text_of(pair->value, pair->name, err);
	return text &&
	       tree_set_var(reader->tree, pair->vars, pair->name, text, line, err);
}

static bool read_host(struct reader *reader, const struct pair *pair, struct err *err)
{
	char *vars[VAR_COUNT] = { 0 };
	struct pair host = *pair;
	bool good;

	host.vars = vars;
	good = each_pair(reader, &host, read_var, err) &&
	       tree_add_hosts(reader->tree, pair->group, pair->name, line_of(pair->key),
	                      vars, err);
	vars_deinit(vars);
	return good;
}

static pair_fn read_child;

static const struct {
	const char *name;
	pair_fn *each;
} parts[] = {
	{ "hosts", read_host },
	{ "children", read_child },
	{ "vars", read_var },
};

static bool read_part(struct reader *reader, const struct pair *pair, struct err *err)
{
	struct pair part = *pair;

	part.vars = reader->tree->groups[pair->group].vars;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (str_eq(parts[i].name, pair->name))
			return each_pair(reader, &part, parts[i].each, err);
	return wrong(pair->key, pair->name,
	             "no part of a group; hosts, children and vars are: is this an "
	             "inventory?",
	             err);
}

/* A group below another one, or at the top. */
static bool read_child(struct reader *reader, const struct pair *pair, struct err *err)
{
	struct pair child = *pair;

	child.group = tree_group(reader->tree, pair->name, line_of(pair->key), err);
	if (child.group < 0)
		return false;
	if (pair->group >= 0) {
		struct strlist *children = &reader->tree->groups[pair->group].children;

		if (!strlist_has(children, pair->name))
			strlist_add(children, pair->name);
	}
	return each_pair(reader, &child, read_part, err);
}

static bool fail(const yaml_parser_t *parser, struct err *err)
{
	return err_set(err, ERR_INPUT, "line %zu: not YAML: %s",
	               (parser->problem_mark.line ? parser->problem_mark.line
	                                          : parser->context_mark.line) +
	                   1,
	               parser->problem ? parser->problem : "cannot be read");
}

static bool read_document(struct tree *tree, yaml_document_t *document, struct err *err)
{
	struct reader reader = { .tree = tree, .document = document };
	const yaml_node_t *root = yaml_document_get_root_node(document);

	if (!root)
		return err_set(err, ERR_INPUT,
		               "line 1: nothing is here; an inventory begins with all: "
		               "or the name of a group");
	const struct pair top = { .group = -1, .name = "the file", .value = root };

	return each_pair(&reader, &top, read_child, err);
}

static bool is_alone(yaml_parser_t *parser, struct err *err)
{
	yaml_document_t second;
	bool is_end;

	if (!yaml_parser_load(parser, &second))
		return fail(parser, err);
	is_end = !yaml_document_get_root_node(&second);
	yaml_document_delete(&second);
	return is_end || err_set(err, ERR_INPUT,
	                         "line %zu: a second document (---); an inventory is one",
	                         parser->mark.line + 1);
}

bool yaml_read(const char *text, size_t len, struct tree *tree, struct err *err)
{
	yaml_parser_t parser;
	yaml_document_t document;
	bool good;

	if (!yaml_parser_initialize(&parser))
		return err_set(err, ERR_INTERNAL, "no memory for YAML");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &document)) {
		(void)fail(&parser, err);
		yaml_parser_delete(&parser);
		return false;
	}
	good = read_document(tree, &document, err) &&
	       (!yaml_document_get_root_node(&document) || is_alone(&parser, err));
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	return good;
}
