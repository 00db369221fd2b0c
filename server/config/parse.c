/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/grammar.h"

void members_deinit(struct members *members)
{
	free(members->items);
	*members = (struct members){ 0 };
}

static struct node node_at(const struct node *node, int index)
{
	return (struct node){ .source = node->source,
		              .yaml = yaml_document_get_node(&node->source->document,
		                                             index) };
}

static bool is_null(const yaml_node_t *yaml)
{
	const char *text = (const char *)yaml->data.scalar.value;

	return yaml->type == YAML_SCALAR_NODE &&
	       yaml->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || str_eq(text, "~") || str_eq(text, "null"));
}

bool node_visit(struct load *load, const struct node *node, const struct where *where)
{
	const char *tag = (const char *)node->yaml->tag;

	if (load->visited++ == NODES_MAX)
		problem(load, where,
		        "more than %d values, aliases counted each time; "
		        "smaller files",
		        NODES_MAX);
	if (load->visited > NODES_MAX)
		return false;
	if (tag && !str_starts(tag, "tag:yaml.org,2002:")) {
		problem(load, where, "the tag '%s' means nothing here; leave it away",
		        tag);
		return false;
	}
	return true;
}

static bool member_add(struct load *load, struct members *members,
                       const struct node *node, const yaml_node_pair_t *pair,
                       const struct where *where)
{
	struct node key = node_at(node, pair->key);
	struct where at = { .up = where->up,
		            .name = where->name,
		            .mark = node_mark(&key) };
	const char *name = (const char *)key.yaml->data.scalar.value;

	if (!node_visit(load, &key, &at))
		return false;
	if (key.yaml->type != YAML_SCALAR_NODE ||
	    strlen(name) != key.yaml->data.scalar.length) {
		problem(load, &at, "a key that is no text; key: value");
		return false;
	}
	if (str_eq(name, "<<")) {
		problem(load, &at,
		        "merge keys (<<) are not read; put what is common to "
		        "certificates under defaults:");
		return false;
	}
	members->items[members->len++] = (struct member){
		.name = name, .key = key, .value = node_at(node, pair->value)
	};
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct member *const *first = a, *const *second = b;
	int order = strcmp((*first)->name, (*second)->name);

	return order ? order : (*first > *second) - (*first < *second);
}

/* Sorted, since a fleet's map has thousands of keys. */
static void check_twice(struct load *load, const struct members *members,
                        const struct where *where)
{
	AUTO_FREE const struct member **sorted = NULL;

	if (members->len < 2)
		return;
	sorted = xcalloc(members->len, sizeof(void *));
	for (size_t i = 0; i < members->len; i++)
		sorted[i] = &members->items[i];
	qsort(sorted, members->len, sizeof(void *), by_name);
	for (size_t i = 1; i < members->len; i++) {
		struct where at = { where, sorted[i]->name, node_mark(&sorted[i]->key) };
		struct config_mark first = node_mark(&sorted[i - 1]->key);

		if (str_eq(sorted[i]->name, sorted[i - 1]->name))
			problem(load, &at,
			        "stands twice, first at %s:%d:%d; remove one of them",
			        first.file, first.line, first.column);
	}
}

bool members_add(struct load *load, struct members *members, const struct node *node,
                 const struct where *where)
{
	yaml_node_pair_t *pair;
	size_t count;

	if (!node->yaml || is_null(node->yaml))
		return true;
	if (!node_visit(load, node, where))
		return false;
	if (node->yaml->type != YAML_MAPPING_NODE) {
		problem(load, where, "not a map; KEY: VALUE lines, indented");
		return false;
	}
	pair = node->yaml->data.mapping.pairs.start;
	count = (size_t)(node->yaml->data.mapping.pairs.top - pair);
	members->items = xrealloc(members->items, members->len + count + 1,
	                          sizeof(*members->items));
	for (; pair < node->yaml->data.mapping.pairs.top; pair++)
		(void)member_add(load, members, node, pair, where);
	return true;
}

static void members_add_quietly(struct load *load, struct members *members,
                                const struct node *node, const struct where *where)
{
	bool was_quiet = load->is_quiet;

	load->is_quiet = true;
	(void)members_add(load, members, node, where);
	load->is_quiet = was_quiet;
}

