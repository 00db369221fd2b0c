/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "crypto/seal.h"
#include "unit.h"

#include <string.h>

static const char key_a[] = "0123456789abcdef0123456789abcdef";
static const char key_b[] = "0123456789abcdef0123456789abcdeF";
static const struct seal_place home = { "private_key", 7, "pkcs8" };
enum { MAX = 2000, OVERHEAD = 1 + 32 + 12 + 16 };

static struct sealer *sealer_of(const char *text)
{
	AUTO_SECRET struct secret *key = secret_new(text, strlen(text));
	struct err err = { 0 };

	return sealer_new(key, &err);
}

static bool opens(const char *key, const struct seal_place *place, const char *bytes,
                  size_t len)
{
	CLEANUP(sealer_freep) struct sealer *sealer = sealer_of(key);
	struct err err = { 0 };
	AUTO_SECRET struct secret *plain = unseal(sealer, place, bytes, len, &err);

	if (!plain)
		CHECK("error text", err.kind != ERR_NONE && err.msg[0]);
	return plain;
}

static void test_there_and_back(void **state)
{
	CLEANUP(sealer_freep) struct sealer *sealer = sealer_of(key_a);
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char bytes[1000], name[32];
		AUTO_SECRET struct secret *plain = NULL, *back = NULL;
		AUTO_BUF struct buf sealed = BUF_INIT(MAX);
		struct err err = { 0 };
		size_t len = 0;

		snprintf(name, sizeof(name), "%zu bytes", sizes[i]);
		memset(bytes, 'x', sizeof(bytes));
		plain = secret_new(bytes, sizes[i]);
		CHECK(name, seal(sealer, &home, plain, &sealed, &err));
		CHECK(name, sealed.len == sizes[i] + OVERHEAD);
		back = unseal(sealer, &home, sealed.data, sealed.len, &err);
		CHECK(name,
		      back && memcmp(secret_reveal(back, &len), bytes, sizes[i]) == 0);
		CHECK(name, len == sizes[i]);
	}
	DONE();
}

static void seal_text(struct buf *out, const char *text)
{
	CLEANUP(sealer_freep) struct sealer *sealer = sealer_of(key_a);
	AUTO_SECRET struct secret *plain = secret_new(text, strlen(text));
	struct err err = { 0 };

	assert_true(seal(sealer, &home, plain, out, &err));
}

static void test_each_bit_counts(void **state)
{
	AUTO_BUF struct buf sealed = BUF_INIT(MAX);

	(void)state;
	seal_text(&sealed, "the private key");
	for (size_t i = 0; i < sealed.len; i++) {
		char name[32];

		snprintf(name, sizeof(name), "byte %zu", i);
		sealed.data[i] ^= (char)(1 << i % 8);
		CHECK(name, !opens(key_a, &home, sealed.data, sealed.len));
		sealed.data[i] ^= (char)(1 << i % 8);
	}
	for (size_t len = 0; len < sealed.len; len++)
		CHECK("cut", !opens(key_a, &home, sealed.data, len));
	buf_add(&sealed, "x", 1);
	CHECK("longer", !opens(key_a, &home, sealed.data, sealed.len));
	CHECK("whole", opens(key_a, &home, sealed.data, sealed.len - 1));
	DONE();
}

static const struct {
	const char *name, *key;
	struct seal_place place;
	bool opens;
} elsewhere[] = {
	{ "at home", key_a, { "private_key", 7, "pkcs8" }, true },
	{ "another key", key_b, { "private_key", 7, "pkcs8" }, false },
	{ "another row", key_a, { "private_key", 8, "pkcs8" }, false },
	{ "negative row", key_a, { "private_key", -7, "pkcs8" }, false },
	{ "another table", key_a, { "account_key", 7, "pkcs8" }, false },
	{ "another column", key_a, { "private_key", 7, "pkcs9" }, false },
	{ "table and column swapped", key_a, { "pkcs8", 7, "private_key" }, false },
	{ "letter moved over", key_a, { "private_keyp", 7, "kcs8" }, false },
	{ "all in the table", key_a, { "private_keypkcs8", 7, "" }, false },
};

static void test_elsewhere(void **state)
{
	AUTO_BUF struct buf sealed = BUF_INIT(MAX);

	(void)state;
	seal_text(&sealed, "the private key");
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		CHECK(elsewhere[i].name,
		      opens(elsewhere[i].key, &elsewhere[i].place, sealed.data,
		            sealed.len) == elsewhere[i].opens);
	DONE();
}

/* The same bytes in a row, cut elsewhere: the numbers of these rows are letters. */
static void test_no_two_places_alike(void **state)
{
	static const struct seal_place a = { "tBBBBBBBB", 0x4141414141414141, "c" };
	static const struct seal_place b = { "t", 0x4242424242424242, "AAAAAAAAc" };
	CLEANUP(sealer_freep) struct sealer *sealer = sealer_of(key_a);
	AUTO_SECRET struct secret *plain = secret_new("secret", 6);
	AUTO_BUF struct buf sealed = BUF_INIT(MAX);
	struct err err = { 0 };

	(void)state;
	assert_true(seal(sealer, &a, plain, &sealed, &err));
	assert_true(opens(key_a, &a, sealed.data, sealed.len));
	assert_false(opens(key_a, &b, sealed.data, sealed.len));
}

static void test_never_the_same(void **state)
{
	AUTO_BUF struct buf a = BUF_INIT(MAX), b = BUF_INIT(MAX);

	(void)state;
	seal_text(&a, "the private key");
	seal_text(&b, "the private key");
	/* Salt, nonce and ciphertext each differ. */
	assert_int_equal(a.data[0], 1);
	assert_memory_not_equal(a.data + 1, b.data + 1, 32);
	assert_memory_not_equal(a.data + 33, b.data + 33, 12);
	assert_memory_not_equal(a.data + 45, b.data + 45, 15);
	assert_null(memmem(a.data, a.len, "private", 7));
}

static void test_limits(void **state)
{
	AUTO_SECRET struct secret *short_key = secret_new("short", 5);
	AUTO_BUF struct buf small = BUF_INIT(OVERHEAD);
	CLEANUP(sealer_freep) struct sealer *sealer = sealer_of(key_a);
	struct err err = { 0 };

	(void)state;
	assert_null(sealer_new(short_key, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_false(seal(sealer, &home, short_key, &small, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_each_bit_counts),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_no_two_places_alike),
		cmocka_unit_test(test_never_the_same),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
