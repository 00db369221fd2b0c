/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "order.h"
#include "sql.h"

/* How long an order that is proving a name is waited for. */
enum { PATIENCE_MS = 120 * 1000 };

/* Before ORDER_CREATE an order has no account yet, but its CA says which it will be. */
#define SAME_ACCOUNT "(o.account_id = $2 OR o.ca = $3) AND o.profile = $4"

static bool answer(struct use *use, bool *yes, struct err *err)
{
	if (!sql_row(use, yes, err))
		return false;
	*yes = *yes && get_int(use) != 0;
	return sql_done(use, err);
}

static bool is_full(struct store *store, const struct order *order, int in_flight_max,
                    bool *yes, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT count(*) >= $1 FROM \"order\" WHERE id <> $2 "
		   "AND state NOT IN ('wait', 'tidy', 'done') "
		   "AND (claim <> 0 OR run_at_ms <= $3) AND " IN_FOCUS("4", "\"order\""));

	put_int(&use, in_flight_max);
	put_int(&use, order->id);
	put_int(&use, clock_now_ms() + ORDER_AT_WORK_MS);
	put_int(&use, store->is_focused);
	return answer(&use, yes, err);
}

static void put_account(struct use *use, const struct order *order)
{
	put_int(use, order->id);
	put_id(use, order->account_id);
	put_text(use, order->ca);
	put_plain(use, order->profile);
}

/* The index refuses it until the other is done, so tidying counts here. */
static bool has_twin(struct store *store, const struct order *order, bool *yes,
                     struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT EXISTS (SELECT 1 FROM \"order\" AS o "
		   "WHERE o.state NOT IN ('wait', 'done') AND o.id <> $1 "
		   "AND " SAME_ACCOUNT
		   " AND o.names = (SELECT names FROM \"order\" WHERE id = $1))");

	put_account(&use, order);
	return answer(&use, yes, err);
}

bool store_order_twin(struct store *store, const struct order *order,
                      struct order_twin *out, struct err *err)
{
	/* clang-format off */
	AUTO_USE struct use use = sql_use(
	    store, "WITH twin AS (SELECT * FROM \"order\" AS o "
		   "WHERE o.state NOT IN ('wait', 'done') AND o.id <> $1 "
		   "AND " SAME_ACCOUNT
		   " AND o.names = (SELECT names FROM \"order\" WHERE id = $1)) "
		   "SELECT NOT " IN_FOCUS("5", "twin") " AS is_left_out, run_at_ms, "
		   "certificate || '/' || host "
		   "FROM twin ORDER BY is_left_out DESC, run_at_ms DESC LIMIT 1");
	/* clang-format on */

	*out = (struct order_twin){ 0 };
	put_account(&use, order);
	put_int(&use, store->is_focused);
	if (!sql_row(&use, &out->found, err))
		return false;
	if (out->found) {
		out->is_left_out = get_int(&use) != 0;
		out->run_at_ms = get_int(&use);
		AUTO_FREE char *name = get_text(&use);
		snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
	}
	return sql_done(&use, err);
}

/* The name is proved once for all: who came later waits for who is at it, unless that one
 * is to wait long itself, as for a person. Of two that have both begun the earlier one
 * goes on, so that they do not wait for each other. */
static bool has_pioneer(struct store *store, const struct order *order, bool *yes,
                        struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store,
	    "SELECT EXISTS (SELECT 1 FROM \"order\" AS o "
	    "JOIN order_name AS its ON its.order_id = o.id "
	    "JOIN order_name AS mine ON mine.name = its.name AND mine.order_id = $1 "
	    "WHERE o.state NOT IN ('wait', 'done') AND o.id <> $1 AND " SAME_ACCOUNT
	    " AND o.state IN ('create', 'publish', 'spread', 'answer', 'validate') "
	    "AND o.attempts = 0 AND o.began_at_ms > $5 "
	    "AND (o.claim <> 0 OR o.run_at_ms <= $6) "
	    "AND NOT EXISTS (SELECT 1 FROM \"order\" AS me WHERE me.id = $1 "
	    "AND (me.began_at_ms, me.id) < (o.began_at_ms, o.id)) "
	    "AND NOT EXISTS (SELECT 1 FROM proved AS p WHERE p.account_id = o.account_id "
	    "AND p.profile = o.profile AND p.name = mine.name AND p.until > $7) "
	    "AND " IN_FOCUS("8", "o") ")");

	put_account(&use, order);
	put_int(&use, clock_now_ms() - PATIENCE_MS);
	put_int(&use, clock_now_ms() + ORDER_AT_WORK_MS);
	put_int(&use, clock_now());
	put_int(&use, store->is_focused);
	return answer(&use, yes, err);
}

bool store_order_may_start(struct store *store, const struct order *order,
                           int in_flight_max, bool *may, struct err *err)
{
	bool wait = false;

	*may = false;
	if (!is_full(store, order, in_flight_max, &wait, err))
		return false;
	if (!wait && !has_twin(store, order, &wait, err))
		return false;
	if (!wait && !has_pioneer(store, order, &wait, err))
		return false;
	*may = !wait;
	return true;
}
