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
 * The resolver is asked for SOA, NS, CAA and addresses. Never about the name of a
 * challenge, unless the operator says that port 53 is blocked: a negative answer would
 * be cached there, and perhaps at the CA. TXT is asked of each authoritative address
 * directly, without recursion, over UDP and over TCP where the answer was cut. Answers
 * must come from whom we asked, for what we asked (address, id, question). Any thread;
 * every call ends by its deadline.
 *
 * An address that cannot be reached from here at all (no route; or IPv6, as a rule, where
 * nobody answers by it) is left out as long as another server shows the values: it says
 * nothing about the zone, and would stop every order for good. Any other server that does
 * not answer does count.
 */
struct dns_settings {
	const char
	    *resolver;       /* "192.0.2.1" or "192.0.2.1@5353"; NULL: /etc/resolv.conf */
	int timeout_ms;      /* one question to one address; 0: 2000 */
	int64_t deadline_ms; /* of the monotonic clock; nothing more is asked after it; 0:
	                        none but those of the calls */
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
	enum dns_answer answer;        /* of the last dns_txt_look() */
	int values;                    /* TXT values it has at the name */
	char note[80];                 /* "SERVFAIL", "connection refused"; or "" */
	bool is_left_out; /* we cannot reach it, but others: it does not count */
};

struct dns_zone {
	char name[DNS_NAME_TEXT]; /* "example.org", no final dot */
	struct dns_server servers[DNS_SERVERS_MAX];
	size_t count;
	bool is_recursive; /* they are resolvers: dns_resolvers() */
};

/* What a look at a TXT name came to. */
struct dns_look {
	bool all_show;  /* every server that counts shows all the wanted values */
	bool any_shows; /* some server shows at least one of them */
	bool is_cut;    /* some answer has more than gets through by UDP (1232 bytes) */
	int values_max; /* the most TXT values that a server has at the name */
	int negative_ttl_s; /* of a resolver that lacks them: how long it will go on
	                       saying so (RFC 2308); 0: none does, or keeps nothing */
};

/*
 * Asks every server of the zone, all at once, for the TXT values at name, and fills in
 * answer, values and note of each. Where zone->is_recursive they are resolvers, asked
 * with RD, and need no authority. Unreachable is not lagging: an address family (IPv6, as
 * a rule) in which no server at all answers does not count while all of the other family
 * show the values, nor does an address without a route.
 */
bool dns_txt_look(const struct dns_settings *settings, struct dns_zone *zone,
                  const char *name, const struct strlist *values, struct dns_look *look,
                  struct err *err) MUST_CHECK;

/* Resolvers ("ADDRESS", "ADDRESS@PORT") as the servers of a nameless zone. */
bool dns_resolvers(const struct strlist *addresses, struct dns_zone *out,
                   struct err *err) MUST_CHECK;

enum { DNS_HOPS_MAX = 8 };

/*
 * Where the TXT record of a challenge is really to be made: the CNAME at the name is
 * followed, and a delegation of the name itself (NS at _acme-challenge), up to
 * DNS_HOPS_MAX hops.
 */
struct dns_place {
	char name[DNS_NAME_TEXT]; /* the end of the chain; the name itself without one */
	int hops;                 /* CNAMEs on the way */
	char chain[600];          /* "a -> b -> c", for people; cut where it is longer */
	struct dns_zone zone;     /* that holds the end, with its servers */
};

/*
 * is_direct: the servers of the enclosing zone are asked for the challenge's name,
 * without recursion, so that no resolver learns that there is nothing yet. Else the
 * resolver is. A loop, or more hops, is ERR_CONFIG and shows the chain; so is an end that
 * no zone holds (dangling). No answer is ERR_TEMPORARY.
 */
bool dns_place_find(const struct dns_settings *settings, const char *challenge,
                    bool is_direct, struct dns_place *out, struct err *err) MUST_CHECK;

enum dns_security {
	DNS_INSECURE, /* not signed, or the resolver does not validate */
	DNS_SECURE,   /* the resolver validated it (AD) */
	DNS_BOGUS,    /* SERVFAIL that goes away with checking disabled (CD) */
	DNS_SECURITY_COUNT
};

/* What the resolver makes of the signatures at the name (RFC 4035); asked for SOA. */
bool dns_security_ask(const struct dns_settings *settings, const char *name,
                      enum dns_security *out, struct err *err) MUST_CHECK;

/* The zone that holds the name (nearest SOA at or above it), with every address of
 * its NS set. No zone is ERR_CONFIG; a resolver that does not answer ERR_TEMPORARY. */
bool dns_zone_find(const struct dns_settings *settings, const char *name,
                   struct dns_zone *out, struct err *err) MUST_CHECK;

/* "ns1.example.org 192.0.2.1 shows it; ns2.example.org 192.0.2.2 lacks it (1 value);
 * ns2.example.org 2001:db8::2 cannot be reached from here, not counted (no route)" */
void dns_zone_format(const struct dns_zone *zone, struct buf *out);
#endif
