/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "order.h"
#include "sql.h"

/* Another order that is not done wants the record that this row is about, too. */
#define WANTED_BY_ANOTHER                                                   \
	"EXISTS (SELECT 1 FROM txt AS other JOIN \"order\" AS o ON o.id = " \
	"other.order_id "                                                   \
	"WHERE other.name = txt.name AND other.value = txt.value "          \
	"AND other.zone = txt.zone AND other.dns = txt.dns "                \
	"AND other.order_id <> txt.order_id AND other.state <> 'unwanted' " \
	"AND o.state <> 'done')"

static const char *const txt_state_names[] = {
	[TXT_WANTED] = "wanted",
	[TXT_SET] = "set",
	[TXT_UNWANTED] = "unwanted",
	[TXT_ASKED] = "asked",
	[TXT_LEFT] = "left",
};
_Static_assert(ARRAY_SIZE(txt_state_names) == TXT_STATE_COUNT, "a state has no name");

void txt_list_deinit(struct txt_list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		free(list->items[i].dns);
		free(list->items[i].zone);
		free(list->items[i].name);
		free(list->items[i].value);
	}
	free(list->items);
	*list = (struct txt_list){ 0 };
}

/* What an earlier order left to be removed is wanted again: were its row to stay, the
 * value would be taken away under the new one. */
static bool take_over(struct store *store, const struct txt *txt, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "DELETE FROM txt WHERE dns = $1 AND zone = $2 AND name = $3 "
		   "AND value = $4 AND state = 'unwanted'");

	put_text(&use, txt->dns);
	put_text(&use, txt->zone);
	put_text(&use, txt->name);
	put_text(&use, txt->value);
	return sql_done(&use, err);
}

static bool insert(struct store *store, struct txt *txt, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store,
	    "INSERT INTO txt (order_id, dns, zone, name, value, state, created_at) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7) "
	    "ON CONFLICT (order_id, dns, zone, name, value) "
	    "DO UPDATE SET state = excluded.state RETURNING id");
	bool row;

	put_id(&use, txt->order_id);
	put_text(&use, txt->dns);
	put_text(&use, txt->zone);
	put_text(&use, txt->name);
	put_text(&use, txt->value);
	put_text(&use, txt_state_names[txt->state]);
	put_int(&use, txt->created_at ? txt->created_at : clock_now());
	if (!sql_row(&use, &row, err))
		return false;
	txt->id = get_int(&use);
	return sql_done(&use, err);
}

bool store_txt_add(struct store *store, struct txt *txt, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = take_over(store, txt, err) && insert(store, txt, err);
	return sql_finish(store, done, err);
}

bool store_txt_list(struct store *store, const struct txt_filter *filter,
                    struct txt_list *out, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT id, order_id, dns, zone, name, value, state, created_at "
		   "FROM txt WHERE state = $1 AND (CAST($2 AS TEXT) IS NULL OR dns = $2) "
		   "AND (CAST($3 AS INTEGER) IS NULL OR order_id = $3) "
		   "ORDER BY CASE WHEN order_id = $4 THEN 0 ELSE 1 END, id LIMIT $5");
	bool row;

	*out = (struct txt_list){ 0 };
	put_text(&use, txt_state_names[filter->state]);
	put_text(&use, filter->dns);
	put_id(&use, filter->order_id);
	put_int(&use, filter->first);
	put_int(&use, filter->limit ? filter->limit : INT32_MAX);
	while (sql_row(&use, &row, err) && row) {
		struct txt *txt;

		out->items = xrealloc(out->items, out->len + 1, sizeof(*out->items));
		txt = &out->items[out->len++];
		txt->id = get_int(&use);
		txt->order_id = get_int(&use);
		txt->dns = get_text(&use);
		txt->zone = get_text(&use);
		txt->name = get_text(&use);
		txt->value = get_text(&use);
		txt->state = (enum txt_state)get_name(&use, txt_state_names,
		                                      TXT_STATE_COUNT);
		txt->created_at = get_int(&use);
	}
	return sql_done(&use, err);
}

bool store_txt_set_state(struct store *store, int64_t id, enum txt_state state,
                         struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "UPDATE txt SET state = $1 WHERE id = $2 "
	                                  "AND (state <> 'unwanted' OR $1 <> 'set')");

	put_text(&use, txt_state_names[state]);
	put_int(&use, id);
	if (!sql_done(&use, err))
		return false;
	return sql_changes(store) == 1 ||
	       err_set(err, ERR_NOT_FOUND, "the ledger has no TXT record %lld",
	               (long long)id);
}

static bool take_out(struct store *store, int64_t id, struct err *err)
{
	AUTO_USE struct use use = sql_use(store, "DELETE FROM txt WHERE id = $1");

	put_int(&use, id);
	return sql_done(&use, err);
}

/* A row that is gone already is no failure, and no event: a step may run twice. */
bool store_txt_remove(struct store *store, int64_t id, const struct event *event,
                      struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = take_out(store, id, err);
	if (done && sql_changes(store) == 1)
		done = event_write(store, event, err);
	return sql_finish(store, done, err);
}

static bool unwant(struct store *store, const char *forget, const char *mark,
                   int64_t order_id, struct err *err)
{
	AUTO_USE struct use first = sql_use(store, forget);
	AUTO_USE struct use second = sql_use(store, mark);

	put_int(&first, order_id);
	put_int(&second, order_id);
	return sql_done(&first, err) && sql_done(&second, err);
}

bool store_txt_unwant_order(struct store *store, int64_t order_id, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = unwant(store, "DELETE FROM txt WHERE order_id = $1 AND " WANTED_BY_ANOTHER,
	              "UPDATE txt SET state = 'unwanted' WHERE order_id = $1", order_id,
	              err);
	return sql_finish(store, done, err);
}

static bool count_unwanted(struct store *store, int64_t *count, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT count(*) FROM txt WHERE state = 'unwanted'");
	bool row;

	if (!sql_row(&use, &row, err))
		return false;
	*count = get_int(&use);
	return sql_done(&use, err);
}

#define ORDER_IS_DONE \
	"order_id IN (SELECT id FROM \"order\" WHERE state = 'done' AND id >= $1)"

bool store_txt_unwant_orphans(struct store *store, int64_t *count, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = unwant(store,
	              "DELETE FROM txt WHERE " ORDER_IS_DONE " AND " WANTED_BY_ANOTHER,
	              "UPDATE txt SET state = 'unwanted' WHERE " ORDER_IS_DONE
	              " AND state <> 'unwanted'",
	              0, err) &&
	       count_unwanted(store, count, err);
	return sql_finish(store, done, err);
}
