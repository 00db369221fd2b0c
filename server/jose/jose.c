/* SPDX-License-Identifier: Apache-2.0 */
#include "jose.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "crypto/digest.h"

enum { TEXT_MAX = 1024 * 1024, JWK_MAX = 1024, HMAC_KEY_MAX = 1024 };

/* clang-format off */
static const struct algorithm {
	const char *name;     /* NULL: not for an account */
	const char *curve;
} algorithms[] = {
	[KEY_EC_256]   = { "ES256", "P-256" },
	[KEY_EC_384]   = { "ES384", "P-384" },
	[KEY_RSA_2048] = { 0 },
	[KEY_RSA_3072] = { 0 },
	[KEY_RSA_4096] = { 0 },
	[KEY_ED25519]  = { 0 },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(algorithms) == KEY_TYPE_COUNT, "a kind of key has no row");

/* The members of a JWK (RFC 7517), in base64url where they are bytes. */
struct jwk {
	const struct algorithm *algorithm;
	struct buf x, y;
};
#define JWK_INIT                                               \
	{                                                      \
		.x = BUF_INIT(JWK_MAX), .y = BUF_INIT(JWK_MAX) \
	}

static void jwk_deinit(struct jwk *jwk)
{
	buf_wipe(&jwk->x);
	buf_wipe(&jwk->y);
}

static bool jwk_of(const struct key *key, struct jwk *jwk, struct err *err)
{
	AUTO_BUF struct buf point = BUF_INIT(JWK_MAX);

	jwk->algorithm = &algorithms[key_type_get(key)];
	if (!jwk->algorithm->name)
		return err_set(err, ERR_INPUT,
		               "an account key is of type ec-256 or ec-384, not %s",
		               key_type_names[key_type_get(key)]);
	if (!key_public_bytes(key, &point, err))
		return false;
	base64url_add(&jwk->x, point.data, point.len / 2);
	base64url_add(&jwk->y, point.data + point.len / 2, point.len / 2);
	return true;
}

static cJSON *jwk_json(const struct jwk *jwk)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "crv", jwk->algorithm->curve);
	cJSON_AddStringToObject(json, "kty", "EC");
	cJSON_AddStringToObject(json, "x", jwk->x.data);
	cJSON_AddStringToObject(json, "y", jwk->y.data);
	return json;
}

char *jwk_thumbprint(const struct key *key, struct err *err)
{
	CLEANUP(jwk_deinit) struct jwk jwk = JWK_INIT;
	AUTO_BUF struct buf text = BUF_INIT(JWK_MAX), out = BUF_INIT(JWK_MAX);
	unsigned char digest[SHA256_LEN];

	if (!jwk_of(key, &jwk, err))
		return NULL;
	/*
	 * The one JSON text here that is not built from nodes: RFC 7638 3 fixes every
	 * byte of it, and all that goes in is base64url.
	 */
	buf_addf(&text, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
	         jwk.algorithm->curve, jwk.x.data, jwk.y.data);
	sha256(text.data, text.len, digest);
	base64url_add(&out, digest, sizeof(digest));
	return buf_take(&out);
}

char *jose_key_authorization(const struct key *key, const char *token, struct err *err)
{
	AUTO_FREE char *thumbprint = jwk_thumbprint(key, err);

	return thumbprint ? xasprintf("%s.%s", token, thumbprint) : NULL;
}

char *jose_dns01_value(const struct key *key, const char *token, struct err *err)
{
	AUTO_FREE char *authorization = jose_key_authorization(key, token, err);
	AUTO_BUF struct buf out = BUF_INIT(JWK_MAX);
	unsigned char digest[SHA256_LEN];

	if (!authorization)
		return NULL;
	sha256(authorization, strlen(authorization), digest);
	base64url_add(&out, digest, sizeof(digest));
	return buf_take(&out);
}

/* "protected.payload", the bytes that are signed (RFC 7515 5.1). */
struct signing {
	struct buf protected, payload, input, signature;
};
#define SIGNING_INIT                                                            \
	{                                                                       \
		.protected = BUF_INIT(TEXT_MAX), .payload = BUF_INIT(TEXT_MAX), \
		.input = BUF_INIT(2 * TEXT_MAX), .signature = BUF_INIT(JWK_MAX) \
	}

