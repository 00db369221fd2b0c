/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer says, record by record, in every section. */
#include <string.h>

#include "base/buf.h"
#include "dns/message.h"
#include "unit.h"

enum section { END, ANSWER, AUTHORITY, ADDITIONAL };
enum { NXDOMAIN = 3, SERVFAIL = 2, AA = 0x0400, AD = 0x0020 };

/* data: a name where a type holds names, else bytes (len of them). */
struct record {
	enum section section;
	const char *owner;
	enum dns_type type;
	int ttl;
	const char *data;
	uint16_t len;
};

static void put16(struct buf *out, unsigned number)
{
	const unsigned char bytes[] = { (unsigned char)(number >> 8),
		                        (unsigned char)number };

	buf_add(out, bytes, sizeof(bytes));
}

static void put_name(struct buf *out, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");
		const unsigned char size = (unsigned char)len;

		buf_add(out, &size, 1);
		buf_add(out, name, len);
		name += len + (name[len] == '.');
	}
	buf_add(out, "", 1);
}

static void put_data(struct buf *out, const struct record *record)
{
	/* Serial, refresh, retry, expire; the minimum is 30. */
	static const char rest[20] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, 0,
		                       0, 1, 0, 0, 0, 1, 0, 0, 0, 30 };

	switch ((int)record->type) {
	case DNS_TYPE_SOA:
		put_name(out, "ns.test");
		put_name(out, "host.test");
		buf_add(out, rest, sizeof(rest));
		break;
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME: put_name(out, record->data); break;
	default: buf_add(out, record->data, record->len); break;
	}
}

static void put_record(struct buf *out, const struct record *record)
{
	AUTO_BUF struct buf data = BUF_INIT(1024);

	put_name(out, record->owner);
	put16(out, record->type);
	put16(out, 1);
	put16(out, 0);
	put16(out, (unsigned)record->ttl);
	put_data(&data, record);
	put16(out, (unsigned)data.len);
	buf_add(out, data.data, data.len);
}

static void put_message(struct buf *out, enum dns_type asked, unsigned flags,
                        const struct record *records)
{
	unsigned counts[4] = { 0 };

	for (const struct record *at = records; at->section != END; at++)
		counts[at->section]++;
	put16(out, 7);
	put16(out, 0x8000 | flags);
	put16(out, 1);
	for (int i = ANSWER; i <= ADDITIONAL; i++)
		put16(out, counts[i]);
	put_name(out, "_acme-challenge.www.example.test");
	put16(out, asked);
	put16(out, 1);
	for (const struct record *at = records; at->section != END; at++)
		put_record(out, at);
}

#define NAME        "_acme-challenge.www.example.test"
#define BYTES(text) (text), sizeof(text) - 1

/* clang-format off */
static const struct {
	const char *name;
	enum dns_type asked;
	unsigned flags;
	struct record records[6];
	const char *said; /* values|alias|zone|ns|glue */
	int ttl_s;
	bool is_referral;
} rows[] = {
	{ "CNAME", DNS_TYPE_TXT, AA,
	  { { ANSWER, NAME, DNS_TYPE_CNAME, 60, "X.Acme.TEST", 0 } },
	  "|x.acme.test|||", 0, false },
	{ "CNAME and what it leads to", DNS_TYPE_TXT, AA,
	  { { ANSWER, NAME, DNS_TYPE_CNAME, 60, "x.acme.test", 0 },
	    { ANSWER, "x.acme.test", DNS_TYPE_TXT, 9, BYTES("\1a") } },
	  "|x.acme.test|||", 0, false },
	{ "another's CNAME", DNS_TYPE_TXT, AA,
	  { { ANSWER, "other.test", DNS_TYPE_CNAME, 60, "x.acme.test", 0 } },
	  "||||", 0, false },
	{ "TXT values, the shortest TTL", DNS_TYPE_TXT, AA,
	  { { ANSWER, NAME, DNS_TYPE_TXT, 60, BYTES("\2ab\1c") },
	    { ANSWER, NAME, DNS_TYPE_TXT, 20, BYTES("\1d") } },
	  "abc,d||||", 20, false },
	{ "no: the minimum of the SOA", DNS_TYPE_TXT, AA | NXDOMAIN,
	  { { AUTHORITY, "Example.test", DNS_TYPE_SOA, 900, "", 0 } },
	  "||example.test||", 30, false },
	{ "no: its TTL, which a cache counts down", DNS_TYPE_TXT, 0,
	  { { AUTHORITY, "example.test", DNS_TYPE_SOA, 5, "", 0 } },
	  "||example.test||", 5, false },
	{ "a zone that the name is not in", DNS_TYPE_TXT, AA,
	  { { AUTHORITY, "ple.test", DNS_TYPE_SOA, 5, "", 0 } },
	  "||||", 0, false },
	{ "delegation with glue", DNS_TYPE_TXT, 0,
	  { { AUTHORITY, NAME, DNS_TYPE_NS, 60, "ns1.example.test", 0 },
	    { AUTHORITY, NAME, DNS_TYPE_NS, 60, "ns2.example.test", 0 },
	    { ADDITIONAL, "NS1.example.test", DNS_TYPE_A, 60, BYTES("\300\0\2\1") } },
	  "||" NAME "|ns1.example.test,ns2.example.test|ns1.example.test 192.0.2.1",
	  0, true },
	{ "the same with authority is none", DNS_TYPE_TXT, AA,
	  { { ANSWER, NAME, DNS_TYPE_TXT, 60, BYTES("\1a") },
	    { AUTHORITY, "example.test", DNS_TYPE_NS, 60, "ns1.example.test", 0 } },
	  "a||example.test|ns1.example.test|", 60, false },
	{ "to the root is none", DNS_TYPE_TXT, 0,
	  { { AUTHORITY, "", DNS_TYPE_NS, 60, "a.root", 0 } },
	  "||||", 0, false },
	{ "CAA", DNS_TYPE_CAA, 0,
	  { { ANSWER, NAME, DNS_TYPE_CAA, 60, BYTES("\0\5issueca.example; a=b") },
	    { ANSWER, NAME, DNS_TYPE_CAA, 60, BYTES("\200\3TBSx y") } },
	  "0 issue ca.example; a=b,128 tbs x y||||", 60, false },
	{ "CAA behind an alias", DNS_TYPE_CAA, 0,
	  { { ANSWER, NAME, DNS_TYPE_CNAME, 60, "x.test", 0 },
	    { ANSWER, "x.test", DNS_TYPE_CAA, 60, BYTES("\0\5issue;") } },
	  "0 issue ;|x.test|||", 60, false },
	{ "CAA without value", DNS_TYPE_CAA, 0,
	  { { ANSWER, NAME, DNS_TYPE_CAA, 60, BYTES("\0\5issue") } },
	  "0 issue ||||", 60, false },
	{ "CAA with a NUL", DNS_TYPE_CAA, 0,
	  { { ANSWER, NAME, DNS_TYPE_CAA, 60, BYTES("\0\5issueca.example\0.evil") } },
	  "0 issue ca.example\\x00.evil||||", 60, false },
	{ "CAA with an odd tag", DNS_TYPE_CAA, 0,
	  { { ANSWER, NAME, DNS_TYPE_CAA, 60, BYTES("\200\6issue ca.example") } },
	  "128 ? ca.example||||", 60, false },
	{ "CAA without tag", DNS_TYPE_CAA, 0,
	  { { ANSWER, NAME, DNS_TYPE_CAA, 60, BYTES("\200\0ca.example") } },
	  "128 ? ca.example||||", 60, false },
};
/* clang-format on */

