/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include <stdlib.h>

#include "base/clock.h"
#include "sql.h"

/* A row that somebody has claimed shows no token to others: they cannot save it. */
#define COLUMNS                                                                     \
	"id, certificate, host, ca, dns, alias, profile, names, key_type, intent, " \
	"reason, account_id, key_id, is_key_on_target, csr, url, finalize_url, "    \
	"certificate_url, "                                                         \
	"certificate_id, state, state_since_ms, run_at_ms, attempts, polls, "       \
	"waits_for, last_kind, last_code, last_msg, last_retry_after, last_at, "    \
	"created_at, "
#define COLUMNS_OF_OTHERS COLUMNS "CASE WHEN claim = 0 THEN token ELSE -1 END"

enum { NAMES_MAX = 64 * 1024, ORDER_CSR_MAX = 32 * 1024 };

const char *const order_state_names[] = {
	[ORDER_WAIT] = "wait",         [ORDER_CREATE] = "create",
	[ORDER_PUBLISH] = "publish",   [ORDER_SPREAD] = "spread",
	[ORDER_ANSWER] = "answer",     [ORDER_VALIDATE] = "validate",
	[ORDER_FINALIZE] = "finalize", [ORDER_COLLECT] = "collect",
	[ORDER_TIDY] = "tidy",         [ORDER_DONE] = "done",
};
_Static_assert(ARRAY_SIZE(order_state_names) == ORDER_STATE_COUNT, "a state has no name");

void order_deinit(struct order *order)
{
	free(order->certificate);
	free(order->host);
	free(order->ca);
	free(order->dns);
	free(order->alias);
	free(order->profile);
	strlist_deinit(&order->names);
	free(order->intent);
	free(order->reason);
	free(order->url);
	free(order->finalize_url);
	free(order->certificate_url);
	free(order->waits_for);
	buf_wipe(&order->csr);
	*order = (struct order){ 0 };
}

static void get_csr(struct use *use, struct buf *out)
{
	size_t len;
	const void *bytes = get_bytes(use, &len);

	*out = (struct buf)BUF_INIT(ORDER_CSR_MAX);
	if (bytes)
		buf_add(out, bytes, len);
}

static void get_order(struct use *use, struct order *out)
{
	*out = (struct order){ .id = get_int(use) };
	out->certificate = get_text(use);
	out->host = get_text(use);
	out->ca = get_text(use);
	out->dns = get_text(use);
	out->alias = get_text(use);
	out->profile = get_plain(use);
	get_list(use, &out->names);
	out->key_type = (enum key_type)get_name(use, key_type_names, KEY_TYPE_COUNT);
	out->intent = get_text(use);
	out->reason = get_text(use);
	out->account_id = get_int(use);
	out->key_id = get_int(use);
	out->is_key_on_target = get_int(use) != 0;
	get_csr(use, &out->csr);
	out->url = get_text(use);
	out->finalize_url = get_text(use);
	out->certificate_url = get_text(use);
	out->certificate_id = get_int(use);
	out->state = (enum order_state)get_name(use, order_state_names,
	                                        ORDER_STATE_COUNT);
	out->state_since_ms = get_int(use);
	out->run_at_ms = get_int(use);
	out->attempts = (int)get_int(use);
	out->polls = (int)get_int(use);
	out->waits_for = get_text(use);
	get_err(use, &out->last);
	out->last_at = get_int(use);
	out->created_at = get_int(use);
	out->token = get_int(use);
}

static void put_csr(struct use *use, const struct order *order)
{
	if (order->csr.len)
		put_blob(use, order->csr.data, order->csr.len);
	else
		put_text(use, NULL);
}

