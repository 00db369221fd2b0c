/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

struct listing {
	struct table *table;
	cJSON *list;
};

static bool add(void *arg, const struct event *event, struct err *err)
{
	struct listing *listing = arg;
	cJSON *object = cJSON_CreateObject();
	char time[CLOCK_TEXT];
	AUTO_FREE char *about = xasprintf(
	    "%s%s%s", event->certificate ? event->certificate : "",
	    event->certificate && event->host ? "/" : "", event->host ? event->host : "");
	const char *const cells[] = { clock_format(event->at, time), event->name, about,
		                      event->text };

	(void)err;
	table_add(listing->table, cells);
	cJSON_AddNumberToObject(object, "id", (double)event->id);
	cJSON_AddStringToObject(object, "at", time);
	cJSON_AddStringToObject(object, "event", event->name);
	json_add_text(object, "certificate", event->certificate);
	json_add_text(object, "host", event->host);
	cJSON_AddStringToObject(object, "text", event->text);
	cJSON_AddItemToArray(listing->list, object);
	return true;
}

bool cmd_events(const struct args *args, struct err *err)
{
	static const char *const columns[] = { "TIME", "EVENT", "ABOUT", "TEXT" };
	AUTO_SESSION struct session session = { 0 };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	struct listing listing = { table, cJSON_AddArrayToObject(json, "events") };

	if (!session_config(&session, args, err) || !session_store(&session, err) ||
	    !store_event_each(session.store, 0, (int)args->limit, add, &listing, err))
		return false;
	if (args->json)
		print_json(TAKE(json));
	else
		table_print(table, stdout);
	return true;
}
