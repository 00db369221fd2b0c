/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ROTATION_H
#define STORE_ROTATION_H
#include "base/str.h"
#include "store.h"

/*
 * rotation - a new deploy key on its way to all hosts
 *
 * There is one at most. While it lasts both keys are in the store: store_ssh_key_load()
 * gives the old one until the switch, the new one from then on. The old one is removed
 * at the end, and not before.
 */
enum rotation_state {
	ROTATION_WAITS,   /* nothing was done there yet */
	ROTATION_ADDED,   /* the new key's line is there */
	ROTATION_BY_HAND, /* the line cannot be added from here: a person must */
	ROTATION_PROVED,  /* a login with the new key worked */
	ROTATION_DONE,    /* and the old one is let in no more */
	ROTATION_STATE_COUNT
};
extern const char *const rotation_state_names[ROTATION_STATE_COUNT];

struct rotation {
	int64_t old_key_id, new_key_id;
	bool is_switched;
	int64_t started_at;
};

struct rotation_host {
	enum rotation_state state;
	int64_t at;
	char text[400]; /* why it is not further; "": nothing is wrong */
};

bool store_rotation_find(struct store *store, struct rotation *out, bool *found,
                         struct err *err) MUST_CHECK;
/* Adds the key and begins; ERR_CONFLICT where one is under way. */
bool store_rotation_begin(struct store *store, const struct key *new_key,
                          struct rotation *out, const struct event *event,
                          struct err *err) MUST_CHECK;
bool store_rotation_switch(struct store *store, const struct event *event,
                           struct err *err) MUST_CHECK;
/* After the switch: forgets what is known of hosts, and removes the old key. */
bool store_rotation_end(struct store *store, const struct event *event,
                        struct err *err) MUST_CHECK;

/* A host that is not known waits. */
bool store_rotation_host_load(struct store *store, const char *host,
                              struct rotation_host *out, struct err *err) MUST_CHECK;
/* Hosts that something is known of and that are not done, by name. */
bool store_rotation_open(struct store *store, struct strlist *out,
                         struct err *err) MUST_CHECK;
/* The event may be NULL. */
bool store_rotation_host_save(struct store *store, const char *host,
                              const struct rotation_host *row, const struct event *event,
                              struct err *err) MUST_CHECK;
#endif
