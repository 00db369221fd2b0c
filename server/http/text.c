/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/str.h"

static void part_free(char *part)
{
	curl_free(part);
}
DEFINE_CLEANUP(char *, part_free);
DEFINE_CLEANUP(CURLU *, curl_url_cleanup);

#define AUTO_PART CLEANUP(part_freep)
#define AUTO_URL  CLEANUP(curl_url_cleanupp)

/* What no URL needs unescaped, and what parsers have been known to disagree about. */
static bool has_odd_bytes(const char *url)
{
	for (const char *at = url; *at; at++)
		if (*at <= ' ' || *at >= 127 || strchr("\\\"<>^`{|}", *at))
			return true;
	return false;
}

static CURLU *parse(const char *url)
{
	AUTO_URL CURLU *parts = curl_url();

	if (!url || !parts || has_odd_bytes(url) ||
	    curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK)
		return NULL;
	return TAKE(parts);
}

static bool has(CURLU *parts, CURLUPart which)
{
	AUTO_PART char *part = NULL;

	return curl_url_get(parts, which, &part, 0) == CURLUE_OK;
}

static bool is_of_scheme(CURLU *parts, const char *want)
{
	AUTO_PART char *scheme = NULL;

	return curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	       str_eq(scheme, want) && !has(parts, CURLUPART_USER) &&
	       !has(parts, CURLUPART_PASSWORD) && !has(parts, CURLUPART_OPTIONS) &&
	       !has(parts, CURLUPART_ZONEID) && has(parts, CURLUPART_HOST);
}

static bool is_plain(CURLU *parts)
{
	return is_of_scheme(parts, "https");
}

bool http_is_plain_url(const char *url)
{
	AUTO_URL CURLU *parts = parse(url);

	return parts && is_plain(parts);
}

/* A name is none, not even localhost: a resolver says what it stands for. */
bool http_is_loopback_url(const char *url)
{
	AUTO_URL CURLU *parts = parse(url);
	AUTO_PART char *host = NULL;
	struct in_addr v4;

	if (!parts || !is_of_scheme(parts, "http") ||
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return str_eq(host, "[::1]");
}

static bool is_same(CURLU *a, CURLU *b, CURLUPart which)
{
	AUTO_PART char *part_a = NULL, *part_b = NULL;

	return curl_url_get(a, which, &part_a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	       curl_url_get(b, which, &part_b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	       strcasecmp(part_a, part_b) == 0;
}

bool http_same_origin(const char *a, const char *b)
{
	AUTO_URL CURLU *parts_a = parse(a), *parts_b = parse(b);

	return parts_a && parts_b && is_plain(parts_a) && is_plain(parts_b) &&
	       is_same(parts_a, parts_b, CURLUPART_HOST) &&
	       is_same(parts_a, parts_b, CURLUPART_PORT);
}

void http_add_origin(struct buf *out, const char *url)
{
	AUTO_URL CURLU *parts = parse(url);
	AUTO_PART char *scheme = NULL, *host = NULL, *port = NULL;

	if (!parts || curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
		buf_addf(out, "(not a URL)");
		return;
	}
	buf_addf(out, "%s://", scheme);
	str_add_printable(out, host, strlen(host), 253);
	if (curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK)
		buf_addf(out, ":%s", port);
}

int http_retry_after(const char *text, int64_t now)
{
	int64_t wait = 0, when = 0;

	if (!text)
		return 0;
	if (str_is_made_of(text, "0123456789", 1, 64)) {
		/* More digits than a number has is a long time, not nonsense. */
		if (!str_to_i64(text, 0, INT64_MAX, &wait))
			wait = 86400;
	} else if (clock_parse_http_date(text, &when)) {
		wait = when - now;
	} else {
		return 0;
	}
	if (wait < 1)
		return 1;
	return wait > 86400 ? 86400 : (int)wait;
}
