/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_ACCOUNTS_H
#define AGENT_ACCOUNTS_H
#include <stdbool.h>
#include <sys/types.h>

/*
 * accounts - who a policy's owner and group are on this server
 *
 * A name is looked for in /etc/passwd and /etc/group, and nowhere else: the agent is
 * linked statically as it is shipped, so the C library's name services (nsswitch.conf)
 * would be loaded from whatever C library the server has; and no directory service has
 * to answer before a certificate is installed. Accounts that live elsewhere (LDAP, SSSD)
 * are given by their number: a name of digits alone that no line has.
 *
 * False: there is no such account. Not for threads: the C library has one record.
 */
bool account_user(const char *name, uid_t *out);
bool account_group(const char *name, gid_t *out);
#endif
