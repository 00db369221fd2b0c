/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fields.h"
#include "wire.h"

/* Answers: child to daemon. */

static const struct {
	const char *name;
	enum err_kind kind;
} results[] = {
	[WIRE_OK] = { "ok", ERR_NONE },
	[WIRE_BAD_OPTION] = { "bad-option", ERR_CONFIG },
	[WIRE_DENIED] = { "denied", ERR_DENIED },
	[WIRE_NO_ZONE] = { "no-zone", ERR_CONFIG },
	[WIRE_RATE_LIMITED] = { "rate-limited", ERR_TEMPORARY },
	[WIRE_TEMPORARY] = { "temporary", ERR_TEMPORARY },
	[WIRE_REFUSED] = { "refused", ERR_REMOTE },
	[WIRE_BY_HAND] = { "by-hand", ERR_TEMPORARY },
	[WIRE_NOT_LOADED] = { "not-loaded", ERR_CONFIG },
	[WIRE_BROKEN] = { "broken", ERR_INTERNAL },
};
_Static_assert(ARRAY_SIZE(results) == WIRE_RESULT_COUNT, "a result has no row");

void wire_result_to_err(const struct wire_answer *answer, struct err *out)
{
	AUTO_BUF struct buf shown = BUF_INIT(sizeof(out->msg) * 4);
	const char *name = results[answer->result].name;

	*out = (struct err){ .kind = results[answer->result].kind };
	if (out->kind == ERR_NONE)
		return;
	out->retry_after = answer->retry_after;
	str_add_printable(&shown, answer->text, strlen(answer->text), WIRE_TEXT_MAX);
	snprintf(out->code, sizeof(out->code), "%s", name);
	snprintf(out->msg, sizeof(out->msg), "%s", shown.len ? shown.data : name);
}

static void put_info(const struct provider_info *info, cJSON *json)
{
	cJSON *to = cJSON_AddObjectToObject(json, "info");
	cJSON *list;

	cJSON_AddStringToObject(to, "name", info->name);
	cJSON_AddStringToObject(to, "summary", info->summary);
	list = cJSON_AddArrayToObject(to, "options");
	for (size_t i = 0; i < info->option_count; i++) {
		const struct provider_option_info *option = &info->options[i];
		cJSON *row = cJSON_CreateObject();

		cJSON_AddItemToArray(list, row);
		cJSON_AddStringToObject(row, "name", option->name);
		cJSON_AddStringToObject(row, "help", option->help);
		cJSON_AddBoolToObject(row, "required", option->is_required);
		cJSON_AddBoolToObject(row, "secret", option->is_secret);
	}
}

bool wire_put_answer(const struct wire_answer *answer, struct buf *frame, struct err *err)
{
	AUTO_JSON cJSON *json = cJSON_CreateObject();

	if (answer->kind == WIRE_ANSWER_LOG) {
		cJSON_AddStringToObject(json, "log", answer->text);
		return fields_put(json, frame, err);
	}
	if (answer->kind == WIRE_ANSWER_CHANGE)
		cJSON_AddNumberToObject(json, "change", (double)answer->change);
	cJSON_AddStringToObject(json, "result", results[answer->result].name);
	if (answer->text[0])
		cJSON_AddStringToObject(json, "text", answer->text);
	if (answer->retry_after > 0)
		cJSON_AddNumberToObject(json, "retry_after", answer->retry_after);
	if (answer->kind == WIRE_ANSWER_END && answer->window_s > 0) {
		cJSON_AddNumberToObject(json, "requests", answer->requests);
		cJSON_AddNumberToObject(json, "window", answer->window_s);
	}
	if (answer->info)
		put_info(answer->info, json);
	return fields_put(json, frame, err);
}

static bool get_text(const cJSON *json, const char *name, struct wire_answer *out,
                     struct err *err)
{
	const char *text;

	if (!json_str_or(json, name, "", &text, err))
		return false;
	if (strlen(text) > WIRE_TEXT_MAX)
		return err_set(err, ERR_REMOTE, "%s: more than %d bytes", name,
		               WIRE_TEXT_MAX);
	snprintf(out->text, sizeof(out->text), "%s", text);
	return true;
}

