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
	DNS_TYPE_SOA = 6,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28
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
	bool is_alias; /* a CNAME stands at the name */
	/*
	 * What the records of the asked type say: addresses, names without final
	 * dot, for SOA the owner, for TXT the joined strings (one with a NUL byte
	 * is escaped). Records of another owner do not count, but for addresses.
	 */
	struct strlist values;
};

/* is_recursive: to a resolver. The id is random. */
bool dns_question_make(const char *name, enum dns_type type, bool is_recursive,
                       struct dns_question *out, struct err *err) MUST_CHECK;

/* False: these bytes are not a DNS message (ERR_REMOTE). */
bool dns_reply_parse(const struct dns_question *question, const void *bytes, size_t len,
                     struct dns_reply *out, struct err *err) MUST_CHECK;
void dns_reply_deinit(struct dns_reply *reply);
#define AUTO_DNS_REPLY CLEANUP(dns_reply_deinit)
#endif
