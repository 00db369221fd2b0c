/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include "base/dnsname.h"
#include "base/mem.h"
#include "base/str.h"
#include "jose/jose.h"

enum { TOKEN_MIN = 16, TOKEN_MAX = 256 };

static const unsigned authz_states = 1U << ACME_PENDING | 1U << ACME_VALID |
                                     1U << ACME_INVALID | 1U << ACME_DEACTIVATED |
                                     1U << ACME_EXPIRED | 1U << ACME_REVOKED;
static const unsigned challenge_states = 1U << ACME_PENDING | 1U << ACME_PROCESSING |
                                         1U << ACME_VALID | 1U << ACME_INVALID;

void acme_authz_deinit(struct acme_authz *authz)
{
	free(authz->name);
	free(authz->challenge_url);
	free(authz->token);
	free(authz->txt_value);
	*authz = (struct acme_authz){ 0 };
}

static bool read_name(const cJSON *json, char **out, struct err *err)
{
	const cJSON *identifier = NULL;
	const char *name = NULL;
	bool is_wildcard = false;

	if (!json_object(json, "identifier", &identifier, err) ||
	    !json_identifier(identifier, &name, err) ||
	    !json_bool_or(json, "wildcard", false, &is_wildcard, err))
		return false;
	/* RFC 8555 7.1.4: the value is the base name, and "wildcard" tells. */
	if (dnsname_is_wildcard(name))
		return err_set(err, ERR_REMOTE,
		               "an authorization for a name with \"*.\"");
	*out = xasprintf("%s%s", is_wildcard ? "*." : "", name);
	return true;
}

static bool read_token(const cJSON *challenge, char **out, struct err *err)
{
	const char *token = NULL;

	if (!json_str(challenge, "token", &token, err))
		return false;
	/* Four clients were broken by a token that was a path: ours is base64url. */
	if (!str_is_made_of(token, ACME_BASE64URL, TOKEN_MIN, TOKEN_MAX))
		return err_set(err, ERR_REMOTE,
		               "the challenge's token is not %d to %d characters of "
		               "base64url",
		               TOKEN_MIN, TOKEN_MAX);
	*out = xstrdup(token);
	return true;
}

static bool read_dns01(const cJSON *challenge, const char *origin, struct acme_authz *out,
                       struct err *err)
{
	if (!json_status(challenge, challenge_states, &out->challenge_status, err) ||
	    !json_url(challenge, origin, "url", &out->challenge_url, err) ||
	    !read_token(challenge, &out->token, err))
		return err_context(err, "dns-01");
	return true;
}

static bool read_challenges(const cJSON *json, const char *origin, struct acme_authz *out,
                            struct err *err)
{
	const cJSON *list = NULL, *item = NULL;

	if (!json_array(json, "challenges", &list, err))
		return false;
	if (cJSON_GetArraySize(list) > ACME_ITEMS_MAX)
		return err_set(err, ERR_REMOTE, "more than %d challenges",
		               ACME_ITEMS_MAX);
	cJSON_ArrayForEach (item, list) {
		const char *type = NULL;

		if (!json_str(item, "type", &type, err))
			return err_context(err, "a challenge");
		if (out->problem.kind == ERR_NONE)
			problem_read(cJSON_GetObjectItemCaseSensitive(item, "error"),
			             &out->problem);
		if (!str_eq(type, "dns-01"))
			continue;
		if (out->challenge_url)
			return err_set(err, ERR_REMOTE, "two dns-01 challenges");
		if (!read_dns01(item, origin, out, err))
			return false;
	}
	return true;
}

bool authz_parse(const char *origin, const char *text, size_t len, struct acme_authz *out,
                 struct err *err)
{
	AUTO_JSON cJSON *json = NULL;

	return json_parse_object(text, len, &json, err) &&
	       json_status(json, authz_states, &out->status, err) &&
	       json_time(json, "expires", &out->expires, err) &&
	       read_name(json, &out->name, err) &&
	       read_challenges(json, origin, out, err);
}

bool acme_authz_get(struct acme *acme, const char *url, struct acme_authz *out,
                    struct err *err)
{
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_AUTHZ,
		                                          .url = url,
		                                          .payload = "" };
	AUTO_ACME_AUTHZ struct acme_authz authz = { 0 };

	if (!acme_post(acme, &request, err))
		return false;
	if (!authz_parse(acme->directory_url, request.call.reply.data,
	                 request.call.reply.len, &authz, err))
		return acme_blame(acme, request.op, err);
	if (authz.token &&
	    !(authz.txt_value = jose_dns01_value(acme->key, authz.token, err)))
		return false;
	authz.retry_after = acme_request_wait(&request);
	*out = authz;
	authz = (struct acme_authz){ 0 };
	return true;
}

bool acme_challenge_answer(struct acme *acme, const char *challenge_url, struct err *err)
{
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_CHALLENGE,
		                                          .url = challenge_url,
		                                          .payload = "{}" };

	return acme_post(acme, &request, err);
}
