/* SPDX-License-Identifier: Apache-2.0 */
#include "rotation.h"

#include <stdio.h>

#include "base/clock.h"
#include "crypto/key.h"
#include "sql.h"

const char *const rotation_state_names[] = {
	[ROTATION_WAITS] = "waits",     [ROTATION_ADDED] = "added",
	[ROTATION_BY_HAND] = "by hand", [ROTATION_PROVED] = "proved",
	[ROTATION_DONE] = "done",
};
_Static_assert(ARRAY_SIZE(rotation_state_names) == ROTATION_STATE_COUNT,
               "a state has no name");

bool store_rotation_find(struct store *store, struct rotation *out, bool *found,
                         struct err *err)
{
	AUTO_USE struct use use = sql_use(store,
	                                  "SELECT old_key_id, new_key_id, is_switched, "
	                                  "started_at FROM rotation");

	*out = (struct rotation){ 0 };
	if (!sql_row(&use, found, err))
		return false;
	if (*found) {
		out->old_key_id = get_int(&use);
		out->new_key_id = get_int(&use);
		out->is_switched = get_int(&use) != 0;
		out->started_at = get_int(&use);
	}
	return sql_done(&use, err);
}

static bool find_ssh_key(struct store *store, int64_t *id, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT coalesce(max(id), 0) FROM key WHERE purpose = 'ssh'");
	bool row;

	if (!sql_row(&use, &row, err))
		return false;
	*id = get_int(&use);
	return sql_done(&use, err) &&
	       (*id > 0 || err_set(err, ERR_NOT_FOUND,
	                           "there is no SSH key that could be changed for "
	                           "another: run `certferry init`"));
}

static bool insert(struct store *store, const struct rotation *rotation, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO rotation (id, old_key_id, new_key_id, is_switched, "
		   "started_at) VALUES (1, $1, $2, 0, $3)");

	put_int(&use, rotation->old_key_id);
	put_int(&use, rotation->new_key_id);
	put_int(&use, rotation->started_at);
	return sql_done(&use, err);
}

bool store_rotation_begin(struct store *store, const struct key *new_key,
                          struct rotation *out, const struct event *event,
                          struct err *err)
{
	bool done, found = false;

	if (!store_begin(store, err))
		return false;
	done = store_rotation_find(store, out, &found, err);
	if (done && found)
		done = err_set(err, ERR_CONFLICT,
		               "a change of the deploy key is under way already");
	out->started_at = clock_now();
	done = done && find_ssh_key(store, &out->old_key_id, err) &&
	       store_key_add(store, new_key, "ssh", &out->new_key_id, err) &&
	       insert(store, out, err) && event_write(store, event, err);
	return sql_finish(store, done, err);
}

bool store_rotation_switch(struct store *store, const struct event *event,
                           struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = sql_script(store, "UPDATE rotation SET is_switched = 1", err) &&
	       event_write(store, event, err);
	return sql_finish(store, done, err);
}

static bool remove_key(struct store *store, int64_t id, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "DELETE FROM key WHERE id = $1 AND purpose = 'ssh'");

	put_int(&use, id);
	return sql_done(&use, err);
}

bool store_rotation_end(struct store *store, const struct event *event, struct err *err)
{
	struct rotation rotation;
	bool done, found = false;

	if (!store_begin(store, err))
		return false;
	done = store_rotation_find(store, &rotation, &found, err);
	if (done && (!found || !rotation.is_switched))
		done = err_set(err, ERR_CONFLICT,
		               "the old deploy key is in use: it stays");
	done = done &&
	       sql_script(store, "DELETE FROM rotation; DELETE FROM rotation_host",
	                  err) &&
	       remove_key(store, rotation.old_key_id, err) &&
	       event_write(store, event, err);
	return sql_finish(store, done, err);
}

bool store_rotation_host_load(struct store *store, const char *host,
                              struct rotation_host *out, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT state, at, text FROM rotation_host WHERE host = $1");
	bool row;

	*out = (struct rotation_host){ 0 };
	put_text(&use, host);
	if (!sql_row(&use, &row, err))
		return false;
	if (row) {
		out->state = (enum rotation_state)get_name(&use, rotation_state_names,
		                                           ROTATION_STATE_COUNT);
		out->at = get_int(&use);
		snprintf(out->text, sizeof(out->text), "%s", get_borrowed(&use));
	}
	return sql_done(&use, err);
}

bool store_rotation_open(struct store *store, struct strlist *out, struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "SELECT host FROM rotation_host WHERE state <> $1 ORDER BY host");
	bool row;

	put_text(&use, rotation_state_names[ROTATION_DONE]);
	while (sql_row(&use, &row, err) && row)
		strlist_add(out, get_borrowed(&use));
	return sql_done(&use, err);
}

static bool save(struct store *store, const char *host, const struct rotation_host *row,
                 struct err *err)
{
	AUTO_USE struct use use = sql_use(
	    store, "INSERT INTO rotation_host (host, state, at, text) "
		   "VALUES ($1, $2, $3, $4) ON CONFLICT (host) DO UPDATE SET "
		   "state = excluded.state, at = excluded.at, text = excluded.text");

	put_text(&use, host);
	put_text(&use, rotation_state_names[row->state]);
	put_int(&use, row->at);
	put_text(&use, row->text);
	return sql_done(&use, err);
}

bool store_rotation_host_save(struct store *store, const char *host,
                              const struct rotation_host *row, const struct event *event,
                              struct err *err)
{
	bool done;

	if (!store_begin(store, err))
		return false;
	done = save(store, host, row, err) && event_write(store, event, err);
	return sql_finish(store, done, err);
}
