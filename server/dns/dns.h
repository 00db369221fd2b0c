/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_DNS_H
#define DNS_DNS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * dns - which servers hold a zone, and what each of them says
 *
 * The resolver is asked for SOA, NS and addresses only. Never for the TXT record of
 * a challenge: a negative answer would be cached there, and perhaps at the CA. TXT is
 * asked of each authoritative address directly, without recursion, over UDP and over
 * TCP where the answer was cut. Answers must come from whom we asked, for what
 * we asked (address, id, question). Any thread; every call ends by its deadline.
 *
 * An address that this machine has no route to (IPv6, where there is none here) is
 * DNS_SILENT with the note "no route", and does not count as long as another server
 * shows the values: it says nothing about the zone, and would stop every order for
 * good. A server that does not answer does count. A CNAME at the name is not
 * followed yet, only noted.
 */
struct dns_settings {
	const char
	    *resolver;  /* "192.0.2.1" or "192.0.2.1@5353"; NULL: /etc/resolv.conf */
	int timeout_ms; /* one question to one address; 0: 2000 */
};

enum { DNS_SERVERS_MAX = 32, DNS_ADDRESS_MAX = 64, DNS_NAME_TEXT = 256 };

enum dns_answer {
	DNS_NOT_ASKED,
	DNS_SHOWS,        /* all wanted values are there */
	DNS_LACKS,        /* it answered with authority, and they are not */
	DNS_NO_AUTHORITY, /* it answered without the AA bit, or refused */
	DNS_SILENT,       /* no answer in time */
	DNS_ANSWER_COUNT
};
/* "shows it", "lacks it", ... for tables. */
extern const char *const dns_answer_names[DNS_ANSWER_COUNT];

struct dns_server {
	char ns[DNS_NAME_TEXT];        /* its name in the NS set */
	char address[DNS_ADDRESS_MAX]; /* with @port where it is not 53 */
	enum dns_answer answer;        /* of the last dns_txt_ask() */
	int values;                    /* TXT values it has at the name */
	char note[80];                 /* "SERVFAIL", "connection refused"; or "" */
};

struct dns_zone {
	char name[DNS_NAME_TEXT]; /* "example.org", no final dot */
	struct dns_server servers[DNS_SERVERS_MAX];
	size_t count;
};

/* The zone that holds the name (nearest SOA at or above it), with every address of
 * its NS set. No zone is ERR_CONFIG; a resolver that does not answer ERR_TEMPORARY. */
bool dns_zone_find(const struct dns_settings *settings, const char *name,
                   struct dns_zone *out, struct err *err) MUST_CHECK;

/* Asks every server of the zone, all at once, for the TXT values at name; fills in
 * answer, values and note. *all_show is true where each shows all the wanted ones. */
bool dns_txt_ask(const struct dns_settings *settings, struct dns_zone *zone,
                 const char *name, const struct strlist *values, bool *all_show,
                 struct err *err) MUST_CHECK;

/* "ns1.example.org 192.0.2.1 shows it; ns2.example.org 192.0.2.2 lacks it (1 value)" */
void dns_zone_format(const struct dns_zone *zone, struct buf *out);
#endif
