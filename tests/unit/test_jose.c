/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "jose/jose.h"
#include "make_cert.h"
#include "unit.h"

#include <openssl/ec.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* The key of RFC 7515 A.3 as PKCS #8. */
static const char rfc_key[] =
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIffH1136cspYG6+"
    "0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt+"
    "hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
static const char rfc_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char rfc_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char url[] = "https://ca.example/acme/\"new\"";

static struct key *load_rfc_key(void)
{
	AUTO_BUF struct buf der = BUF_INIT(1024);
	AUTO_SECRET struct secret *secret = NULL;
	struct err err = { 0 };

	assert_true(base64_decode(rfc_key, strlen(rfc_key), &der, &err));
	secret = secret_new(der.data, der.len);
	return key_parse(secret, &err);
}

/* Each value is what Python's hashlib makes of the RFC's key. */
static void test_vectors(void **state)
{
	AUTO_KEY struct key *key = load_rfc_key();
	static const char token[] = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
	struct err err = { 0 };
	AUTO_FREE char *thumbprint = jwk_thumbprint(key, &err);
	AUTO_FREE char *authorization = jose_key_authorization(key, token, &err);
	AUTO_FREE char *value = jose_dns01_value(key, token, &err);

	(void)state;
	assert_string_equal(thumbprint, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	assert_string_equal(authorization, "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA."
	                                   "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	assert_string_equal(value, "ZaJgFtIV4WA0t2MzN7kbSk0sfRd2GZjaxRqaSTAK6lI");
}

static cJSON *parse(const char *text)
{
	struct err err = { 0 };
	cJSON *json = json_parse(text, strlen(text), &err);

	assert_non_null(json);
	return json;
}

static const char *member(const cJSON *json, const char *name)
{
	struct err err = { 0 };
	const char *text = NULL;

	return json_str(json, name, &text, &err) ? text : NULL;
}

static void decode_member(const cJSON *json, const char *name, struct buf *out)
{
	const char *text = member(json, name);
	struct err err = { 0 };

	assert_non_null(text);
	assert_true(base64url_decode(text, strlen(text), out, &err));
}

static bool verifies(const struct key *key, const cJSON *jws, const char *digest)
{
	AUTO_BUF struct buf raw = BUF_INIT(200), input = BUF_INIT(10000);
	EVP_PKEY *evp = evp_of(key);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int len;
	bool good;

	decode_member(jws, "signature", &raw);
	buf_addf(&input, "%s.%s", member(jws, "protected"), member(jws, "payload"));
	len = (int)raw.len / 2;
	ECDSA_SIG_set0(sig, BN_bin2bn((unsigned char *)raw.data, len, NULL),
	               BN_bin2bn((unsigned char *)raw.data + len, len, NULL));
	len = i2d_ECDSA_SIG(sig, &der);
	EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, evp, NULL);
	good = EVP_DigestVerify(ctx, der, (size_t)len, (unsigned char *)input.data,
	                        input.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(evp);
	ECDSA_SIG_free(sig);
	OPENSSL_free(der);
	return good;
}

static const struct {
	const char *name, *kid, *nonce, *payload;
	enum key_type type;
	int members; /* of the protected header */
} rows[] = {
	{ "new account", NULL, "n-1", "{\"a\":1}", KEY_EC_256, 4 },
	{ "known account", "https://ca.example/acct/1", "n-2", "{}", KEY_EC_256, 4 },
	{ "POST-as-GET", "https://ca.example/acct/1", "n-3", "", KEY_EC_256, 4 },
	{ "inner of a key change", NULL, NULL, "{}", KEY_EC_256, 3 },
	{ "P-384", NULL, "n-4", "{}", KEY_EC_384, 4 },
};

static void check_header(size_t row, const cJSON *jws)
{
	const char *name = rows[row].name;
	AUTO_BUF struct buf text = BUF_INIT(10000);
	AUTO_JSON cJSON *header = NULL;
	const cJSON *jwk = NULL;
	struct err err = { 0 };

	decode_member(jws, "protected", &text);
	header = parse(text.data);
	CHECK(name, cJSON_GetArraySize(header) == rows[row].members);
	CHECK(name, str_eq(member(header, "alg"),
	                   rows[row].type == KEY_EC_256 ? "ES256" : "ES384"));
	CHECK(name, str_eq(member(header, "url"), url));
	CHECK(name, str_eq(member(header, "nonce"), rows[row].nonce));
	CHECK(name, str_eq(member(header, "kid"), rows[row].kid));
	CHECK(name, json_object(header, "jwk", &jwk, &err) == !rows[row].kid);
	CHECK(name, !jwk || str_eq(member(jwk, "kty"), "EC"));
	CHECK(name, !jwk || cJSON_GetArraySize(jwk) == 4);
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };
		AUTO_KEY struct key *key = key_new(rows[i].type, &err);
		const struct jws_request request = {
			key, rows[i].kid, rows[i].nonce, url, rows[i].payload,
		};
		AUTO_FREE char *text = jws_sign(&request, &err);
		AUTO_BUF struct buf payload = BUF_INIT(10000);
		AUTO_JSON cJSON *jws = parse(text);

		CHECK(rows[i].name, cJSON_GetArraySize(jws) == 3);
		check_header(i, jws);
		decode_member(jws, "payload", &payload);
		CHECK(rows[i].name, str_eq(payload.data, rows[i].payload));
		CHECK(
		    rows[i].name,
		    verifies(key, jws, rows[i].type == KEY_EC_256 ? "SHA256" : "SHA384"));
		cJSON_ReplaceItemInObject(jws, "payload", cJSON_CreateString("e30x"));
		CHECK(rows[i].name,
		      !verifies(key, jws,
		                rows[i].type == KEY_EC_256 ? "SHA256" : "SHA384"));
	}
	DONE();
}