static void signing_deinit(struct signing *signing)
{
	buf_wipe(&signing->protected);
	buf_wipe(&signing->payload);
	buf_wipe(&signing->input);
	buf_wipe(&signing->signature);
}

static bool begin(struct signing *signing, const cJSON *protected, const char *payload,
                  struct err *err)
{
	AUTO_FREE char *text = json_format(protected);

	base64url_add(&signing->protected, text, strlen(text));
	base64url_add(&signing->payload, payload, strlen(payload));
	buf_addf(&signing->input, "%s.%s", signing->protected.data,
	         signing->payload.data);
	if (signing->protected.over || signing->payload.over || signing->input.over)
		return err_set(err, ERR_INPUT, "a request of %zu bytes is too large",
		               strlen(payload));
	return true;
}

static cJSON *finish(const struct signing *signing)
{
	AUTO_BUF struct buf signature = BUF_INIT(JWK_MAX);
	cJSON *json = cJSON_CreateObject();

	base64url_add(&signature, signing->signature.data, signing->signature.len);
	cJSON_AddStringToObject(json, "protected", signing->protected.data);
	cJSON_AddStringToObject(json, "payload", signing->payload.data);
	cJSON_AddStringToObject(json, "signature", signature.data);
	return json;
}

static cJSON *protected_header(const struct jws_request *request, const struct jwk *jwk)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "alg", jwk->algorithm->name);
	if (request->kid)
		cJSON_AddStringToObject(json, "kid", request->kid);
	else
		cJSON_AddItemToObject(json, "jwk", jwk_json(jwk));
	if (request->nonce)
		cJSON_AddStringToObject(json, "nonce", request->nonce);
	cJSON_AddStringToObject(json, "url", request->url);
	return json;
}

char *jws_sign(const struct jws_request *request, struct err *err)
{
	CLEANUP(jwk_deinit) struct jwk jwk = JWK_INIT;
	CLEANUP(signing_deinit) struct signing signing = SIGNING_INIT;
	AUTO_JSON cJSON *protected = NULL, *jws = NULL;

	if (!jwk_of(request->key, &jwk, err))
		return NULL;
	protected = protected_header(request, &jwk);
	if (!begin(&signing, protected, request->payload, err) ||
	    !key_sign(request->key, signing.input.data, signing.input.len,
	              &signing.signature, err))
		return NULL;
	jws = finish(&signing);
	return json_format(jws);
}

/* Some CAs show the key with the padding that base64url may have. */
static struct secret *decode_hmac_key(const struct secret *text, struct err *err)
{
	AUTO_BUF struct buf bytes = BUF_INIT(HMAC_KEY_MAX);
	size_t len;
	const char *at = secret_reveal(text, &len);

	while (len > 0 && at[len - 1] == '=')
		len--;
	if (len > 0 && base64url_decode(at, len, &bytes, err))
		return secret_new(bytes.data, bytes.len);
	if (len == 0)
		(void)err_set(err, ERR_CONFIG, "empty");
	err->kind = ERR_CONFIG;
	(void)err_context(err, "the HMAC key of the external account");
	return NULL;
}

char *jws_external_binding(const struct key *account, const char *kid,
                           const struct secret *hmac_key, const char *url,
                           struct err *err)
{
	CLEANUP(jwk_deinit) struct jwk jwk = JWK_INIT;
	CLEANUP(signing_deinit) struct signing signing = SIGNING_INIT;
	AUTO_JSON cJSON *protected = NULL, *payload = NULL, *jws = NULL;
	AUTO_SECRET struct secret *mac_key = decode_hmac_key(hmac_key, err);
	AUTO_FREE char *payload_text = NULL;

	if (!mac_key || !jwk_of(account, &jwk, err))
		return NULL;
	protected = cJSON_CreateObject();
	cJSON_AddStringToObject(protected, "alg", "HS256");
	cJSON_AddStringToObject(protected, "kid", kid);
	cJSON_AddStringToObject(protected, "url", url);
	payload = jwk_json(&jwk);
	payload_text = json_format(payload);
	if (!begin(&signing, protected, payload_text, err) ||
	    !hmac_sha256(mac_key, signing.input.data, signing.input.len,
	                 &signing.signature, err))
		return NULL;
	jws = finish(&signing);
	return json_format(jws);
}
