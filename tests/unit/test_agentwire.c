/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "agentwire/agentwire.h"
#include "base/mem.h"

static const unsigned char no_digest[AGENTWIRE_DIGEST];

/* Reads all frames of the buffer; the first error's text, or "". */
static void read_all(const struct buf *bytes, struct err *err)
{
	struct agentwire_order order = { 0 };
	size_t at = 0;

	*err = (struct err){ 0 };
	while (at < bytes->len) {
		AUTO_AGENTWIRE_FRAME struct agentwire_frame frame = { 0 };
		enum agentwire_type type;
		size_t len;

		assert_true(bytes->len - at >= AGENTWIRE_HEADER);
		if (!agentwire_read_header((const unsigned char *)bytes->data + at, &type,
		                           &len, err))
			return;
		at += AGENTWIRE_HEADER;
		assert_true(bytes->len - at >= len);
		if (!agentwire_read(type, bytes->data + at, len, &frame, err) ||
		    !agentwire_next(&order, &frame, len, err))
			return;
		at += len;
	}
}

/* A session as letters: h hello, I X K R jobs (install, inspect, check, csr), s slot,
 * r request, c chain, C cert, k key, e end, y commit, n rollback. */
static void add_letter(struct buf *out, char letter)
{
	static const char job_letters[] = "IXKR", file_letters[] = "Cck";
	const char *job = strchr(job_letters, letter),
		   *file = strchr(file_letters, letter);
	struct agentwire_start start = { .confirm_timeout_s = 60 };
	AUTO_STRLIST struct strlist names = { 0 };

	strlist_add(&names, "a.example");
	if (job) {
		start.job = (enum agentwire_job)(job - job_letters);
		agentwire_add_job(out, &start);
	} else if (file) {
		agentwire_add_file(out, (enum agentwire_file)(file - file_letters), "x\n",
		                   2);
	} else if (letter == 'h') {
		agentwire_add_hello(out);
	} else if (letter == 's') {
		agentwire_add_slot(out, "www");
	} else if (letter == 'r') {
		agentwire_add_request(out, KEY_EC_256, &names);
	} else if (letter == 'e') {
		agentwire_add_end(out, no_digest);
	} else {
		agentwire_add_word(out,
		                   letter == 'y' ? AGENTWIRE_COMMIT : AGENTWIRE_ROLLBACK);
	}
}

