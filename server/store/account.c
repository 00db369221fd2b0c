/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sql.h"

void account_deinit(struct account *account)
{
	free(account->directory);
	free(account->url);
	free(account->eab_kid);
	*account = (struct account){ 0 };
}

bool store_account_find(struct store *store, const char *directory, struct account *out,
                        bool *found, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT id, directory, key_id, url, eab_kid FROM account "
		   "WHERE directory = $1");

	put_text(&use, directory);
	if (!sql_row(&use, found, err))
		return false;
	*out = (struct account){ 0 };
	if (!*found)
		return true;
	out->id = get_int(&use);
	out->directory = get_text(&use);
	out->key_id = get_int(&use);
	out->url = get_text(&use);
	out->eab_kid = get_text(&use);
	return sql_done(&use, err);
}

static bool insert(struct store *store, struct account *account, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO account (directory, key_id, url, eab_kid) "
		   "VALUES ($1, $2, $3, $4) RETURNING id");
	bool row;

	put_text(&use, account->directory);
	put_id(&use, account->key_id);
	put_text(&use, account->url);
	put_text(&use, account->eab_kid);
	if (!sql_row(&use, &row, err))
		return err->kind == ERR_CONFLICT
		           ? err_set(err, ERR_CONFLICT,
		                     "the store has an account at %s, or one with this "
		                     "key, already",
		                     account->directory)
		           : false;
	account->id = get_int(&use);
	return sql_done(&use, err);
}

static bool update(struct store *store, const struct account *account, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "UPDATE account SET directory = $1, key_id = $2, url = $3, "
		   "eab_kid = $4 WHERE id = $5");

	put_text(&use, account->directory);
	put_id(&use, account->key_id);
	put_text(&use, account->url);
	put_text(&use, account->eab_kid);
	put_int(&use, account->id);
	if (!sql_done(&use, err))
		return false;
	return sql_changes(store) == 1 ||
	       err_set(err, ERR_NOT_FOUND, "the store has no account %lld",
	               (long long)account->id);
}

bool store_account_save(struct store *store, struct account *account,
                        const struct event *event, struct err *err)
{
	int64_t before = account->id;
	bool done;

	if (!store_begin(store, err))
		return false;
	done = (account->id ? update(store, account, err)
	                    : insert(store, account, err)) &&
	       event_write(store, event, err);
	done = sql_finish(store, done, err);
	if (!done)
		account->id = before;
	return done;
}
