/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include "base/mem.h"
#include "base/str.h"

/* Values that are one word of several, or, where there is a section, a map with one of
 * its keys. */

bool choice_stands_alone(const struct key *key, const char *word)
{
	return !key->section || !section_find(key->section, word);
}

static const char *before(size_t i, size_t count)
{
	return i == 0 ? "" : i + 1 < count ? ", " : " or ";
}

/* "authoritative, none, {resolvers: [...]} or {settle: ...}" */
static char *all_ways(const struct key *key)
{
	AUTO_BUF struct buf text = BUF_INIT(1000);
	AUTO_STRLIST struct strlist ways = { 0 };
	const struct section *section = key->section;

	for (size_t i = 0; i < key->word_count; i++)
		if (choice_stands_alone(key, key->words[i]))
			strlist_add(&ways, key->words[i]);
	for (size_t i = 0; i < ways.len; i++)
		buf_addf(&text, "%s%s",
		         before(i, ways.len + (section ? section->key_count : 0)),
		         ways.items[i]);
	for (size_t i = 0; section && i < section->key_count; i++)
		buf_addf(&text, "%s{%s: %s}",
		         before(ways.len + i, ways.len + section->key_count),
		         section->keys[i].name,
		         section->keys[i].kind == VALUE_LIST ? "[ONE, TWO]" : "90s");
	return buf_take(&text);
}

static bool number_of(const struct key *key, const char *word, int *out)
{
	for (size_t i = 0; i < key->word_count; i++)
		if (str_eq(key->words[i], word)) {
			*out = (int)i;
			return true;
		}
	return false;
}

bool choice_from(const struct key *key, const char *text, void *to, struct err *err)
{
	AUTO_FREE char *ways = all_ways(key);
	AUTO_STRLIST struct strlist known = { 0 };
	AUTO_BUF struct buf hint = BUF_INIT(1000);
	const struct key *with_value = key->section ? section_find(key->section, text)
	                                            : NULL;

	if (with_value)
		return err_set(err, ERR_CONFIG, "'%s' alone; %s", text, ways);
	if (number_of(key, text, to))
		return true;
	for (size_t i = 0; i < key->word_count; i++)
		strlist_add(&known, key->words[i]);
	suggest(text, &known, &hint);
	return err_set(err, ERR_CONFIG, "'%.40s' is unknown; %s", text,
	               str_starts(hint.data, "did") ? hint.data : ways);
}

static void read_map(struct load *load, const struct key *key, const struct node *node,
                     const struct where *where, void *base)
{
	AUTO_MEMBERS struct members members = { 0 };
	AUTO_FREE char *ways = all_ways(key);
	struct node nothing = { 0 };

	if (!members_add(load, &members, node, where))
		return;
	if (members.len != 1) {
		problem(load, where, "%zu keys; %s", members.len, ways);
		return;
	}
	/* A key that is none of the words is one that the section does not have. */
	(void)number_of(key, members.items[0].name, (int *)((char *)base + key->also));
	parse_section(load, key->section, node, &nothing, where,
	              (char *)base + key->offset);
}

void choice_read(struct load *load, const struct key *key, const struct node *node,
                 const struct where *where, void *base)
{
	AUTO_FREE char *ways = all_ways(key);
	struct err err = { 0 };
	const char *text;

	if (key->section && node->yaml->type == YAML_MAPPING_NODE) {
		read_map(load, key, node, where, base);
		return;
	}
	text = scalar_text(load, node, where, ways);
	if (text && !choice_from(key, text, (char *)base + key->also, &err))
		problem(load, where, "%s", err.msg);
}
