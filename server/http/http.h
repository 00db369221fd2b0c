/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * http - requests over HTTPS, with limits
 *
 * https only (and http to this machine itself, where the settings say so), TLS 1.2 or
 * newer, server always verified, no redirects, no proxy, no decompression; connect, total
 * and low-speed time limits; reply and header limits that are counted while they arrive.
 * A header that comes twice is joined with ", ", so that one which may stand only once is
 * then unreadable. There is no way to switch a check off. One struct http is one peer's
 * settings and a pool of kept-alive connections; any number of threads may call http_do()
 * at once, each call takes a handle of its own from the pool. Never share one between
 * peers that take different credentials.
 *
 * A reply with any status is success; no reply is ERR_TEMPORARY (TLS and name
 * failures that an operator must mend are ERR_CONFIG).
 */
struct http;

struct http_settings {
	const char *ca_file; /* PEM; NULL: the system's */
	const char *ca_pem;  /* or the certificates themselves, instead of either */
	bool plain_loopback; /* http too, to a literal 127.0.0.0/8 or [::1] */
	const char *user_agent;
	int timeout_s;    /* total; 0: 60 */
	size_t reply_max; /* bytes; 0: 64 KiB */
};

struct http *http_new(const struct http_settings *settings, struct err *err) MUST_CHECK;
void http_free(struct http *http);
DEFINE_CLEANUP(struct http *, http_free);

enum { HTTP_HEADERS_MAX = 8, HTTP_VALUE_MAX = 2048 };

struct http_call {
	const char *method; /* "GET", "HEAD", "POST", ... */
	const char *url;
	const char *const *headers; /* "Name: value"; NULL ends; may be NULL */
	const char *body;           /* may be NULL */
	size_t body_len;
	const char *const *want; /* reply headers to keep, lower case; NULL ends */
	size_t reply_max;        /* bytes; 0: the settings' */

	int status;                  /* from here on filled in */
	struct buf reply;            /* NUL-terminated */
	char *got[HTTP_HEADERS_MAX]; /* in the order of want; NULL where absent */
};

/* Blocks at most timeout_s. */
bool http_do(struct http *http, struct http_call *call, struct err *err) MUST_CHECK;
/* Wipes the reply and frees what was got; the call may be used again. */
void http_call_deinit(struct http_call *call);
#define AUTO_HTTP_CALL CLEANUP(http_call_deinit)

/* True if both are https URLs with the same host and port, without userinfo. */
bool http_same_origin(const char *a, const char *b);

/* Retry-After (RFC 9110 10.2.3), seconds or a date, clamped to 1..86400; 0 where the
 * text is NULL or makes no sense. */
int http_retry_after(const char *text, int64_t now);
#endif
