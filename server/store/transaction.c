/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

#include <assert.h>

/* Automatic checkpoints swallow I/O errors (a dying disk stays unseen), so they are off
 * and this one is checked. While we run the log keeps its size and is written over from
 * its start: to sync a file that grows costs twice as much. */
bool store_checkpoint(struct store *store, bool cut, struct err *err)
{
	int mode = cut ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
	int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, NULL, NULL);

	if (rc != SQLITE_OK) {
		(void)sql_fail(store, rc, err);
		return err_context(err, "checkpoint");
	}
	store->wal_pages = 0;
	return true;
}

static bool run(struct store *store, const char *sql, struct err *err)
{
	AUTO_USE struct use use = sql_use(store, sql);

	return sql_done(&use, err);
}

/* The checkpoint stands before a transaction and not behind one, so that its failing is
 * told as what it is: nothing was done. */
static bool start(struct store *store, struct err *err)
{
	if (store->wal_pages >= WAL_PAGES_MAX && !store_checkpoint(store, false, err))
		return false;
	store->is_spoiled = false;
	store->is_begun = run(store, "BEGIN IMMEDIATE", err);
	return store->is_begun;
}

static bool take_back(struct store *store, struct err *err)
{
	store->is_begun = false;
	return sqlite3_get_autocommit(store->db) || run(store, "ROLLBACK", err);
}

static bool commit(struct store *store, struct err *err)
{
	struct err ignored;

	if (run(store, "COMMIT", err)) {
		store->is_begun = false;
		return true;
	}
	(void)take_back(store, &ignored);
	return false;
}

bool store_begin(struct store *store, struct err *err)
{
	pthread_mutex_lock(&store->mutex);
	if (store->depth == 0 && !start(store, err)) {
		pthread_mutex_unlock(&store->mutex);
		return false;
	}
	store->depth++;
	return true;
}

static bool end(struct store *store, bool keep, struct err *err)
{
	if (keep && !store->is_spoiled)
		return commit(store, err);
	if (!take_back(store, err))
		return false;
	return !keep || err_set(err, ERR_INTERNAL,
	                        "%s: all of a transaction was taken back, since a part "
	                        "of it failed",
	                        store->path);
}

bool store_end(struct store *store, bool keep, struct err *err)
{
	bool done = true;

	assert(store->depth > 0);
	store->is_spoiled = store->is_spoiled || !keep;
	if (--store->depth == 0)
		done = end(store, keep, err);
	pthread_mutex_unlock(&store->mutex);
	return done;
}

bool sql_finish(struct store *store, bool done, struct err *err)
{
	struct err ignored; /* why it was taken back is what the caller wants to hear */

	return store_end(store, done, done ? err : &ignored) && done;
}

bool sql_relax(struct store *store, struct err *err)
{
	pthread_mutex_lock(&store->mutex);
	if (store->depth > 0 || sql_script(store, "PRAGMA synchronous = NORMAL", err))
		return true;
	pthread_mutex_unlock(&store->mutex);
	return false;
}

bool sql_tighten(struct store *store, bool done, struct err *err)
{
	if (store->depth == 0)
		done = sql_script(store, "PRAGMA synchronous = FULL", err) && done;
	pthread_mutex_unlock(&store->mutex);
	return done;
}
