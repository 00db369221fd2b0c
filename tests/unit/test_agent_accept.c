/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "agent/accept.h"
#include "agent/formats.h"
#include "base/str.h"
#include "make_cert.h"

enum { NOW = 1800000000, DAY = 86400 };

static void make(struct cert *out, const struct key *key, const char *names, int64_t from,
                 int64_t until)
{
	AUTO_BUF struct buf pem = BUF_INIT(64 * 1024);
	EVP_PKEY *evp = evp_of(key);
	const struct make_cert want = { .subject = "leaf",
		                        .issuer = "leaf",
		                        .names = names,
		                        .not_before = from,
		                        .not_after = until,
		                        .key = evp,
		                        .signer = evp };
	struct err err;

	make_pem(&pem, &want);
	EVP_PKEY_free(evp);
	assert_true(cert_parse(pem.data, pem.len, out, &err));
}

static void acceptance(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *names;
		int from, until;
		bool own_key, has_installed, may_be_older;
		int installed_from;
		const char *said; /* NULL: taken */
	} rows[] = {
		{ "right",          "DNS:a.example",                 -1, 89, true,  false, false, 0,  NULL },
		{ "wildcard",       "DNS:x.b.example,DNS:a.example", -1, 89, true,  false, false, 0,  NULL },
		{ "foreign",        "DNS:a.example,DNS:c.example",   -1, 89, true,  false, false, 0,  "name c.example" },
		{ "wider",          "DNS:*.example.org",             -1, 89, true,  false, false, 0,  "name *.example.org" },
		{ "another key",    "DNS:a.example",                 -1, 89, false, false, false, 0,  "another key" },
		{ "expired",        "DNS:a.example",                 -9, -1, true,  false, false, 0,  "expired" },
		{ "not yet",        "DNS:a.example",                 2,  89, true,  false, false, 0,  "valid from" },
		{ "newer",          "DNS:a.example",                 -1, 89, true,  true,  false, -2, NULL },
		{ "as old",         "DNS:a.example",                 -2, 89, true,  true,  false, -2, NULL },
		{ "older",          "DNS:a.example",                 -3, 89, true,  true,  false, -2, "older: refuse" },
		{ "older, allowed", "DNS:a.example",                 -3, 89, true,  true,  true,  -2, NULL },
	};
	/* clang-format on */
	struct policy_slot slot = { .name = (char *)(uintptr_t) "www" };
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);
	AUTO_KEY struct key *other = key_new(KEY_EC_256, &err);

	(void)state;
	strlist_add(&slot.names, "a.example");
	strlist_add(&slot.names, "*.b.example");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_CERT struct cert cert = { 0 }, installed = { 0 };
		bool taken;

		slot.may_be_older = rows[i].may_be_older;
		make(&cert, key, rows[i].names, NOW + rows[i].from * DAY,
		     NOW + rows[i].until * DAY);
		make(&installed, key, "DNS:a.example", NOW + rows[i].installed_from * DAY,
		     NOW + 50 * DAY);
		taken = accept_check(&slot, &cert, rows[i].own_key ? key : other,
		                     rows[i].has_installed ? &installed : NULL, NOW,
		                     &err);
		CHECK(rows[i].name, taken == !rows[i].said);
		CHECK(rows[i].name, taken || strstr(err.msg, rows[i].said));
	}
	strlist_deinit(&slot.names);
	DONE();
}

static void formats(void **state)
{
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);
	AUTO_CERT struct cert cert = { 0 };
	AUTO_SECRET struct secret *password = secret_new("geheim", 6);

	(void)state;
	make(&cert, key, "DNS:a.example", NOW, NOW + DAY);
	for (unsigned formats = 1; formats < 1U << POLICY_FORMAT_COUNT; formats += 2) {
		const struct policy_slot slot = { .formats = formats, .mode = 0640 };
		AUTO_OUTPUTS struct outputs outputs = { 0 };

		assert_true(outputs_make(&outputs, &slot, &cert, key, password, &err));
		assert_int_equal(outputs.count, 4 + !!(formats & 2) + !!(formats & 4) +
		                                    2 * !!(formats & 8));
		for (size_t i = 0; i < outputs.count; i++) {
			bool is_open = strstr(outputs.files[i].name, "cert.pem") ||
			               strstr(outputs.files[i].name, "chain") ||
			               strstr(outputs.files[i].name, "cert.der");

			CHECK(outputs.files[i].name,
			      outputs.files[i].mode == (is_open ? 0644 : 0640));
			/* No key in a file that everybody may read. */
			CHECK(outputs.files[i].name,
			      !is_open || !memmem(outputs.files[i].bytes,
			                          outputs.files[i].len, "PRIVATE", 7));
		}
	}
	DONE();
}

static void pkcs12_without_password(void **state)
{
	const struct policy_slot slot = { .formats = 1U << POLICY_PKCS12 };
	AUTO_OUTPUTS struct outputs outputs = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_false(outputs_make(&outputs, &slot, NULL, NULL, NULL, &err));
	assert_non_null(strstr(err.msg, "password file"));
}

static void keys_in_pem(void **state)
{
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_EC_384, &err);
	AUTO_SECRET struct secret *pem = key_format_pem(key, &err);
	size_t len;
	const char *text = secret_reveal(pem, &len);

	(void)state;
	AUTO_KEY struct key *again = key_parse_pem(text, len, &err);
	assert_non_null(again);
	assert_int_equal(key_type_get(again), KEY_EC_384);
	for (size_t cut = 0; cut < len; cut++)
		assert_null(key_parse_pem(text, cut, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acceptance),
		cmocka_unit_test(formats),
		cmocka_unit_test(pkcs12_without_password),
		cmocka_unit_test(keys_in_pem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
