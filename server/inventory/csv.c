/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "parts.h"

/* RFC 4180, with commas; the first line names the columns. */

enum { COLUMNS_MAX = 5, CELL_MAX = 16 * 1024 };

enum column { NAME, ADDRESS, PORT, USER, GROUPS };
static const char *const columns[] = {
	[NAME] = "name", [ADDRESS] = "address", [PORT] = "port",
	[USER] = "user", [GROUPS] = "groups",
};
_Static_assert(ARRAY_SIZE(columns) == COLUMNS_MAX, "a column has no name");

struct csv {
	const char *at;
	int line;  /* of what comes next */
	int began; /* the row's first line */
	struct strlist cells;
	enum column order[COLUMNS_MAX];
	size_t column_count;
};

/* Behind its opening quote; a quote is doubled, and a line may end within. */
static bool read_quoted(struct csv *csv, struct buf *cell, struct err *err)
{
	for (; *csv->at; csv->at++) {
		if (*csv->at == '"' && csv->at[1] == '"')
			csv->at++;
		else if (*csv->at == '"')
			break;
		csv->line += *csv->at == '\n';
		buf_add(cell, csv->at, 1);
	}
	if (*csv->at != '"')
		return err_set(
		    err, ERR_INPUT,
		    "line %d: a quote \" is opened and not closed; close it, or "
		    "write it twice where it is meant",
		    csv->began);
	csv->at++;
	return strchr(",\r\n", *csv->at) ||
	       err_set(err, ERR_INPUT,
	               "line %d: something stands behind a closing quote \"; put a comma "
	               "there, or write the quote twice where it is meant",
	               csv->line);
}

static bool read_cell(struct csv *csv, struct err *err)
{
	AUTO_BUF struct buf cell = BUF_INIT(CELL_MAX);

	csv->at += strspn(csv->at, " \t");
	if (*csv->at == '"') {
		csv->at++;
		if (!read_quoted(csv, &cell, err))
			return false;
	} else {
		size_t len = strcspn(csv->at, ",\r\n");

		buf_add(&cell, csv->at, len);
		csv->at += len;
	}
	if (cell.over)
		return err_set(err, ERR_INPUT, "line %d: a cell of over %d bytes",
		               csv->began, CELL_MAX);
	if (csv->cells.len > 100)
		return err_set(err, ERR_INPUT, "line %d: more than 100 cells",
		               csv->began);
	strlist_add(&csv->cells, cell.len ? str_trim(cell.data) : "");
	return true;
}

static bool read_row(struct csv *csv, struct err *err)
{
	strlist_deinit(&csv->cells);
	csv->cells = (struct strlist){ 0 };
	csv->began = csv->line;
	for (;;) {
		if (!read_cell(csv, err))
			return false;
		if (*csv->at != ',')
			break;
		csv->at++;
	}
	if (*csv->at == '\r' && csv->at[1] != '\n')
		return err_set(err, ERR_INPUT,
		               "line %d: a lone carriage return; save the file with the "
		               "line ends of Unix or Windows",
		               csv->line);
	csv->at += *csv->at == '\r';
	if (*csv->at == '\n') {
		csv->at++;
		csv->line++;
	}
	return true;
}

static bool is_blank(const struct csv *csv)
{
	return csv->cells.len == 1 && !*csv->cells.items[0];
}

static bool is_taken(const struct csv *csv, enum column column)
{
	for (size_t i = 0; i < csv->column_count; i++)
		if (csv->order[i] == column)
			return true;
	return false;
}

static bool take_column(struct csv *csv, char *said, struct err *err)
{
	char shown[60];

	for (char *at = said; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (!str_eq(columns[i], said))
			continue;
		if (is_taken(csv, (enum column)i))
			return err_set(err, ERR_INPUT,
			               "line %d: the column %s stands twice; leave one "
			               "away",
			               csv->began, said);
		csv->order[csv->column_count++] = (enum column)i;
		return true;
	}
	return err_set(
	    err, ERR_INPUT,
	    "line %d: no column '%s'; the first line names the columns, with "
	    "commas between: name,address,port,user,groups (name must be there)",
	    csv->began, str_printable(said, shown, sizeof(shown)));
}

static bool read_header(struct csv *csv, struct err *err)
{
	do {
		if (!*csv->at)
			return err_set(err, ERR_INPUT,
			               "line 1: nothing is here; the first line is "
			               "name,address,port,user,groups");
		if (!read_row(csv, err))
			return false;
	} while (is_blank(csv));
	for (size_t i = 0; i < csv->cells.len; i++)
		if (!take_column(csv, csv->cells.items[i], err))
			return false;
	return is_taken(csv, NAME) ||
	       err_set(err, ERR_INPUT,
	               "line %d: there is no column 'name'; the first line is "
	               "name,address,port,user,groups",
	               csv->began);
}

/* "web;mail", "web mail", and within quotes "web,mail". */
static void read_groups(char *text, struct strlist *groups)
{
	char *rest = text;

	for (char *one; (one = strtok_r(rest, " ;,\t\n\r", &rest));)
		if (!strlist_has(groups, one))
			strlist_add(groups, one);
}

static bool read_port(const struct csv *csv, const char *text, uint16_t *port,
                      struct err *err)
{
	int64_t number = 0;
	char shown[40];

	if (*text && !str_to_i64(text, 1, 65535, &number))
		return err_set(err, ERR_INPUT,
		               "line %d: '%s' is no port; a number from 1 to 65535, or "
		               "nothing for 22",
		               csv->began, str_printable(text, shown, sizeof(shown)));
	*port = (uint16_t)number;
	return true;
}

static bool take_row(struct csv *csv, struct inventory *out, struct err *err)
{
	char *cells[COLUMNS_MAX] = { 0 };
	struct inventory_host host = { .line = csv->began };

	if (csv->cells.len != csv->column_count)
		return err_set(err, ERR_INPUT,
		               "line %d: %zu cell%s, where the first line names %zu "
		               "column%s; several groups go as web;mail",
		               csv->began, csv->cells.len, csv->cells.len == 1 ? "" : "s",
		               csv->column_count, csv->column_count == 1 ? "" : "s");
	for (size_t i = 0; i < csv->column_count; i++)
		cells[csv->order[i]] = csv->cells.items[i];
	if (cells[PORT] && !read_port(csv, cells[PORT], &host.port, err))
		return false;
	host.name = xstrdup(cells[NAME]);
	host.address = xstrdup(cells[ADDRESS] && *cells[ADDRESS] ? cells[ADDRESS]
	                                                         : cells[NAME]);
	host.user = cells[USER] && *cells[USER] ? xstrdup(cells[USER]) : NULL;
	if (cells[GROUPS])
		read_groups(cells[GROUPS], &host.groups);
	return inventory_add(out, &host, err);
}

static void csv_deinit(struct csv *csv)
{
	strlist_deinit(&csv->cells);
}

bool csv_read(char *text, struct inventory *out, struct err *err)
{
	CLEANUP(csv_deinit) struct csv csv = { .at = text, .line = 1 };

	if (!read_header(&csv, err))
		return false;
	while (*csv.at) {
		if (!read_row(&csv, err))
			return false;
		if (!is_blank(&csv) && !take_row(&csv, out, err))
			return false;
	}
	return true;
}