static bool get_result(const cJSON *json, struct wire_answer *out, struct err *err)
{
	const char *name;

	if (!json_str(json, "result", &name, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (str_eq(name, results[i].name)) {
			out->result = (enum wire_result)i;
			return true;
		}
	return err_set(err, ERR_REMOTE, "unknown result '%.40s'", name);
}

static bool get_option_info(const cJSON *json, struct provider_option_info *out,
                            struct err *err)
{
	static const char *const members[] = { "name", "help", "required", "secret",
		                               NULL };

	return fields_only(json, members, err) &&
	       fields_str(json, "name", WIRE_OPTION_NAME_MAX, &out->name, err) &&
	       fields_str(json, "help", WIRE_TEXT_MAX, &out->help, err) &&
	       json_bool_or(json, "required", false, &out->is_required, err) &&
	       json_bool_or(json, "secret", false, &out->is_secret, err);
}

static bool get_info(const cJSON *json, struct provider_info *out, struct err *err)
{
	static const char *const members[] = { "name", "summary", "options", NULL };
	const cJSON *list, *item;

	if (!fields_only(json, members, err) ||
	    !fields_str(json, "name", WIRE_OPTION_NAME_MAX, &out->name, err) ||
	    !fields_str(json, "summary", WIRE_TEXT_MAX, &out->summary, err) ||
	    !json_array(json, "options", &list, err))
		return false;
	if (cJSON_GetArraySize(list) > WIRE_OPTIONS_MAX)
		return err_set(err, ERR_REMOTE, "more than %d options", WIRE_OPTIONS_MAX);
	out->options = xcalloc(WIRE_OPTIONS_MAX, sizeof(*out->options));
	cJSON_ArrayForEach (item, list)
		if (!get_option_info(item, &out->options[out->option_count++], err))
			return false;
	return true;
}

/* What stands only in the end's frame. */
static bool get_end(const cJSON *json, struct wire_answer *out, struct err *err)
{
	const cJSON *info = cJSON_GetObjectItemCaseSensitive(json, "info");

	if (!fields_int_or(json, "requests", WIRE_REQUESTS_MAX, &out->requests, err) ||
	    !fields_int_or(json, "window", WIRE_WINDOW_MAX, &out->window_s, err))
		return false;
	if (!info)
		return true;
	out->info = NEW(struct provider_info);
	return get_info(info, out->info, err);
}

static bool get_result_frame(const cJSON *json, struct wire_answer *out, struct err *err)
{
	static const char *const of_change[] = { "change", "result", "text",
		                                 "retry_after", NULL };
	static const char *const of_end[] = { "result", "text", "retry_after", "requests",
		                              "window", "info", NULL };
	bool is_end = !cJSON_HasObjectItem(json, "change");
	int64_t change = 0;

	out->kind = is_end ? WIRE_ANSWER_END : WIRE_ANSWER_CHANGE;
	if (!fields_only(json, is_end ? of_end : of_change, err) ||
	    !get_result(json, out, err) || !get_text(json, "text", out, err) ||
	    !fields_int_or(json, "retry_after", 86400, &out->retry_after, err))
		return false;
	if (is_end)
		return get_end(json, out, err);
	if (!fields_int(json, "change", PROVIDER_BATCH_MAX - 1, &change, err))
		return false;
	out->change = (size_t)change;
	return true;
}

bool wire_get_answer(const struct buf *frame, struct wire_answer *out, struct err *err)
{
	static const char *const log_members[] = { "log", NULL };
	AUTO_JSON cJSON *json = json_parse(frame->data, frame->len, err);

	*out = (struct wire_answer){ 0 };
	if (!json)
		return false;
	if (!cJSON_HasObjectItem(json, "log"))
		return get_result_frame(json, out, err);
	out->kind = WIRE_ANSWER_LOG;
	return fields_only(json, log_members, err) && get_text(json, "log", out, err);
}

void wire_answer_deinit(struct wire_answer *answer)
{
	if (answer->info)
		provider_info_deinit(answer->info);
	free(answer->info);
	answer->info = NULL;
}
