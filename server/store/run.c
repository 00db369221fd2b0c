/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "crypto/key.h"
#include "order.h"
#include "sql.h"

static bool add_place(struct store *store, const struct store_place *place,
                      struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO focus (certificate, host) VALUES ($1, $2) "
		   "ON CONFLICT (certificate, host) DO NOTHING");

	put_text(&use, place->certificate);
	put_text(&use, place->host);
	return sql_done(&use, err);
}

bool store_focus(struct store *store, const struct store_place *places, size_t count,
                 struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = sql_script(store, "DELETE FROM focus", err);
	for (size_t i = 0; done && i < count; i++)
		done = add_place(store, &places[i], err);
	store->is_focused = store->is_focused || done;
	return sql_finish(store, done, err);
}

bool store_order_hurry(struct store *store, int64_t id, int64_t now_ms, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "UPDATE \"order\" SET run_at_ms = $1 WHERE id = $2 AND claim = 0 "
		   "AND run_at_ms > $1 AND (last_retry_after = 0 OR attempts = 0)");

	put_int(&use, now_ms);
	put_int(&use, id);
	return sql_done(&use, err);
}

bool store_order_hurry_tidy(struct store *store, int64_t now_ms, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "UPDATE \"order\" SET run_at_ms = $1 WHERE state = 'tidy' "
		   "AND claim = 0 AND run_at_ms > $1");

	put_int(&use, now_ms);
	return sql_done(&use, err);
}

static bool to_tidy(struct store *store, int64_t id, int64_t now_ms, const char *why,
                    struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store,
	    "UPDATE \"order\" SET state = 'tidy', run_at_ms = $1, state_since_ms = $1, "
	    "attempts = 0, polls = 0, last_kind = $2, last_code = '', last_msg = $3, "
	    "last_retry_after = 0, waits_for = NULL WHERE id = $4 AND claim = 0 "
	    "AND state NOT IN ('tidy', 'done')");

	put_int(&use, now_ms);
	put_text(&use, err_infos[ERR_CONFIG].name);
	put_text(&use, why);
	put_int(&use, id);
	return sql_done(&use, err);
}

bool store_order_abandon(struct store *store, int64_t id, int64_t now_ms,
                         const struct event *event, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = to_tidy(store, id, now_ms, event->text, err);
	if (done && sql_changes(store) == 1)
		done = event_write(store, event, err);
	return sql_finish(store, done, err);
}

static bool wake(struct store *store, int in_flight_max, int64_t now_ms, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "UPDATE \"order\" SET run_at_ms = $1 WHERE id IN ("
		   "SELECT o.id FROM \"order\" AS o WHERE o.state = 'wait' "
		   "AND o.attempts = 0 AND o.claim = 0 AND o.run_at_ms > $1 "
		   "ORDER BY o.run_at_ms, o.id LIMIT (SELECT CASE WHEN count(*) < $2 "
		   "THEN 2 * ($2 - count(*)) ELSE 0 END FROM \"order\" WHERE state NOT "
		   "IN ('wait', 'tidy', 'done') "
		   "AND (claim <> 0 OR run_at_ms <= $3)))");

	put_int(&use, now_ms);
	put_int(&use, in_flight_max);
	put_int(&use, now_ms + ORDER_AT_WORK_MS);
	return sql_done(&use, err);
}

bool store_order_wake(struct store *store, int in_flight_max, int64_t now_ms,
                      struct err *err)
{
	return sql_relax(store, err) &&
	       sql_tighten(store, wake(store, in_flight_max, now_ms, err), err);
}

bool store_order_refusals(struct store *store, const char *certificate, const char *host,
                          int *count, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT count(*) FROM \"order\" WHERE certificate = $1 AND host = $2 "
		   "AND state IN ('tidy', 'done') AND certificate_id IS NULL "
		   "AND last_code <> '' AND id > "
		   "(SELECT coalesce(max(o.id), 0) FROM \"order\" AS o "
		   "WHERE o.certificate = $1 AND o.host = $2 "
		   "AND o.certificate_id IS NOT NULL)");
	bool row;

	put_text(&use, certificate);
	put_text(&use, host);
	if (!sql_row(&use, &row, err))
		return false;
	*count = row ? (int)get_int(&use) : 0;
	return sql_done(&use, err);
}

bool store_order_count(struct store *store, const struct order_like *like, int *count,
                       struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT count(*) FROM \"order\" WHERE certificate = $1 AND host = $2 "
		   "AND reason = $3 AND created_at >= $4 "
		   "AND certificate_id IS NOT NULL");
	bool row;

	put_text(&use, like->certificate);
	put_text(&use, like->host);
	put_text(&use, like->reason);
	put_int(&use, like->since);
	if (!sql_row(&use, &row, err))
		return false;
	*count = row ? (int)get_int(&use) : 0;
	return sql_done(&use, err);
}

bool store_order_has_company(struct store *store, int64_t id, int64_t by_ms, bool *yes,
                             struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store,
	    "SELECT 1 FROM \"order\" AS o WHERE o.id <> $1 "
	    "AND o.state NOT IN ('tidy', 'done') "
	    "AND (o.claim <> 0 OR o.run_at_ms <= $2) AND " IN_FOCUS("3", "o") " LIMIT 1");

	put_int(&use, id);
	put_int(&use, by_ms);
	put_int(&use, store->is_focused);
	return sql_row(&use, yes, err) && sql_done(&use, err);
}

bool store_key_fingerprint(struct store *store, int64_t id,
                           unsigned char out[KEY_FINGERPRINT], struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT spki_sha256 FROM key WHERE id = $1");
	bool row;

	put_int(&use, id);
	if (!sql_row(&use, &row, err))
		return false;
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "the store has no key %lld",
		               (long long)id);
	get_fixed(&use, out, KEY_FINGERPRINT);
	return sql_done(&use, err);
}
