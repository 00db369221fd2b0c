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

/* As a session does: taken apart, then looked at. */
static bool is_taken(const struct policy_slot *slot, const struct key *key,
                     const struct make_cert *want, struct err *err)
{
	AUTO_BUF struct buf pem = BUF_INIT(64 * 1024);
	AUTO_CERT struct cert cert = { 0 };

	make_pem(&pem, want);
	return cert_parse(pem.data, pem.len, &cert, err) &&
	       accept_check(slot, &cert, key, NULL, NOW, err);
}

/* An issuer that wants more than the policy gives it: a.example, *.b.example and
 * xn--bcher-kva.example. */
/* clang-format off */
static const struct {
	const char *names, *constraints, *said; /* NULL: taken */
} names_asked[] = {
	{ "DNS:a.example",                          NULL,       NULL },
	{ "DNS:A.EXAMPLE",                          NULL,       NULL },
	{ "DNS:xn--bcher-kva.example",              NULL,       NULL },
	{ "DNS:XN--BCHER-KVA.example",              NULL,       NULL },
	{ "DNS:*.b.example",                        NULL,       NULL },
	{ "DNS:a.example",                          "CA:FALSE", NULL },
	{ "DNS:a.example.",                         NULL,       "final dot" },
	{ "DNS:.b.example",                         NULL,       "empty label" },
	{ "DNS:x..b.example",                       NULL,       "empty label" },
	{ "DNS:b.example",                          NULL,       "name b.example" },
	{ "DNS:y.x.b.example",                      NULL,       "name y.x.b.example" },
	{ "DNS:*.x.b.example",                      NULL,       "name *.x.b.example" },
	{ "DNS:*.*.b.example",                      NULL,       "wildcard" },
	{ "DNS:x*.b.example",                       NULL,       "wildcard" },
	{ "DNS:*",                                  NULL,       "the certificate" },
	{ "DNS:*.",                                 NULL,       "the certificate" },
	{ "DNS:*.example",                          NULL,       "the certificate" },
	{ "DNS:*.a.example",                        NULL,       "name *.a.example" },
	{ "DNS:a.example.evil.example",             NULL,       "name a.example.evil.example" },
	{ "DNS:evila.example",                      NULL,       "name evila.example" },
	{ "DNS:b\303\274cher.example",            NULL,       "something else than letters" },
	{ "DNS:xn--bcher-kva.example.b.example",    NULL,       "name xn--bcher-kva.example.b.example" },
	{ "DNS:_x.b.example",                       NULL,       "something else than letters" },
	{ "DNS:a.example/x",                        NULL,       "something else than letters" },
	{ "DNS:a.example x",                        NULL,       "something else than letters" },
	{ "DNS:192.0.2.1",                          NULL,       "an address is not a name" },
	{ "DNS:a.example,IP:192.0.2.1",             NULL,       "no host" },
	{ "DNS:a.example,IP:2001:db8::1",           NULL,       "no host" },
	{ "DNS:a.example,email:a@a.example",        NULL,       "no host" },
	{ "DNS:a.example,URI:https://a.example/",   NULL,       "no host" },
	{ "DNS:a.example,RID:1.2.3.4",              NULL,       "no host" },
	{ "DNS:a.example,otherName:1.2.3.4;UTF8:a", NULL,       "no host" },
	{ NULL,                                     NULL,       "no names" },
	{ "DNS:a.example",                          "CA:TRUE",  "one of a CA" },
	{ "DNS:a.example",          "critical,CA:TRUE,pathlen:0", "one of a CA" },
};
/* clang-format on */

static void hostile_names(void **state)
{
	struct policy_slot slot = { .name = (char *)(uintptr_t) "www" };
	struct err err = { 0 };
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &err);
	EVP_PKEY *evp = evp_of(key);

	(void)state;
	strlist_add(&slot.names, "a.example");
	strlist_add(&slot.names, "*.b.example");
	strlist_add(&slot.names, "xn--bcher-kva.example");
	for (size_t i = 0; i < ARRAY_SIZE(names_asked); i++) {
		const struct make_cert want = { .subject = "a.example",
			                        .issuer = "a.example",
			                        .names = names_asked[i].names,
			                        .constraints = names_asked[i].constraints,
			                        .not_before = NOW - DAY,
			                        .not_after = NOW + DAY,
			                        .key = evp,
			                        .signer = evp };
		const char *name = names_asked[i].names ? names_asked[i].names : "none";
		bool taken = is_taken(&slot, key, &want, &err);

		CHECK(name, taken == !names_asked[i].said);
		CHECK(name, taken || strstr(err.msg, names_asked[i].said));
	}
	EVP_PKEY_free(evp);
	strlist_deinit(&slot.names);
	DONE();
}

/* Kinds of key that no slot takes, though the certificate is for them. */
static void hostile_keys(void **state)
{
	static const struct {
		const char *name, *kind;
		size_t bits; /* RSA */
		const char *group;
	} rows[] = {
		{ "P-521", "EC", 0, "P-521" },     { "secp256k1", "EC", 0, "secp256k1" },
		{ "P-224", "EC", 0, "P-224" },     { "RSA 1024", "RSA", 1024, NULL },
		{ "RSA 2047", "RSA", 2047, NULL }, { "Ed25519", "ED25519", 0, NULL },
	};
	struct policy_slot slot = { .name = (char *)(uintptr_t) "www" };

	(void)state;
	strlist_add(&slot.names, "a.example");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EVP_PKEY *evp = rows[i].bits ? EVP_RSA_gen(rows[i].bits)
		                : rows[i].group
		                    ? EVP_EC_gen(rows[i].group)
		                    : EVP_PKEY_Q_keygen(NULL, NULL, rows[i].kind);
		const struct make_cert want = { .subject = "a.example",
			                        .issuer = "a.example",
			                        .names = "DNS:a.example",
			                        .not_before = NOW - DAY,
			                        .not_after = NOW + DAY,
			                        .key = evp,
			                        .signer = evp };
		BIO *bio = BIO_new(BIO_s_mem());
		AUTO_KEY struct key *key = NULL;
		struct err err = { 0 };
		char *text = NULL;
		long len;

		assert_true(
		    PEM_write_bio_PKCS8PrivateKey(bio, evp, NULL, NULL, 0, NULL, NULL));
		len = BIO_get_mem_data(bio, &text);
		key = key_parse_pem(text, (size_t)len, &err);
		CHECK(rows[i].name, !key || !is_taken(&slot, key, &want, &err));
		CHECK(rows[i].name, err.msg[0]);
		BIO_free(bio);
		EVP_PKEY_free(evp);
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
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(hostile_keys),
		cmocka_unit_test(formats),
		cmocka_unit_test(pkcs12_without_password),
		cmocka_unit_test(keys_in_pem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
