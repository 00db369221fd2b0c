/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { DETAIL_MAX = 200, SUBDETAIL_MAX = 100, SUBPROBLEMS_SHOWN = 5 };

static const char urn[] = "urn:ietf:params:acme:error:";

/*
 * What we make of each problem type (RFC 8555 6.7, RFC 9773 7.4, the profiles draft,
 * Boulder's conflict). ERR_CONFIG and ERR_DENIED are the operator's to mend;
 * ERR_TEMPORARY goes away by itself; ERR_REMOTE ends this order, a new one may do.
 */
/* clang-format off */
static const struct problem_type {
	const char *name;
	enum err_kind kind;
	const char *words;
} types[] = {
	{ "accountDoesNotExist", ERR_DENIED,
	  "the CA does not know this account (any more): it is registered anew by itself" },
	{ "alreadyReplaced", ERR_CONFLICT,
	  "the certificate to be replaced has been replaced already" },
	{ "alreadyRevoked", ERR_CONFLICT, "the certificate has been revoked already" },
	{ "badCSR", ERR_REMOTE, "the CA does not accept the certificate request" },
	{ "badNonce", ERR_TEMPORARY, "the CA did not accept the nonce" },
	{ "badPublicKey", ERR_REMOTE, "the CA does not accept the public key" },
	{ "badRevocationReason", ERR_REMOTE, "the CA does not allow that reason" },
	{ "badSignatureAlgorithm", ERR_REMOTE,
	  "the CA does not accept the account key's algorithm" },
	{ "caa", ERR_REMOTE, "CAA records forbid this CA to issue" },
	{ "compound", ERR_REMOTE, "several problems at once" },
	{ "conflict", ERR_CONFLICT, "in conflict with what the CA has" },
	{ "connection", ERR_REMOTE, "the CA could not connect" },
	{ "dns", ERR_REMOTE, "the CA's DNS look-up failed" },
	{ "externalAccountRequired", ERR_CONFIG,
	  "the CA wants an external account: set `eab.kid` and `eab.key`" },
	{ "incorrectResponse", ERR_REMOTE, "the CA saw another TXT value" },
	{ "invalidContact", ERR_CONFIG, "the CA does not accept `contact`" },
	{ "invalidProfile", ERR_CONFIG, "the CA does not offer this `profile`" },
	{ "malformed", ERR_REMOTE, "the CA does not understand the request" },
	{ "orderNotReady", ERR_REMOTE, "the order is not ready to be finalized" },
	{ "rateLimited", ERR_TEMPORARY, "over a limit of the CA" },
	{ "rejectedIdentifier", ERR_REMOTE, "the CA will not issue for this name" },
	{ "serverInternal", ERR_TEMPORARY, "the CA has trouble of its own" },
	{ "tls", ERR_REMOTE, "TLS failed while the CA validated" },
	{ "unauthorized", ERR_REMOTE, "the CA says: not authorized" },
	{ "unsupportedContact", ERR_CONFIG, "the CA does not take such a `contact`" },
	{ "unsupportedIdentifier", ERR_REMOTE, "the CA does not issue for such names" },
	{ "userActionRequired", ERR_CONFIG, "the CA wants the operator to act" },
};

static const struct http_meaning {
	int from, to;
	enum err_kind kind;
	const char *words;
} meanings[] = {
	{ 200, 299, ERR_REMOTE, "an answer of the wrong kind" },
	{ 300, 399, ERR_REMOTE, "a redirect, and none is followed" },
	{ 401, 401, ERR_DENIED, "not authorized" },
	{ 403, 403, ERR_DENIED, "forbidden" },
	{ 404, 404, ERR_NOT_FOUND, "not found there" },
	{ 408, 408, ERR_TEMPORARY, "too slow for the CA" },
	{ 409, 409, ERR_CONFLICT, "in conflict with what the CA has" },
	{ 429, 429, ERR_TEMPORARY, "too many requests for the CA" },
	{ 500, 599, ERR_TEMPORARY, "the CA has trouble of its own" },
};
/* clang-format on */

static const struct http_meaning *find_meaning(int status)
{
	static const struct http_meaning other = { 0, 0, ERR_REMOTE, "refused" };

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (status >= meanings[i].from && status <= meanings[i].to)
			return &meanings[i];
	return &other;
}

static const struct problem_type *find_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(types[i].name, name))
			return &types[i];
	return NULL;
}

/* "" where it is missing or not text: a problem that is broken in itself is still a
 * problem, and the operator gets what can be read of it. */
static const char *text_of(const cJSON *json, const char *name)
{
	struct err ignored = { 0 };
	const char *text = "";

	return json_str_or(json, name, "", &text, &ignored) ? text : "";
}

static const char *type_name(const cJSON *json)
{
	const char *type = text_of(json, "type");

	return str_starts(type, urn) ? type + strlen(urn) : type;
}

