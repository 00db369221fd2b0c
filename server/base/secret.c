/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <string.h>

#include "mem.h"

struct secret {
	size_t len;
	char bytes[];
};

struct secret *secret_new(const void *bytes, size_t len)
{
	struct secret *secret = xcalloc(1, sizeof(*secret) + len + 1);

	secret->len = len;
	if (len)
		memcpy(secret->bytes, bytes, len);
	return secret;
}

struct secret *secret_dup(const struct secret *secret)
{
	return secret ? secret_new(secret->bytes, secret->len) : NULL;
}

const char *secret_reveal(const struct secret *secret, size_t *len)
{
	if (len)
		*len = secret->len;
	return secret->bytes;
}

void secret_free(struct secret *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret->bytes, secret->len);
	free(secret);
}
