/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "unit.h"

#include "crypto/digest.h"
#include "crypto/key.h"
#include "ssh/host_key.h"
#include "ssh/userauth.h"
#include "ssh/wire.h"

static const char key_blob[] = "\0\0\0\013ssh-ed25519\0\0\0\04keys";
enum { KEY_BLOB_LEN = sizeof(key_blob) - 1 };

/* What a request is made of; the first row is a good one. */
struct request {
	const char *row;
	size_t session_len;
	int message;
	const char *user, *service, *method;
	int has_signature;
	const char *algorithm, *blob;
	size_t blob_len;
	const char *more;
	bool good;
};

static void add_text(struct buf *out, const char *text)
{
	wire_add_string(out, text, strlen(text));
}

static void make(const struct request *r, struct buf *out)
{
	char session[200];

	memset(session, 's', sizeof(session));
	wire_add_string(out, session, r->session_len);
	buf_addf(out, "%c", r->message);
	add_text(out, r->user);
	add_text(out, r->service);
	add_text(out, r->method);
	buf_addf(out, "%c", r->has_signature);
	add_text(out, r->algorithm);
	wire_add_string(out, r->blob, r->blob_len);
	buf_addf(out, "%s", r->more);
}

/* clang-format off */
#define GOOD "root", "ssh-connection", "publickey", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, ""
static const struct request rows[] = {
	{ "good",              32, 50, GOOD, true },
	{ "sha-512 session",   64, 50, GOOD, true },
	{ "no session",         0, 50, GOOD, false },
	{ "short session",     19, 50, GOOD, false },
	{ "long session",      65, 50, GOOD, false },
	{ "other message",     32, 51, GOOD, false },
	{ "other user",        32, 50, "toor", "ssh-connection", "publickey", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "user and more",     32, 50, "root2", "ssh-connection", "publickey", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "empty user",        32, 50, "", "ssh-connection", "publickey", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "other service",     32, 50, "root", "ssh-userauth", "publickey", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "hostbased",         32, 50, "root", "ssh-connection", "hostbased", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "hostbound",         32, 50, "root", "ssh-connection", "publickey-hostbound-v00@openssh.com", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "only a query",      32, 50, "root", "ssh-connection", "publickey", 0, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "true as 2",         32, 50, "root", "ssh-connection", "publickey", 2, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "", false },
	{ "other algorithm",   32, 50, "root", "ssh-connection", "publickey", 1, "ssh-rsa", key_blob, KEY_BLOB_LEN, "", false },
	{ "certificate",       32, 50, "root", "ssh-connection", "publickey", 1, "ssh-ed25519-cert-v01@openssh.com", key_blob, KEY_BLOB_LEN, "", false },
	{ "other key",         32, 50, "root", "ssh-connection", "publickey", 1, "ssh-ed25519", "other", 5, "", false },
	{ "cut key",           32, 50, "root", "ssh-connection", "publickey", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN - 1, "", false },
	{ "bytes behind",      32, 50, "root", "ssh-connection", "publickey", 1, "ssh-ed25519", key_blob, KEY_BLOB_LEN, "x", false },
};
/* clang-format on */

static bool check(const struct buf *bytes, size_t len, struct err *err)
{
	return userauth_check(bytes->data, len, "root", key_blob, KEY_BLOB_LEN, err);
}

static void only_a_login_is_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_BUF struct buf bytes = BUF_INIT(1000);
		struct err err = { 0 };

		make(&rows[i], &bytes);
		CHECK(rows[i].row, check(&bytes, bytes.len, &err) == rows[i].good);
		CHECK(rows[i].row, rows[i].good || err.kind == ERR_DENIED);
	}
	DONE();
}

static void cut_requests_are_refused(void **state)
{
	AUTO_BUF struct buf bytes = BUF_INIT(1000);
	struct err err = { 0 };

	(void)state;
	make(&rows[0], &bytes);
	for (size_t len = 0; len < bytes.len; len++)
		assert_false(check(&bytes, len, &err));
	assert_true(check(&bytes, bytes.len, &err));
}

/* Any byte but those of the session identifier makes it something else. */
static void changed_bytes_are_refused(void **state)
{
	AUTO_BUF struct buf bytes = BUF_INIT(1000);
	struct err err = { 0 };

	(void)state;
	make(&rows[0], &bytes);
	for (size_t at = 0; at < bytes.len; at++) {
		const bool in_session = at >= 4 && at < 4 + rows[0].session_len;

		bytes.data[at] ^= 0x40;
		assert_true(check(&bytes, bytes.len, &err) == in_session);
		bytes.data[at] ^= 0x40;
	}
}

static void text_does_not_overrun(void **state)
{
	static const struct {
		const char *row, *bytes;
		size_t len;
		bool good;
		const char *text;
	} texts[] = {
		{ "fits", "\0\0\0\3abc", 7, true, "abc" },
		{ "empty", "\0\0\0\0", 4, true, "" },
		{ "one too long", "\0\0\0\4abcd", 8, false, "" },
		{ "NUL inside", "\0\0\0\2a\0", 6, false, "" },
		{ "length past the end", "\0\0\0\3ab", 6, false, "" },
		{ "huge length", "\377\377\377\377ab", 6, false, "" },
		{ "cut length", "\0\0\0", 3, false, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct wire_reader reader = wire_read(texts[i].bytes, texts[i].len);
		char out[4] = "xxx";

		wire_read_text(&reader, out, sizeof(out));
		CHECK(texts[i].row, reader.bad == !texts[i].good);
		CHECK(texts[i].row, str_eq(out, texts[i].text));
	}
	DONE();
}

static void host_keys_are_parsed(void **state)
{
	static const struct {
		const char *row, *blob;
		size_t len;
		const char *type; /* NULL: refused */
	} blobs[] = {
		{ "ed25519", key_blob, KEY_BLOB_LEN, "ssh-ed25519" },
		{ "empty", "", 0, NULL },
		{ "empty type", "\0\0\0\0", 4, NULL },
		{ "type past the end", "\0\0\0\11ssh", 7, NULL },
		{ "type with escape", "\0\0\0\2\033x", 6, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(blobs); i++) {
		struct ssh_host_key key;
		const bool good = host_key_parse(blobs[i].blob, blobs[i].len, &key);

		CHECK(blobs[i].row, good == (blobs[i].type != NULL));
		CHECK(blobs[i].row, !good || str_eq(key.type, blobs[i].type));
	}
	DONE();
}

static void only_ed25519_has_a_line(void **state)
{
	struct err err = { 0 };
	AUTO_KEY struct key *ours = key_new(KEY_ED25519, &err);
	AUTO_KEY struct key *other = key_new(KEY_EC_256, &err);

	(void)state;
	AUTO_FREE char *line = ssh_public_line(ours, "me@here", &err);
	assert_true(str_starts(line, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"));
	assert_true(str_ends(line, " me@here"));
	assert_null(ssh_public_line(other, "me", &err));
	assert_int_equal(err.kind, ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_login_is_signed),
		cmocka_unit_test(cut_requests_are_refused),
		cmocka_unit_test(changed_bytes_are_refused),
		cmocka_unit_test(text_does_not_overrun),
		cmocka_unit_test(host_keys_are_parsed),
		cmocka_unit_test(only_ed25519_has_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
