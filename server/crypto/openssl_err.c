/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl_err.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

void openssl_forget(void)
{
	ERR_clear_error();
}

void openssl_err_(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	/* The oldest entry is the deepest one; those above it say "nested error". */
	unsigned long first = ERR_get_error();
	const char *reason = first ? ERR_reason_error_string(first) : NULL;
	char text[sizeof(err->msg) / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set_(err, kind, reason ? "%s: %s" : "%s", text, reason);
	ERR_clear_error();
}
