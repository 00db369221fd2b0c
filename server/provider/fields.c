/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <string.h>

#include "base/frame.h"
#include "base/mem.h"
#include "base/str.h"

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (str_eq(name, *names))
			return true;
	return false;
}

bool fields_only(const cJSON *json, const char *const *names, struct err *err)
{
	if (!cJSON_IsObject(json))
		return err_set(err, ERR_REMOTE, "not a JSON object");
	for (const cJSON *item = json->child; item; item = item->next)
		if (!is_one_of(item->string, names))
			return err_set(err, ERR_REMOTE, "unknown member '%.40s'",
			               item->string);
	return true;
}

bool fields_str(const cJSON *json, const char *name, size_t max, char **out,
                struct err *err)
{
	const char *text;

	if (!json_str(json, name, &text, err))
		return false;
	if (strlen(text) > max)
		return err_set(err, ERR_REMOTE, "%s: more than %zu bytes", name, max);
	*out = xstrdup(text);
	return true;
}

bool fields_int(const cJSON *json, const char *name, int64_t max, int64_t *out,
                struct err *err)
{
	if (!json_int(json, name, out, err))
		return false;
	if (*out < 0 || *out > max)
		return err_set(err, ERR_REMOTE, "%s: not within 0 to %lld", name,
		               (long long)max);
	return true;
}

bool fields_int_or(const cJSON *json, const char *name, int64_t max, int *out,
                   struct err *err)
{
	int64_t number;

	if (!cJSON_HasObjectItem(json, name))
		return true;
	if (!fields_int(json, name, max, &number, err))
		return false;
	*out = (int)number;
	return true;
}

/* Printed into one place of the final size: growing would leave copies behind. */
bool fields_put(const cJSON *json, struct buf *frame, struct err *err)
{
	AUTO_FREE char *text = xcalloc(1, FRAME_MAX);
	bool fits = cJSON_PrintPreallocated((cJSON *)(uintptr_t)json, text, FRAME_MAX,
	                                    false);

	buf_wipe(frame);
	if (fits)
		buf_add(frame, text, strlen(text));
	explicit_bzero(text, FRAME_MAX);
	if (!fits || frame->over)
		return err_set(err, ERR_CONFIG,
		               "the options or names are too long: more than %d bytes",
		               FRAME_MAX);
	return true;
}

static void wipe_texts(cJSON *json)
{
	for (; json; json = json->next) {
		if (json->valuestring)
			explicit_bzero(json->valuestring, strlen(json->valuestring));
		/* Parsing and building stop at JSON_DEPTH_MAX levels. */
		wipe_texts(json->child);
	}
}

void fields_wipe(cJSON *json)
{
	wipe_texts(json);
	cJSON_Delete(json);
}
