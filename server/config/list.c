/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include "base/str.h"
#include "config/grammar.h"

/* Values that are lists of texts. */

enum { ARGV_MAX = 100 };

/* Each item's place is kept for the checks of the whole. */
void list_read_one(struct load *load, const struct key *key, const struct node *node,
                   const struct where *where, struct strlist *list)
{
	AUTO_FREE char *value = text_read(
	    load, key, node, where,
	    key->kind == VALUE_ONE_OR_LIST ? "a name, or a list of names" : "a text");

	if (!value)
		return;
	strlist_add(list, value);
	place_add(load, list, (int)list->len - 1, where);
}

void list_read(struct load *load, const struct key *key, const struct node *node,
               const struct where *where, struct strlist *list)
{
	const yaml_node_t *yaml = node->yaml;
	int64_t count;

	if (!node_visit(load, node, where))
		return;
	if (yaml->type != YAML_SEQUENCE_NODE) {
		problem(load, where, "not a list; [ONE, TWO]");
		return;
	}
	count = yaml->data.sequence.items.top - yaml->data.sequence.items.start;
	if (count < key->min || count > key->max) {
		problem(load, where, "%lld items; %lld to %lld", (long long)count,
		        (long long)key->min, (long long)key->max);
		return;
	}
	for (int64_t i = 0; i < count; i++) {
		int index = yaml->data.sequence.items.start[i];
		struct node item = { node->source, yaml_document_get_node(
						       &node->source->document, index) };
		struct where at = { where->up, where->name, node_mark(&item) };

		list_read_one(load, key, &item, &at, list);
	}
}

void argv_read(struct load *load, const struct node *node, const struct where *where,
               struct strlist *list)
{
	static const struct key argument = { .grammar = &grammar_argument,
		                             .max = ARGV_MAX };

	list_read(load, &argument, node, where, list);
	if (list->len && (list->items[0][0] == '-' || !list->items[0][0]))
		problem(load, where,
		        "'%.40s' is no command; a program's name or path first",
		        list->items[0]);
}
