/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sql.h"

/* A row that somebody has claimed shows no token to others: they cannot save it. */
#define COLUMNS                                                                          \
	"id, certificate, host, wanted_id, installed_id, installed_at, "                 \
	"installed_setup, reason, served_sha256, served, served_at, is_served, "         \
	"state, run_at_ms, attempts, last_kind, last_code, last_msg, last_retry_after, " \
	"last_at, "
#define COLUMNS_OF_OTHERS COLUMNS "CASE WHEN claim = 0 THEN token ELSE -1 END"

/* Due for work that nobody does: one session a host. */
#define HOST_IS_FREE                                                           \
	"NOT EXISTS (SELECT 1 FROM delivery AS busy WHERE busy.host = d.host " \
	"AND busy.claim <> 0)"

const char *const delivery_state_names[] = {
	[DELIVERY_PUSH] = "push",
	[DELIVERY_VERIFY] = "verify",
	[DELIVERY_DONE] = "done",
};
_Static_assert(ARRAY_SIZE(delivery_state_names) == DELIVERY_STATE_COUNT,
               "a state has no name");

void delivery_deinit(struct delivery *delivery)
{
	free(delivery->certificate);
	free(delivery->host);
	free(delivery->installed_setup);
	free(delivery->reason);
	free(delivery->served);
	*delivery = (struct delivery){ 0 };
}

void delivery_list_deinit(struct delivery_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		delivery_deinit(&list->items[i]);
	free(list->items);
	*list = (struct delivery_list){ 0 };
}

static void get_delivery(struct use *use, struct delivery *out)
{
	*out = (struct delivery){ .id = get_int(use) };
	out->certificate = get_text(use);
	out->host = get_text(use);
	out->wanted_id = get_int(use);
	out->installed_id = get_int(use);
	out->installed_at = get_int(use);
	out->installed_setup = get_text(use);
	out->reason = get_text(use);
	get_fixed(use, out->served_sha256, sizeof(out->served_sha256));
	out->served = get_text(use);
	out->served_at = get_int(use);
	out->is_served = get_int(use) != 0;
	out->state = (enum delivery_state)get_name(use, delivery_state_names,
	                                           DELIVERY_STATE_COUNT);
	out->run_at_ms = get_int(use);
	out->attempts = (int)get_int(use);
	get_err(use, &out->last);
	out->last_at = get_int(use);
	out->token = get_int(use);
}

static void put_delivery(struct use *use, const struct delivery *delivery)
{
	put_id(use, delivery->wanted_id);
	put_id(use, delivery->installed_id);
	put_int(use, delivery->installed_at);
	put_text(use, delivery->installed_setup);
	put_text(use, delivery->reason);
	put_blob(use, delivery->served_sha256, sizeof(delivery->served_sha256));
	put_text(use, delivery->served);
	put_int(use, delivery->served_at);
	put_int(use, delivery->is_served);
	put_text(use, delivery_state_names[delivery->state]);
	put_int(use, delivery->run_at_ms);
	put_int(use, delivery->attempts);
	put_err(use, &delivery->last);
	put_int(use, delivery->last_at);
}

/* A worker that has the row keeps its claim on the host, but not the row: its save fails,
 * and what is put now stays. */
static bool upsert(struct store *store, struct delivery *delivery, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store,
	    "INSERT INTO delivery (wanted_id, installed_id, installed_at, "
	    "installed_setup, reason, served_sha256, served, served_at, "
	    "is_served, "
	    "state, run_at_ms, attempts, last_kind, last_code, last_msg, "
	    "last_retry_after, last_at, certificate, host) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
	    "$16, $17, $18, $19) "
	    "ON CONFLICT (certificate, host) DO UPDATE SET "
	    "wanted_id = excluded.wanted_id, installed_id = excluded.installed_id, "
	    "installed_at = excluded.installed_at, "
	    "installed_setup = excluded.installed_setup, reason = excluded.reason, "
	    "served_sha256 = excluded.served_sha256, "
	    "served = excluded.served, served_at = excluded.served_at, "
	    "is_served = excluded.is_served, state = excluded.state, "
	    "run_at_ms = excluded.run_at_ms, attempts = excluded.attempts, "
	    "last_kind = excluded.last_kind, last_code = excluded.last_code, "
	    "last_msg = excluded.last_msg, "
	    "last_retry_after = excluded.last_retry_after, last_at = excluded.last_at, "
	    "token = delivery.token + 1 RETURNING id, token");
	bool row;

	put_delivery(&use, delivery);
	put_text(&use, delivery->certificate);
	put_text(&use, delivery->host);
	if (!sql_row(&use, &row, err))
		return false;
	delivery->id = get_int(&use);
	delivery->token = get_int(&use);
	return sql_done(&use, err);
}

bool store_delivery_put(struct store *store, struct delivery *delivery,
                        const struct event *event, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = upsert(store, delivery, err) && event_write(store, event, err);
	return sql_finish(store, done, err);
}

