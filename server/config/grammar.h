/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_GRAMMAR_H
#define CONFIG_GRAMMAR_H
#include "config/table.h"

/*
 * grammar - the texts that a value may be
 *
 * What reaches another program (a path, a login, a host name) is held to a narrow
 * alphabet here, before anybody uses it. Pure functions; any thread.
 */
extern const struct grammar grammar_https_url, grammar_mailto, grammar_directory,
    grammar_install_directory, grammar_file, grammar_account, grammar_resolver,
    grammar_address, grammar_provider, grammar_token, grammar_kid, grammar_preset,
    grammar_format, grammar_protocol, grammar_port, grammar_entry, grammar_argument,
    grammar_name, grammar_zone, grammar_server_name, grammar_unique_name, grammar_alias;

/* Names, for the check of whole certificates (names.c). */
#define HOST_PLACE "{host}"
/* The unique name for that host; the caller frees. */
char *names_expand(const char *unique_name, const char *host) MUST_CHECK;
/* The name at which the TXT record of that name is made, with this challenge-alias; the
 * caller frees. */
#define NAME_PLACE "{name}"
char *names_alias(const char *alias, const char *name) MUST_CHECK;
#endif
