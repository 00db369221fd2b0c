/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sql.h"

static bool read_number(struct store *store, const char *sql, int64_t *out,
                        struct err *err)
{
	AUTO_USE struct use use = sql_use(store, sql);
	bool row;

	if (!sql_row(&use, &row, err))
		return false;
	*out = row ? get_int(&use) : 0;
	return sql_done(&use, err);
}

/* A database of another program has user_version 0, too, more often than not. */
static bool is_ours(struct store *store, int64_t version, struct err *err)
{
	int64_t id, tables;

	if (!read_number(store, "PRAGMA application_id", &id, err) ||
	    !read_number(store, "SELECT count(*) FROM sqlite_schema", &tables, err))
		return false;
	if (id == APPLICATION_ID || (id == 0 && version == 0 && tables == 0))
		return true;
	return err_set(err, ERR_CONFIG,
	               "%s: not a database of certferry's; move it away, or name another "
	               "state directory",
	               store->path);
}

static bool apply(struct store *store, const struct embedded_file *file, int64_t version,
                  struct err *err)
{
	char count[64];
	bool done;

	snprintf(count, sizeof(count), "PRAGMA user_version = %lld", (long long)version);
	if (!store_begin(store, err))
		return false;
	done = sql_script(store, file->data, err) && sql_script(store, count, err);
	if (!sql_finish(store, done, err))
		return err_context(err, "schema/%s", file->name);
	return true;
}

bool migrate(struct store *store, const struct embedded_file *files, struct err *err)
{
	int64_t version, newest = 0;

	while (files[newest].name)
		newest++;
	if (!read_number(store, "PRAGMA user_version", &version, err) ||
	    !is_ours(store, version, err))
		return false;
	if (version > newest)
		return err_set(
		    err, ERR_CONFIG,
		    "%s: its schema is version %lld, and this certferry knows "
		    "versions up to %lld: install the certferry that wrote it, "
		    "or a newer one",
		    store->path, (long long)version, (long long)newest);
	for (; version < newest; version++)
		if (!apply(store, &files[version], version + 1, err))
			return false;
	return true;
}
