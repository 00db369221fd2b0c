/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <string.h>

#include "mem.h"
#include "str.h"

static void *must_malloc(size_t size)
{
	return xcalloc(1, size);
}

void json_init(void)
{
	cJSON_Hooks hooks = { .malloc_fn = must_malloc, .free_fn = free };

	cJSON_InitHooks(&hooks);
}

/* cJSON keeps duplicates and gives the first: two readers could disagree. */
static bool has_duplicate(const cJSON *obj)
{
	for (const cJSON *a = obj->child; a; a = a->next)
		for (const cJSON *b = a->next; b; b = b->next)
			if (str_eq(a->string, b->string))
				return true;
	return false;
}

static bool is_sane(const cJSON *json, int depth, struct err *err)
{
	if (depth > JSON_DEPTH_MAX)
		return err_set(err, ERR_REMOTE, "JSON nested more than %d levels deep",
		               JSON_DEPTH_MAX);
	if (cJSON_IsObject(json) && cJSON_GetArraySize(json) > 1000)
		return err_set(err, ERR_REMOTE,
		               "JSON object with more than 1000 members");
	if (cJSON_IsObject(json) && has_duplicate(json))
		return err_set(err, ERR_REMOTE,
		               "JSON object with a member that stands twice");
	for (const cJSON *child = json->child; child; child = child->next)
		if (!is_sane(child, depth + 1, err))
			return false;
	return true;
}

/* cJSON turns it into the end of a string: "good\u0000evil" would be read as "good". */
static bool has_escaped_nul(const char *text, size_t len)
{
	for (size_t i = 0; i + 6 <= len; i++) {
		if (text[i] != '\\')
			continue;
		if (memcmp(text + i + 1, "u0000", 5) == 0)
			return true;
		i++;
	}
	return false;
}

/* Nesting is bounded before cJSON recurses: 1000 levels of it are much stack. */
static bool is_too_deep(const char *text, size_t len)
{
	int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{') &&
		         ++depth > JSON_DEPTH_MAX)
			return true;
		else if (!quoted && (text[i] == ']' || text[i] == '}'))
			depth--;
	}
	return false;
}

cJSON *json_parse(const char *text, size_t len, struct err *err)
{
	AUTO_JSON cJSON *json = NULL;
	const char *end = NULL;

	if (memchr(text, '\0', len) || has_escaped_nul(text, len)) {
		(void)err_set(err, ERR_REMOTE, "JSON with a NUL byte in it");
		return NULL;
	}
	if (is_too_deep(text, len)) {
		(void)err_set(err, ERR_REMOTE, "JSON nested more than %d levels deep",
		              JSON_DEPTH_MAX);
		return NULL;
	}
	json = cJSON_ParseWithLengthOpts(text, len, &end, false);
	while (json && end < text + len && strchr(" \t\r\n", *end))
		end++;
	if (!json || end != text + len) {
		size_t at = end ? (size_t)(end - text) : 0;

		(void)err_set(err, ERR_REMOTE, "not JSON (byte %zu of %zu)", at, len);
		return NULL;
	}
	return is_sane(json, 1, err) ? TAKE(json) : NULL;
}

static const cJSON *find(const cJSON *obj, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, name);

	return cJSON_IsNull(item) ? NULL : item;
}

static bool wrong(const cJSON *item, const char *name, const char *wanted,
                  struct err *err)
{
	return err_set(err, ERR_REMOTE,
	               item ? "\"%s\" is not %s" : "\"%s\" is missing (%s)", name,
	               wanted);
}

bool json_str(const cJSON *obj, const char *name, const char **out, struct err *err)
{
	const cJSON *item = find(obj, name);

	if (!cJSON_IsString(item))
		return wrong(item, name, "a string", err);
	*out = item->valuestring;
	return true;
}

bool json_int(const cJSON *obj, const char *name, int64_t *out, struct err *err)
{
	const cJSON *item = find(obj, name);
	const double most = 9007199254740991.0; /* 2^53 - 1: doubles are exact up to it */

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= -most) ||
	    !(item->valuedouble <= most) ||
	    (double)(int64_t)item->valuedouble != item->valuedouble)
		return wrong(item, name, "a whole number", err);
	*out = (int64_t)item->valuedouble;
	return true;
}

bool json_array(const cJSON *obj, const char *name, const cJSON **out, struct err *err)
{
	*out = find(obj, name);
	return cJSON_IsArray(*out) || wrong(*out, name, "an array", err);
}

bool json_object(const cJSON *obj, const char *name, const cJSON **out, struct err *err)
{
	*out = find(obj, name);
	return cJSON_IsObject(*out) || wrong(*out, name, "an object", err);
}

bool json_str_or(const cJSON *obj, const char *name, const char *fallback,
                 const char **out, struct err *err)
{
	*out = fallback;
	return !find(obj, name) || json_str(obj, name, out, err);
}

bool json_bool_or(const cJSON *obj, const char *name, bool fallback, bool *out,
                  struct err *err)
{
	const cJSON *item = find(obj, name);

	*out = item ? cJSON_IsTrue(item) : fallback;
	return !item || cJSON_IsBool(item) || wrong(item, name, "true or false", err);
}

char *json_format(const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	return text ? text : xstrdup("");
}

char *json_format_pretty(const cJSON *json)
{
	char *text = cJSON_Print(json);

	return text ? text : xstrdup("");
}
