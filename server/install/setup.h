/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_SETUP_H
#define INSTALL_SETUP_H
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * setup - the script that puts certferry-agent on a server
 *
 * A POSIX sh program for root: what each host is to have (a policy, an authorized_keys
 * line, lines for sudo), then setup.sh, which does it and is the same for all. It can be
 * read before it is run, run again, and given to Ansible, cloud-init or a package. Data
 * and text only; nothing here talks to a server.
 */
#define SETUP_AGENT "/usr/sbin/certferry-agent"

struct setup_host {
	const char *name;    /* borrowed from the configuration, as is user */
	const char *user;    /* "root", or one of its own that needs sudo */
	char *policy;        /* agent.yaml, whole */
	struct strlist sudo; /* "nginx -s reload", as sudoers(5) wants it */
	struct strlist directories, groups; /* of the slots, index by index */
	struct strlist passwords;           /* files, made where they are missing */
};
void setup_host_deinit(struct setup_host *host);

/* from: patterns as of sshd(8); NULL: from anywhere. */
struct setup_key {
	const char *line; /* "ssh-ed25519 AAAA... certferry" */
	/* NULL: none. While the key is changed for another: one that is let in as well,
	 * or whose lines are taken away. */
	const char *beside, *gone;
	const char *from;
};
bool setup_key_check(const struct setup_key *key, struct err *err) MUST_CHECK;

enum { SETUP_SCRIPT_MAX = 16 * 1024 * 1024 };
void setup_script(const struct setup_host *hosts, size_t count,
                  const struct setup_key *key, struct buf *out);

/* The same for people. */
void setup_show(const struct setup_host *host, const struct setup_key *key,
                struct buf *out);

/* Arguments as sudoers(5) wants them: each stands for itself. False where that cannot be
 * said: control characters or a backslash. */
bool setup_sudo_line(const struct strlist *argv, struct buf *out) MUST_CHECK;
#endif
