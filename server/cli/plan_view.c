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
	bool is_target = item->certificate->key_on == KEY_ON_TARGET;
	AUTO_FREE char *why = xasprintf("%s%s", item->reason,
	                                is_target ? "; its key is made there" : "");
	char when[CLOCK_TEXT] = "now";
	const char *const cells[] = { place, fleet_action_names[item->action], when,
		                      why };

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
	cJSON_AddStringToObject(object, "key_on",
	                        config_key_on_names[item->certificate->key_on]);
	if (item->action == FLEET_WAIT)
		cJSON_AddStringToObject(object, "until", clock_format(item->until, when));
	else
		cJSON_AddNullToObject(object, "until");
	cJSON_AddItemToArray(list, object);
}

/* The DNS entries that the plan's orders may use, in the file's order. */
struct entries {
	const struct config_dns **items;
	size_t len;
};

static void entries_deinit(struct entries *entries)
{
	free(entries->items);
}

static void entries_add(struct entries *entries, const struct config_dns *dns)
{
	for (size_t i = 0; i < entries->len; i++)
		if (entries->items[i] == dns)
			return;
	entries->items = xrealloc(entries->items, entries->len + 1, sizeof(void *));
	entries->items[entries->len++] = dns;
}

static int by_address(const void *a, const void *b)
{
	const struct config_dns *const *first = a, *const *second = b;

	return (*first > *second) - (*first < *second);
}

static void entries_of(const struct fleet_plan *plan, struct entries *out)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct fleet_item *item = &plan->items[i];
		bool has_order = item->action == FLEET_ISSUE ||
		                 item->action == FLEET_GO_ON ||
		                 item->action == FLEET_WAIT;

		for (size_t k = 0; has_order && k < item->certificate->dns_count; k++)
			entries_add(out, item->certificate->dnses[k]);
	}
	if (out->len)
		qsort(out->items, out->len, sizeof(void *), by_address);
}

/* Whoever must show the records, or NULL where nobody is asked. */
static char *witnesses(const struct config_dns *dns)
{
	AUTO_BUF struct buf text = BUF_INIT(4000);

	if (dns->propagation == PROPAGATION_AUTHORITATIVE)
		return xstrdup("every authoritative server");
	if (dns->propagation != PROPAGATION_RESOLVERS)
		return NULL;
	buf_addf(&text, "resolver%s ", dns->resolvers.len > 1 ? "s" : "");
	strlist_join(&dns->resolvers, ", ", &text);
	return buf_take(&text);
}

/* Which propagation is in force, in words. */
static char *in_words(const struct config_dns *dns)
{
	AUTO_BUF struct buf text = BUF_INIT(8000);
	AUTO_FREE char *who = witnesses(dns);
	bool by_hand = str_eq(dns->provider, "manual");
	char time[CLOCK_TEXT];

	if (by_hand)
		buf_addf(&text, "set by a person, within %s; ",
		         clock_format_duration(dns->by_hand_timeout_s, time));
	if (!who && dns->propagation == PROPAGATION_SETTLE)
		buf_addf(&text, "waits %s, asks nobody",
		         clock_format_duration(dns->wait_s, time));
	else if (!who)
		buf_addf(&text, "waits for nothing, asks nobody");
	else
		buf_addf(&text, "%s must show %s", who, by_hand ? "them" : "the records");
	if (who && !by_hand)
		buf_addf(&text, ", within %s",
		         clock_format_duration(dns->spread_timeout_s, time));
	if (who && dns->settle_s)
		buf_addf(&text, ", then %s more",
		         clock_format_duration(dns->settle_s, time));
	return buf_take(&text);
}

static void add_entries(cJSON *json, const struct fleet_plan *plan)
{
	cJSON *list = cJSON_AddArrayToObject(json, "dns");
	CLEANUP(entries_deinit) struct entries entries = { 0 };

	entries_of(plan, &entries);
	for (size_t i = 0; i < entries.len; i++) {
		const struct config_dns *dns = entries.items[i];
		AUTO_FREE char *text = in_words(dns);
		cJSON *object = cJSON_CreateObject();

		cJSON_AddItemToArray(list, object);
		cJSON_AddStringToObject(object, "name", dns->name);
		cJSON_AddStringToObject(object, "provider", dns->provider);
		cJSON_AddStringToObject(object, "propagation",
		                        config_propagation_names[dns->propagation]);
		cJSON_AddStringToObject(object, "text", text);
	}
}

static void print_entries(const struct fleet_plan *plan)
{
	CLEANUP(entries_deinit) struct entries entries = { 0 };

	entries_of(plan, &entries);
	for (size_t i = 0; i < entries.len; i++) {
		AUTO_FREE char *text = in_words(entries.items[i]);

		printf("dns %s (%s): %s\n", entries.items[i]->name,
		       entries.items[i]->provider, text);
	}
}

static void print_as_json(const struct fleet_plan *plan, const struct findings *found)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "plan");
	cJSON *warnings = cJSON_AddArrayToObject(json, "warnings");

	add_entries(json, plan);
	for (size_t i = 0; i < plan->count; i++)
		add_json(list, &plan->items[i]);
	for (size_t i = 0; i < plan->warnings.len; i++)
		cJSON_AddItemToArray(warnings,
		                     cJSON_CreateString(plan->warnings.items[i]));
	cJSON_AddItemToObject(json, "checks", findings_json(found));
	print_json(json);
}

void plan_print(const struct fleet_plan *plan, const struct findings *found, bool json)
{
	static const char *const columns[] = { "CERTIFICATE", "ACTION", "WHEN", "WHY" };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	size_t looks = 0;

	if (json) {
		print_as_json(plan, found);
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
	print_entries(plan);
	if (looks)
		printf("%zu installed certificate%s will be looked at, on the server and "
		       "from outside.\n",
		       looks, looks == 1 ? "" : "s");
	for (size_t i = 0; i < plan->warnings.len; i++)
		printf("note: %s\n", plan->warnings.items[i]);
}
