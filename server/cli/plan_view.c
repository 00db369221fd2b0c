/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

/* A plan for people: one row a place, but those that are only looked at are counted. */

static void add_row(struct table *table, const struct fleet_item *item)
{
	AUTO_FREE char *place = xasprintf("%s/%s", item->certificate->name,
	                                  item->host->name);
	char when[CLOCK_TEXT] = "now";
	const char *const cells[] = { place, fleet_action_names[item->action], when,
		                      item->reason };

	if (item->action == FLEET_WAIT)
		clock_format(item->until, when);
	else if (item->action == FLEET_BLOCKED)
		when[0] = '\0';
	table_add(table, cells);
}

static void add_json(cJSON *list, const struct fleet_item *item)
{
	cJSON *object = cJSON_CreateObject();
	char when[CLOCK_TEXT];

	cJSON_AddStringToObject(object, "certificate", item->certificate->name);
	cJSON_AddStringToObject(object, "host", item->host->name);
	cJSON_AddStringToObject(object, "action", fleet_action_names[item->action]);
	cJSON_AddStringToObject(object, "reason", item->reason);
	if (item->action == FLEET_WAIT)
		cJSON_AddStringToObject(object, "until", clock_format(item->until, when));
	else
		cJSON_AddNullToObject(object, "until");
	cJSON_AddItemToArray(list, object);
}

static void print_as_json(const struct fleet_plan *plan)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "plan");
	cJSON *warnings = cJSON_AddArrayToObject(json, "warnings");

	for (size_t i = 0; i < plan->count; i++)
		add_json(list, &plan->items[i]);
	for (size_t i = 0; i < plan->warnings.len; i++)
		cJSON_AddItemToArray(warnings,
		                     cJSON_CreateString(plan->warnings.items[i]));
	print_json(json);
}

void plan_print(const struct fleet_plan *plan, bool json)
{
	static const char *const columns[] = { "CERTIFICATE", "ACTION", "WHEN", "WHY" };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	size_t looks = 0;

	if (json) {
		print_as_json(plan);
		return;
	}
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->items[i].action == FLEET_VERIFY)
			looks++;
		else
			add_row(table, &plan->items[i]);
	}
	if (looks < plan->count)
		table_print(table, stdout);
	else
		printf("Nothing is due.\n");
	if (looks)
		printf("%zu installed certificate%s will be looked at, on the server and "
		       "from outside.\n",
		       looks, looks == 1 ? "" : "s");
	for (size_t i = 0; i < plan->warnings.len; i++)
		printf("note: %s\n", plan->warnings.items[i]);
}
