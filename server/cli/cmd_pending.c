/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/json.h"

#include "pending.h"

static void add_json(cJSON *list, const struct pending_record *record)
{
	cJSON *object = cJSON_CreateObject(), *places;
	char until[CLOCK_TEXT];

	cJSON_AddItemToArray(list, object);
	cJSON_AddStringToObject(object, "action", record->remove ? "remove" : "set");
	cJSON_AddStringToObject(object, "zone", record->zone);
	cJSON_AddStringToObject(object, "name", record->name);
	cJSON_AddStringToObject(object, "type", "TXT");
	cJSON_AddNumberToObject(object, "ttl", record->ttl_s);
	cJSON_AddStringToObject(object, "value", record->value);
	cJSON_AddStringToObject(object, "dns", record->dns);
	places = cJSON_AddArrayToObject(object, "certificates");
	for (size_t i = 0; i < record->places.len; i++)
		cJSON_AddItemToArray(places, cJSON_CreateString(record->places.items[i]));
	json_add_text(object, "until",
	              record->until ? clock_format(record->until, until) : NULL);
}

bool cmd_pending(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_PENDING struct pending pending = { 0 };
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "pending");

	if (!session_config(&session, args, err) || !session_store(&session, err) ||
	    !pending_load(&pending, session.config, session.store, err))
		return false;
	for (size_t i = 0; i < pending.len; i++)
		add_json(list, &pending.records[i]);
	if (args->json)
		print_json(TAKE(json));
	else if (pending.len)
		pending_print(&pending, stdout);
	else
		printf("No TXT record is to be set or removed by hand.\n");
	return true;
}
