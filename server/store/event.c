/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/clock.h"
#include "sql.h"

bool store_event_add(struct store *store, const struct event *event, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO event (at, name, certificate, host, order_id, text) "
		   "VALUES ($1, $2, $3, $4, $5, $6)");

	put_int(&use, event->at ? event->at : clock_now());
	put_text(&use, event->name);
	put_text(&use, event->certificate);
	put_text(&use, event->host);
	put_id(&use, event->order_id);
	put_text(&use, event->text);
	return sql_done(&use, err);
}

bool event_write(struct store *store, const struct event *event, struct err *err)
{
	return !event || store_event_add(store, event, err);
}

bool store_event_each(struct store *store, int64_t after, int limit, store_event_fn *fn,
                      void *arg, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT id, at, name, certificate, host, order_id, text "
		   "FROM (SELECT * FROM event WHERE id > $1 "
		   "ORDER BY id DESC LIMIT $2) AS newest ORDER BY id");
	bool row;

	put_int(&use, after);
	put_int(&use, limit);
	while (sql_row(&use, &row, err) && row) {
		struct event event = { .id = get_int(&use) };

		event.at = get_int(&use);
		event.name = get_borrowed(&use);
		event.certificate = get_borrowed(&use);
		event.host = get_borrowed(&use);
		event.order_id = get_int(&use);
		snprintf(event.text, sizeof(event.text), "%s", get_borrowed(&use));
		if (!fn(arg, &event, err))
			return false;
	}
	return sql_done(&use, err);
}

bool store_event_blocked(struct store *store, const char *certificate, const char *host,
                         char text[400], bool *found, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT name = 'order.blocked', text FROM event "
		   "WHERE certificate = $1 AND host = $2 "
		   "AND name IN ('order.planned', 'order.blocked', 'order.postponed') "
		   "ORDER BY id DESC LIMIT 1");
	bool row;

	*found = false;
	put_text(&use, certificate);
	put_text(&use, host);
	if (!sql_row(&use, &row, err))
		return false;
	if (row && get_int(&use)) {
		snprintf(text, 400, "%s", get_borrowed(&use));
		*found = true;
	}
	return true;
}
