/* SPDX-License-Identifier: Apache-2.0 */
#include "warn.h"

#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"

/* Let's Encrypt: this many certificates for one set of names in seven days, no override.
 */
enum { SAME_SET_LIMIT = 5 };

static void warn_same_set(const struct config_certificate *certificate,
                          struct strlist *warnings)
{
	if (certificate->unique_name || certificate->host_count <= SAME_SET_LIMIT)
		return;
	AUTO_FREE char *text = xasprintf(
	    "%s: %zu hosts with the same set of names; Let's Encrypt issues %d "
	    "certificates a week for "
	    "one set, without exception: set unique-name, say \"{host}.srv.%s\"",
	    certificate->name, certificate->host_count, SAME_SET_LIMIT,
	    certificate->names.len ? certificate->names.items[0] : "example.com");

	strlist_add(warnings, text);
}

/* Names that are proved by records of their own: a wildcard and its base share one. */
static size_t count_bases(const struct config_certificate *certificate)
{
	AUTO_STRLIST struct strlist bases = { 0 };

	for (size_t i = 0; i < certificate->names.len; i++) {
		const char *base = dnsname_base(certificate->names.items[i]);

		if (!strlist_has(&bases, base))
			strlist_add(&bases, base);
	}
	return bases.len + (certificate->unique_name ? certificate->host_count : 0);
}

static void warn_one_alias(const struct config_certificate *certificate,
                           struct strlist *warnings)
{
	const char *alias = certificate->challenge_alias;
	size_t bases = count_bases(certificate);

	if (!alias || strstr(alias, "{name}") || bases < 2)
		return;
	AUTO_FREE char *text = xasprintf("%s: challenge-alias %s holds the records of "
	                                 "%zu names: its TXT set grows with "
	                                 "each that is proved at the same time, and "
	                                 "large sets get lost on the way; with "
	                                 "{name} in it each has a place of its own",
	                                 certificate->name, alias, bases);

	strlist_add(warnings, text);
}

void fleet_warn(const struct config_certificate *certificate, struct strlist *warnings)
{
	warn_same_set(certificate, warnings);
	warn_one_alias(certificate, warnings);
}
