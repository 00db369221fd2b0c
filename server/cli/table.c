/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <libsmartcols.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"

/* Tables by libsmartcols: as wide as the terminal, and as wide as they need elsewhere. */

struct table {
	struct libscols_table *scols;
	size_t columns;
};

struct table *table_new(const char *const *columns, size_t count)
{
	struct table *table = NEW(struct table);

	table->scols = scols_new_table();
	table->columns = count;
	if (!table->scols)
		abort();
	scols_table_enable_noencoding(table->scols, 0);
	for (size_t i = 0; i < count; i++) {
		/* The last column holds sentences: it may wrap. */
		int flags = i + 1 == count ? SCOLS_FL_WRAP : 0;

		if (!scols_table_new_column(table->scols, columns[i],
		                            i + 1 == count ? 0.4 : 0.05, flags))
			abort();
	}
	return table;
}

void table_add(struct table *table, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);

	for (size_t i = 0; line && i < table->columns; i++)
		if (scols_line_set_data(line, i, cells[i] ? cells[i] : "") != 0)
			abort();
}

void table_print(struct table *table, FILE *to)
{
	scols_table_set_stream(table->scols, to);
	/* Cut to the width of a terminal, but whole in a file or a mail. */
	scols_table_set_termforce(table->scols, isatty(fileno(to))
	                                            ? SCOLS_TERMFORCE_AUTO
	                                            : SCOLS_TERMFORCE_NEVER);
	(void)scols_print_table(table->scols);
}

void table_free(struct table *table)
{
	if (!table)
		return;
	scols_unref_table(table->scols);
	free(table);
}

void json_add_text(void *object, const char *name, const char *text)
{
	cJSON_AddItemToObject(object, name,
	                      text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void print_json(void *cjson)
{
	AUTO_FREE char *text = json_format_pretty(cjson);

	printf("%s\n", text);
	cJSON_Delete(cjson);
}
