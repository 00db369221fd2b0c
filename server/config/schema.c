/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/grammar.h"

#define DURATION_PATTERN "^[0-9]+[smhdw]$"
#define MODE_PATTERN     "^(0o)?[0-7]{3,4}$"

static cJSON *object(const char *type)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", type);
	return json;
}

static cJSON *text(const char *pattern)
{
	cJSON *json = object("string");

	if (pattern)
		cJSON_AddStringToObject(json, "pattern", pattern);
	return json;
}

static cJSON *reference(const char *name)
{
	AUTO_FREE char *target = xasprintf("#/$defs/%s", name);
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "$ref", target);
	return json;
}

static cJSON *either(cJSON *one, cJSON *other)
{
	cJSON *json = cJSON_CreateObject(), *of = cJSON_AddArrayToObject(json, "anyOf");

	cJSON_AddItemToArray(of, one);
	cJSON_AddItemToArray(of, other);
	return json;
}

static cJSON *integer(const struct key *key)
{
	cJSON *json = object("integer");

	cJSON_AddNumberToObject(json, "minimum", (double)key->min);
	cJSON_AddNumberToObject(json, "maximum", (double)key->max);
	return json;
}

static cJSON *list(const struct key *key)
{
	cJSON *json = object("array");

	cJSON_AddItemToObject(json, "items",
	                      text(key->grammar ? key->grammar->pattern : NULL));
	cJSON_AddNumberToObject(json, "minItems", (double)key->min);
	cJSON_AddNumberToObject(json, "maxItems", (double)(key->max ? key->max : 100));
	return json;
}

static cJSON *argv(void)
{
	static const struct key key = { .grammar = &grammar_argument };

	return list(&key);
}

static cJSON *key_types(void)
{
	cJSON *json = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(json, "enum");

	for (int i = 0; i < KEY_ED25519; i++)
		cJSON_AddItemToArray(all, cJSON_CreateString(key_type_names[i]));
	return json;
}

static cJSON *off(void)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddFalseToObject(json, "const");
	return json;
}

static cJSON *section_schema(const struct section *section);

static cJSON *choice(const struct key *key)
{
	cJSON *words = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(words, "enum");
	cJSON *map;

	for (size_t i = 0; i < key->word_count; i++)
		if (choice_stands_alone(key, key->words[i]))
			cJSON_AddItemToArray(all, cJSON_CreateString(key->words[i]));
	if (!key->section)
		return words;
	map = section_schema(key->section);
	cJSON_AddNumberToObject(map, "minProperties", 1);
	cJSON_AddNumberToObject(map, "maxProperties", 1);
	return either(words, map);
}

/* NULL of YAML is a map without keys. */
static cJSON *entries(const struct section *section)
{
	cJSON *json = object("object");

	cJSON_AddItemToObject(json, "propertyNames", text(grammar_entry.pattern));
	cJSON_AddItemToObject(json, "additionalProperties", section_schema(section));
	return either(json, object("null"));
}

static cJSON *value_schema(const struct key *key)
{
	const char *pattern = key->grammar ? key->grammar->pattern : NULL;

	switch (key->kind) {
	case VALUE_INTEGER:
	case VALUE_PORT: return integer(key);
	case VALUE_DURATION:
	case VALUE_LONG_DURATION: return text(DURATION_PATTERN);
	case VALUE_BOOLEAN: return object("boolean");
	case VALUE_KEY_TYPE: return key_types();
	case VALUE_MODE: return either(text(MODE_PATTERN), object("integer"));
	case VALUE_LIST: return list(key);
	case VALUE_ONE_OR_LIST: return either(text(pattern), list(key));
	case VALUE_CHOICE: return choice(key);
	case VALUE_ARGV: return argv();
	case VALUE_PRESET_OR_ARGV: return either(text(pattern), argv());
	case VALUE_SECRET: return reference("secret");
	case VALUE_SECTION: return section_schema(key->section);
	case VALUE_SECTION_OR_OFF: return either(section_schema(key->section), off());
	case VALUE_ENTRIES: return entries(key->section);
	case VALUE_TEXT:
	case VALUE_FILE:
	case VALUE_KIND_COUNT: break;
	}
	return text(pattern);
}

static cJSON *option_schema(void)
{
	cJSON *json = reference("secret"), *scalar = cJSON_CreateObject();
	cJSON *types = cJSON_AddArrayToObject(scalar, "type");

	cJSON_AddItemToArray(types, cJSON_CreateString("string"));
	cJSON_AddItemToArray(types, cJSON_CreateString("number"));
	cJSON_AddItemToArray(types, cJSON_CreateString("boolean"));
	return either(scalar, json);
}

/* Required keys of a certificate may stand in the defaults, all but those that
 * never do. */
static bool must_stand(const struct section *section, const struct key *key)
{
	return key->is_required && !section->is_defaults &&
	       (section != &certificate_section || key->is_never_default);
}

static cJSON *section_schema(const struct section *section)
{
	cJSON *json = object("object");
	cJSON *properties = cJSON_AddObjectToObject(json, "properties");
	cJSON *required = cJSON_CreateArray();

	cJSON_AddStringToObject(json, "description", section->help);
	for (size_t i = 0; i < section->key_count; i++) {
		const struct key *key = &section->keys[i];
		cJSON *value;

		if (!section_has(section, key))
			continue;
		value = value_schema(key);
		cJSON_DeleteItemFromObjectCaseSensitive(value, "description");
		cJSON_AddStringToObject(value, "description", key->help);
		if (key->fallback && key->kind != VALUE_INTEGER &&
		    key->kind != VALUE_PORT && key->kind != VALUE_BOOLEAN)
			cJSON_AddStringToObject(value, "default", key->fallback);
		else if (key->fallback)
			cJSON_AddRawToObject(value, "default", key->fallback);
		cJSON_AddItemToObject(properties, key->name, value);
		if (must_stand(section, key))
			cJSON_AddItemToArray(required, cJSON_CreateString(key->name));
	}
	cJSON_AddItemToObject(json, "required", required);
	if (section->has_options)
		cJSON_AddItemToObject(json, "additionalProperties", option_schema());
	else
		cJSON_AddFalseToObject(json, "additionalProperties");
	return json;
}

static cJSON *secret_schema(void)
{
	cJSON *json = object("object");
	cJSON *properties = cJSON_AddObjectToObject(json, "properties");

	cJSON_AddItemToObject(properties, "file", text(NULL));
	cJSON_AddItemToObject(properties, "credential", text("^[A-Za-z0-9._-]+$"));
	cJSON_AddNumberToObject(json, "minProperties", 1);
	cJSON_AddNumberToObject(json, "maxProperties", 1);
	cJSON_AddFalseToObject(json, "additionalProperties");
	return json;
}

void config_write_schema(struct buf *out)
{
	AUTO_JSON cJSON *json = section_schema(&root_section);
	AUTO_FREE char *printed = NULL;
	cJSON *defs = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "$schema",
	                        "https://json-schema.org/draft/2020-12/schema");
	cJSON_AddStringToObject(json, "title", "certferry.yaml");
	cJSON_AddItemToObject(defs, "secret", secret_schema());
	cJSON_AddItemToObject(json, "$defs", defs);
	printed = json_format_pretty(json);
	buf_addf(out, "%s\n", printed);
}