const struct member *members_find(const struct members *members, const char *name)
{
	for (size_t i = 0; i < members->len; i++)
		if (str_eq(members->items[i].name, name))
			return &members->items[i];
	return NULL;
}

static void unknown_key(struct load *load, const struct section *section,
                        const struct member *member, const struct where *where)
{
	struct where at = { where, member->name, node_mark(&member->key) };
	AUTO_STRLIST struct strlist known = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(1000);

	for (size_t i = 0; i < section->key_count; i++)
		if (section_has(section, &section->keys[i]))
			strlist_add(&known, section->keys[i].name);
	suggest(member->name, &known, &text);
	problem(load, &at, "unknown key; %s", text.data);
}

static void option_add(struct load *load, const struct member *member,
                       const struct where *where, struct config_dns *dns)
{
	struct where at = { where, member->name, node_mark(&member->value) };
	struct config_option option = { .mark = at.mark };
	const char *text;

	if (!str_is_made_of(member->name, "abcdefghijklmnopqrstuvwxyz0123456789-", 1,
	                    64)) {
		problem(load, &at, "not an option's name; of a-z, 0-9 and -");
		return;
	}
	if (member->value.yaml->type == YAML_MAPPING_NODE) {
		if (!secret_read(load, &member->value, &at, &option.secret))
			return;
	} else {
		text = scalar_text(load, &member->value, &at,
		                   "a text, or {file: PATH} for a secret");
		if (!text)
			return;
		option.value = xstrdup(text);
	}
	option.name = xstrdup(member->name);
	dns->options = xrealloc(dns->options, dns->option_count + 1, sizeof(option));
	dns->options[dns->option_count++] = option;
}

static void parse_others(struct load *load, const struct section *section,
                         const struct members *members, const struct where *where,
                         void *base)
{
	for (size_t i = 0; i < members->len; i++) {
		const struct member *member = &members->items[i];

		if (section_find(section, member->name))
			continue;
		if (section->has_options)
			option_add(load, member, where, base);
		else
			unknown_key(load, section, member, where);
	}
}

static bool is_off(const struct key *key, const struct node *node)
{
	return key->kind == VALUE_SECTION_OR_OFF && node->yaml->type == YAML_SCALAR_NODE;
}

/* Sections are joined with those of the defaults key by key, other values replaced. */
static void parse_given(struct load *load, const struct key *key,
                        const struct member *own, const struct member *other,
                        const struct where *where, void *base)
{
	const struct node *given = own ? &own->value : &other->value;
	struct where at = { where, key->name, node_mark(given) };
	struct node nothing = { 0 };

	if (!key->section || key->kind == VALUE_CHOICE || is_off(key, given))
		value_read(load, key, given, &at, base);
	else
		parse_section(load, key->section, own ? &own->value : &nothing,
		              other ? &other->value : &nothing, &at,
		              (char *)base + key->offset);
}

static void parse_key(struct load *load, const struct section *section,
                      const struct key *key, const struct members both[2],
                      const struct where *where, void *base)
{
	const struct member *own = members_find(&both[0], key->name);
	const struct member *other = members_find(&both[1], key->name);
	struct where at = { where, key->name, where->mark };
	bool was_quiet = load->is_quiet;

	/* What is wrong with the defaults was said when they were read. */
	load->is_quiet = was_quiet || (other && !own);
	if (own || other)
		parse_given(load, key, own, other, where, base);
	else if (key->is_required && !section->is_defaults)
		problem(load, &at, "missing; %s", key->help);
	else
		value_fall_back(key, base);
	load->is_quiet = was_quiet;
}

void parse_section(struct load *load, const struct section *section,
                   const struct node *node, const struct node *defaults,
                   const struct where *where, void *base)
{
	struct members both[2] = { 0 };

	if (members_add(load, &both[0], node, where)) {
		check_twice(load, &both[0], where);
		if (defaults->yaml && defaults->yaml->type == YAML_MAPPING_NODE)
			members_add_quietly(load, &both[1], defaults, where);
		parse_others(load, section, &both[0], where, base);
		for (size_t i = 0; i < section->key_count; i++)
			if (section_has(section, &section->keys[i]))
				parse_key(load, section, &section->keys[i], both, where,
				          base);
	}
	members_deinit(&both[0]);
	members_deinit(&both[1]);
}

