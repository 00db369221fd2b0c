/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * message - one DNS question as bytes, and the bytes of an answer as text
 *
 * ldns stays behind this border. dns_reply_parse() takes what a stranger sent: a
 * pure function over bytes, and a fuzz target. Any thread.
 */
enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_CAA = 257
};

enum dns_flag {
	DNS_RECURSE = 1 << 0,  /* RD: to a resolver */
	DNS_VALIDATE = 1 << 1, /* AD: say whether the signatures were checked */
	DNS_UNCHECKED = 1 << 2 /* CD: answer even where they are wrong */
};

struct dns_question {
	enum dns_type type;
	char name[256]; /* no final dot */
	uint8_t wire[300];
	size_t len;
};

struct dns_reply {
	char rcode[24]; /* "NOERROR", "NXDOMAIN", ... */
	bool is_ok;     /* NOERROR or NXDOMAIN: it knows what it says */
	bool has_authority;
	bool is_validated; /* AD */
	bool is_referral;  /* no answer, but who has it: zone, ns and glue */
	char alias[256];   /* what the CNAME at the name points to; or "" */
	/* Of the authority section, and only if the name is in it: the zone that says
	 * no (SOA) or that holds the name (NS), or to which it is delegated. */
	char zone[256];
	int ttl_s;           /* how long a cache goes on saying this (RFC 2308) */
	struct strlist ns;   /* names of the servers of that zone */
	struct strlist glue; /* "NAME ADDRESS": what the answer knows of them */
	/*
	 * What the records of the asked type say: addresses, names without final
	 * dot, for SOA the owner, for TXT the joined strings, for CAA "FLAGS TAG
	 * VALUE" (one with a NUL byte is escaped). Records of another owner do not
	 * count, but for addresses and CAA: there a resolver followed an alias.
	 */
	struct strlist values;
};

/* flags: of enum dns_flag. The id is random. */
bool dns_question_make(const char *name, enum dns_type type, unsigned flags,
                       struct dns_question *out, struct err *err) MUST_CHECK;

/* False: these bytes are not a DNS message (ERR_REMOTE). */
bool dns_reply_parse(const struct dns_question *question, const void *bytes, size_t len,
                     struct dns_reply *out, struct err *err) MUST_CHECK;
void dns_reply_deinit(struct dns_reply *reply);
#define AUTO_DNS_REPLY CLEANUP(dns_reply_deinit)
#endif