bool store_delivery_find(struct store *store, const char *certificate, const char *host,
                         struct delivery *out, bool *found, struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT " COLUMNS_OF_OTHERS " FROM delivery "
	                                  "WHERE certificate = $1 AND host = $2");

	*out = (struct delivery){ 0 };
	put_text(&use, certificate);
	put_text(&use, host);
	if (!sql_row(&use, found, err))
		return false;
	if (*found)
		get_delivery(&use, out);
	if (sql_done(&use, err))
		return true;
	delivery_deinit(out);
	*found = false;
	return false;
}

static bool get_all(struct use *use, struct delivery_list *out, struct err *err)
{
	bool row;

	*out = (struct delivery_list){ 0 };
	while (sql_row(use, &row, err) && row) {
		out->items = xrealloc(out->items, out->len + 1, sizeof(*out->items));
		get_delivery(use, &out->items[out->len++]);
	}
	if (sql_done(use, err))
		return true;
	delivery_list_deinit(out);
	return false;
}

/* A visit takes along what waits for another try there: of several new certificates that
 * one service names in its configuration, none is accepted before the last one is there.
 */
static bool claim(struct store *store, int64_t now_ms, struct delivery_list *out,
                  struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "UPDATE delivery SET claim = token + 1, token = token + 1 "
		   "WHERE state <> 'done' AND (run_at_ms <= $1 OR attempts > 0) "
		   "AND " IN_FOCUS(
		       "2", "delivery") " AND host = (SELECT d.host FROM delivery AS d "
					"WHERE d.state <> 'done' "
					"AND d.run_at_ms <= $1 AND " IN_FOCUS(
					    "2", "d") " AND " HOST_IS_FREE
						      " ORDER BY d.run_at_ms, d.id LIMIT "
						      "1) RETURNING " COLUMNS "token");

	put_int(&use, now_ms);
	put_int(&use, store->is_focused);
	return get_all(&use, out, err);
}

bool store_delivery_claim(struct store *store, int64_t now_ms, struct delivery_list *out,
                          struct err *err)
{
	return sql_relax(store, err) &&
	       sql_tighten(store, claim(store, now_ms, out, err), err);
}

bool store_delivery_next(struct store *store, int64_t *run_at_ms, bool *any,
                         struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT d.run_at_ms FROM delivery AS d "
		   "WHERE d.state <> 'done' AND " HOST_IS_FREE
		   " AND " IN_FOCUS("1", "d") " ORDER BY d.run_at_ms, d.id LIMIT 1");

	*run_at_ms = 0;
	put_int(&use, store->is_focused);
	if (!sql_row(&use, any, err))
		return false;
	if (*any)
		*run_at_ms = get_int(&use);
	return sql_done(&use, err);
}

static bool update(struct store *store, const struct delivery *delivery, bool release,
                   bool *was_ours, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store,
	    "UPDATE delivery SET wanted_id = $1, installed_id = $2, installed_at = $3, "
	    "installed_setup = $4, reason = $5, served_sha256 = $6, served = $7, "
	    "served_at = $8, is_served = $9, state = $10, run_at_ms = $11, "
	    "attempts = $12, last_kind = $13, last_code = $14, last_msg = $15, "
	    "last_retry_after = $16, last_at = $17, "
	    "claim = CASE WHEN $18 THEN 0 ELSE claim END WHERE id = $19 AND token = $20");

	put_delivery(&use, delivery);
	put_int(&use, release);
	put_int(&use, delivery->id);
	put_int(&use, delivery->token);
	if (!sql_done(&use, err))
		return false;
	*was_ours = sql_changes(store) == 1;
	return true;
}

/* Of a row that was put anew under its worker: the host must become free all the same. */
static bool let_go(struct store *store, const struct delivery *delivery, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "UPDATE delivery SET claim = 0 WHERE id = $1 AND claim = $2");

	put_int(&use, delivery->id);
	put_int(&use, delivery->token);
	return sql_done(&use, err);
}

bool store_delivery_save(struct store *store, const struct delivery *delivery,
                         bool release, const struct event *event, struct err *err)
{
	bool done, was_ours = false;

	if (!store_begin(store, err))
		return false;
	done = update(store, delivery, release, &was_ours, err);
	if (done && was_ours)
		done = event_write(store, event, err);
	else if (done && release)
		done = let_go(store, delivery, err);
	if (!sql_finish(store, done, err))
		return false;
	return was_ours || err_set(err, ERR_CONFLICT,
	                           "delivery of %s to %s: it was changed while this was "
	                           "under way; nothing was saved, and it is due as it is "
	                           "now wanted",
	                           delivery->certificate, delivery->host);
}

bool store_delivery_list(struct store *store, struct delivery_list *out, struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT " COLUMNS_OF_OTHERS
	                                  " FROM delivery ORDER BY certificate, host");

	return get_all(&use, out, err);
}
