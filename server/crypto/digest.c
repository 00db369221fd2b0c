/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "openssl_err.h"

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

void sha256(const void *bytes, size_t len, unsigned char out[SHA256_LEN])
{
	/* It can fail only for want of memory, and that ends the process here. */
	if (EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) != 1) {
		fputs("certferry: SHA-256 does not work\n", stderr);
		abort();
	}
}

static void encode(struct buf *out, const char *alphabet, const unsigned char *in,
                   size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		unsigned bits = (unsigned)in[i] << 16;
		char four[4];

		if (have > 1)
			bits |= (unsigned)in[i + 1] << 8;
		if (have > 2)
			bits |= in[i + 2];
		for (unsigned j = 0; j < 4; j++)
			four[j] = alphabet[bits >> (18 - 6 * j) & 63];
		buf_add(out, four, have + 1);
	}
}

void base64url_add(struct buf *out, const void *bytes, size_t len)
{
	encode(out, url_safe, bytes, len);
}

void base64_add(struct buf *out, const void *bytes, size_t len)
{
	encode(out, plain, bytes, len);
	buf_add(out, "==", (3 - len % 3) % 3);
}

void sha256_ssh(const void *bytes, size_t len, struct buf *out)
{
	unsigned char digest[SHA256_LEN];

	sha256(bytes, len, digest);
	buf_addf(out, "SHA256:");
	encode(out, plain, digest, sizeof(digest));
}

/* Text without its padding. The bits left over at the end must be 0, so that there is
 * one way only to write something. */
static bool decode(const char *alphabet, const char *text, size_t len, struct buf *out,
                   struct err *err)
{
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < len; i++) {
		const char *at = memchr(alphabet, text[i], 64);

		if (!at)
			return err_set(err, ERR_INPUT,
			               "not base64: byte %zu is not of its alphabet", i);
		bits = (bits << 6 | (unsigned)(at - alphabet)) & 0xffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			buf_add(out, &(unsigned char){ (bits >> count) & 0xff }, 1);
		}
	}
	if (count >= 6 || (bits & ((1u << count) - 1)))
		return err_set(err, ERR_INPUT, "not base64: its end is cut or changed");
	return !out->over ||
	       err_set(err, ERR_INPUT, "base64 of more than %zu bytes", out->max);
}

bool base64url_decode(const char *text, size_t len, struct buf *out, struct err *err)
{
	return decode(url_safe, text, len, out, err);
}

bool base64_decode(const char *text, size_t len, struct buf *out, struct err *err)
{
	size_t padding = 0;

	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	if (len % 4 != 0)
		return err_set(err, ERR_INPUT, "not base64: its padding is missing");
	return decode(plain, text, len - padding, out, err);
}

bool hmac_sha256(const struct secret *key, const void *bytes, size_t len, struct buf *out,
                 struct err *err)
{
	unsigned char mac[SHA256_LEN];
	size_t key_len, mac_len = 0;
	const char *key_bytes = secret_reveal(key, &key_len);

	if (key_len == 0)
		return err_set(err, ERR_INPUT, "an empty HMAC key");
	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_bytes, key_len, bytes, len,
	               mac, sizeof(mac), &mac_len) ||
	    mac_len != sizeof(mac))
		return openssl_err(err, ERR_INTERNAL, "HMAC");
	buf_add(out, mac, mac_len);
	return true;
}

bool hmac_sha1(const void *key, size_t key_len, const void *bytes, size_t len,
               unsigned char out[SHA1_LEN], struct err *err)
{
	size_t mac_len = 0;

	if (key_len == 0)
		return err_set(err, ERR_INPUT, "an empty HMAC key");
	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key, key_len, bytes, len, out,
	               SHA1_LEN, &mac_len) ||
	    mac_len != SHA1_LEN)
		return openssl_err(err, ERR_INTERNAL, "HMAC");
	return true;
}

bool random_bytes(void *out, size_t len, struct err *err)
{
	unsigned char *at = out;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(err, ERR_INTERNAL, "no random numbers");
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool bytes_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
