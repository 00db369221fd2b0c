/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "digest.h"
#include "key.h"

enum { KEY_PEM_MAX = 16 * 1024 };

static const char begin_line[] = "-----BEGIN PRIVATE KEY-----\n";
static const char end_line[] = "-----END PRIVATE KEY-----\n";

struct key *key_parse_pem(const char *pem, size_t len, struct err *err)
{
	size_t begin = strlen(begin_line), end = strlen(end_line);
	AUTO_BUF struct buf text = BUF_INIT(KEY_PEM_MAX), der = BUF_INIT(KEY_PEM_MAX);
	AUTO_SECRET struct secret *secret = NULL;

	if (len < begin + end || len > KEY_PEM_MAX ||
	    memcmp(pem, begin_line, begin) != 0 ||
	    memcmp(pem + len - end, end_line, end) != 0) {
		(void)err_set(err, ERR_REMOTE, "not a private key in PEM (PKCS #8)");
		return NULL;
	}
	for (size_t i = begin; i < len - end; i++)
		if (pem[i] != '\n')
			buf_add(&text, &pem[i], 1);
	if (!base64_decode(text.data, text.len, &der, err)) {
		(void)err_context(err, "private key");
		return NULL;
	}
	secret = secret_new(der.data, der.len);
	return key_parse(secret, err);
}
