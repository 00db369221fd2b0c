/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

bool sql_fail(const struct store *store, int rc, struct err *err)
{
	bool is_conflict = rc == SQLITE_CONSTRAINT_UNIQUE ||
	                   rc == SQLITE_CONSTRAINT_PRIMARYKEY;
	int reason = sqlite3_system_errno(store->db);
	bool is_io = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;

	return err_set(err, is_conflict ? ERR_CONFLICT : ERR_INTERNAL, "%s: %s%s%s",
	               store->path, sqlite3_errmsg(store->db), is_io ? ": " : "",
	               is_io ? strerror(reason) : "");
}

/* Another driver counts parameters by their number, SQLite by their first appearance. */
static bool are_in_order(sqlite3_stmt *stmt)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
		char want[16];

		snprintf(want, sizeof(want), "$%d", i);
		if (!str_eq(sqlite3_bind_parameter_name(stmt, i), want))
			return false;
	}
	return true;
}

static sqlite3_stmt *prepare(struct store *store, const char *sql, int *rc)
{
	sqlite3_stmt *stmt = NULL;

	for (size_t i = 0; i < store->cached; i++)
		if (store->cache[i].sql == sql)
			return store->cache[i].stmt;
	assert(store->cached < STATEMENTS_MAX);
	*rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
	                         NULL);
	if (*rc != SQLITE_OK)
		return NULL;
	assert(are_in_order(stmt));
	store->cache[store->cached].sql = sql;
	store->cache[store->cached].stmt = stmt;
	store->cached++;
	return stmt;
}

struct use sql_use(struct store *store, const char *sql)
{
	struct use use = { .store = store, .rc = SQLITE_OK };

	pthread_mutex_lock(&store->mutex);
	use.stmt = prepare(store, sql, &use.rc);
	assert(!use.stmt || !sqlite3_stmt_busy(use.stmt));
	return use;
}

void sql_release(struct use *use)
{
	if (use->stmt) {
		sqlite3_reset(use->stmt);
		sqlite3_clear_bindings(use->stmt);
	}
	pthread_mutex_unlock(&use->store->mutex);
}

static void remember(struct use *use, int rc)
{
	if (use->rc == SQLITE_OK)
		use->rc = rc;
}

void put_int(struct use *use, int64_t value)
{
	if (use->stmt)
		remember(use, sqlite3_bind_int64(use->stmt, ++use->param, value));
}

void put_id(struct use *use, int64_t id)
{
	if (id != 0)
		put_int(use, id);
	else if (use->stmt)
		remember(use, sqlite3_bind_null(use->stmt, ++use->param));
}

void put_text(struct use *use, const char *text)
{
	if (use->stmt)
		remember(use, sqlite3_bind_text(use->stmt, ++use->param, text, -1,
		                                SQLITE_STATIC));
}

void put_plain(struct use *use, const char *text)
{
	put_text(use, text ? text : "");
}

void put_blob(struct use *use, const void *bytes, size_t len)
{
	if (use->stmt)
		remember(use, sqlite3_bind_blob64(use->stmt, ++use->param, bytes, len,
		                                  SQLITE_STATIC));
}

void put_err(struct use *use, const struct err *last)
{
	put_text(use, err_infos[last->kind].name);
	put_text(use, last->code);
	put_text(use, last->msg);
	put_int(use, last->retry_after);
}

bool sql_row(struct use *use, bool *row, struct err *err)
{
	const struct store *store = use->store;

	*row = false;
	if (use->rc == SQLITE_MISMATCH)
		return err_set(err, ERR_INTERNAL,
		               "%s: a row holds what this certferry does not know "
		               "(column %d of: %.100s)",
		               store->path, use->column, sqlite3_sql(use->stmt));
	if (use->rc != SQLITE_OK)
		return sql_fail(store, use->rc, err);
	/* After some errors SQLite rolls back by itself; what came next would be
	 * committed alone. */
	if (store->is_begun && sqlite3_get_autocommit(store->db))
		return err_set(err, ERR_INTERNAL,
		               "%s: the transaction was taken back after an error",
		               store->path);
	if (use->is_done)
		return true;
	use->rc = sqlite3_step(use->stmt);
	if (use->rc != SQLITE_ROW && use->rc != SQLITE_DONE)
		return sql_fail(store, use->rc, err);
	*row = use->rc == SQLITE_ROW;
	use->is_done = !*row;
	use->rc = SQLITE_OK;
	use->column = 0;
	return true;
}

bool sql_done(struct use *use, struct err *err)
{
	bool row = true;

	while (row)
		if (!sql_row(use, &row, err))
			return false;
	return true;
}

int sql_changes(const struct store *store)
{
	return sqlite3_changes(store->db);
}

int64_t get_int(struct use *use)
{
	return sqlite3_column_int64(use->stmt, use->column++);
}

const char *get_borrowed(struct use *use)
{
	return (const char *)sqlite3_column_text(use->stmt, use->column++);
}

char *get_text(struct use *use)
{
	return xstrdup(get_borrowed(use));
}

char *get_plain(struct use *use)
{
	const char *text = get_borrowed(use);

	return text && *text ? xstrdup(text) : NULL;
}

const void *get_bytes(struct use *use, size_t *len)
{
	const void *bytes = sqlite3_column_blob(use->stmt, use->column);

	*len = (size_t)sqlite3_column_bytes(use->stmt, use->column++);
	return bytes;
}

size_t get_blob(struct use *use, unsigned char *out, size_t max)
{
	size_t len;
	const void *bytes = get_bytes(use, &len);

	if (len > max) {
		remember(use, SQLITE_MISMATCH);
		return 0;
	}
	if (len > 0)
		memcpy(out, bytes, len);
	return len;
}

void get_fixed(struct use *use, unsigned char *out, size_t len)
{
	size_t got = get_blob(use, out, len);

	if (got == 0)
		memset(out, 0, len);
	else if (got != len)
		remember(use, SQLITE_MISMATCH);
}

int get_name(struct use *use, const char *const *names, int count)
{
	const char *text = get_borrowed(use);

	for (int i = 0; i < count; i++)
		if (str_eq(names[i], text))
			return i;
	remember(use, SQLITE_MISMATCH);
	return 0;
}

void get_err(struct use *use, struct err *last)
{
	const char *kind = get_borrowed(use);

	*last = (struct err){ .kind = ERR_INTERNAL };
	for (int i = 0; i < ERR_KIND_COUNT; i++)
		if (str_eq(err_infos[i].name, kind))
			last->kind = (enum err_kind)i;
	snprintf(last->code, sizeof(last->code), "%s", get_borrowed(use));
	snprintf(last->msg, sizeof(last->msg), "%s", get_borrowed(use));
	last->retry_after = (int)get_int(use);
}

void get_list(struct use *use, struct strlist *out)
{
	AUTO_FREE char *text = get_text(use);
	char *next = NULL;

	for (char *item = text; item && *item; item = next) {
		next = strchr(item, ',');
		if (next)
			*next++ = '\0';
		strlist_add(out, item);
	}
}

bool sql_script(struct store *store, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK || sql_fail(store, rc, err);
}
