/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "sql.h"

bool store_host_keys_load(struct store *store, const char *host,
                          struct host_key keys[HOST_KEYS_MAX], size_t *count,
                          struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT type, blob, enrolled_at, how FROM host_key "
		   "WHERE host = $1 ORDER BY position LIMIT 4");
	bool row;

	_Static_assert(HOST_KEYS_MAX == 4, "the limit stands in the statement");
	*count = 0;
	put_text(&use, host);
	while (sql_row(&use, &row, err) && row && *count < HOST_KEYS_MAX) {
		struct host_key *key = &keys[(*count)++];

		*key = (struct host_key){ 0 };
		snprintf(key->type, sizeof(key->type), "%s", get_borrowed(&use));
		key->blob_len = get_blob(&use, key->blob, sizeof(key->blob));
		key->enrolled_at = get_int(&use);
		snprintf(key->how, sizeof(key->how), "%s", get_borrowed(&use));
	}
	return sql_done(&use, err);
}

static bool remove_all(struct store *store, const char *host, struct err *err)
{
	AUTO_USE struct use use = sql_use(store, "DELETE FROM host_key WHERE host = $1");

	put_text(&use, host);
	return sql_done(&use, err);
}

static bool insert(struct store *store, const char *host, const struct host_key *key,
                   size_t position, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO host_key (host, position, type, blob, "
		   "enrolled_at, how) VALUES ($1, $2, $3, $4, $5, $6)");

	put_text(&use, host);
	put_int(&use, (int64_t)position);
	put_text(&use, key->type);
	put_blob(&use, key->blob, key->blob_len);
	put_int(&use, key->enrolled_at);
	put_text(&use, key->how);
	return sql_done(&use, err);
}

bool store_host_keys_replace(struct store *store, const char *host,
                             const struct host_key *keys, size_t count,
                             const struct event *event, struct err *err)
{
	bool done;

	if (count > HOST_KEYS_MAX)
		return err_set(err, ERR_INPUT, "host %s: more than %d host keys", host,
		               HOST_KEYS_MAX);
	if (!store_begin(store, err))
		return false;
	done = remove_all(store, host, err);
	for (size_t i = 0; done && i < count; i++)
		done = insert(store, host, &keys[i], i, err);
	done = done && event_write(store, event, err);
	return sql_finish(store, done, err);
}
