/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "order.h"
#include "sql.h"

static void authz_deinit(struct authz *authz)
{
	free(authz->name);
	free(authz->url);
	free(authz->challenge_url);
	free(authz->txt_name);
	free(authz->txt_value);
	free(authz->target);
	free(authz->zone);
	free(authz->dns);
	free(authz->refused);
}

void authz_list_deinit(struct authz_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		authz_deinit(&list->items[i]);
	free(list->items);
	*list = (struct authz_list){ 0 };
}

/* A step may run twice, so the second time the same authorization is no new row. */
bool store_authz_save(struct store *store, struct authz *authz, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO authz (order_id, name, url, challenge_url, txt_name, "
		   "txt_value, target, zone, dns, refused, is_answered, is_valid) "
		   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
		   "ON CONFLICT (order_id, name) DO UPDATE SET url = excluded.url, "
		   "challenge_url = excluded.challenge_url, "
		   "txt_name = excluded.txt_name, txt_value = excluded.txt_value, "
		   "target = excluded.target, zone = excluded.zone, "
		   "dns = excluded.dns, refused = excluded.refused, "
		   "is_answered = excluded.is_answered, "
		   "is_valid = excluded.is_valid RETURNING id");
	bool row;

	put_id(&use, authz->order_id);
	put_text(&use, authz->name);
	put_text(&use, authz->url);
	put_text(&use, authz->challenge_url);
	put_text(&use, authz->txt_name);
	put_text(&use, authz->txt_value);
	put_text(&use, authz->target);
	put_text(&use, authz->zone);
	put_text(&use, authz->dns);
	put_text(&use, authz->refused);
	put_int(&use, authz->is_answered);
	put_int(&use, authz->is_valid);
	if (!sql_row(&use, &row, err))
		return false;
	authz->id = get_int(&use);
	return sql_done(&use, err);
}

bool store_authz_list(struct store *store, int64_t order_id, struct authz_list *out,
                      struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT id, order_id, name, url, challenge_url, txt_name, "
		   "txt_value, target, zone, dns, refused, is_answered, is_valid "
		   "FROM authz "
		   "WHERE order_id = $1 ORDER BY id");
	bool row;

	*out = (struct authz_list){ 0 };
	put_int(&use, order_id);
	while (sql_row(&use, &row, err) && row) {
		struct authz *authz;

		out->items = xrealloc(out->items, out->len + 1, sizeof(*out->items));
		authz = &out->items[out->len++];
		authz->id = get_int(&use);
		authz->order_id = get_int(&use);
		authz->name = get_text(&use);
		authz->url = get_text(&use);
		authz->challenge_url = get_text(&use);
		authz->txt_name = get_text(&use);
		authz->txt_value = get_text(&use);
		authz->target = get_text(&use);
		authz->zone = get_text(&use);
		authz->dns = get_text(&use);
		authz->refused = get_text(&use);
		authz->is_answered = get_int(&use) != 0;
		authz->is_valid = get_int(&use) != 0;
	}
	return sql_done(&use, err);
}

bool store_authorized(struct store *store, const struct order *order, const char *name,
                      int64_t until, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO proved (account_id, profile, name, until) "
		   "VALUES ($1, $2, $3, $4) "
		   "ON CONFLICT (account_id, profile, name) "
		   "DO UPDATE SET until = excluded.until");

	put_id(&use, order->account_id);
	put_plain(&use, order->profile);
	put_text(&use, name);
	put_int(&use, until);
	return sql_done(&use, err);
}
