/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "sql.h"

enum { SEALED_MAX = 16 * 1024 };

/* The id is known before the row is there, since it is part of what is sealed. Nobody
 * else can take it: there is one connection, and it is in a transaction. */
static bool next_id(struct store *store, int64_t *id, struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT coalesce(max(id), 0) + 1 FROM key");
	bool row;

	if (!sql_row(&use, &row, err))
		return false;
	*id = get_int(&use);
	return sql_done(&use, err);
}

static bool insert(struct store *store, const struct key *key, const char *purpose,
                   int64_t id, struct err *err)
{
	AUTO_BUF struct buf sealed = BUF_INIT(SEALED_MAX);
	AUTO_SECRET struct secret *plain = key_format_der(key, err);
	const struct seal_place place = { "key", id, "sealed" };
	unsigned char fingerprint[KEY_FINGERPRINT];

	if (!plain || !key_fingerprint(key, fingerprint, err) ||
	    !seal(store->sealer, &place, plain, &sealed, err))
		return false;
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO key (id, purpose, type, spki_sha256, sealed, "
		   "created_at) VALUES ($1, $2, $3, $4, $5, $6)");
	put_int(&use, id);
	put_text(&use, purpose);
	put_text(&use, key_type_names[key_type_get(key)]);
	put_blob(&use, fingerprint, sizeof(fingerprint));
	put_blob(&use, sealed.data, sealed.len);
	put_int(&use, clock_now());
	if (sql_done(&use, err))
		return true;
	if (err->kind == ERR_CONFLICT)
		return err_set(
		    err, ERR_CONFLICT,
		    "this public key stands in the store already: a key is for "
		    "one thing only");
	return false;
}

bool store_key_add(struct store *store, const struct key *key, const char *purpose,
                   int64_t *id, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = next_id(store, id, err) && insert(store, key, purpose, *id, err);
	return sql_finish(store, done, err);
}

/* The seal binds the value to its row, the fingerprint the row to its public key. */
static struct key *open_sealed(struct store *store, int64_t id, struct use *use,
                               struct err *err)
{
	CLEANUP(key_freep) struct key *key = NULL;
	AUTO_SECRET struct secret *plain = NULL;
	const struct seal_place place = { "key", id, "sealed" };
	unsigned char want[KEY_FINGERPRINT], fingerprint[KEY_FINGERPRINT];
	size_t len;
	const void *sealed = get_bytes(use, &len);

	get_fixed(use, want, sizeof(want));
	plain = unseal(store->sealer, &place, sealed, len, err);
	if (!plain)
		return NULL;
	key = key_parse(plain, err);
	if (!key || !key_fingerprint(key, fingerprint, err))
		return NULL;
	if (!bytes_equal(want, fingerprint, sizeof(want))) {
		(void)err_set(err, ERR_INTERNAL,
		              "%s: key %lld is not the one its row names: restore the "
		              "state directory from a backup",
		              store->path, (long long)id);
		return NULL;
	}
	return TAKE(key);
}

struct key *store_key_load(struct store *store, int64_t id, struct err *err)
{
	CLEANUP(key_freep) struct key *key = NULL;
	AUTO_USE struct use use = sql_use(
	    store, "SELECT sealed, spki_sha256 FROM key WHERE id = $1");
	bool row;

	put_int(&use, id);
	if (!sql_row(&use, &row, err))
		return NULL;
	if (!row) {
		(void)err_set(err, ERR_NOT_FOUND, "the store has no key %lld",
		              (long long)id);
		return NULL;
	}
	key = open_sealed(store, id, &use, err);
	if (!key) {
		(void)err_context(err, "key %lld", (long long)id);
		return NULL;
	}
	return sql_done(&use, err) ? TAKE(key) : NULL;
}

struct key *store_ssh_key_load(struct store *store, struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT id FROM key WHERE purpose = 'ssh' "
	                                  "AND id NOT IN (SELECT new_key_id FROM "
	                                  "rotation WHERE is_switched = 0) "
	                                  "ORDER BY id DESC LIMIT 1");
	bool row;

	if (!sql_row(&use, &row, err))
		return NULL;
	if (!row) {
		(void)err_set(err, ERR_NOT_FOUND,
		              "there is no SSH key for deliveries yet: run `certferry "
		              "init`");
		return NULL;
	}
	return store_key_load(store, get_int(&use), err);
}
