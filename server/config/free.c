/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <string.h>

static void secret_release(struct config_secret *secret)
{
	free(secret->file);
	free(secret->credential);
	*secret = (struct config_secret){ 0 };
}

static void options_release(struct config_dns *dns)
{
	for (size_t i = 0; i < dns->option_count; i++) {
		free(dns->options[i].name);
		free(dns->options[i].value);
		secret_release(&dns->options[i].secret);
	}
	free(dns->options);
}

static char *pointer_at(const void *place)
{
	char *pointer;

	memcpy(&pointer, place, sizeof(pointer));
	return pointer;
}

static void entries_release(const struct key *key, char *base)
{
	char *array = pointer_at(base + key->offset);
	size_t count;

	memcpy(&count, base + key->also, sizeof(count));

	for (size_t i = 0; i < count; i++) {
		char *entry = array + i * key->section->size;

		free(pointer_at(entry));
		section_release(key->section, entry);
	}
	free(array);
}

static void value_release(const struct key *key, char *base)
{
	void *to = base + key->offset;

	if (key->kind == VALUE_TEXT || key->kind == VALUE_FILE ||
	    key->kind == VALUE_PRESET_OR_ARGV) {
		free(*(char **)to);
		*(char **)to = NULL;
	}
	if (key->kind == VALUE_PRESET_OR_ARGV)
		strlist_deinit((void *)(base + key->also));
	if (key->kind == VALUE_LIST || key->kind == VALUE_ONE_OR_LIST ||
	    key->kind == VALUE_ARGV)
		strlist_deinit(to);
	if (key->kind == VALUE_SECRET)
		secret_release(to);
	if (key->kind == VALUE_SECTION || key->kind == VALUE_SECTION_OR_OFF ||
	    (key->kind == VALUE_CHOICE && key->section))
		section_release(key->section, to);
	if (key->kind == VALUE_ENTRIES)
		entries_release(key, base);
}

void section_release(const struct section *section, void *base)
{
	for (size_t i = 0; i < section->key_count; i++)
		value_release(&section->keys[i], base);
	if (section->has_options)
		options_release(base);
}
