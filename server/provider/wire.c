/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fields.h"

/* Requests and changes: daemon to child. */

static cJSON *new_request(const char *op, const struct provider_home *home,
                          const char *provider, int deadline_s)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "v", WIRE_VERSION);
	cJSON_AddStringToObject(json, "op", op);
	cJSON_AddStringToObject(json, "provider", provider);
	cJSON_AddStringToObject(json, "plugin_dir", home->plugin_dir);
	cJSON_AddNumberToObject(json, "deadline", deadline_s);
	return json;
}

static bool put_option(const struct provider_option *option, cJSON *list, struct err *err)
{
	size_t len = option->value ? strlen(option->value) : 0;
	const char *value = option->secret ? secret_reveal(option->secret, &len)
	                                   : option->value;
	cJSON *json;

	if (!value)
		return true;
	if (strlen(value) != len || len > WIRE_OPTION_VALUE_MAX)
		return err_set(err, ERR_CONFIG, "option %s: not text of at most %d bytes",
		               option->name, WIRE_OPTION_VALUE_MAX);
	json = cJSON_CreateObject();
	cJSON_AddItemToArray(list, json);
	cJSON_AddStringToObject(json, "name", option->name);
	cJSON_AddStringToObject(json, option->secret ? "secret" : "value", value);
	return true;
}

static void put_toll(const struct provider_toll *toll, cJSON *json)
{
	if (!toll || toll->spent <= 0)
		return;
	/* No limit is so high that more than this matters. */
	cJSON_AddNumberToObject(json, "spent",
	                        toll->spent < WIRE_REQUESTS_MAX ? toll->spent
	                                                        : WIRE_REQUESTS_MAX);
	if (toll->free_in_s > 0)
		cJSON_AddNumberToObject(json, "free_in",
		                        toll->free_in_s < WIRE_WINDOW_MAX
		                            ? toll->free_in_s
		                            : WIRE_WINDOW_MAX);
}

bool wire_put_request(const struct provider_home *home, const struct provider_call *call,
                      int deadline_s, struct buf *frame, struct err *err)
{
	AUTO_SECRET_JSON cJSON *json = new_request("run", home, call->provider,
	                                           deadline_s);
	cJSON *options = cJSON_AddArrayToObject(json, "options");

	if (call->option_count > WIRE_OPTIONS_MAX ||
	    call->change_count > PROVIDER_BATCH_MAX)
		return err_set(err, ERR_CONFIG,
		               "%zu options and %zu changes; at most %d "
		               "and %d go in one batch",
		               call->option_count, call->change_count, WIRE_OPTIONS_MAX,
		               PROVIDER_BATCH_MAX);
	for (size_t i = 0; i < call->option_count; i++)
		if (!put_option(&call->options[i], options, err))
			return false;
	cJSON_AddNumberToObject(json, "changes", (double)call->change_count);
	put_toll(call->toll, json);
	return fields_put(json, frame, err);
}

bool wire_put_describe(const struct provider_home *home, const char *provider,
                       int deadline_s, struct buf *frame, struct err *err)
{
	AUTO_SECRET_JSON cJSON *json = new_request("describe", home, provider,
	                                           deadline_s);

	return fields_put(json, frame, err);
}

bool wire_put_change(const struct provider_change *change, struct buf *frame,
                     struct err *err)
{
	AUTO_SECRET_JSON cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "op", change->remove ? "cleanup" : "present");
	cJSON_AddStringToObject(json, "zone", change->zone);
	cJSON_AddStringToObject(json, "name", change->name);
	cJSON_AddStringToObject(json, "value", change->value);
	cJSON_AddNumberToObject(json, "ttl", change->ttl_s);
	if (change->challenge)
		cJSON_AddStringToObject(json, "for", change->challenge);
	return fields_put(json, frame, err);
}

static bool get_option(const cJSON *json, struct wire_option *out, struct err *err)
{
	static const char *const members[] = { "name", "value", "secret", NULL };

	out->is_secret = cJSON_HasObjectItem(json, "secret");
	if (out->is_secret && cJSON_HasObjectItem(json, "value"))
		return err_set(err, ERR_REMOTE, "an option with a value and a secret");
	return fields_only(json, members, err) &&
	       fields_str(json, "name", WIRE_OPTION_NAME_MAX, &out->name, err) &&
	       fields_str(json, out->is_secret ? "secret" : "value",
	                  WIRE_OPTION_VALUE_MAX, &out->value, err);
}