static void order_of_frames(void **state)
{
	static const struct {
		const char *session;
		bool good;
	} rows[] = {
		{ "h", true },        { "hIsCckey", true }, { "IsCcsCcken", true },
		{ "Xse", true },      { "Xsse", true },     { "Ksse", true },
		{ "Ksrse", true },    { "Rsre", true },     { "hh", false },
		{ "Ih", false },      { "s", false },       { "Is", true },
		{ "II", false },      { "Ie", false },      { "Ise", false },
		{ "IsCe", false },    { "Isce", false },    { "IsCCce", false },
		{ "IsCckke", false }, { "IsCs", false },    { "IC", false },
		{ "Isr", false },     { "XsC", false },     { "Xsr", false },
		{ "Rse", false },     { "Rss", false },     { "Rsrr", false },
		{ "Rsrk", false },    { "Xsey", false },    { "Rsrey", false },
		{ "IsCcy", false },   { "IsCceyy", false }, { "IsCceyn", false },
		{ "IsCces", false },  { "IsCcee", false },  { "IsCceI", false },
		{ "y", false },       { "hy", false },      { "e", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf bytes = BUF_INIT(AGENTWIRE_JOB_MAX);
		struct err err;

		for (const char *at = rows[i].session; *at; at++)
			add_letter(&bytes, *at);
		read_all(&bytes, &err);
		CHECK(rows[i].session, (err.kind == ERR_NONE) == rows[i].good);
		CHECK(rows[i].session, err.kind == ERR_NONE || err.kind == ERR_REMOTE);
	}
	DONE();
}

static void what_is_written_is_read(void **state)
{
	AUTO_BUF struct buf bytes = BUF_INIT(AGENTWIRE_JOB_MAX);
	AUTO_STRLIST struct strlist names = { 0 };
	AUTO_AGENTWIRE_FRAME struct agentwire_frame frame = { 0 };
	const struct agentwire_start start = { AGENTWIRE_INSTALL, true, 3600 };
	enum agentwire_type type;
	struct err err;
	size_t len;

	(void)state;
	strlist_add(&names, "*.example.org");
	strlist_add(&names, "example.org");
	agentwire_add_job(&bytes, &start);
	agentwire_add_request(&bytes, KEY_RSA_3072, &names);
	assert_true(
	    agentwire_read_header((unsigned char *)bytes.data, &type, &len, &err));
	assert_true(agentwire_read(type, bytes.data + 12, len, &frame, &err));
	assert_int_equal(frame.job, AGENTWIRE_INSTALL);
	assert_true(frame.reload_anyway);
	assert_int_equal(frame.confirm_timeout_s, 3600);
	assert_true(agentwire_read_header((unsigned char *)bytes.data + 12 + len, &type,
	                                  &len, &err));
	assert_int_equal(type, AGENTWIRE_REQUEST);
	assert_true(
	    agentwire_read(type, bytes.data + bytes.len - len, len, &frame, &err));
	assert_int_equal(frame.key_type, KEY_RSA_3072);
	assert_int_equal(frame.names.len, 2);
	assert_string_equal(frame.names.items[1], "example.org");
}

static void payloads(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		enum agentwire_type type;
		const char *bytes;
		size_t len;
		bool good;
	} rows[] = {
		{ "hello",            AGENTWIRE_HELLO,   "",            0, true  },
		{ "hello, a byte",    AGENTWIRE_HELLO,   "x",           1, false },
		{ "job",              AGENTWIRE_JOB,     "\1\0\0\5",    4, true  },
		{ "job 0",            AGENTWIRE_JOB,     "\0\0\0\5",    4, false },
		{ "job 5",            AGENTWIRE_JOB,     "\5\0\0\5",    4, false },
		{ "flag 2",           AGENTWIRE_JOB,     "\1\2\0\5",    4, false },
		{ "0 s",              AGENTWIRE_JOB,     "\1\0\0\0",    4, false },
		{ "3600 s",           AGENTWIRE_JOB,     "\1\0\x0e\x10", 4, true },
		{ "3601 s",           AGENTWIRE_JOB,     "\1\0\x0e\x11", 4, false },
		{ "short job",        AGENTWIRE_JOB,     "\1\0\0",      3, false },
		{ "slot",             AGENTWIRE_SLOT,    "www",         3, true  },
		{ "no slot",          AGENTWIRE_SLOT,    "",            0, false },
		{ "slot ..",          AGENTWIRE_SLOT,    "..",          2, false },
		{ "slot a/b",         AGENTWIRE_SLOT,    "a/b",         3, false },
		{ "slot with NUL",    AGENTWIRE_SLOT,    "a\0b",        3, false },
		{ "slot with line",   AGENTWIRE_SLOT,    "a\n",         2, false },
		{ "request",          AGENTWIRE_REQUEST, "ec-256\na.b\n", 11, true },
		{ "no final line",    AGENTWIRE_REQUEST, "ec-256\na.b", 10, false },
		{ "no names",         AGENTWIRE_REQUEST, "ec-256\n",    7, false },
		{ "name twice",       AGENTWIRE_REQUEST, "ec-256\na.b\na.b\n", 15, false },
		{ "upper case",       AGENTWIRE_REQUEST, "ec-256\nA.b\n", 11, false },
		{ "empty line",       AGENTWIRE_REQUEST, "ec-256\n\n",  8, false },
		{ "key for SSH",      AGENTWIRE_REQUEST, "ed25519\na.b\n", 12, false },
		{ "key 512",          AGENTWIRE_REQUEST, "rsa-512\na.b\n", 12, false },
		{ "file",             AGENTWIRE_FILE,    "\1x\n",       3, true  },
		{ "no kind",          AGENTWIRE_FILE,    "",            0, false },
		{ "kind 0",           AGENTWIRE_FILE,    "\0x\n",       3, false },
		{ "kind 4",           AGENTWIRE_FILE,    "\4x\n",       3, false },
		{ "empty cert",       AGENTWIRE_FILE,    "\1",          1, false },
		{ "empty chain",      AGENTWIRE_FILE,    "\2",          1, true  },
		{ "no line end",      AGENTWIRE_FILE,    "\1x",         2, false },
		{ "tab",              AGENTWIRE_FILE,    "\1\tx\n",     4, false },
		{ "high byte",        AGENTWIRE_FILE,    "\1\xffx\n",   4, false },
		{ "short digest",     AGENTWIRE_END,     "x",           1, false },
		{ "commit, a byte",   AGENTWIRE_COMMIT,  "x",           1, false },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agentwire_frame frame;
		struct err err = { 0 };
		bool good = agentwire_read(rows[i].type, rows[i].bytes, rows[i].len,
		                           &frame, &err);

		CHECK(rows[i].name, good == rows[i].good);
		CHECK(rows[i].name, good || err.kind == ERR_REMOTE);
		agentwire_frame_deinit(&frame);
	}
	DONE();
}

