/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "beneath.h"

void say(const char *fmt, ...)
{
	char text[SAY_MAX], shown[SAY_MAX];
	AUTO_BUF struct buf line = BUF_INIT(2 * SAY_MAX);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while (str_ends(text, " "))
		text[strlen(text) - 1] = '\0';
	buf_addf(&line, "certferry-1 %s\n", str_printable(text, shown, sizeof(shown)));
	(void)!beneath_write(STDOUT_FILENO, line.data, line.len);
}

void say_raw(const char *text)
{
	(void)!beneath_write(STDOUT_FILENO, text, strlen(text));
}
