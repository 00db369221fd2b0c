/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "lock.h"
#include "schema_files.h"
#include "sql.h"

static const char check_text[] = "certferry's sealing key";
static const struct seal_place check_place = { "sealing_check", 1, "sealed" };

/* reference/security.md 4.9. Exclusive comes before WAL: then there is no shared memory
 * file, and no second connection can ever write or checkpoint, which is what SQLite's WAL
 * corruption bug (all versions before 3.51.3) needs. FULL: a commit outlives a power cut.
 */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
			       "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA trusted_schema = OFF;"
			       "PRAGMA secure_delete = ON;"
			       "PRAGMA cell_size_check = ON;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA mmap_size = 0;"
			       "PRAGMA wal_autocheckpoint = 0;"
			       "PRAGMA busy_timeout = 5000;";

static const struct {
	const char *sql, *want;
} checks[] = {
	{ "PRAGMA locking_mode", "exclusive" }, { "PRAGMA journal_mode", "wal" },
	{ "PRAGMA synchronous", "2" },          { "PRAGMA foreign_keys", "1" },
	{ "PRAGMA wal_autocheckpoint", "0" },   { "PRAGMA quick_check(1)", "ok" },
};

static const struct {
	int option, value;
} switches[] = {
	{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
	{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
	{ SQLITE_DBCONFIG_DQS_DML, 0 },
	{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
};

static const struct {
	int limit, value;
} limits[] = {
	{ SQLITE_LIMIT_LENGTH, 1000000 },
	{ SQLITE_LIMIT_SQL_LENGTH, 100000 },
	{ SQLITE_LIMIT_COLUMN, 100 },
	{ SQLITE_LIMIT_EXPR_DEPTH, 50 },
	{ SQLITE_LIMIT_VDBE_OP, 25000 },
	{ SQLITE_LIMIT_VARIABLE_NUMBER, 64 },
	{ SQLITE_LIMIT_ATTACHED, 0 },
	{ SQLITE_LIMIT_TRIGGER_DEPTH, 10 },
	{ SQLITE_LIMIT_FUNCTION_ARG, 8 },
	{ SQLITE_LIMIT_COMPOUND_SELECT, 8 },
	{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100 },
};

/* SQLite makes files with the umask's mode; this one is made before. The log file gets
 * the mode of the database. */
static bool make_file(const char *path, struct err *err)
{
	bool existed;
	struct stat st;

	if (!fs_create_private(path, "", 0, &existed, err))
		return false;
	if (lstat(path, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s: not a regular file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(err, ERR_CONFIG,
		               "%s: others can read or change it (mode %04o): "
		               "chmod 0600 %s",
		               path, (unsigned)(st.st_mode & 07777), path);
	return true;
}

static int note_log_size(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *store = arg;

	(void)db;
	(void)name;
	store->wal_pages = pages;
	return SQLITE_OK;
}

static bool is_as_it_should(struct store *store, const char *sql, const char *want,
                            struct err *err)
{
	AUTO_USE struct use use = sql_use(store, sql);
	const char *text = NULL;
	char shown[120] = "nothing";
	bool row;

	if (!sql_row(&use, &row, err))
		return false;
	if (row)
		text = get_borrowed(&use);
	if (!str_eq(text, want))
		return err_set(
		    err, ERR_INTERNAL,
		    "%s: %s says \"%s\", not \"%s\": restore the state directory from "
		    "a backup",
		    store->path, sql,
		    text ? str_printable(text, shown, sizeof(shown)) : shown, want);
	return sql_done(&use, err);
}

static bool open_database(struct store *store, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX |
	            SQLITE_OPEN_EXRESCODE;
	int rc = sqlite3_open_v2(store->path, &store->db, flags, NULL);

	if (!store->db)
		return err_set(err, ERR_INTERNAL, "%s: no memory", store->path);
	if (rc != SQLITE_OK)
		return sql_fail(store, rc, err);
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (sqlite3_db_config(store->db, switches[i].option, switches[i].value,
		                      NULL) != SQLITE_OK)
			return err_set(err, ERR_INTERNAL,
			               "%s: this SQLite lacks a setting (number %d)",
			               store->path, switches[i].option);
	if (!sql_script(store, settings, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(store->db, limits[i].limit, limits[i].value);
	sqlite3_wal_hook(store->db, note_log_size, store);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (!is_as_it_should(store, checks[i].sql, checks[i].want, err))
			return false;
	return true;
}

static bool add_sealing_check(struct store *store, struct err *err)
{
	AUTO_BUF struct buf sealed = BUF_INIT(1000);
	AUTO_SECRET struct secret *plain = secret_new(check_text, strlen(check_text));

	if (!seal(store->sealer, &check_place, plain, &sealed, err))
		return false;
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO sealing_check (id, sealed) VALUES (1, $1)");
	put_blob(&use, sealed.data, sealed.len);
	return sql_done(&use, err);
}

static bool check_sealing_key(struct store *store, struct err *err)
{
	AUTO_SECRET struct secret *plain = NULL;
	struct err why;
	const void *sealed;
	size_t len;
	bool row;
	AUTO_USE struct use use = sql_use(
	    store, "SELECT sealed FROM sealing_check WHERE id = 1");

	if (!sql_row(&use, &row, err))
		return false;
	if (!row)
		return add_sealing_check(store, err);
	sealed = get_bytes(&use, &len);
	plain = unseal(store->sealer, &check_place, sealed, len, &why);
	if (!plain)
		return err_set(err, ERR_CONFIG,
		               "%s: its secrets were sealed with another sealing key "
		               "than the one given: put the right key file back",
		               store->path);
	return sql_done(&use, err);
}

/* Who held them is dead: we have the lock. */
static bool drop_claims(struct store *store, struct err *err)
{
	return sql_script(store,
	                  "UPDATE \"order\" SET claim = 0, token = token + 1 "
	                  "WHERE claim <> 0;"
	                  "UPDATE delivery SET claim = 0, token = token + 1 "
	                  "WHERE claim <> 0;",
	                  err);
}

static void init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

struct store *store_open(const char *directory, const struct sealer *sealer,
                         struct err *err)
{
	CLEANUP(store_closep) struct store *store = NEW(struct store);

	store->sealer = sealer;
	store->lock_fd = -1;
	init_mutex(&store->mutex);
	if (!directory_check(directory, err))
		return NULL;
	/* SQLITE_OPEN_NOFOLLOW refuses a link anywhere in the path. */
	store->directory = realpath(directory, NULL);
	if (!store->directory) {
		(void)err_set_errno(err, ERR_CONFIG, "%s", directory);
		return NULL;
	}
	store->path = fs_join(store->directory, "certferry.db");
	store->lock_fd = directory_lock(store->directory, err);
	if (store->lock_fd < 0 || !make_file(store->path, err) ||
	    !open_database(store, err))
		return NULL;
	if (!migrate(store, schema_files, err) || !check_sealing_key(store, err) ||
	    !drop_claims(store, err))
		return NULL;
	/* What a run is about; in memory, gone with the process. */
	if (!sql_script(
		store,
		"CREATE TEMP TABLE focus (certificate TEXT NOT NULL, host TEXT NOT "
		"NULL, PRIMARY KEY (certificate, host))",
		err))
		return NULL;
	store->is_ready = true;
	return TAKE(store);
}

void store_close(struct store *store)
{
	struct err err;

	if (!store)
		return;
	for (size_t i = 0; i < store->cached; i++)
		sqlite3_finalize(store->cache[i].stmt);
	if (store->is_ready && !store_checkpoint(store, true, &err))
		log_error(NULL, "store.checkpoint", "%s", err.msg);
	if (store->db && sqlite3_close(store->db) != SQLITE_OK)
		log_error(NULL, "store.close", "%s: still in use", store->path);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_mutex_destroy(&store->mutex);
	free(store->path);
	free(store->directory);
	free(store);
}
