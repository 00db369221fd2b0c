/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_HOST_LOAD_H
#define DNS_HOST_LOAD_H
#include <certferry/dns_provider.h>

#include "base/err.h"

/*
 * load - a provider by its name, into this process, a plugin host
 *
 * In two steps, since what is trusted is decided as the user we came as, and what
 * is loaded runs its constructors at once, so in the sandbox. Between the two, the
 * plugin directory is the working directory: it may stand below one that an
 * unprivileged user cannot enter, and nobody can put another in its place.
 * Every refusal is ERR_CONFIG, names the path, and says what was wrong.
 */

/* Checks name, directory and file, and goes to the directory. */
bool load_check(const char *dir, const char *name, struct err *err) MUST_CHECK;

/* Loads it. out is a copy; what it points to stays for as long as the process. */
bool load_open(const char *dir, const char *name, struct dns_provider *out,
               struct err *err) MUST_CHECK;
#endif
