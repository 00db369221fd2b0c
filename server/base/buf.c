/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char buf_empty[1];

static void reserve(struct buf *buf, size_t more)
{
	size_t need = buf->len + more + 1, cap = buf->cap ? buf->cap : 64;
	char *data;

	if (need <= buf->cap)
		return;
	while (cap < need)
		cap *= 2;
	/* Not realloc(): it would leave a copy of a secret behind. */
	if (!(data = malloc(cap)))
		abort();
	memcpy(data, buf->data, buf->len + 1);
	if (buf->cap) {
		explicit_bzero(buf->data, buf->cap);
		free(buf->data);
	}
	buf->data = data;
	buf->cap = cap;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (buf->over || len > buf->max - buf->len) {
		buf->over = true;
		return;
	}
	reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->data[buf->len += len] = '\0';
}

void buf_addf(struct buf *buf, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || buf->over || (size_t)len > buf->max - buf->len) {
		buf->over = true;
	} else {
		reserve(buf, (size_t)len);
		vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void buf_add_quoted(struct buf *buf, const char *text)
{
	buf_add(buf, "'", 1);
	for (; *text; text++)
		buf_add(buf, *text == '\'' ? "''" : text, *text == '\'' ? 2 : 1);
	buf_add(buf, "'", 1);
}

char *buf_take(struct buf *buf)
{
	char *data;

	reserve(buf, 0);
	data = buf->data;
	*buf = (struct buf)BUF_INIT(buf->max);
	return data;
}

void buf_wipe(struct buf *buf)
{
	if (buf->cap) {
		explicit_bzero(buf->data, buf->cap);
		free(buf->data);
	}
	*buf = (struct buf)BUF_INIT(buf->max);
}
