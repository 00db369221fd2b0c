/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "crypto/digest.h"
#include "unit.h"

#include <string.h>

/* RFC 4648 10, and what tells the two alphabets apart. */
static const struct {
	const char *bytes, *base64, *base64url;
} encodings[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xff\xfe\xfb", "//77", "__77" },
	{ "\xfb\xef\xbe", "++++", "----" },
};

static void test_base64(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(encodings); i++) {
		const char *bytes = encodings[i].bytes;
		AUTO_BUF struct buf b64 = BUF_INIT(100), url = BUF_INIT(100);
		AUTO_BUF struct buf back = BUF_INIT(100), back_url = BUF_INIT(100);
		struct err err = { 0 };

		base64_add(&b64, bytes, strlen(bytes));
		base64url_add(&url, bytes, strlen(bytes));
		CHECK(bytes, str_eq(b64.data, encodings[i].base64));
		CHECK(bytes, str_eq(url.data, encodings[i].base64url));
		CHECK(bytes, base64_decode(b64.data, b64.len, &back, &err));
		CHECK(bytes, base64url_decode(url.data, url.len, &back_url, &err));
		CHECK(bytes, str_eq(back.data, bytes));
		CHECK(bytes, str_eq(back_url.data, bytes));
	}
	DONE();
}

typedef bool decode_fn(const char *, size_t, struct buf *, struct err *);

static const struct {
	const char *name, *text;
	decode_fn *decode;
} bad[] = {
	{ "no padding", "Zg", base64_decode },
	{ "half the padding", "Zg=", base64_decode },
	{ "padding alone", "====", base64_decode },
	{ "three of padding", "Z===", base64_decode },
	{ "padding inside", "Zg==Zg==", base64_decode },
	{ "line end", "Zm9v\n", base64_decode },
	{ "space inside", "Zm9v Zm9", base64_decode },
	{ "the url alphabet", "__77", base64_decode },
	{ "bits left over", "Zh==", base64_decode },
	{ "more bits left over", "Zm9=", base64_decode },
	{ "url: padding", "Zg==", base64url_decode },
	{ "url: one letter", "Z", base64url_decode },
	{ "url: five letters", "Zm9vZ", base64url_decode },
	{ "url: the plain alphabet", "//77", base64url_decode },
	{ "url: bits left over", "Zh", base64url_decode },
	{ "url: not ASCII", "Zm9\xc3", base64url_decode },
	{ "too long", "Zm9vZm9vZm9vZm9vZm9vZm9v", base64url_decode },
};

static void test_bad_base64(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_BUF struct buf out = BUF_INIT(16);
		struct err err = { 0 };

		CHECK(bad[i].name,
		      !bad[i].decode(bad[i].text, strlen(bad[i].text), &out, &err));
		CHECK(bad[i].name, err.kind == ERR_INPUT && err.msg[0]);
	}
	/* A NUL is a letter of the C string's end, and of no alphabet. */
	AUTO_BUF struct buf out = BUF_INIT(16);
	struct err err = { 0 };
	CHECK("NUL inside", !base64_decode("Zm9v\0m9v", 8, &out, &err));
	DONE();
}

static void test_hashes(void **state)
{
	AUTO_BUF struct buf hex = BUF_INIT(100), ssh = BUF_INIT(100), mac = BUF_INIT(100);
	AUTO_BUF struct buf mac_hex = BUF_INIT(100);
	AUTO_SECRET struct secret *key = secret_new("Jefe", 4);
	AUTO_SECRET struct secret *none = secret_new("", 0);
	static const char question[] = "what do ya want for nothing?";
	unsigned char digest[SHA256_LEN];
	struct err err = { 0 };

	(void)state;
	sha256("abc", 3, digest);
	str_add_hex(&hex, digest, sizeof(digest));
	assert_string_equal(hex.data, "ba7816bf8f01cfea414140de5dae2223"
	                              "b00361a396177a9cb410ff61f20015ad");
	sha256_ssh("abc", 3, &ssh);
	assert_string_equal(ssh.data,
	                    "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0");
	/* RFC 4231, case 2. */
	assert_true(hmac_sha256(key, question, strlen(question), &mac, &err));
	str_add_hex(&mac_hex, (unsigned char *)mac.data, mac.len);
	assert_string_equal(mac_hex.data, "5bdcc146bf60754e6a042426089575c7"
	                                  "5a003f089d2739839dec58b964ec3843");
	assert_false(hmac_sha256(none, "a", 1, &mac, &err));
}

static void test_random(void **state)
{
	unsigned char a[1000] = { 0 }, b[1000] = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(random_bytes(a, sizeof(a), &err));
	assert_true(random_bytes(b, sizeof(b), &err));
	assert_false(bytes_equal(a, b, sizeof(a)));
	assert_true(bytes_equal(a, a, sizeof(a)));
	/* The end is filled too. */
	assert_false(bytes_equal(a + 900, (unsigned char[100]){ 0 }, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_bad_base64),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
