/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPLOY_ROTATE_PARTS_H
#define DEPLOY_ROTATE_PARTS_H
#include "install/authorize.h"
#include "rotate.h"

/*
 * rotate_parts - what the parts of a rotation share; see rotate.h
 *
 *   rotate.c        its life: keys, the switch, the end
 *   rotate_steps.c  one host, from state to state
 *   rotate_edit.c   its authorized_keys, edited: by the deploy key itself where that may
 * run programs, by the person where certferry-agent is all that it may run
 */
struct rotate {
	struct deploy_settings settings;
	const struct rotate_operator *person;
	struct rotation rotation;
	struct key *old_key, *new_key;
	char *old_line, *new_line;
	char *old_blob, *new_blob; /* base64 */
};

struct rotate_edit {
	bool is_removal;
	const char *old_blob, *new_blob; /* base64 */
};

struct ssh;
/* In a session that is open. ERR_REMOTE: our key may not run programs of ours there. */
bool rotate_edit_by_key(const struct rotate_edit *edit, struct ssh *ssh,
                        struct authorize_line *out, struct err *err) MUST_CHECK;
bool rotate_edit_by_operator(const struct rotate_edit *edit,
                             const struct rotate_operator *person,
                             const struct deploy_host *host, struct authorize_line *out,
                             struct err *err) MUST_CHECK;
#endif