static void parse_entry(struct load *load, const struct section *section,
                        const struct member *member, const struct node *defaults,
                        const struct where *where, char *base)
{
	struct where at = { where, member->name, node_mark(&member->key) };
	char *name = xstrdup(member->name);
	struct err err = { 0 };

	if (!grammar_entry.read(&name, &err))
		problem(load, &at, "%s", err.msg);
	memcpy(base, &name, sizeof(name));
	memcpy(base + section->mark_offset, &at.mark, sizeof(at.mark));
	place_add(load, base, PLACE_ENTRY, &at);
	parse_section(load, section, &member->value, defaults, &at, base);
}

static void parse_entries(struct load *load, const struct key *key,
                          const struct members *members, const struct node *defaults,
                          const struct where *where)
{
	char *root = (char *)&load->draft;
	char *array = xcalloc(members->len + 1, key->section->size);

	memcpy(root + key->offset, &array, sizeof(array));
	memcpy(root + key->also, &members->len, sizeof(members->len));
	check_twice(load, members, where);
	for (size_t i = 0; i < members->len; i++)
		parse_entry(load, key->section, &members->items[i], defaults, where,
		            array + i * key->section->size);
}

static void parse_root_key(struct load *load, const struct key *key,
                           const struct members *root, struct node *defaults)
{
	static const struct where top = { 0 };
	AUTO_MEMBERS struct members entries = { 0 };
	const struct member *first = NULL;
	struct where at = { &top, key->name, { 0 } };
	struct node nothing = { 0 };

	for (size_t i = 0; i < root->len; i++) {
		const struct member *member = &root->items[i];

		if (!str_eq(member->name, key->name))
			continue;
		at.mark = node_mark(&member->value);
		first = first ? first : member;
		if (key->kind == VALUE_ENTRIES)
			(void)members_add(load, &entries, &member->value, &at);
	}
	if (key->kind == VALUE_ENTRIES) {
		parse_entries(load, key, &entries,
		              key->section == &certificate_section ? defaults : &nothing,
		              &at);
	} else if (!first) {
		value_fall_back(key, &load->draft);
	} else if (key->kind == VALUE_SECTION) {
		*defaults = first->value;
		at.mark = node_mark(defaults);
		parse_section(load, key->section, defaults, &nothing, &at,
		              (char *)&load->draft + key->offset);
	} else {
		value_read(load, key, &first->value, &at, &load->draft);
	}
}

/* The same map may stand in several files; anything else in one of them. */
static void check_root(struct load *load, const struct members *one,
                       const struct members *before)
{
	static const struct where top = { 0 };

	check_twice(load, one, &top);
	for (size_t i = 0; i < one->len; i++) {
		const struct member *member = &one->items[i];
		const struct member *other = members_find(before, member->name);
		const struct key *key = section_find(&root_section, member->name);
		struct where at = { &top, member->name, node_mark(&member->key) };
		struct config_mark first = { 0 };

		if (!key) {
			unknown_key(load, &root_section, member, &top);
		} else if (other && key->kind != VALUE_ENTRIES) {
			first = node_mark(&other->key);
			problem(load, &at,
			        "stands twice, first at %s:%d:%d; remove one of them",
			        first.file, first.line, first.column);
		}
	}
}

void parse_root(struct load *load)
{
	AUTO_MEMBERS struct members all = { 0 };
	struct node defaults = { 0 };

	for (size_t i = 0; i < load->source_count; i++) {
		AUTO_MEMBERS struct members one = { 0 };
		struct source *source = load->sources[i];
		struct node root = { source,
			             yaml_document_get_root_node(&source->document) };
		struct where at = { .mark = { source->name, 1, 1 } };

		(void)members_add(load, &one, &root, &at);
		check_root(load, &one, &all);
		members_add_quietly(load, &all, &root, &at);
	}
	for (size_t i = 0; i < root_section.key_count; i++)
		parse_root_key(load, &root_section.keys[i], &all, &defaults);
}
