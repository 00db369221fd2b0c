/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <string.h>

#include "base/clock.h"
#include "config/table.h"

static const char *const kind_words[] = {
	[VALUE_TEXT] = "text",
	[VALUE_FILE] = "path",
	[VALUE_INTEGER] = "number",
	[VALUE_PORT] = "port",
	[VALUE_DURATION] = "duration",
	[VALUE_LONG_DURATION] = "duration",
	[VALUE_BOOLEAN] = "true or false",
	[VALUE_KEY_TYPE] = "ec-256, ec-384, rsa-2048, rsa-3072 or rsa-4096",
	[VALUE_MODE] = "octal mode",
	[VALUE_LIST] = "list",
	[VALUE_ONE_OR_LIST] = "one, or a list",
	[VALUE_ARGV] = "command as a list",
	[VALUE_PRESET_OR_ARGV] = "preset, or command as a list",
	[VALUE_SECRET] = "secret",
	[VALUE_SECTION] = "map",
	[VALUE_SECTION_OR_OFF] = "map, or false",
	[VALUE_CHOICE] = "word, or map with one key",
	[VALUE_ENTRIES] = "map",
};
_Static_assert(ARRAY_SIZE(kind_words) == VALUE_KIND_COUNT, "a kind has no words");

/* scdoc takes these for markup. */
static void add_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\_*<>#`~[", *text))
			buf_addf(out, "\\");
		buf_add(out, text, 1);
	}
}

static void add_range(struct buf *out, const struct key *key)
{
	bool is_span = key->kind == VALUE_DURATION || key->kind == VALUE_LONG_DURATION;
	char from[CLOCK_TEXT], to[CLOCK_TEXT];

	if (!key->max || key->kind == VALUE_LIST || key->kind == VALUE_ONE_OR_LIST)
		return;
	if (is_span)
		buf_addf(out, " from %s to %s", clock_format_duration(key->min, from),
		         clock_format_duration(key->max, to));
	else
		buf_addf(out, " from %lld to %lld", (long long)key->min,
		         (long long)key->max);
}

/* "auto, agent or shell" */
static void add_words(struct buf *out, const struct key *key)
{
	for (size_t i = 0; i < key->word_count; i++) {
		add_text(out, key->words[i]);
		buf_addf(out, "%s",
		         i + 2 < key->word_count   ? ", "
		         : i + 1 < key->word_count ? " or "
		                                   : "");
	}
}

static void add_type(struct buf *out, const struct key *key)
{
	const char *words = key->grammar ? key->grammar->words : NULL;

	if (key->kind == VALUE_LIST || key->kind == VALUE_ONE_OR_LIST) {
		add_text(out, key->kind == VALUE_LIST ? "list of " : "one or a list of ");
		add_text(out, words);
		buf_addf(out, ", %lld to %lld", (long long)key->min, (long long)key->max);
	} else if (key->kind == VALUE_CHOICE && !key->section) {
		add_words(out, key);
	} else {
		add_text(out, words && key->kind != VALUE_PRESET_OR_ARGV
		                  ? words
		                  : kind_words[key->kind]);
	}
	add_range(out, key);
}

static void add_key(struct buf *out, const struct section *section, const struct key *key)
{
	buf_addf(out, "*%s*: ", key->name);
	add_type(out, key);
	if (key->is_required && !section->is_defaults)
		buf_addf(out, "; required");
	buf_addf(out, "\n\t");
	add_text(out, key->help);
	if (key->fallback || key->otherwise) {
		buf_addf(out, " Default: ");
		add_text(out, key->fallback ? key->fallback : key->otherwise);
		buf_addf(out, ".");
	}
	buf_addf(out, "\n\n");
}

static void add_section(struct buf *out, const struct section *section)
{
	buf_addf(out, "## ");
	add_text(out, *section->title ? section->title : "THE FILE");
	buf_addf(out, "\n\n");
	add_text(out, section->help);
	buf_addf(out, "\n\n");
	if (section->is_defaults)
		return;
	for (size_t i = 0; i < section->key_count; i++)
		add_key(out, section, &section->keys[i]);
	for (size_t i = 0; i < section->key_count; i++)
		if (section->keys[i].section)
			add_section(out, section->keys[i].section);
}

void config_write_manual(struct buf *out)
{
	add_section(out, &root_section);
}
