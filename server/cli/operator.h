/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OPERATOR_H
#define CLI_OPERATOR_H
#include "internal.h"

/*
 * operator - commands on a server over the operator's own SSH login
 *
 * The ssh program of this machine, with the operator's agent, keys and settings; but the
 * server's host key is compared with certferry's pins and with nothing else: they are
 * given to it as a known_hosts file that lives as long as the struct. What it says to
 * standard error is for the person in front of it.
 */
struct operator_login {
	const struct config_host *host; /* borrowed */
	const struct args *args;        /* borrowed: --login, --identity */
	char *known_hosts;              /* the file's path */
};

bool operator_init(struct operator_login *login, struct store *store,
                   const struct config_host *host, const struct args *args,
                   struct err *err) MUST_CHECK;
void operator_deinit(struct operator_login *login);
#define AUTO_OPERATOR CLEANUP(operator_deinit)

/* The command with that standard input; what it prints is appended to output. */
bool operator_run(const struct operator_login *login, const char *command,
                  const struct buf *input, struct buf *output,
                  struct err *err) MUST_CHECK;
#endif
