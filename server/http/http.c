/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "impl.h"

enum { DEFAULT_TIMEOUT_S = 60, DEFAULT_REPLY_MAX = 64 * 1024 };

DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all);
#define AUTO_SLIST CLEANUP(curl_slist_free_allp)

static void init_curl(void)
{
	/* The one thing it can fail for is no memory, and then nothing works anyway. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

struct http *http_new(const struct http_settings *settings, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *http = NULL;

	pthread_once(&once, init_curl);
	if (settings->ca_file && access(settings->ca_file, R_OK) != 0) {
		(void)err_set_errno(err, ERR_CONFIG, "ca-file %s", settings->ca_file);
		return NULL;
	}
	http = NEW(struct http);
	pthread_mutex_init(&http->lock, NULL);
	http->ca_file = xstrdup(settings->ca_file);
	http->ca_pem = xstrdup(settings->ca_pem);
	http->plain_loopback = settings->plain_loopback;
	http->user_agent = xstrdup(settings->user_agent);
	http->timeout_s = settings->timeout_s ? settings->timeout_s : DEFAULT_TIMEOUT_S;
	http->reply_max = settings->reply_max ? settings->reply_max : DEFAULT_REPLY_MAX;
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (size_t i = 0; i < http->idle_len; i++)
		curl_easy_cleanup(http->idle[i]);
	pthread_mutex_destroy(&http->lock);
	free(http->ca_file);
	free(http->ca_pem);
	free(http->user_agent);
	free(http);
}

static CURL *handle_take(struct http *http, struct err *err)
{
	CURL *curl = NULL;

	pthread_mutex_lock(&http->lock);
	if (http->idle_len > 0)
		curl = http->idle[--http->idle_len];
	pthread_mutex_unlock(&http->lock);
	return curl ? curl : http_handle_new(http, err);
}

static void handle_give(struct http *http, CURL *curl)
{
	bool kept = false;

	pthread_mutex_lock(&http->lock);
	if (http->idle_len < HTTP_IDLE_MAX) {
		http->idle[http->idle_len++] = curl;
		kept = true;
	}
	pthread_mutex_unlock(&http->lock);
	if (!kept)
		curl_easy_cleanup(curl);
}

static bool add_header(struct curl_slist **list, const char *header, struct err *err)
{
	struct curl_slist *longer = NULL;

	/* A line break in a value would be one more header, or another request. */
	if (strpbrk(header, "\r\n"))
		return err_set(err, ERR_INPUT, "a request header with a line break");
	if (!(longer = curl_slist_append(*list, header)))
		abort();
	*list = longer;
	return true;
}

static bool add_headers(struct curl_slist **list, const struct http_call *call,
                        struct err *err)
{
	/* No "Expect: 100-continue": it costs a round trip or a second. */
	if (!add_header(list, "Expect:", err))
		return false;
	for (size_t i = 0; call->headers && call->headers[i]; i++)
		if (!add_header(list, call->headers[i], err))
			return false;
	return true;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK)

static bool set_request(CURL *curl, const struct http_call *call)
{
	bool is_head = str_eq(call->method, "HEAD"),
	     is_post = str_eq(call->method, "POST");
	bool is_usual = is_head || is_post || str_eq(call->method, "GET");
	bool ok = true;

	/* HTTPGET first: it undoes what the handle's last request had set. */
	SET(CURLOPT_HTTPGET, 1L);
	SET(CURLOPT_CUSTOMREQUEST, is_usual ? NULL : call->method);
	SET(CURLOPT_URL, call->url);
	if (is_head)
		SET(CURLOPT_NOBODY, 1L);
	if (is_post || call->body) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
		SET(CURLOPT_POSTFIELDS, call->body ? call->body : "");
	}
	return ok;
}

/* Nothing of a call may stay in a handle that goes back to the pool. */
static void clear_request(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, NULL);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, NULL);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
}

static bool perform(CURL *curl, struct http_call *call, struct err *err)
{
	AUTO_SLIST struct curl_slist *headers = NULL;
	struct http_exchange exchange = { .call = call };
	char said[CURL_ERROR_SIZE] = "";
	CURLcode code = CURLE_OK;
	long status = 0;
	bool ok = true;

	if (!add_headers(&headers, call, err))
		return false;
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_WRITEDATA, &exchange);
	SET(CURLOPT_HEADERDATA, &exchange);
	SET(CURLOPT_ERRORBUFFER, said);
	if (!ok || !set_request(curl, call))
		return err_set(err, ERR_INTERNAL, "libcurl refuses the request");
	code = curl_easy_perform(curl);
	clear_request(curl);
	if (code != CURLE_OK)
		return http_failed(&exchange, code, said, err);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	call->status = (int)status;
	return true;
}

