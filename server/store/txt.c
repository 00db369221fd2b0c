/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "order.h"
#include "sql.h"

/* Somebody is to remove it: a provider, or a person. */
#define NOT_WANTED "('unwanted', 'left')"

/* Another order that is not done wants the record that this row is about, too. A row of
 * no order is never another's: it has a value of its own. */
#define WANTED_BY_ANOTHER                                                   \
	"EXISTS (SELECT 1 FROM txt AS other JOIN \"order\" AS o ON o.id = " \
	"other.order_id "                                                   \
	"WHERE other.name = txt.name AND other.value = txt.value "          \
	"AND other.zone = txt.zone AND other.dns = txt.dns "                \
	"AND other.id <> txt.id AND other.state NOT IN " NOT_WANTED         \
	" AND o.state <> 'done')"

static const char *const txt_state_names[] = {
	[TXT_WANTED] = "wanted", [TXT_SET] = "set",   [TXT_UNWANTED] = "unwanted",
	[TXT_ASKED] = "asked",   [TXT_LEFT] = "left",
};
_Static_assert(ARRAY_SIZE(txt_state_names) == TXT_STATE_COUNT, "a state has no name");

void txt_list_deinit(struct txt_list *list)
{
	for (size_t i = 0; i < list->len; i++) {
		free(list->items[i].dns);
		free(list->items[i].zone);
		free(list->items[i].name);
		free(list->items[i].value);
		free(list->items[i].challenge);
	}
	free(list->items);
	*list = (struct txt_list){ 0 };
}

/* What an earlier order wanted to be removed is wanted again: were its row to stay, the
 * value would be taken away under the new one, by a provider or by a person. */
static bool take_over(struct store *store, const struct txt *txt, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "DELETE FROM txt WHERE dns = $1 AND zone = $2 AND name = $3 "
		   "AND value = $4 AND state IN " NOT_WANTED);

	put_text(&use, txt->dns);
	put_text(&use, txt->zone);
	put_text(&use, txt->name);
	put_text(&use, txt->value);
	return sql_done(&use, err);
}

static bool insert(struct store *store, struct txt *txt, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO txt (order_id, dns, zone, name, value, challenge, state, "
		   "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
		   "ON CONFLICT (order_id, dns, zone, name, value) DO UPDATE SET "
		   "state = excluded.state, challenge = excluded.challenge RETURNING id");
	bool row;

	put_id(&use, txt->order_id);
	put_text(&use, txt->dns);
	put_text(&use, txt->zone);
	put_text(&use, txt->name);
	put_text(&use, txt->value);
	put_text(&use, txt->challenge);
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

/* $1 to $5: any of these states, so that the index serves it. */
static void put_states(struct use *use, const struct txt_filter *filter)
{
	for (int i = 0; i < TXT_STATE_COUNT; i++)
		put_text(use,
		         txt_state_names[filter->is_any_state ? i : (int)filter->state]);
}
_Static_assert(TXT_STATE_COUNT == 5, "the list has $1 to $5 for them");

static void get_txt(struct use *use, struct txt *txt)
{
	txt->id = get_int(use);
	txt->order_id = get_int(use);
	txt->dns = get_text(use);
	txt->zone = get_text(use);
	txt->name = get_text(use);
	txt->value = get_text(use);
	txt->challenge = get_text(use);
	txt->state = (enum txt_state)get_name(use, txt_state_names, TXT_STATE_COUNT);
	txt->created_at = get_int(use);
}

bool store_txt_list(struct store *store, const struct txt_filter *filter,
                    struct txt_list *out, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT id, order_id, dns, zone, name, value, challenge, state, "
		   "created_at FROM txt WHERE state IN ($1, $2, $3, $4, $5) "
		   "AND (CAST($6 AS TEXT) IS NULL OR dns = $6) "
		   "AND (CAST($7 AS INTEGER) IS NULL OR order_id = $7) "
		   "AND (CAST($8 AS TEXT) IS NULL OR name = $8) "
		   "AND ($9 = 0 OR NOT EXISTS (SELECT 1 FROM txt AS live "
		   "WHERE live.name = txt.name AND live.value = txt.value "
		   "AND live.id <> txt.id AND live.state NOT IN " NOT_WANTED ")) "
		   "ORDER BY CASE WHEN order_id = $10 THEN 0 ELSE 1 END, id LIMIT $11");
	bool row;

	*out = (struct txt_list){ 0 };
	put_states(&use, filter);
	put_text(&use, filter->dns);
	put_id(&use, filter->order_id);
	put_text(&use, filter->name);
	put_int(&use, filter->is_free);
	put_int(&use, filter->first);
	put_int(&use, filter->limit ? filter->limit : INT32_MAX);
	while (sql_row(&use, &row, err) && row) {
		out->items = xrealloc(out->items, out->len + 1, sizeof(*out->items));
		get_txt(&use, &out->items[out->len++]);
	}
	return sql_done(&use, err);
}

bool store_txt_count(struct store *store, const char *name, int *count, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT count(DISTINCT value) FROM txt WHERE name = $1");
	bool row;

	*count = 0;
	put_text(&use, name);
	if (!sql_row(&use, &row, err))
		return false;
	*count = (int)get_int(&use);
	return sql_done(&use, err);
}

/* Somebody else may have moved the row while a provider was at it. */
#define MOVE_FROM(states) \
	"UPDATE txt SET state = $1 WHERE id = $2 AND state IN (" states ")"

static const char *const moves[] = {
	[TXT_WANTED] = MOVE_FROM("'wanted', 'set', 'asked'"),
	[TXT_SET] = MOVE_FROM("'wanted', 'asked', 'set'"),
	[TXT_UNWANTED] = MOVE_FROM("'wanted', 'set', 'asked', 'unwanted'"),
	[TXT_ASKED] = MOVE_FROM("'wanted', 'asked'"),
	[TXT_LEFT] = MOVE_FROM("'unwanted', 'left'"),
};
_Static_assert(ARRAY_SIZE(moves) == TXT_STATE_COUNT, "a state cannot be entered");

bool store_txt_set_state(struct store *store, int64_t id, enum txt_state state,
                         struct err *err)
{
	AUTO_USE struct use use = sql_use(store, moves[state]);

	put_text(&use, txt_state_names[state]);
	put_int(&use, id);
	if (!sql_done(&use, err))
		return false;
	return sql_changes(store) == 1 ||
	       err_set(err, ERR_NOT_FOUND,
	               "the ledger has no TXT record %lld that can become '%s'",
	               (long long)id, txt_state_names[state]);
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
	              "UPDATE txt SET state = 'unwanted' WHERE order_id = $1 "
	              "AND state NOT IN " NOT_WANTED,
	              order_id, err);
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

/* Of no order: a check of an earlier run did not come to its end. */
#define IS_ORPHAN                                                                    \
	"(order_id IN (SELECT id FROM \"order\" WHERE state = 'done' AND id >= $1) " \
	"OR order_id IS NULL)"

bool store_txt_unwant_orphans(struct store *store, int64_t *count, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = unwant(store, "DELETE FROM txt WHERE " IS_ORPHAN " AND " WANTED_BY_ANOTHER,
	              "UPDATE txt SET state = 'unwanted' WHERE " IS_ORPHAN
	              " AND state NOT IN " NOT_WANTED,
	              0, err) &&
	       count_unwanted(store, count, err);
	return sql_finish(store, done, err);
}
