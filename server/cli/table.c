/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <ctype.h>
#include <libsmartcols.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"

/*
 * Tables by libsmartcols. In a file or a mail they are as wide as they need, one line a
 * row, for grep. On a terminal nothing is cut: the last column, which holds sentences, is
 * broken between words, or where it has too little room stands below its row; and what is
 * spared goes first.
 */

enum { COLUMNS_MAX = 9, ROOM_MIN = 32, INDENT = 4 };

struct table {
	const char *const *columns;
	size_t count;
	struct strlist cells; /* row after row */
	bool is_hidden[COLUMNS_MAX];
	size_t spared[COLUMNS_MAX], spared_count;
};

struct table *table_new(const char *const *columns, size_t count)
{
	struct table *table = NEW(struct table);

	if (count > COLUMNS_MAX)
		abort();
	table->columns = columns;
	table->count = count;
	return table;
}

void table_spare(struct table *table, size_t column)
{
	table->spared[table->spared_count++] = column;
}

void table_add(struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->count; i++) {
		AUTO_FREE char *cell = xstrdup(cells[i] ? cells[i] : "");

		for (char *at = cell; *at; at++)
			if (iscntrl((unsigned char)*at))
				*at = ' ';
		strlist_add(&table->cells, cell);
	}
}

static const char *cell(const struct table *table, size_t row, size_t column)
{
	return table->cells.items[row * table->count + column];
}

static size_t rows(const struct table *table)
{
	return table->cells.len / table->count;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = strlen(table->columns[column]);

	for (size_t i = 0; i < rows(table); i++)
		if (strlen(cell(table, i, column)) > width)
			width = strlen(cell(table, i, column));
	return width;
}

/* Of all columns but the last, each with its space. */
static size_t fixed_width(const struct table *table)
{
	size_t width = 0;

	for (size_t i = 0; i + 1 < table->count; i++)
		if (!table->is_hidden[i])
			width += column_width(table, i) + 1;
	return width;
}

/* What of the text goes on one line: whole words, and at least one. */
static size_t line_len(const char *text, size_t width)
{
	size_t len = 0;

	while (text[len]) {
		size_t word = len + strspn(text + len, " ");

		word += strcspn(text + word, " ");
		if (len > 0 && word > width)
			break;
		len = word;
	}
	return len;
}

static bool words_fit(const struct table *table, size_t width)
{
	for (size_t i = 0; i < rows(table); i++) {
		const char *text = cell(table, i, table->count - 1);

		for (; *text; text += strspn(text, " ")) {
			size_t word = strcspn(text, " ");

			if (word > width)
				return false;
			text += word;
		}
	}
	return true;
}

static struct libscols_table *scols_make(const struct table *table, size_t columns)
{
	struct libscols_table *scols = scols_new_table();

	if (!scols)
		abort();
	scols_table_set_termforce(scols, SCOLS_TERMFORCE_NEVER);
	for (size_t i = 0; i < columns; i++)
		if (!scols_table_new_column(scols, table->columns[i], 0,
		                            table->is_hidden[i] ? SCOLS_FL_HIDDEN : 0))
			abort();
	return scols;
}

static struct libscols_line *scols_put(struct libscols_table *scols, size_t column,
                                       struct libscols_line *line, const char *text)
{
	if (!line)
		line = scols_table_new_line(scols, NULL);
	if (!line || scols_line_set_data(line, column, text) != 0)
		abort();
	return line;
}

/* As one text; the table goes. */
static char *scols_text(struct libscols_table *scols)
{
	char *text = NULL;

	if (scols_print_table_to_string(scols, &text) != 0 || !text)
		abort();
	scols_unref_table(scols);
	return text;
}

/* Without the spaces that an empty last cell leaves. */
static void print_line(char *line, FILE *to)
{
	size_t len = strlen(line);

	while (len > 0 && line[len - 1] == ' ')
		len--;
	if (len > 0)
		fprintf(to, "%.*s\n", (int)len, line);
}

/* The last column beside the others, on as many lines as it needs. */
static void print_beside(const struct table *table, size_t room, FILE *to)
{
	struct libscols_table *scols = scols_make(table, table->count);
	AUTO_FREE char *whole = NULL;
	char *rest;
	size_t last = table->count - 1;

	for (size_t i = 0; i < rows(table); i++) {
		struct libscols_line *line = NULL;
		const char *text = cell(table, i, last);

		for (size_t k = 0; k < last; k++)
			line = scols_put(scols, k, line, cell(table, i, k));
		do {
			size_t len = line_len(text, room);
			AUTO_FREE char *part = xstrndup(text, len);

			scols_put(scols, last, line, part);
			line = NULL;
			text += len;
			text += strspn(text, " ");
		} while (*text);
	}
	whole = scols_text(scols);
	rest = whole;
	while (rest)
		print_line(strsep(&rest, "\n"), to);
}

static void print_note(const char *text, size_t width, FILE *to)
{
	while (*text) {
		size_t len = line_len(text, width - INDENT);

		fprintf(to, "%*s%.*s\n", INDENT, "", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

/* The last column below its row. */
static void print_below(const struct table *table, size_t width, FILE *to)
{
	struct libscols_table *scols = scols_make(table, table->count - 1);
	AUTO_FREE char *text = NULL;
	char *rest;

	for (size_t i = 0; i < rows(table); i++) {
		struct libscols_line *line = NULL;

		for (size_t k = 0; k + 1 < table->count; k++)
			line = scols_put(scols, k, line, cell(table, i, k));
	}
	text = scols_text(scols);
	rest = text;
	print_line(strsep(&rest, "\n"), to);
	for (size_t i = 0; i < rows(table) && rest; i++) {
		print_line(strsep(&rest, "\n"), to);
		print_note(cell(table, i, table->count - 1), width, to);
	}
}

size_t terminal_width(FILE *to)
{
	struct winsize size = { 0 };

	if (!isatty(fileno(to)))
		return 0;
	if (ioctl(fileno(to), TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

void table_print(struct table *table, FILE *to)
{
	size_t width = terminal_width(to), last = column_width(table, table->count - 1);
	size_t fixed;

	for (size_t i = 0; width && i < table->spared_count && fixed_width(table) > width;
	     i++)
		table->is_hidden[table->spared[i]] = true;
	fixed = fixed_width(table);
	if (width == 0 || fixed + last <= width)
		print_beside(table, SIZE_MAX, to);
	else if (fixed + ROOM_MIN <= width && words_fit(table, width - fixed))
		print_beside(table, width - fixed, to);
	else
		print_below(table, width, to);
}

void table_free(struct table *table)
{
	if (!table)
		return;
	strlist_deinit(&table->cells);
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
