/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/finding.h"
#include "base/json.h"
#include "base/mem.h"

/* What the checks found, for people and for programs. Many certificates share a name, and
 * one that fails is told for each; people read it once. */

static void add_row(struct table *table, const struct finding *row)
{
	bool both = *row->text && *row->advice;
	AUTO_FREE char *text = xasprintf("%s%s%s", row->text, both ? ": " : "",
	                                 row->advice);
	const char *const cells[] = { row->subject, row->check,
		                      finding_result_names[row->result], text };

	table_add(table, cells);
}

void findings_print(const struct findings *found, int least, FILE *to)
{
	static const char *const columns[] = { "SUBJECT", "CHECK", "RESULT",
		                               "WHAT WAS SEEN, WHAT TO DO" };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	bool any = false;

	for (size_t i = 0; i < found->len; i++) {
		if ((int)found->items[i].result < least || findings_is_repeat(found, i))
			continue;
		add_row(table, &found->items[i]);
		any = true;
	}
	if (any)
		table_print(table, to);
}

void findings_sum_up(const struct findings *found, FILE *to)
{
	size_t counts[FINDING_RESULT_COUNT] = { 0 };

	for (size_t i = 0; i < found->len; i++)
		if (!findings_is_repeat(found, i))
			counts[found->items[i].result]++;
	fprintf(to, "Checked first: %zu ok, %zu note%s%s, %zu failed.\n",
	        counts[FINDING_OK], counts[FINDING_NOTE],
	        counts[FINDING_NOTE] == 1 ? "" : "s",
	        counts[FINDING_NOTE] ? " (plan --check shows them)" : "",
	        counts[FINDING_FAILED]);
}

void *findings_json(const struct findings *found)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < found->len; i++) {
		const struct finding *row = &found->items[i];
		cJSON *object = cJSON_CreateObject();

		json_add_text(object, "certificate", row->certificate);
		json_add_text(object, "host", row->host);
		json_add_text(object, "subject", row->subject);
		json_add_text(object, "check", row->check);
		json_add_text(object, "result", finding_result_names[row->result]);
		json_add_text(object, "text", row->text);
		json_add_text(object, "advice", row->advice);
		cJSON_AddItemToArray(list, object);
	}
	return list;
}