static bool get_options(const cJSON *json, struct wire_request *out, struct err *err)
{
	const cJSON *list, *item;

	if (!json_array(json, "options", &list, err))
		return false;
	if (cJSON_GetArraySize(list) > WIRE_OPTIONS_MAX)
		return err_set(err, ERR_REMOTE, "more than %d options", WIRE_OPTIONS_MAX);
	out->options = xcalloc(WIRE_OPTIONS_MAX, sizeof(*out->options));
	cJSON_ArrayForEach (item, list)
		if (!get_option(item, &out->options[out->option_count++], err))
			return false;
	return true;
}

static bool get_batch(const cJSON *json, struct wire_request *out, struct err *err)
{
	static const char *const members[] = { "v",          "op",       "provider",
		                               "plugin_dir", "deadline", "options",
		                               "changes",    "spent",    "free_in",
		                               NULL };
	int64_t changes = 0;

	if (!fields_only(json, members, err) || !get_options(json, out, err) ||
	    !fields_int(json, "changes", PROVIDER_BATCH_MAX, &changes, err) ||
	    !fields_int_or(json, "spent", WIRE_REQUESTS_MAX, &out->spent, err) ||
	    !fields_int_or(json, "free_in", WIRE_WINDOW_MAX, &out->free_in_s, err))
		return false;
	out->change_count = (size_t)changes;
	return true;
}

static bool get_describe(const cJSON *json, struct wire_request *out, struct err *err)
{
	static const char *const members[] = { "v",          "op",       "provider",
		                               "plugin_dir", "deadline", NULL };

	out->is_describe = true;
	return fields_only(json, members, err);
}

static bool get_by_op(const cJSON *json, struct wire_request *out, struct err *err)
{
	const char *op;

	if (!json_str(json, "op", &op, err))
		return false;
	if (str_eq(op, "run"))
		return get_batch(json, out, err);
	if (str_eq(op, "describe"))
		return get_describe(json, out, err);
	return err_set(err, ERR_REMOTE, "unknown op '%.40s'", op);
}

bool wire_get_request(const struct buf *frame, struct wire_request *out, struct err *err)
{
	AUTO_SECRET_JSON cJSON *json = json_parse(frame->data, frame->len, err);
	int64_t version, deadline;

	*out = (struct wire_request){ 0 };
	if (!json || !json_int(json, "v", &version, err))
		return false;
	if (version != WIRE_VERSION)
		return err_set(err, ERR_REMOTE,
		               "protocol version %d; this certferry-dns-host speaks %d: "
		               "they are not of one installation",
		               (int)version, WIRE_VERSION);
	if (!fields_str(json, "provider", WIRE_NAME_MAX, &out->provider, err) ||
	    !fields_str(json, "plugin_dir", 4095, &out->plugin_dir, err) ||
	    !fields_int(json, "deadline", WIRE_DEADLINE_MAX, &deadline, err))
		return false;
	out->deadline_s = (int)deadline;
	return get_by_op(json, out, err);
}

void wire_request_deinit(struct wire_request *request)
{
	for (size_t i = 0; i < request->option_count; i++) {
		struct wire_option *option = &request->options[i];

		free(option->name);
		if (option->value)
			explicit_bzero(option->value, strlen(option->value));
		free(option->value);
	}
	free(request->options);
	free(request->provider);
	free(request->plugin_dir);
	*request = (struct wire_request){ 0 };
}

bool wire_get_change(const struct buf *frame, struct wire_change *out, struct err *err)
{
	static const char *const members[] = { "op",  "zone", "name", "value",
		                               "ttl", "for",  NULL };
	AUTO_JSON cJSON *json = json_parse(frame->data, frame->len, err);
	const char *op;
	int64_t ttl;

	*out = (struct wire_change){ 0 };
	if (!json || !fields_only(json, members, err) ||
	    !json_str(json, "op", &op, err) ||
	    !fields_str(json, "zone", WIRE_NAME_MAX, &out->zone, err) ||
	    !fields_str(json, "name", WIRE_NAME_MAX, &out->name, err) ||
	    !fields_str(json, "value", WIRE_VALUE_MAX, &out->value, err) ||
	    !fields_int(json, "ttl", INT32_MAX, &ttl, err))
		return false;
	if (cJSON_HasObjectItem(json, "for") &&
	    !fields_str(json, "for", WIRE_NAME_MAX, &out->challenge, err))
		return false;
	if (!str_eq(op, "present") && !str_eq(op, "cleanup"))
		return err_set(err, ERR_REMOTE, "unknown op '%.40s'", op);
	out->remove = str_eq(op, "cleanup");
	out->ttl_s = (uint32_t)ttl;
	return true;
}

void wire_change_deinit(struct wire_change *change)
{
	free(change->zone);
	free(change->name);
	free(change->value);
	free(change->challenge);
	*change = (struct wire_change){ 0 };
}