static bool check_call(const struct http *http, const struct http_call *call,
                       struct err *err)
{
	if (!str_is_made_of(call->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1, 16))
		return err_set(err, ERR_INPUT, "that is not an HTTP method");
	if (http_is_plain_url(call->url) ||
	    (http->plain_loopback && http_is_loopback_url(call->url)))
		return true;
	return err_set(err, ERR_INPUT, "only https URLs without user name are fetched%s",
	               http->plain_loopback ? ", and http ones of 127.0.0.1 and [::1]"
	                                    : "");
}

bool http_do(struct http *http, struct http_call *call, struct err *err)
{
	CURL *curl = NULL;
	bool done = false;

	http_call_deinit(call);
	call->status = 0;
	call->reply = (struct buf)BUF_INIT(call->reply_max ? call->reply_max
	                                                   : http->reply_max);
	if (!check_call(http, call, err) || !(curl = handle_take(http, err)))
		return false;
	done = perform(curl, call, err);
	handle_give(http, curl);
	return done;
}

void http_call_deinit(struct http_call *call)
{
	buf_wipe(&call->reply);
	for (size_t i = 0; i < HTTP_HEADERS_MAX; i++) {
		free(call->got[i]);
		call->got[i] = NULL;
	}
}

static const struct failure {
	CURLcode code;
	enum err_kind kind;
	const char *words;
} failures[] = {
	/* A resolver that is down looks like a wrong name: we go on trying. */
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_TEMPORARY,
	  "its address cannot be found (is the name right, does the resolver answer?)" },
	{ CURLE_COULDNT_CONNECT, ERR_TEMPORARY, "cannot connect" },
	{ CURLE_OPERATION_TIMEDOUT, ERR_TEMPORARY, "no whole answer in time" },
	{ CURLE_GOT_NOTHING, ERR_TEMPORARY, "hung up without an answer" },
	{ CURLE_PARTIAL_FILE, ERR_TEMPORARY, "hung up in the middle of the answer" },
	/* What newer TLS makes of the same. */
	{ CURLE_RECV_ERROR, ERR_TEMPORARY, "hung up in the middle of the exchange" },
	{ CURLE_SSL_CONNECT_ERROR, ERR_TEMPORARY,
	  "no TLS connection (1.2 or newer is needed)" },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_CONFIG,
	  "its certificate is not to be trusted (a private CA needs `ca-file`, in a dns "
	  "entry "
	  "`api-ca`; else look "
	  "at the package ca-certificates, the name and the clock)" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_CONFIG,
	  "the trusted roots given (`ca-file`, in a dns entry `api-ca`) cannot be used" },
	{ CURLE_SSL_CIPHER, ERR_CONFIG, "TLS ciphers cannot be agreed on" },
	/* So curl before 8.6 calls a header line of more than 100 KiB. */
	{ CURLE_OUT_OF_MEMORY, ERR_TEMPORARY, "no memory for the answer" },
};

static const struct failure *find_failure(CURLcode code)
{
	static const struct failure other = { CURLE_OK, ERR_TEMPORARY, "no answer" };

	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].code == code)
			return &failures[i];
	return &other;
}

bool http_failed(const struct http_exchange *exchange, CURLcode code, const char *said,
                 struct err *err)
{
	const struct failure *failure = find_failure(code);
	AUTO_BUF struct buf where = BUF_INIT(512), why = BUF_INIT(512);

	http_add_origin(&where, exchange->call->url);
	if (exchange->call->reply.over)
		return err_set(err, ERR_REMOTE, "%s: answered with more than %zu bytes",
		               where.data, exchange->call->reply.max);
	if (exchange->too_many_headers)
		return err_set(err, ERR_REMOTE, "%s: answered with a flood of headers",
		               where.data);
	if (!*said)
		said = curl_easy_strerror(code);
	str_add_printable(&why, said, strlen(said), 120);
	return err_set(err, failure->kind, "%s: %s: %s", where.data, failure->words,
	               why.data);
}