static void say(const struct dns_reply *reply, struct buf *out)
{
	strlist_join(&reply->values, ",", out);
	buf_addf(out, "|%s|%s|", reply->alias, reply->zone);
	strlist_join(&reply->ns, ",", out);
	buf_addf(out, "|");
	strlist_join(&reply->glue, ",", out);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf wire = BUF_INIT(4096), said = BUF_INIT(4096);
		AUTO_DNS_REPLY struct dns_reply reply = { 0 };
		struct dns_question question;
		struct err err = { 0 };

		put_message(&wire, rows[i].asked, rows[i].flags, rows[i].records);
		assert_true(
		    dns_question_make(NAME, rows[i].asked, DNS_RECURSE, &question, &err));
		CHECK(rows[i].name,
		      dns_reply_parse(&question, wire.data, wire.len, &reply, &err));
		say(&reply, &said);
		CHECK(rows[i].name, strcmp(said.data, rows[i].said) == 0);
		if (strcmp(said.data, rows[i].said) != 0)
			print_error("[%s] %s\n", rows[i].name, said.data);
		CHECK(rows[i].name, reply.ttl_s == rows[i].ttl_s);
		CHECK(rows[i].name, reply.is_referral == rows[i].is_referral);
		CHECK(rows[i].name, reply.is_ok);
	}
	DONE();
}

static const struct {
	const char *name;
	unsigned flags;
	const char *rcode;
	bool is_ok, has_authority, is_validated;
} headers[] = {
	{ "authority", AA, "NOERROR", true, true, false },
	{ "no such name", AA | NXDOMAIN, "NXDOMAIN", true, true, false },
	{ "validated", AD, "NOERROR", true, false, true },
	{ "failed", SERVFAIL, "SERVFAIL", false, false, false },
};

static void test_headers(void **state)
{
	static const struct record none[] = { { END, NULL, 0, 0, NULL, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		AUTO_BUF struct buf wire = BUF_INIT(4096);
		AUTO_DNS_REPLY struct dns_reply reply = { 0 };
		struct dns_question question;
		struct err err = { 0 };

		put_message(&wire, DNS_TYPE_SOA, headers[i].flags, none);
		assert_true(dns_question_make(NAME, DNS_TYPE_SOA, 0, &question, &err));
		CHECK(headers[i].name,
		      dns_reply_parse(&question, wire.data, wire.len, &reply, &err));
		CHECK(headers[i].name, strcmp(reply.rcode, headers[i].rcode) == 0);
		CHECK(headers[i].name, reply.is_ok == headers[i].is_ok);
		CHECK(headers[i].name, reply.has_authority == headers[i].has_authority);
		CHECK(headers[i].name, reply.is_validated == headers[i].is_validated);
	}
	DONE();
}

/* What a question asks for, in the bits of its header (RFC 1035 4.1.1, RFC 4035 3.2). */
static void test_questions(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
		uint8_t high, low;
	} questions[] = {
		{ "of a server", 0, 0, 0 },
		{ "of a resolver", DNS_RECURSE, 1, 0 },
		{ "validated", DNS_RECURSE | DNS_VALIDATE, 1, 0x20 },
		{ "unchecked", DNS_RECURSE | DNS_UNCHECKED, 1, 0x10 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		struct dns_question question;
		struct err err = { 0 };

		CHECK(questions[i].name,
		      dns_question_make("a.test", DNS_TYPE_CAA, questions[i].flags,
		                        &question, &err));
		CHECK(questions[i].name, question.wire[2] == questions[i].high);
		CHECK(questions[i].name, question.wire[3] == questions[i].low);
		CHECK(questions[i].name, question.wire[question.len - 4] == 1 &&
		                             question.wire[question.len - 3] == 1);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
