/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
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
		   "AND (claim <> 0 OR run_at_ms <= $3)");

	put_int(&use, in_flight_max);
	put_int(&use, order->id);
	put_int(&use, clock_now_ms() + ORDER_AT_WORK_MS);
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

bool store_order_twin_next(struct store *store, const struct order *order,
                           int64_t *run_at_ms, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT coalesce(max(o.run_at_ms), 0) FROM \"order\" AS o "
		   "WHERE o.state NOT IN ('wait', 'done') AND o.id <> $1 "
		   "AND " SAME_ACCOUNT
		   " AND o.names = (SELECT names FROM \"order\" WHERE id = $1)");
	bool row;

	put_account(&use, order);
	if (!sql_row(&use, &row, err))
		return false;
	*run_at_ms = get_int(&use);
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
	    "AND p.profile = o.profile AND p.name = mine.name AND p.until > $7))");

	put_account(&use, order);
	put_int(&use, clock_now_ms() - PATIENCE_MS);
	put_int(&use, clock_now_ms() + ORDER_AT_WORK_MS);
	put_int(&use, clock_now());
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
