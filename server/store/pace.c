/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#include "sql.h"

/* What was spent in the future was spent before the clock was set back: it tells nothing,
 * and would count for ever. */
static bool load_spent(struct store *store, const char *dns, int64_t now,
                       struct pace *out, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT coalesce(sum(requests), 0), coalesce(min(until), $1) - $1 "
		   "FROM pace_spent WHERE dns = $2 AND until > $1 AND at <= $1");
	bool row;

	put_int(&use, now);
	put_text(&use, dns);
	if (!sql_row(&use, &row, err))
		return false;
	out->spent = (int)get_int(&use);
	out->free_in_s = (int)get_int(&use);
	return sql_done(&use, err);
}

static bool load_hold(struct store *store, const char *dns, int64_t now, struct pace *out,
                      struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT until FROM pace_hold WHERE dns = $1 AND until > $2");
	bool row;

	put_text(&use, dns);
	put_int(&use, now);
	if (!sql_row(&use, &row, err))
		return false;
	out->hold_until = row ? get_int(&use) : 0;
	return sql_done(&use, err);
}

bool store_pace_load(struct store *store, const char *dns, int64_t now, struct pace *out,
                     struct err *err)
{
	*out = (struct pace){ 0 };
	return load_spent(store, dns, now, out, err) &&
	       load_hold(store, dns, now, out, err);
}

static bool drop_old(struct store *store, const char *dns, int64_t now, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "DELETE FROM pace_spent WHERE dns = $1 AND (until <= $2 OR at > $2)");

	put_text(&use, dns);
	put_int(&use, now);
	return sql_done(&use, err);
}

static bool book(struct store *store, const char *dns, int requests, int window_s,
                 int64_t now, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO pace_spent (dns, at, until, requests) "
		   "VALUES ($1, $2, $3, $4) ON CONFLICT (dns, until, at) "
		   "DO UPDATE SET requests = pace_spent.requests + excluded.requests");

	put_text(&use, dns);
	put_int(&use, now);
	put_int(&use, now + window_s);
	put_int(&use, requests);
	return sql_done(&use, err);
}

bool store_pace_spend(struct store *store, const char *dns, int requests, int window_s,
                      int64_t now, struct err *err)
{
	bool done;

	/* A provider without a limit has no window. */
	if (requests <= 0 || window_s <= 0)
		return true;
	if (!store_begin(store, err))
		return false;
	done = drop_old(store, dns, now, err) &&
	       book(store, dns, requests, window_s, now, err);
	return sql_finish(store, done, err);
}

bool store_pace_hold(struct store *store, const char *dns, int64_t until, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO pace_hold (dns, until) VALUES ($1, $2) "
		   "ON CONFLICT (dns) DO UPDATE SET until = excluded.until");

	put_text(&use, dns);
	put_int(&use, until);
	return sql_done(&use, err);
}
