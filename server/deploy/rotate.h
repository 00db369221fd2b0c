/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_ROTATE_H
#define DEPLOY_ROTATE_H
#include "deploy.h"
#include "store/rotation.h"

/*
 * rotate - a new deploy key in the place of the old one, on every host
 *
 * Host by host: the new key's line is put beside the old one's over a login with the old
 * key, and a login with the new key proves it. When all are proved, or the person says
 * that it is enough, the new key becomes the deploy key; only then the old one's line is
 * taken away, over a login with the new key, and seen to be refused. Where each host is
 * stands in the store after every step, so that whatever ends a run, the next one goes
 * on. At no time is a key given up before the other one was let in.
 *
 * Where the old key runs certferry-agent and nothing else, a person's own login edits the
 * file, with the same program; and the new key is proved only when the agent answers it,
 * too: a line without the command would give it a shell.
 *
 * A server whose authorized_keys is not ours to edit (no such login, a file elsewhere) is
 * ROTATION_BY_HAND until its administrator has added, or removed, the line; the login
 * alone decides.
 */
struct rotate;

/* The login of a person, for hosts where our key may run certferry-agent and nothing
 * else. Runs a command there with that input; what it prints is appended to output. */
struct buf;
struct rotate_operator {
	bool (*run)(void *arg, const char *host, const char *command,
	            const struct buf *input, struct buf *output, struct err *err);
	void *arg;
};

/* Of the settings store, worker, hosts and host_count are used. Goes on with the one that
 * is under way; without it a key is made and one begins. person may be NULL: then such
 * hosts are by hand. */
struct rotate *rotate_new(const struct deploy_settings *settings,
                          const struct rotate_operator *person,
                          struct err *err) MUST_CHECK;
void rotate_free(struct rotate *rotate);
DEFINE_CLEANUP(struct rotate *, rotate_free);

/* One host, as far as it can get now. What keeps it from going on is in row->text, and
 * in why, which is clear where nothing does; false is a trouble of our own. */
bool rotate_host(struct rotate *rotate, const struct deploy_host *host,
                 struct rotation_host *row, struct err *why, struct err *err) MUST_CHECK;

bool rotate_is_switched(const struct rotate *rotate);
/* How many hosts of the settings are not at least in this state. */
bool rotate_count_below(struct rotate *rotate, enum rotation_state state, size_t *count,
                        struct err *err) MUST_CHECK;
/* Hosts that were visited, are not done, and are in the settings no more: nobody takes
 * the old key's line away there. */
bool rotate_left(struct rotate *rotate, struct strlist *out, struct err *err) MUST_CHECK;
/* The new key is the deploy key from now on. */
bool rotate_switch(struct rotate *rotate, struct err *err) MUST_CHECK;
/* The old key is forgotten. */
bool rotate_end(struct rotate *rotate, struct err *err) MUST_CHECK;

/* "ssh-ed25519 AAAA... certferry", for authorized_keys. */
const char *rotate_new_line(const struct rotate *rotate);
const char *rotate_old_line(const struct rotate *rotate);
/* Of the old line the key itself, in base64. */
const char *rotate_old_blob(const struct rotate *rotate);
/* "SHA256:...", as ssh-keygen -l and sshd's log show the old key. The caller frees. */
char *rotate_old_fingerprint(const struct rotate *rotate);
#endif
