/* SPDX-License-Identifier: Apache-2.0 */
#include "impl.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* CAs drop nonces when they restart or after many newer ones were used: an old one
 * only costs a round trip more. */
enum { NONCE_AGE_MAX_MS = 5 * 60 * 1000, NONCE_LEN_MAX = 256 };

void nonces_init(struct nonces *nonces)
{
	*nonces = (struct nonces){ 0 };
	pthread_mutex_init(&nonces->lock, NULL);
}

static void clear(struct nonces *nonces)
{
	for (size_t i = 0; i < nonces->len; i++)
		free(nonces->items[i].text);
	nonces->len = 0;
}

void nonces_deinit(struct nonces *nonces)
{
	clear(nonces);
	pthread_mutex_destroy(&nonces->lock);
}

bool nonce_is_good(const char *text)
{
	return text && str_is_made_of(text, ACME_BASE64URL, 1, NONCE_LEN_MAX);
}

char *nonces_take(struct nonces *nonces, int64_t now_ms)
{
	char *text = NULL;

	pthread_mutex_lock(&nonces->lock);
	if (nonces->len > 0) {
		const struct nonce *newest = &nonces->items[nonces->len - 1];

		/* Where the newest is too old, all are. */
		if (now_ms - newest->since_ms > NONCE_AGE_MAX_MS)
			clear(nonces);
		else
			text = nonces->items[--nonces->len].text;
	}
	pthread_mutex_unlock(&nonces->lock);
	return text;
}

void nonces_give(struct nonces *nonces, const char *text, int64_t now_ms)
{
	if (!nonce_is_good(text))
		return;
	pthread_mutex_lock(&nonces->lock);
	if (nonces->len == ACME_NONCES) {
		free(nonces->items[0].text);
		memmove(&nonces->items[0], &nonces->items[1],
		        (ACME_NONCES - 1) * sizeof(nonces->items[0]));
		nonces->len--;
	}
	nonces->items[nonces->len++] = (struct nonce){ .text = xstrdup(text),
		                                       .since_ms = now_ms };
	pthread_mutex_unlock(&nonces->lock);
}