static void headers(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		const char *bytes;
		bool good;
	} rows[] = {
		{ "right",         "CFRA\1\1\0\0\0\0\0\0", true  },
		{ "magic",         "CFRB\1\1\0\0\0\0\0\0", false },
		{ "version 0",     "CFRA\0\1\0\0\0\0\0\0", false },
		{ "version 2",     "CFRA\2\1\0\0\0\0\0\0", false },
		{ "type 0",        "CFRA\1\0\0\0\0\0\0\0", false },
		{ "type 8",        "CFRA\1\x8\0\0\0\0\0\0", true },
		{ "type 9",        "CFRA\1\x9\0\0\0\0\0\0", false },
		{ "reserved",      "CFRA\1\1\0\1\0\0\0\0", false },
		{ "256 KiB",       "CFRA\1\5\0\0\0\4\0\0", true  },
		{ "256 KiB and 1", "CFRA\1\5\0\0\0\4\0\1", false },
		{ "4 GiB",         "CFRA\1\5\0\0\xff\xff\xff\xff", false },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum agentwire_type type;
		struct err err = { 0 };
		size_t len;

		CHECK(rows[i].name,
		      agentwire_read_header((const unsigned char *)rows[i].bytes, &type,
		                            &len, &err) == rows[i].good);
	}
	DONE();
}

static void too_much(void **state)
{
	AUTO_BUF struct buf slots = BUF_INIT(AGENTWIRE_JOB_MAX);
	AUTO_BUF struct buf over = BUF_INIT(AGENTWIRE_JOB_MAX);
	AUTO_FREE char *big = xcalloc(1, AGENTWIRE_PAYLOAD_MAX + 1);
	struct err err;

	(void)state;
	add_letter(&slots, 'X');
	for (int i = 0; i <= AGENTWIRE_SLOTS_MAX; i++)
		add_letter(&slots, 's');
	read_all(&slots, &err);
	assert_int_equal(err.kind, ERR_REMOTE);
	agentwire_add_file(&over, AGENTWIRE_CERT, big, AGENTWIRE_PAYLOAD_MAX);
	assert_true(over.over);
}

#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"

static void lines(void **state)
{
	/* clang-format off */
	static const struct {
		const char *line;
		bool is_ours, good;
		int word, count;
		const char *name;
		bool on_target;
	} rows[] = {
		{ "certferry-1 agent 0.1.0 3",      true,  true,  AGENTWIRE_LINE_AGENT, 3, "0.1.0", false },
		{ "certferry-1 agent 0.1.0 0",      true,  true,  AGENTWIRE_LINE_AGENT, 0, "0.1.0", false },
		{ "certferry-1 agent 0.1.0 257",    true,  false, 0, 0, "", false },
		{ "certferry-1 agent 0.1.0",        true,  false, 0, 0, "", false },
		{ "certferry-1 slot www issuer",    true,  true,  AGENTWIRE_LINE_SLOT, 0, "www", false },
		{ "certferry-1 slot www target",    true,  true,  AGENTWIRE_LINE_SLOT, 0, "www", true },
		{ "certferry-1 slot www both",      true,  false, 0, 0, "", false },
		{ "certferry-1 slot a/b issuer",    true,  false, 0, 0, "", false },
		{ "certferry-1 service www nginx",  true,  true,  AGENTWIRE_LINE_SERVICE, 0, "www", false },
		{ "certferry-1 service www",        true,  false, 0, 0, "", false },
		{ "certferry-1 service www a b",    true,  false, 0, 0, "", false },
		{ "certferry-1 service www ../a",   true,  false, 0, 0, "", false },
		{ "certferry-1 service www " SIXTY_FOUR "x", true, false, 0, 0, "", false },
		{ "certferry-1 csr www 12",         true,  true,  AGENTWIRE_LINE_CSR, 12, "www", false },
		{ "certferry-1 csr www 401",        true,  false, 0, 0, "", false },
		{ "certferry-1 csr www -1",         true,  false, 0, 0, "", false },
		{ "certferry-1 staged www",         false, true,  AGENTWIRE_LINE_COUNT, 0, "", false },
		{ "certferry-1 slot-failed www no", false, true,  AGENTWIRE_LINE_COUNT, 0, "", false },
		{ "Welcome to web-1",               false, true,  AGENTWIRE_LINE_COUNT, 0, "", false },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agentwire_line line;
		struct err err = { 0 };
		bool is_ours,
		    good = agentwire_line_parse(rows[i].line, &line, &is_ours, &err);

		CHECK(rows[i].line, good == rows[i].good && is_ours == rows[i].is_ours);
		CHECK(rows[i].line,
		      !good || ((int)line.word == rows[i].word &&
		                line.count == rows[i].count &&
		                str_eq(line.name, rows[i].name) &&
		                line.is_key_on_target == rows[i].on_target));
		CHECK(rows[i].line, !good || line.word != AGENTWIRE_LINE_SERVICE ||
		                        str_eq(line.service, "nginx"));
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_frames),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(payloads),
		cmocka_unit_test(headers),
		cmocka_unit_test(too_much),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
