/* SPDX-License-Identifier: Apache-2.0 */
#include "rotate.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "install/authorize.h"
#include "internal.h"

enum { EDIT_TIMEOUT_S = 60, LINE_MAX_BYTES = 2048 };

struct rotate {
	struct deploy_settings settings;
	struct rotation rotation;
	struct key *old_key, *new_key;
	char *old_line, *new_line;
	char *old_blob, *new_blob; /* base64 */
};

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

struct rotate *rotate_new(const struct deploy_settings *settings, struct err *err)
{
	CLEANUP(rotate_freep) struct rotate *rotate = NEW(struct rotate);
	bool found;

	rotate->settings = *settings;
	if (!store_rotation_find(settings->store, &rotate->rotation, &found, err) ||
	    (!found && !begin(rotate, err)) || !load_keys(rotate, err))
		return NULL;
	return TAKE(rotate);
}

/* Runs the editor in a session that is open; its one line. */
static bool edit(const struct rotate *rotate, struct ssh *ssh, bool is_removal,
                 struct authorize_line *out, struct err *err)
{
	const int64_t deadline = clock_deadline_ms(EDIT_TIMEOUT_S * INT64_C(1000));
	AUTO_FREE char *command = authorize_command();
	AUTO_BUF struct buf input = BUF_INIT(4096), line = BUF_INIT(LINE_MAX_BYTES);
	AUTO_BUF struct buf complaint = BUF_INIT(4096);
	bool ended;
	int status;

	authorize_input(is_removal, rotate->old_blob, rotate->new_blob, &input);
	if (!ssh_exec(ssh, command, deadline, err) ||
	    !ssh_write(ssh, input.data, input.len, deadline, err) ||
	    !ssh_write_eof(ssh, deadline, err) ||
	    !ssh_read_line(ssh, &line, &ended, deadline, err))
		return false;
	if (authorize_line_parse(line.data, out, err))
		return true;
	/* No line at all: the shell, or what stands in its place, said why. */
	if (ended && ssh_finish(ssh, &status, &complaint, deadline, &(struct err){ 0 }) &&
	    complaint.len > 0)
		return err_set(err, ERR_REMOTE,
		               "the login does not run a program of "
		               "ours: %.250s",
		               complaint.data);
	return false;
}

static bool is_refused_login(const struct err *why)
{
	return why->kind == ERR_DENIED && str_eq(why->code, "login");
}

static void get_on(struct rotation_host *row, enum rotation_state state)
{
	row->state = state;
	row->text[0] = '\0';
}

/* A login with the new key, and nothing more. */
static bool prove(const struct rotate *rotate, const struct deploy_host *host,
                  struct rotation_host *row, struct err *why)
{
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->new_key, why);

	if (!ssh)
		return false;
	ssh_close(ssh);
	get_on(row, ROTATION_PROVED);
	*why = (struct err){ 0 };
	return true;
}

static bool by_hand(const struct rotate *rotate, const struct deploy_host *host,
                    struct rotation_host *row, const char *reason, struct err *why)
{
	(void)err_set(why, ERR_REMOTE,
	              "%s: add the line of the new key (below) by hand, with the options "
	              "that the old one has, and run this again",
	              reason);
	row->state = ROTATION_BY_HAND;
	/* It may be there by now. */
	return prove(rotate, host, row, &(struct err){ 0 }) &&
	       (*why = (struct err){ 0 }, true);
}

/* Over the old key. */
static bool add(const struct rotate *rotate, const struct deploy_host *host,
                struct rotation_host *row, struct err *why)
{
	CLEANUP(ssh_closep)
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->old_key, why);
	struct authorize_line line;

	/* Somebody may have changed one for the other there. */
	if (!ssh && is_refused_login(why))
		return prove(rotate, host, row, &(struct err){ 0 }) &&
		       (*why = (struct err){ 0 }, true);
	if (!ssh)
		return false;
	if (!edit(rotate, ssh, false, &line, why)) {
		if (why->kind != ERR_REMOTE)
			return false;
		AUTO_FREE char *reason = xstrdup(why->msg);

		return by_hand(rotate, host, row, reason, why);
	}
	if (line.result == AUTHORIZE_ELSEWHERE)
		return by_hand(rotate, host, row, line.text, why);
	if (line.result != AUTHORIZE_ADDED && line.result != AUTHORIZE_PRESENT)
		return err_set(why, ERR_TEMPORARY, "%s", line.text);
	get_on(row, ROTATION_ADDED);
	return true;
}

