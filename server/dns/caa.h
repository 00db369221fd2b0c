/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_CAA_H
#define DNS_CAA_H
#include "dns.h"

/*
 * caa - which CA may issue for a name (RFC 8659), to whom and how (RFC 8657)
 *
 * Looking up and judging are apart: the judge is a pure function over a set, with a table
 * of the RFCs' own examples as its test. What a CA does is what counts, so this follows
 * Boulder where the RFCs leave room: a critical flag on a tag that is not known refuses,
 * two accounturi parameters allow nobody, a parameter that cannot be read allows nobody.
 * Any thread.
 */
struct caa_record {
	uint8_t flags;
	char tag[16]; /* lower case */
	char *value;
};

struct caa_set {
	char owner[DNS_NAME_TEXT]; /* where it stands; "": nowhere, all are allowed */
	struct caa_record *items;
	size_t len;
};
void caa_set_deinit(struct caa_set *set);
#define AUTO_CAA_SET CLEANUP(caa_set_deinit)

/* The set that counts for the name (without "*."): of the nearest name, from it upwards,
 * that has one. ERR_TEMPORARY where a look-up fails before that: a CA refuses then. */
bool dns_caa_find(const struct dns_settings *settings, const char *name,
                  struct caa_set *out, struct err *err) MUST_CHECK;

struct caa_wish {
	const struct strlist
	    *identities;         /* the directory's caaIdentities; empty: unknown */
	const char *account_url; /* NULL: there is no account yet */
	const char *method;      /* "dns-01" */
	bool is_wildcard;        /* issuewild comes before issue */
};

/* False: ERR_DENIED, and the text names the record, what it allows, and the record that
 * would allow this CA. With unknown identities only what forbids everybody refuses. */
bool caa_permits(const struct caa_set *set, const struct caa_wish *wish,
                 struct err *err) MUST_CHECK;
#endif
