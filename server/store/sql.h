/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQL_H
#define STORE_SQL_H
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/embedded.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/seal.h"
#include "store.h"

/*
 * sql - one use of one statement, for the files of this module
 *
 * A use takes a statement from the cache, or prepares it, and holds the store's mutex
 * until it is released. The cache knows a statement by the address of its text: texts
 * are literals, with $1, $2 ... in the order in which they first appear. Values are put
 * in that order and read column after column; both remember what went wrong, and the
 * next sql_row() or sql_done() says it. Texts and blobs that are put must live as long as
 * the use. A statement that returns rows is read to its end with sql_done(): until then
 * its write is open.
 */
enum { STATEMENTS_MAX = 96, WAL_PAGES_MAX = 1000, APPLICATION_ID = 0x43457246 };

struct store {
	sqlite3 *db;
	const struct sealer *sealer;
	char *directory;
	char *path;
	int lock_fd;
	pthread_mutex_t mutex; /* recursive */
	int depth;             /* of store_begin() */
	bool is_begun;         /* BEGIN was run, COMMIT or ROLLBACK not yet */
	bool is_spoiled;       /* an inner part of the transaction failed */
	bool is_ready;         /* opened, so closing checkpoints */
	bool is_focused;       /* claims are limited to the places of the table focus */
	int wal_pages;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} cache[STATEMENTS_MAX];
	size_t cached;
};

/* Within a claim: $n is is_focused, row the table's name there. */
#define IN_FOCUS(n, row)                                                             \
	"($" n " = 0 OR EXISTS (SELECT 1 FROM focus AS f WHERE f.certificate = " row \
	".certificate AND f.host = " row ".host))"

struct use {
	struct store *store;
	sqlite3_stmt *stmt;
	int rc; /* SQLITE_OK, or the first thing that went wrong */
	int param, column;
	bool is_done; /* its last row was read: a further step would run it again */
};
struct use sql_use(struct store *store, const char *sql);
void sql_release(struct use *use);
#define AUTO_USE CLEANUP(sql_release)

void put_int(struct use *use, int64_t value);
void put_id(struct use *use, int64_t id);          /* 0 becomes NULL */
void put_text(struct use *use, const char *text);  /* may be NULL */
void put_plain(struct use *use, const char *text); /* NULL becomes "" */
void put_blob(struct use *use, const void *bytes, size_t len);
void put_err(struct use *use, const struct err *last); /* four columns */

bool sql_row(struct use *use, bool *row, struct err *err) MUST_CHECK;
bool sql_done(struct use *use, struct err *err) MUST_CHECK;
int sql_changes(const struct store *store);

int64_t get_int(struct use *use); /* NULL is 0 */
char *get_text(struct use *use);  /* the caller frees; NULL stays NULL */
char *get_plain(struct use *use); /* "" becomes NULL */
const char *get_borrowed(struct use *use);
/* Exactly len bytes; NULL gives zeroes. */
void get_fixed(struct use *use, unsigned char *out, size_t len);
/* At most max bytes. */
size_t get_blob(struct use *use, unsigned char *out, size_t max);
const void *get_bytes(struct use *use, size_t *len); /* borrowed */
void get_err(struct use *use, struct err *last);
/* The index of the text in the table of names. */
int get_name(struct use *use, const char *const *names, int count);
/* "a,b,c" */
void get_list(struct use *use, struct strlist *out);

/* Ends the function's own part of a transaction; done is what it returns. */
bool sql_finish(struct store *store, bool done, struct err *err) MUST_CHECK;
/* Runs statements of our own that give no rows and are used once. */
bool sql_script(struct store *store, const char *sql, struct err *err) MUST_CHECK;
/* Between the two, for claims alone: what is written is in the log, but not waited for
 * until it is on the disk. A claim ends with the process anyhow, and every commit that
 * comes later syncs the log up to itself. Tighten whatever happened; done is what it
 * returns. */
bool sql_relax(struct store *store, struct err *err) MUST_CHECK;
bool sql_tighten(struct store *store, bool done, struct err *err) MUST_CHECK;
/* What SQLite said last, with the file's name. */
bool sql_fail(const struct store *store, int rc, struct err *err);

/* The log's pages into the database, checked; cut: and leaves an empty log. */
bool store_checkpoint(struct store *store, bool cut, struct err *err) MUST_CHECK;
/* The event may be NULL: then there is nothing to write. */
bool event_write(struct store *store, const struct event *event,
                 struct err *err) MUST_CHECK;
/* Applies what of the files is not applied yet. */
bool migrate(struct store *store, const struct embedded_file *files,
             struct err *err) MUST_CHECK;
#endif
