/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_AUTHORIZE_H
#define INSTALL_AUTHORIZE_H
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * authorize - a server's authorized_keys: a second key beside the first, or one less
 *
 * As in install.h a fixed program (authorizer.sh) is the command of the session; it runs
 * as the login user, reads five lines and answers with one. Nothing here talks to a
 * server. A public key is the base64 of its blob here: the second word of its line.
 */
enum authorize_result {
	AUTHORIZE_ADDED,
	AUTHORIZE_PRESENT, /* the new key was there already */
	AUTHORIZE_REMOVED,
	AUTHORIZE_ABSENT,    /* the old key was not there any more */
	AUTHORIZE_ELSEWHERE, /* text: why that file is not to be touched, or not the one
	                      */
	AUTHORIZE_FAILED,    /* text: what went wrong; nothing was changed */
	AUTHORIZE_RESULT_COUNT
};

struct authorize_line {
	enum authorize_result result;
	char text[300]; /* printable */
};

/* The command of the session. The caller frees. */
char *authorize_command(void) MUST_CHECK;

/* The same for the login of somebody else, who is root or may be by sudo: user is whose
 * authorized_keys it is about, as the configuration names it. */
char *authorize_command_for(const char *user) MUST_CHECK;

/* What it reads: add new beside old, or remove old. */
void authorize_input(bool is_removal, const char *old_key, const char *new_key,
                     struct buf *out);

/* The program's line among all that a login of a person printed. */
bool authorize_line_find(const char *text, struct authorize_line *out,
                         struct err *err) MUST_CHECK;

/* Anything but the program's own line is ERR_REMOTE: another one ran there. */
bool authorize_line_parse(const char *line, struct authorize_line *out,
                          struct err *err) MUST_CHECK;
#endif
