/* SPDX-License-Identifier: Apache-2.0 */
#include "pem.h"

#include <string.h>

#include "base/str.h"
#include "digest.h"
#include "openssl_err.h"

static const char begin_line[] = "-----BEGIN CERTIFICATE-----";
static const char end_line[] = "-----END CERTIFICATE-----";
static const char white[] = " \t\r\n";

/* What is left of the text. */
struct rest {
	const char *at;
	size_t len;
};

static void skip(struct rest *rest, size_t len)
{
	rest->at += len;
	rest->len -= len;
}

static void skip_white(struct rest *rest)
{
	while (rest->len > 0 && memchr(white, *rest->at, sizeof(white) - 1))
		skip(rest, 1);
}

static bool skip_text(struct rest *rest, const char *text)
{
	size_t len = strlen(text);

	if (rest->len < len || memcmp(rest->at, text, len) != 0)
		return false;
	skip(rest, len);
	return true;
}

/* Base64 up to the next "-", without its line ends. */
static bool read_body(struct rest *rest, struct buf *der, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(CERT_PEM_MAX);

	while (rest->len > 0 && *rest->at != '-') {
		if (*rest->at != '\r' && *rest->at != '\n')
			buf_add(&text, rest->at, 1);
		skip(rest, 1);
	}
	if (base64_decode(text.data, text.len, der, err))
		return true;
	err->kind = ERR_REMOTE;
	return false;
}

static bool read_one(struct rest *rest, X509 **out, struct err *err)
{
	AUTO_BUF struct buf der = BUF_INIT(CERT_PEM_MAX);
	const unsigned char *at;

	if (!skip_text(rest, begin_line))
		return err_set(err, ERR_REMOTE,
		               "something else than a certificate in PEM");
	if (!read_body(rest, &der, err))
		return false;
	if (!skip_text(rest, end_line))
		return err_set(err, ERR_REMOTE, "it does not end with '%s'", end_line);
	at = (const unsigned char *)der.data;
	*out = d2i_X509(NULL, &at, (long)der.len);
	if (!*out)
		return openssl_err(err, ERR_REMOTE, "not a certificate");
	if (at != (const unsigned char *)der.data + der.len) {
		X509_free(*out);
		return err_set(err, ERR_REMOTE,
		               "bytes behind the certificate in its PEM");
	}
	return true;
}

bool chain_parse(const char *pem, size_t len, struct chain *out, struct err *err)
{
	AUTO_CHAIN struct chain chain = { 0 };
	struct rest rest = { pem, len };

	openssl_forget();
	if (len > CERT_PEM_MAX)
		return err_set(err, ERR_REMOTE,
		               "a certificate chain of %zu bytes; at most %d are taken",
		               len, CERT_PEM_MAX);
	for (skip_white(&rest); rest.len > 0; skip_white(&rest)) {
		if (chain.count == CERT_CHAIN_MAX)
			return err_set(err, ERR_REMOTE,
			               "more than %d certificates in a chain",
			               CERT_CHAIN_MAX);
		if (!read_one(&rest, &chain.certs[chain.count], err))
			return err_context(err, "certificate %zu of the chain",
			                   chain.count + 1);
		chain.count++;
	}
	if (chain.count == 0)
		return err_set(err, ERR_REMOTE, "no certificate in the chain");
	*out = chain;
	chain.count = 0;
	return true;
}

void chain_deinit(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->certs[i]);
	*chain = (struct chain){ 0 };
}

bool pem_add(struct buf *out, const X509 *cert, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(2 * CERT_PEM_MAX);
	enum { LINE = 64 };
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	if (len <= 0)
		return openssl_err(err, ERR_INTERNAL, "cannot write a certificate");
	base64_add(&text, der, (size_t)len);
	OPENSSL_free(der);
	buf_addf(out, "%s\n", begin_line);
	for (size_t i = 0; i < text.len; i += LINE)
		buf_addf(out, "%.*s\n", LINE, text.data + i);
	buf_addf(out, "%s\n", end_line);
	return true;
}
