/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "delivery.h"
#include "sql.h"

#define COLUMNS                                                                   \
	"id, order_id, key_id, name, host, names, key_type, ca, intent, serial, " \
	"issuer, "                                                                \
	"sha256, not_before, not_after, cert_pem, chain_pem, created_at"

enum { NAMES_MAX = 64 * 1024 };

void certificate_deinit(struct certificate *certificate)
{
	free(certificate->name);
	free(certificate->host);
	strlist_deinit(&certificate->names);
	free(certificate->ca);
	free(certificate->intent);
	free(certificate->serial);
	free(certificate->issuer);
	free(certificate->cert_pem);
	free(certificate->chain_pem);
	*certificate = (struct certificate){ 0 };
}

static bool insert(struct store *store, struct certificate *certificate, struct err *err)
{
	AUTO_BUF struct buf names = BUF_INIT(NAMES_MAX);
	bool row;

	strlist_join(&certificate->names, ",", &names);
	AUTO_USE struct use use = sql_use(
	    store,
	    "INSERT INTO certificate (order_id, key_id, name, host, names, key_type, "
	    "ca, intent, serial, issuer, sha256, not_before, not_after, cert_pem, "
	    "chain_pem, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
	    "$10, $11, $12, $13, $14, $15, $16) RETURNING id");
	put_id(&use, certificate->order_id);
	put_id(&use, certificate->key_id);
	put_text(&use, certificate->name);
	put_text(&use, certificate->host);
	put_text(&use, names.data);
	put_text(&use, key_type_names[certificate->key_type]);
	put_text(&use, certificate->ca);
	put_text(&use, certificate->intent);
	put_text(&use, certificate->serial);
	put_text(&use, certificate->issuer);
	put_blob(&use, certificate->sha256, sizeof(certificate->sha256));
	put_int(&use, certificate->not_before);
	put_int(&use, certificate->not_after);
	put_text(&use, certificate->cert_pem);
	put_plain(&use, certificate->chain_pem);
	put_int(&use, certificate->created_at);
	if (!sql_row(&use, &row, err))
		return err->kind == ERR_CONFLICT
		           ? err_set(err, ERR_CONFLICT,
		                     "certificate %s on %s: its key, its order or itself "
		                     "stands in the store already",
		                     certificate->name, certificate->host)
		           : false;
	certificate->id = get_int(&use);
	return sql_done(&use, err);
}

bool store_certificate_add(struct store *store, struct certificate *certificate,
                           const struct event *event, struct err *err)
{
	bool done;

	if (!certificate->created_at)
		certificate->created_at = clock_now();
	if (!store_begin(store, err))
		return false;
	done = insert(store, certificate, err) && event_write(store, event, err);
	done = sql_finish(store, done, err);
	if (!done)
		certificate->id = 0;
	return done;
}

static void get_certificate(struct use *use, struct certificate *out)
{
	*out = (struct certificate){ .id = get_int(use) };
	out->order_id = get_int(use);
	out->key_id = get_int(use);
	out->name = get_text(use);
	out->host = get_text(use);
	get_list(use, &out->names);
	out->key_type = (enum key_type)get_name(use, key_type_names, KEY_TYPE_COUNT);
	out->ca = get_text(use);
	out->intent = get_text(use);
	out->serial = get_text(use);
	out->issuer = get_text(use);
	get_fixed(use, out->sha256, sizeof(out->sha256));
	out->not_before = get_int(use);
	out->not_after = get_int(use);
	out->cert_pem = get_text(use);
	out->chain_pem = get_text(use);
	out->created_at = get_int(use);
}

static bool get_one(struct use *use, struct certificate *out, bool *found,
                    struct err *err)
{
	*out = (struct certificate){ 0 };
	if (!sql_row(use, found, err))
		return false;
	if (*found)
		get_certificate(use, out);
	if (sql_done(use, err))
		return true;
	certificate_deinit(out);
	*found = false;
	return false;
}

bool store_certificate_load(struct store *store, int64_t id, struct certificate *out,
                            struct err *err)
{
	AUTO_USE struct use use = sql_use(store, "SELECT " COLUMNS
	                                         " FROM certificate WHERE id = $1");
	bool found;

	put_int(&use, id);
	if (!get_one(&use, out, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "the store has no certificate %lld",
	                        (long long)id);
}

bool store_certificate_newest(struct store *store, const char *name, const char *host,
                              struct certificate *out, bool *found, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT " COLUMNS " FROM certificate "
		   "WHERE name = $1 AND host = $2 ORDER BY id DESC LIMIT 1");

	put_text(&use, name);
	put_text(&use, host);
	return get_one(&use, out, found, err);
}
