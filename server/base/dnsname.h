/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DNSNAME_H
#define BASE_DNSNAME_H
#include <stdbool.h>

#include "err.h"

/*
 * dnsname - host names as a certificate holds them
 *
 * A name is lower-case ASCII (A-labels), without final dot: labels of 1 to 63
 * letters, digits and hyphens, no hyphen at their ends, 253 bytes in all
 * (RFC 1034 3.5, RFC 5280 4.2.1.6). A wildcard is "*." before a name of two or
 * more labels (RFC 9525 6.3). Underscores are for owners of TXT records only.
 */
enum { DNSNAME_MAX = 253 };

enum dnsname_allow {
	DNSNAME_WILDCARD = 1 << 0,   /* "*." in front */
	DNSNAME_UNDERSCORE = 1 << 1, /* labels that start with "_" */
	DNSNAME_ONE_LABEL = 1 << 2,  /* "localhost" */
};

/* The error is ERR_INPUT and says which label is wrong and why. */
bool dnsname_check(const char *name, unsigned allow, struct err *err) MUST_CHECK;

bool dnsname_is_wildcard(const char *name);
/* The name without "*.". */
const char *dnsname_base(const char *name);
/* True if the wildcard (or the equal name) stands for name: one label more. */
bool dnsname_covers(const char *pattern, const char *name);
/* True if name is zone or below it. */
bool dnsname_is_below(const char *name, const char *zone);
/* The name without its first label; "" at the end. */
const char *dnsname_parent(const char *name);
#endif
