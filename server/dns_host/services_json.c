/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "host.h"

/*
 * JSON for providers: by paths, since a plugin links no library. A text is parsed once
 * and asked about many times; a batch may look through many replies, so that one tree
 * is kept and what was found in it is copied out.
 */

enum { STEP_MAX = 128 };

/* All whole numbers up to here are told apart. */
static const double EXACT_MAX = 9007199254740992.0;

static const cJSON *parsed(const struct dns_host *services, const char *text)
{
	struct host_json *kept = &host_of(services)->json;
	struct err err;

	/* The text, not its address: a provider may use its buffer again. */
	if (kept->text && str_eq(kept->text, text))
		return kept->tree;
	cJSON_Delete(kept->tree);
	free(kept->text);
	kept->text = xstrdup(text);
	kept->tree = json_parse(text, strlen(text), &err);
	return kept->tree;
}

static const cJSON *step(const cJSON *json, const char *name)
{
	int64_t index = 0;

	if (cJSON_IsObject(json))
		return cJSON_GetObjectItemCaseSensitive(json, name);
	if (!cJSON_IsArray(json) || !str_to_i64(name, 0, INT32_MAX, &index))
		return NULL;
	return cJSON_GetArrayItem(json, (int)index);
}

/* The empty path is the whole. */
static const cJSON *find(const cJSON *json, const char *path)
{
	while (json && *path) {
		size_t len = strcspn(path, ".");
		char name[STEP_MAX];

		if (len >= sizeof(name))
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		json = step(json, name);
		path += len;
		path += *path == '.';
	}
	return json;
}

static const char *number(double value)
{
	if (value >= -EXACT_MAX && value <= EXACT_MAX && (double)(int64_t)value == value)
		return xasprintf("%lld", (long long)value);
	return xasprintf("%.17g", value);
}

const char *host_json(const struct dns_host *services, const char *text, const char *path)
{
	const cJSON *found = find(parsed(services, text), path);

	if (cJSON_IsString(found))
		return xstrdup(found->valuestring);
	if (cJSON_IsBool(found))
		return cJSON_IsTrue(found) ? "true" : "false";
	return cJSON_IsNumber(found) ? number(found->valuedouble) : NULL;
}

size_t host_json_count(const struct dns_host *services, const char *text,
                       const char *path)
{
	const cJSON *found = find(parsed(services, text), path);

	return cJSON_IsArray(found) || cJSON_IsObject(found)
	           ? (size_t)cJSON_GetArraySize(found)
	           : 0;
}

const char *host_json_quote(const struct dns_host *services, const char *text)
{
	AUTO_JSON cJSON *json = cJSON_CreateString(text);

	(void)services;
	return json_format(json);
}
