/* SPDX-License-Identifier: Apache-2.0 */
#include "rotate.h"

#include <string.h>

#include "base/mem.h"
#include "crypto/key.h"
#include "internal.h"
#include "rotate_parts.h"

void rotate_free(struct rotate *rotate)
{
	if (!rotate)
		return;
	key_free(rotate->old_key);
	key_free(rotate->new_key);
	free(rotate->old_line);
	free(rotate->new_line);
	free(rotate->old_blob);
	free(rotate->new_blob);
	free(rotate);
}

static bool begin(struct rotate *rotate, struct err *err)
{
	const struct event event = { .name = "ssh.rotation.begun",
		                     .text = "a new deploy key was made" };
	AUTO_KEY struct key *key = key_new(KEY_ED25519, err);

	return key && store_rotation_begin(rotate->settings.store, key, &rotate->rotation,
	                                   &event, err);
}

/* The second word of the line. */
static char *blob_of(const char *line)
{
	const char *at = strchr(line, ' ') + 1;

	return xstrndup(at, strcspn(at, " "));
}

static bool load_keys(struct rotate *rotate, struct err *err)
{
	struct store *store = rotate->settings.store;

	rotate->old_key = store_key_load(store, rotate->rotation.old_key_id, err);
	if (!rotate->old_key)
		return false;
	rotate->new_key = store_key_load(store, rotate->rotation.new_key_id, err);
	if (!rotate->new_key)
		return false;
	rotate->old_line = ssh_public_line(rotate->old_key, "certferry", err);
	if (!rotate->old_line)
		return false;
	rotate->new_line = ssh_public_line(rotate->new_key, "certferry", err);
	if (!rotate->new_line)
		return false;
	rotate->old_blob = blob_of(rotate->old_line);
	rotate->new_blob = blob_of(rotate->new_line);
	return true;
}

struct rotate *rotate_new(const struct deploy_settings *settings,
                          const struct rotate_operator *person, struct err *err)
{
	CLEANUP(rotate_freep) struct rotate *rotate = NEW(struct rotate);
	bool found;

	rotate->settings = *settings;
	rotate->person = person;
	if (!store_rotation_find(settings->store, &rotate->rotation, &found, err) ||
	    (!found && !begin(rotate, err)) || !load_keys(rotate, err))
		return NULL;
	return TAKE(rotate);
}

bool rotate_is_switched(const struct rotate *rotate)
{
	return rotate->rotation.is_switched;
}

bool rotate_count_below(struct rotate *rotate, enum rotation_state state, size_t *count,
                        struct err *err)
{
	*count = 0;
	for (size_t i = 0; i < rotate->settings.host_count; i++) {
		struct rotation_host row;

		if (!store_rotation_host_load(rotate->settings.store,
		                              rotate->settings.hosts[i].name, &row, err))
			return false;
		*count += row.state < state;
	}
	return true;
}

bool rotate_switch(struct rotate *rotate, struct err *err)
{
	const struct event event = { .name = "ssh.rotation.switched",
		                     .text = "the new deploy key is used from now on" };

	if (!store_rotation_switch(rotate->settings.store, &event, err))
		return false;
	rotate->rotation.is_switched = true;
	return true;
}

bool rotate_end(struct rotate *rotate, struct err *err)
{
	const struct event event = { .name = "ssh.rotation.done",
		                     .text = "the old deploy key was removed" };

	return store_rotation_end(rotate->settings.store, &event, err);
}

const char *rotate_new_line(const struct rotate *rotate)
{
	return rotate->new_line;
}

const char *rotate_old_line(const struct rotate *rotate)
{
	return rotate->old_line;
}