static void add_words(struct buf *out, const cJSON *json, const char *fallback,
                      size_t detail_max)
{
	const char *name = type_name(json), *detail = text_of(json, "detail");
	const struct problem_type *type = find_type(name);

	buf_addf(out, "%s (", type ? type->words : fallback);
	if (*name)
		str_add_printable(out, name, strlen(name), 60);
	else
		buf_addf(out, "no type given");
	buf_addf(out, ")");
	if (*detail) {
		buf_addf(out, ": ");
		str_add_printable(out, detail, strlen(detail), detail_max);
	}
}

static void add_subproblems(struct buf *out, const cJSON *json)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "subproblems");
	const cJSON *item = NULL;
	int shown = 0;

	if (!cJSON_IsArray(list))
		return;
	cJSON_ArrayForEach (item, list) {
		const cJSON *who = cJSON_GetObjectItemCaseSensitive(item, "identifier");
		const char *name = text_of(who, "value");

		if (shown++ == SUBPROBLEMS_SHOWN) {
			buf_addf(out, "; and more");
			return;
		}
		buf_addf(out, "; ");
		if (*name) {
			str_add_printable(out, name, strlen(name), 80);
			buf_addf(out, ": ");
		}
		add_words(out, item, "a problem", SUBDETAIL_MAX);
	}
}

static void set_code(const char *name, struct err *err)
{
	AUTO_BUF struct buf code = BUF_INIT(1024);

	str_add_printable(&code, name, strlen(name), sizeof(err->code) - 4);
	snprintf(err->code, sizeof(err->code), "%s", code.data);
}

/* The problem's words into err; kind and words are for a type that we do not know. */
static void read_problem(const cJSON *json, enum err_kind kind, const char *words,
                         struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(16 * 1024);
	const struct problem_type *type = find_type(type_name(json));

	add_words(&text, json, words, DETAIL_MAX);
	add_subproblems(&text, json);
	err_set_(err, type ? type->kind : kind, "%s", text.data);
	set_code(type_name(json), err);
}

void problem_read(const cJSON *json, struct err *problem)
{
	*problem = (struct err){ 0 };
	if (cJSON_IsObject(json))
		read_problem(json, ERR_REMOTE, "a problem", problem);
}

char *link_find(const char *header, const char *relation)
{
	AUTO_FREE char *quoted = xasprintf("rel=\"%s\"", relation);
	AUTO_FREE char *bare = xasprintf("rel=%s", relation);

	for (const char *at = header; at && (at = strchr(at, '<'));) {
		const char *url = at + 1, *end = strchr(url, '>');
		const char *next = end ? strchr(end, '<') : NULL;
		AUTO_FREE char *rest = NULL;

		if (!end)
			return NULL;
		rest = next ? xstrndup(end, (size_t)(next - end)) : xstrdup(end);
		if (strcasestr(rest, quoted) || strcasestr(rest, bare))
			return xstrndup(url, (size_t)(end - url));
		at = next;
	}
	return NULL;
}

/* Where the operator must go: the link to the new terms, or "instance" (7.3.3). */
static void add_action(const cJSON *json, const char *link, struct err *err)
{
	AUTO_FREE char *terms = link_find(link, "terms-of-service");
	const char *url = *text_of(json, "instance") ? text_of(json, "instance") : terms;
	char shown[800];
	struct err said = *err;

	if (!str_eq(said.code, "userActionRequired") || !url)
		return;
	/* In front, since the text behind may be cut. */
	(void)err_set(err, said.kind, "visit %s: %s",
	              str_printable(url, shown, sizeof(shown)), said.msg);
	memcpy(err->code, said.code, sizeof(err->code));
}

static void add_status(const struct problem_reply *reply,
                       const struct http_meaning *meaning, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(1024);

	str_add_printable(&text, reply->text, reply->len, 80);
	err_set_(err, meaning->kind, "HTTP status %d: %s%s%s%s", reply->status,
	         meaning->words, text.len ? " (\"" : "", text.data,
	         text.len ? "\")" : "");
}

bool problem_of_reply(const struct problem_reply *reply, struct err *err)
{
	const struct http_meaning *meaning = find_meaning(reply->status);
	AUTO_JSON cJSON *json = NULL;
	struct err not_json = { 0 };

	/* Whatever says that it was a success is none of the CA's problem documents. */
	if (reply->status >= 400 &&
	    json_parse_object(reply->text, reply->len, &json, &not_json) &&
	    cJSON_GetObjectItemCaseSensitive(json, "type")) {
		read_problem(json, meaning->kind, meaning->words, err);
		/* CAs call it malformed when something is gone; their status tells. */
		if (meaning->kind == ERR_NOT_FOUND && err->kind == ERR_REMOTE)
			err->kind = ERR_NOT_FOUND;
		add_action(json, reply->link, err);
	} else {
		add_status(reply, meaning, err);
	}
	err->retry_after = reply->retry_after;
	return false;
}
