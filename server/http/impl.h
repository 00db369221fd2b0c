/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_IMPL_H
#define HTTP_IMPL_H
#include <curl/curl.h>
#include <pthread.h>

#include "http.h"

/*
 * http/impl - what the files of this folder share
 *
 * The settings are copied and constant after http_new(). idle is a stack of handles:
 * the one used last has the freshest connection, and is the first to be used again.
 */
enum { HTTP_IDLE_MAX = 64 };

struct http {
	char *ca_file;
	char *ca_pem;
	bool plain_loopback;
	char *user_agent;
	int timeout_s;
	size_t reply_max;

	pthread_mutex_t lock; /* for the rest */
	CURL *idle[HTTP_IDLE_MAX];
	size_t idle_len;
};

/* What the callbacks of one exchange count and keep. */
struct http_exchange {
	struct http_call *call;
	size_t header_bytes;
	size_t header_lines;
	bool too_many_headers;
};

/* A handle with everything set that does not change from call to call. */
CURL *http_handle_new(const struct http *http, struct err *err) MUST_CHECK;

/* The callbacks: CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION. */
size_t http_on_body(char *bytes, size_t size, size_t count, void *arg);
size_t http_on_header(char *bytes, size_t size, size_t count, void *arg);

/* Scheme, host and port of the URL, printable, for errors: a path or a query may hold
 * what must not be shown. */
void http_add_origin(struct buf *out, const char *url);
/* True if the URL is https, without userinfo, and of harmless characters. */
bool http_is_plain_url(const char *url);
/* The same of an http URL whose host is a loopback address, in figures. */
bool http_is_loopback_url(const char *url);

/* Always false; the words for what curl said. */
bool http_failed(const struct http_exchange *exchange, CURLcode code, const char *said,
                 struct err *err);
#endif