/* The columns that change in an order's life, from $1 on. */
static void put_progress(struct use *use, const struct order *order)
{
	put_id(use, order->account_id);
	put_id(use, order->key_id);
	put_text(use, order->url);
	put_text(use, order->finalize_url);
	put_text(use, order->certificate_url);
	put_id(use, order->certificate_id);
	put_text(use, order_state_names[order->state]);
	put_int(use, order->state_since_ms);
	put_int(use, order->run_at_ms);
	put_int(use, order->attempts);
	put_int(use, order->polls);
	put_text(use, order->waits_for);
	put_err(use, &order->last);
	put_int(use, order->last_at);
	put_text(use, order->reason);
	put_csr(use, order);
}

/* When it left WAIT: others that share its names wait for it from then on. */
static int64_t began_at(const struct order *order)
{
	return order->state == ORDER_WAIT ? 0 : clock_now_ms();
}

static bool conflict(const struct order *order, struct err *err)
{
	if (err->kind != ERR_CONFLICT)
		return false;
	return err_set(err, ERR_CONFLICT,
	               "certificate %s on %s: another order of the same %s is under way",
	               order->certificate, order->host,
	               order->state == ORDER_WAIT ? "certificate and host"
	                                          : "account, profile and names");
}

static bool insert_row(struct store *store, struct order *order, struct err *err)
{
	AUTO_BUF struct buf names = BUF_INIT(NAMES_MAX);
	bool row;

	strlist_join(&order->names, ",", &names);
	AUTO_USE struct use use = sql_use(
	    store,
	    "INSERT INTO \"order\" (account_id, key_id, url, finalize_url, "
	    "certificate_url, certificate_id, state, state_since_ms, run_at_ms, "
	    "attempts, polls, waits_for, last_kind, last_code, last_msg, "
	    "last_retry_after, last_at, reason, csr, certificate, host, ca, dns, alias, "
	    "profile, names, key_type, intent, created_at, began_at_ms, "
	    "is_key_on_target) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
	    "$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, "
	    "$30, $31) "
	    "RETURNING id");
	put_progress(&use, order);
	put_text(&use, order->certificate);
	put_text(&use, order->host);
	put_text(&use, order->ca);
	put_text(&use, order->dns);
	put_text(&use, order->alias);
	put_plain(&use, order->profile);
	put_text(&use, names.data);
	put_text(&use, key_type_names[order->key_type]);
	put_text(&use, order->intent);
	put_int(&use, order->created_at);
	put_id(&use, began_at(order));
	put_int(&use, order->is_key_on_target);
	if (!sql_row(&use, &row, err))
		return conflict(order, err);
	order->id = get_int(&use);
	return sql_done(&use, err);
}

static bool insert_name(struct store *store, int64_t id, const char *name,
                        struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO order_name (order_id, name) VALUES ($1, $2)");

	put_int(&use, id);
	put_text(&use, name);
	return sql_done(&use, err);
}

bool store_order_add(struct store *store, struct order *order, const struct event *event,
                     struct err *err)
{
	struct event about = event ? *event : (struct event){ 0 };
	bool done;

	order->token = 0;
	order->created_at = order->created_at ? order->created_at : clock_now();
	order->state_since_ms = order->state_since_ms ? order->state_since_ms
	                                              : clock_now_ms();
	if (!store_begin(store, err))
		return false;
	done = insert_row(store, order, err);
	for (size_t i = 0; done && i < order->names.len; i++)
		done = insert_name(store, order->id, order->names.items[i], err);
	/* Who calls cannot know the id that the event is about. */
	about.order_id = about.order_id ? about.order_id : order->id;
	done = done && event_write(store, event ? &about : NULL, err);
	done = sql_finish(store, done, err);
	if (!done)
		order->id = 0;
	return done;
}

/* At most one row, and to the end of the statement. */
static bool get_one(struct use *use, struct order *out, bool *found, struct err *err)
{
	*out = (struct order){ 0 };
	if (!sql_row(use, found, err))
		return false;
	if (*found)
		get_order(use, out);
	if (sql_done(use, err))
		return true;
	order_deinit(out);
	*found = false;
	return false;
}

