/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "jose/jose.h"

/* RFC 8555 6.5 sets no end to it; at one nonce in two refused, ten times in a row is
 * one request in a thousand, and that one is tried again later. */
enum { NONCE_TRIES = 10 };

static const char *const wanted[] = {
	[ACME_GOT_NONCE] = "replay-nonce",
	[ACME_GOT_RETRY_AFTER] = "retry-after",
	[ACME_GOT_LOCATION] = "location",
	[ACME_GOT_LINK] = "link",
	NULL,
};

/* One row an operation: its words, and the statuses that mean success. */
/* clang-format off */
static const struct op {
	const char *words;
	int good[2];
	size_t reply_max;
} ops[] = {
	[ACME_OP_DIRECTORY]   = { "reading its directory",       { 200 },      ACME_JSON_MAX },
	[ACME_OP_NONCE]       = { "asking for a nonce",          { 200, 204 }, ACME_JSON_MAX },
	[ACME_OP_ACCOUNT]     = { "registering the account",     { 201, 200 }, ACME_JSON_MAX },
	[ACME_OP_ORDER_NEW]   = { "ordering",                    { 201, 200 }, ACME_JSON_MAX },
	[ACME_OP_ORDER]       = { "looking at the order",        { 200 },      ACME_JSON_MAX },
	[ACME_OP_AUTHZ]       = { "looking at an authorization", { 200 },      ACME_JSON_MAX },
	[ACME_OP_CHALLENGE]   = { "answering a challenge",       { 200, 202 }, ACME_JSON_MAX },
	[ACME_OP_FINALIZE]    = { "finalizing the order",        { 200, 202 }, ACME_JSON_MAX },
	[ACME_OP_CERTIFICATE] = { "fetching the certificate",    { 200 },      ACME_CHAIN_MAX },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(ops) == ACME_OP_COUNT, "an operation has no row");

void acme_request_deinit(struct acme_request *request)
{
	http_call_deinit(&request->call);
}

bool acme_blame(const struct acme *acme, enum acme_op op, struct err *err)
{
	return err_context(err, "%s: %s", acme->name, ops[op].words);
}

int acme_request_wait(const struct acme_request *request)
{
	return http_retry_after(request->call.got[ACME_GOT_RETRY_AFTER], clock_now());
}

static bool send(struct acme *acme, struct acme_request *request, struct err *err)
{
	const struct log_about about = { .what = "ca", .name = acme->name };
	struct http_call *call = &request->call;

	call->url = request->url;
	call->want = wanted;
	call->reply_max = ops[request->op].reply_max;
	if (!http_do(acme->http, call, err))
		return false;
	log_debug(&about, "acme.request", "%s: HTTP status %d, %zu bytes",
	          ops[request->op].words, call->status, call->reply.len);
	return true;
}

static bool check_status(const struct acme_request *request, struct err *err)
{
	const struct op *op = &ops[request->op];
	const struct http_call *call = &request->call;
	struct problem_reply reply = {
		.status = call->status,
		.text = call->reply.data,
		.len = call->reply.len,
		.retry_after = acme_request_wait(request),
		.link = call->got[ACME_GOT_LINK],
	};

	if (call->status == op->good[0] || (op->good[1] && call->status == op->good[1]))
		return true;
	return problem_of_reply(&reply, err);
}

bool acme_fetch(struct acme *acme, struct acme_request *request, struct err *err)
{
	static const char *const headers[] = { "Accept-Language: en", NULL };

	request->call.method = request->op == ACME_OP_NONCE ? "HEAD" : "GET";
	request->call.headers = headers;
	if (!send(acme, request, err) || !check_status(request, err))
		return acme_blame(acme, request->op, err);
	return true;
}

static char *nonce_fetch(struct acme *acme, struct err *err)
{
	const struct directory *directory = NULL;
	AUTO_ACME_REQUEST struct acme_request request = { .op = ACME_OP_NONCE };

	if (!acme_directory_get(acme, &directory, err))
		return NULL;
	request.url = directory->new_nonce;
	if (!acme_fetch(acme, &request, err))
		return NULL;
	/* Not by way of the pool, where another thread may take it. */
	if (nonce_is_good(request.call.got[ACME_GOT_NONCE]))
		return xstrdup(request.call.got[ACME_GOT_NONCE]);
	(void)err_set(err, ERR_REMOTE, "no usable Replay-Nonce in the reply");
	(void)acme_blame(acme, ACME_OP_NONCE, err);
	return NULL;
}

static char *sign(struct acme *acme, const struct acme_request *request,
                  const char *nonce, struct err *err)
{
	AUTO_FREE char *kid = NULL;
	struct jws_request jws = { .key = acme->key,
		                   .nonce = nonce,
		                   .url = request->url,
		                   .payload = request->payload };

	if (!request->by_key) {
		pthread_mutex_lock(&acme->account_lock);
		kid = xstrdup(acme->account_url);
		pthread_mutex_unlock(&acme->account_lock);
		if (!kid) {
			(void)err_set(err, ERR_INTERNAL, "no account is registered yet");
			return NULL;
		}
	}
	jws.kid = kid;
	return jws_sign(&jws, err);
}

/* One signed request; err->code is "badNonce" where it is to be tried again. */
static bool post_once(struct acme *acme, struct acme_request *request, const char *nonce,
                      struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/jose+json",
		                               "Accept-Language: en", NULL };
	AUTO_FREE char *body = sign(acme, request, nonce, err);
	bool done = false;

	if (!body)
		return false;
	request->call.method = "POST";
	request->call.headers = headers;
	request->call.body = body;
	request->call.body_len = strlen(body);
	done = send(acme, request, err) && check_status(request, err);
	request->call.body = NULL;
	return done;
}

bool acme_post(struct acme *acme, struct acme_request *request, struct err *err)
{
	AUTO_FREE char *nonce = nonces_take(&acme->nonces, clock_mono_ms());

	if (!url_check(acme->directory_url, "url", request->url, err))
		return acme_blame(acme, request->op, err);
	for (int tries = 1;; tries++) {
		char **got = request->call.got;

		if (!nonce && !(nonce = nonce_fetch(acme, err)))
			return false;
		if (post_once(acme, request, nonce, err))
			break;
		if (!str_eq(err->code, "badNonce") || tries == NONCE_TRIES) {
			nonces_give(&acme->nonces, got[ACME_GOT_NONCE], clock_mono_ms());
			return acme_blame(acme, request->op, err);
		}
		/* The error's own nonce is the one to go on with (RFC 8555 6.5). */
		free(nonce);
		nonce = nonce_is_good(got[ACME_GOT_NONCE]) ? xstrdup(got[ACME_GOT_NONCE])
		                                           : NULL;
		*err = (struct err){ 0 };
	}
	nonces_give(&acme->nonces, request->call.got[ACME_GOT_NONCE], clock_mono_ms());
	return true;
}
