/* SPDX-License-Identifier: Apache-2.0 */
#include "rotate.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/digest.h"
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

static bool is_configured(const struct rotate *rotate, const char *host)
{
	for (size_t i = 0; i < rotate->settings.host_count; i++)
		if (str_eq(rotate->settings.hosts[i].name, host))
			return true;
	return false;
}

bool rotate_left(struct rotate *rotate, struct strlist *out, struct err *err)
{
	AUTO_STRLIST struct strlist open = { 0 };

	if (!store_rotation_open(rotate->settings.store, &open, err))
		return false;
	for (size_t i = 0; i < open.len; i++)
		if (!is_configured(rotate, open.items[i]))
			strlist_add(out, open.items[i]);
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

/* Who asks later finds it in the list of events. */
static void say_end(const struct rotate *rotate, const struct strlist *left,
                    struct event *event)
{
	AUTO_FREE char *fingerprint = rotate_old_fingerprint(rotate);
	AUTO_BUF struct buf names = BUF_INIT(200);
	int len = snprintf(event->text, sizeof(event->text),
	                   "the old deploy key was removed");

	if (left->len == 0)
		return;
	strlist_join(left, ", ", &names);
	snprintf(event->text + len, sizeof(event->text) - (size_t)len,
	         "; its line (%s) is left on %zu host%s no longer configured: %s%s",
	         fingerprint, left->len, left->len == 1 ? "" : "s", names.data,
	         names.over ? ", ..." : "");
}

bool rotate_end(struct rotate *rotate, struct err *err)
{
	AUTO_STRLIST struct strlist left = { 0 };
	struct event event = { .name = "ssh.rotation.done" };

	if (!rotate_left(rotate, &left, err))
		return false;
	say_end(rotate, &left, &event);
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

const char *rotate_old_blob(const struct rotate *rotate)
{
	return rotate->old_blob;
}

char *rotate_old_fingerprint(const struct rotate *rotate)
{
	AUTO_BUF struct buf blob = BUF_INIT(1024), text = BUF_INIT(100);
	struct err ignored = { 0 };

	if (base64_decode(rotate->old_blob, strlen(rotate->old_blob), &blob, &ignored))
		sha256_ssh(blob.data, blob.len, &text);
	return xstrdup(text.data);
}
