/* SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <stdio.h>

#include "base/str.h"
#include "sql.h"

bool store_transport_find(struct store *store, const char *host,
                          struct host_transport *out, bool *found, struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT transport, version, asked_at FROM "
	                                  "host_transport WHERE host = $1");

	*out = (struct host_transport){ 0 };
	put_text(&use, host);
	if (!sql_row(&use, found, err))
		return false;
	if (*found) {
		snprintf(out->name, sizeof(out->name), "%s", get_borrowed(&use));
		snprintf(out->version, sizeof(out->version), "%s", get_borrowed(&use));
		out->asked_at = get_int(&use);
	}
	return sql_done(&use, err);
}

static bool replace(struct store *store, const char *host,
                    const struct host_transport *row, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT OR REPLACE INTO host_transport (host, transport, version, "
		   "asked_at) VALUES ($1, $2, $3, $4)");

	put_text(&use, host);
	put_text(&use, row->name);
	put_text(&use, row->version);
	put_int(&use, row->asked_at);
	return sql_done(&use, err);
}

bool store_transport_save(struct store *store, const char *host,
                          const struct host_transport *row, struct err *err)
{
	struct event event = { .name = "host.transport", .host = host };
	struct host_transport before;
	bool done, found = false;

	snprintf(event.text, sizeof(event.text), "%s%s%s", row->name,
	         *row->version ? " " : "", row->version);
	if (!store_begin(store, err))
		return false;
	done = store_transport_find(store, host, &before, &found, err) &&
	       replace(store, host, row, err);
	if (done && !(found && str_eq(before.name, row->name) &&
	              str_eq(before.version, row->version)))
		done = event_write(store, &event, err);
	return sql_finish(store, done, err);
}
