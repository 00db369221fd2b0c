/* SPDX-License-Identifier: Apache-2.0 */
#include "mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *sure(void *p)
{
	if (!p) {
		fputs("certferry: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	return sure(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t count, size_t size)
{
	return sure(reallocarray(old, count ? count : 1, size));
}

char *xstrdup(const char *text)
{
	return text ? sure(strdup(text)) : NULL;
}

char *xstrndup(const char *text, size_t len)
{
	return sure(strndup(text, len));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *text = NULL;

	return sure(vasprintf(&text, fmt, ap) < 0 ? NULL : text);
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return text;
}