/* Is the old key let in no more? */
static bool is_shut_out(const struct rotate *rotate, const struct deploy_host *host,
                        const char *reason, struct err *why)
{
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->old_key, why);

	if (ssh) {
		ssh_close(ssh);
		return err_set(why, ERR_REMOTE,
		               "the old key is still let in%s%s: remove its line "
		               "(below) by hand, and run this again",
		               *reason ? "; " : "", reason);
	}
	if (!is_refused_login(why))
		return false;
	*why = (struct err){ 0 };
	return true;
}

/* Over the new key: that it is let in is what allows us to take the other one away. */
static bool remove_old(const struct rotate *rotate, const struct deploy_host *host,
                       struct rotation_host *row, struct err *why)
{
	struct ssh *ssh = deploy_connect(&rotate->settings, host, rotate->new_key, why);
	struct authorize_line line = { 0 };
	bool done;

	if (!ssh)
		return false;
	done = edit(rotate, ssh, true, &line, why);
	ssh_close(ssh);
	if (!done && why->kind != ERR_REMOTE)
		return false;
	if (line.result == AUTHORIZE_FAILED)
		return err_set(why, ERR_TEMPORARY, "%s", line.text);
	if (!is_shut_out(rotate, host, line.text, why))
		return false;
	get_on(row, ROTATION_DONE);
	return true;
}

static const struct {
	bool (*take)(const struct rotate *, const struct deploy_host *,
	             struct rotation_host *, struct err *);
	bool after_switch;
} steps[] = {
	[ROTATION_WAITS] = { add, false },   [ROTATION_ADDED] = { prove, false },
	[ROTATION_BY_HAND] = { add, false }, [ROTATION_PROVED] = { remove_old, true },
	[ROTATION_DONE] = { NULL, true },
};
_Static_assert(ARRAY_SIZE(steps) == ROTATION_STATE_COUNT, "a state has no step");

static bool save(struct rotate *rotate, const struct deploy_host *host,
                 struct rotation_host *row, bool is_new, struct err *err)
{
	const struct {
		const char *name, *text;
	} events[] = {
		[ROTATION_WAITS] = { NULL, NULL },
		[ROTATION_ADDED] = { "ssh.rotation.added",
		                     "the new key's line is beside the old one's" },
		[ROTATION_BY_HAND] = { "ssh.rotation.by-hand", row->text },
		[ROTATION_PROVED] = { "ssh.rotation.proved", "the new key is let in" },
		[ROTATION_DONE] = { "ssh.rotation.removed", "the old key is refused" },
	};
	struct event event = { .name = events[row->state].name, .host = host->name };

	_Static_assert(ARRAY_SIZE(events) == ROTATION_STATE_COUNT,
	               "a state has no event");
	snprintf(event.text, sizeof(event.text), "%s",
	         event.name ? events[row->state].text : "");
	row->at = clock_now();
	return store_rotation_host_save(rotate->settings.store, host->name, row,
	                                is_new && event.name ? &event : NULL, err);
}

/* An added line that is not let in was taken away again, or does not count: once more. */
static void think_again(struct rotation_host *row, const struct err *why)
{
	if (row->state == ROTATION_ADDED && is_refused_login(why))
		row->state = ROTATION_WAITS;
}

bool rotate_host(struct rotate *rotate, const struct deploy_host *host,
                 struct rotation_host *row, struct err *why, struct err *err)
{
	bool is_on = true;

	*why = (struct err){ 0 };
	if (!store_rotation_host_load(rotate->settings.store, host->name, row, err))
		return false;
	while (is_on && steps[row->state].take &&
	       (!steps[row->state].after_switch || rotate->rotation.is_switched)) {
		const enum rotation_state before = row->state;

		is_on = steps[before].take(rotate, host, row, why);
		if (!is_on && why->kind == ERR_INTERNAL) {
			*err = *why;
			return false;
		}
		if (!is_on)
			snprintf(row->text, sizeof(row->text), "%s", why->msg);
		think_again(row, why);
		if (!save(rotate, host, row, row->state > before, err))
			return false;
	}
	return true;
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