static bool claim(struct store *store, int64_t now_ms, struct order *out, bool *found,
                  struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "UPDATE \"order\" SET claim = token + 1, token = token + 1 "
		   "WHERE id = (SELECT o.id FROM \"order\" AS o WHERE o.state <> 'done' "
		   "AND o.claim = 0 AND o.run_at_ms <= $1 AND " IN_FOCUS(
		       "2", "o") " ORDER BY o.run_at_ms, o.id LIMIT 1) "
				 "RETURNING " COLUMNS "token");

	put_int(&use, now_ms);
	put_int(&use, store->is_focused);
	return get_one(&use, out, found, err);
}

bool store_order_claim(struct store *store, int64_t now_ms, struct order *out,
                       bool *found, struct err *err)
{
	return sql_relax(store, err) &&
	       sql_tighten(store, claim(store, now_ms, out, found, err), err);
}

bool store_order_next(struct store *store, int64_t *run_at_ms, bool *any, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT o.run_at_ms FROM \"order\" AS o WHERE o.state <> 'done' "
		   "AND o.claim = 0 AND " IN_FOCUS(
		       "1", "o") " ORDER BY o.run_at_ms, o.id LIMIT 1");

	*run_at_ms = 0;
	put_int(&use, store->is_focused);
	if (!sql_row(&use, any, err))
		return false;
	if (*any)
		*run_at_ms = get_int(&use);
	return sql_done(&use, err);
}

static bool update_row(struct store *store, const struct order *order, bool release,
                       bool has_event, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store,
	    "UPDATE \"order\" SET account_id = $1, key_id = $2, url = $3, "
	    "finalize_url = $4, certificate_url = $5, certificate_id = $6, state = $7, "
	    "state_since_ms = $8, run_at_ms = $9, attempts = $10, polls = $11, "
	    "waits_for = $12, last_kind = $13, last_code = $14, last_msg = $15, "
	    "last_retry_after = $16, last_at = $17, reason = $18, csr = $19, "
	    "began_at_ms = coalesce(began_at_ms, $20), "
	    "claim = CASE WHEN $21 THEN 0 ELSE claim END "
	    "WHERE id = $22 AND token = $23 AND ($24 OR state = $7)");

	put_progress(&use, order);
	put_id(&use, began_at(order));
	put_int(&use, release);
	put_int(&use, order->id);
	put_int(&use, order->token);
	put_int(&use, has_event);
	if (!sql_done(&use, err))
		return conflict(order, err);
	return sql_changes(store) == 1 ||
	       err_set(err, ERR_CONFLICT,
	               "order %lld: somebody else has it, or its state was to change "
	               "without an event; nothing was saved",
	               (long long)order->id);
}

static bool save(struct store *store, const struct order *order, bool release,
                 const struct event *event, struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = update_row(store, order, release, event != NULL, err) &&
	       event_write(store, event, err);
	return sql_finish(store, done, err);
}

/* That it looked and looks again is all that a row without an event says: a power cut may
 * take that back. */
bool store_order_save(struct store *store, const struct order *order, bool release,
                      const struct event *event, struct err *err)
{
	if (event || !release)
		return save(store, order, release, event, err);
	return sql_relax(store, err) &&
	       sql_tighten(store, save(store, order, release, event, err), err);
}

bool store_order_newest(struct store *store, const char *certificate, const char *host,
                        struct order *out, bool *found, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT " COLUMNS_OF_OTHERS " FROM \"order\" "
		   "WHERE certificate = $1 AND host = $2 ORDER BY id DESC LIMIT 1");

	put_text(&use, certificate);
	put_text(&use, host);
	return get_one(&use, out, found, err);
}

bool store_order_each_open(struct store *store, store_order_fn *fn, void *arg,
                           struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT " COLUMNS_OF_OTHERS " FROM \"order\" "
	                                  "WHERE state <> 'done' ORDER BY id");
	bool row;

	while (sql_row(&use, &row, err) && row) {
		AUTO_ORDER struct order order = { 0 };

		get_order(&use, &order);
		if (use.rc == SQLITE_OK && !fn(arg, &order, err))
			return false;
	}
	return sql_done(&use, err);
}
