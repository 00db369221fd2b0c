/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SSH_KNOWN_HOSTS_H
#define SSH_KNOWN_HOSTS_H
#include "ssh.h"

/*
 * known_hosts - what ssh(1) knows of servers, read as sshd(8) describes it
 *
 * A line names hosts in the clear, by patterns (* and ?, ! takes away) or by a hash
 * (|1|salt|HMAC-SHA1), and one key. Other ports than 22 stand as [name]:port, and only
 * such a line speaks of such a port. @revoked takes a key out for its hosts, whatever
 * other lines say; @cert-authority names no host key, so it is of no use here.
 */
enum known_mark { KNOWN_PLAIN, KNOWN_REVOKED, KNOWN_AUTHORITY };

struct known_line {
	int line;
	enum known_mark mark;
	char *names; /* as they stand there */
	struct ssh_host_key key;
};

struct known_hosts {
	struct known_line *lines;
	size_t len;
	struct strlist notes; /* lines that are of no use here, and why */
};
void known_hosts_deinit(struct known_hosts *known);
#define AUTO_KNOWN CLEANUP(known_hosts_deinit)

/* ERR_INPUT: "line 7: what is wrong; what would be right". */
bool known_hosts_read(const char *text, size_t len, struct known_hosts *out,
                      struct err *err) MUST_CHECK;

enum known_match { KNOWN_NO, KNOWN_BY_NAME, KNOWN_BY_HASH, KNOWN_BY_PATTERN };

/* Does the line speak of this host, a name or an address, at this port? */
enum known_match known_line_match(const struct known_line *line, const char *host,
                                  uint16_t port);
#endif
