/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

enum {
	CONNECT_TIMEOUT_S = 10,
	LOW_SPEED_BYTES = 64,
	LOW_SPEED_S = 20,
	CONNECTION_LIFE_S = 300,
	CONNECTIONS_MAX = 4,
	HEADER_BYTES_MAX = 32 * 1024,
	HEADER_LINES_MAX = 100,
};

#define SET(option, value) (ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK)

/*
 * A file of roots is parsed once for each handle and kept (curl does so only where no
 * directory is set). Of the system's roots the directory is used and not the bundle: it
 * is searched by hash, so that no handle holds, nor any new connection parses, 140 roots
 * of which one is needed.
 */
static bool set_roots(CURL *curl, const struct http *http)
{
	bool ok = true;

	SET(CURLOPT_CAINFO, http->ca_file);
	SET(CURLOPT_CAPATH, http->ca_file || http->ca_pem ? NULL : "/etc/ssl/certs");
	if (http->ca_pem) {
		struct curl_blob pem = { .data = http->ca_pem,
			                 .len = strlen(http->ca_pem),
			                 .flags = CURL_BLOB_COPY };

		SET(CURLOPT_CAINFO_BLOB, &pem);
	}
	return ok;
}

static bool set_peer_checks(CURL *curl, const struct http *http)
{
	bool ok = set_roots(curl, http);

	SET(CURLOPT_PROTOCOLS_STR, http->plain_loopback ? "https,http" : "https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_MAXREDIRS, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	return ok;
}

static bool set_limits(CURL *curl, const struct http *http)
{
	bool ok = true;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	SET(CURLOPT_TIMEOUT, (long)http->timeout_s);
	SET(CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_S);
	SET(CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
	SET(CURLOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	/*
	 * A blocking handle has one request in flight: of HTTP/2 we would have the
	 * cost (SETTINGS, HPACK, flow control, one more parser) and none of the use.
	 */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_ACCEPT_ENCODING, NULL);
	SET(CURLOPT_USERAGENT, http->user_agent);
	SET(CURLOPT_WRITEFUNCTION, http_on_body);
	SET(CURLOPT_HEADERFUNCTION, http_on_header);
	return ok;
}

CURL *http_handle_new(const struct http *http, struct err *err)
{
	CURL *curl = curl_easy_init();

	if (curl && set_peer_checks(curl, http) && set_limits(curl, http))
		return curl;
	curl_easy_cleanup(curl);
	(void)err_set(err, ERR_INTERNAL, "libcurl %s refuses a setting that we need",
	              curl_version());
	return NULL;
}

size_t http_on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_exchange *exchange = arg;
	struct buf *reply = &exchange->call->reply;

	buf_add(reply, bytes, size * count);
	return reply->over ? 0 : size * count;
}

/* Repeated headers are joined as RFC 9110 5.3 says; for one that may stand only once
 * (Location, Replay-Nonce) the result is nothing that its reader accepts. */
static void keep(char **slot, const char *value, size_t len)
{
	char *both = NULL;

	if (len > HTTP_VALUE_MAX || memchr(value, '\0', len))
		return;
	if (!*slot) {
		*slot = xstrndup(value, len);
		return;
	}
	if (strlen(*slot) + 2 + len > HTTP_VALUE_MAX)
		return;
	both = xasprintf("%s, %.*s", *slot, (int)len, value);
	free(*slot);
	*slot = both;
}

static void forget(struct http_call *call)
{
	for (size_t i = 0; i < HTTP_HEADERS_MAX; i++) {
		free(call->got[i]);
		call->got[i] = NULL;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void read_header(struct http_call *call, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char *value = colon ? colon + 1 : NULL, *end = line + len;

	if (!colon || !call->want)
		return;
	while (value < end && is_blank(*value))
		value++;
	while (end > value && is_blank(end[-1]))
		end--;
	for (size_t i = 0; i < HTTP_HEADERS_MAX && call->want[i]; i++) {
		size_t name_len = strlen(call->want[i]);

		if (name_len == (size_t)(colon - line) &&
		    strncasecmp(call->want[i], line, name_len) == 0)
			keep(&call->got[i], value, (size_t)(end - value));
	}
}

size_t http_on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_exchange *exchange = arg;
	size_t len = size * count;

	/* Never set back, so that a flood of 1xx replies is counted too. */
	exchange->header_bytes += len;
	exchange->header_lines++;
	exchange->too_many_headers = exchange->header_bytes > HEADER_BYTES_MAX ||
	                             exchange->header_lines > HEADER_LINES_MAX;
	if (exchange->too_many_headers)
		return 0;
	if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		forget(exchange->call);
	else
		read_header(exchange->call, bytes, len);
	return len;
}