/* RFC 7515 A.1: the HMAC key as its JWK has it, and the signature of its input. */
static void test_hs256_vector(void **state)
{
	static const char k[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
				"aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	static const char input[] =
	    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzM"
	    "DA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
	AUTO_BUF struct buf key = BUF_INIT(100), mac = BUF_INIT(100),
			    text = BUF_INIT(100);
	AUTO_SECRET struct secret *secret = NULL;
	struct err err = { 0 };

	(void)state;
	assert_true(base64url_decode(k, strlen(k), &key, &err));
	secret = secret_new(key.data, key.len);
	assert_true(hmac_sha256(secret, input, strlen(input), &mac, &err));
	base64url_add(&text, mac.data, mac.len);
	assert_string_equal(text.data, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

static const struct {
	const char *name, *hmac_key;
	bool good;
} bindings[] = {
	{ "plain", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
	  true },
	{ "padded by the CA", "AyM1SysPpbyDfgY=", true },
	{ "empty", "", false },
	{ "padding alone", "==", false },
	{ "not base64url", "a+/b", false },
	{ "with a space", "AyM1 SysP", false },
};

static void check_binding(size_t row, const char *text)
{
	const char *name = bindings[row].name, *key = bindings[row].hmac_key;
	AUTO_JSON cJSON *jws = parse(text), *header = NULL, *jwk = NULL;
	AUTO_BUF struct buf protected = BUF_INIT(1000), payload = BUF_INIT(1000);
	AUTO_BUF struct buf bytes = BUF_INIT(100), mac = BUF_INIT(100);
	AUTO_BUF struct buf theirs = BUF_INIT(100), input = BUF_INIT(4000);
	AUTO_SECRET struct secret *secret = NULL;
	struct err err = { 0 };

	decode_member(jws, "protected", &protected);
	decode_member(jws, "payload", &payload);
	decode_member(jws, "signature", &theirs);
	header = parse(protected.data);
	jwk = parse(payload.data);
	CHECK(name, cJSON_GetArraySize(header) == 3);
	CHECK(name, str_eq(member(header, "alg"), "HS256"));
	CHECK(name, str_eq(member(header, "kid"), "kid-1"));
	CHECK(name, str_eq(member(header, "url"), url));
	CHECK(name, str_eq(member(jwk, "crv"), "P-256"));
	CHECK(name, str_eq(member(jwk, "x"), rfc_x));
	CHECK(name, str_eq(member(jwk, "y"), rfc_y));
	CHECK(name, base64url_decode(key, strcspn(key, "="), &bytes, &err));
	secret = secret_new(bytes.data, bytes.len);
	buf_addf(&input, "%s.%s", member(jws, "protected"), member(jws, "payload"));
	CHECK(name, hmac_sha256(secret, input.data, input.len, &mac, &err));
	CHECK(name, mac.len == theirs.len && !memcmp(mac.data, theirs.data, mac.len));
}

static void test_external_binding(void **state)
{
	AUTO_KEY struct key *account = load_rfc_key();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bindings); i++) {
		const char *key = bindings[i].hmac_key;
		AUTO_SECRET struct secret *hmac_key = secret_new(key, strlen(key));
		struct err err = { 0 };
		AUTO_FREE char *text = jws_external_binding(account, "kid-1", hmac_key,
		                                            url, &err);

		CHECK(bindings[i].name, !!text == bindings[i].good);
		if (text)
			check_binding(i, text);
		else
			CHECK(bindings[i].name, err.kind == ERR_CONFIG && err.msg[0]);
	}
	DONE();
}

static void test_refused(void **state)
{
	static const enum key_type types[] = { KEY_RSA_2048, KEY_ED25519 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct err err = { 0 };
		AUTO_KEY struct key *key = key_new(types[i], &err);
		const struct jws_request request = { key, NULL, "n", url, "{}" };
		AUTO_FREE char *thumbprint = jwk_thumbprint(key, &err);
		AUTO_FREE char *jws = jws_sign(&request, &err);

		CHECK(key_type_names[types[i]], !thumbprint && !jws);
		CHECK(key_type_names[types[i]], err.kind == ERR_INPUT);
	}
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_hs256_vector),
		cmocka_unit_test(test_external_binding),
		cmocka_unit_test(test_refused),
	};

	json_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
