/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "boot.h"

enum {
	TAKE_MS = 60 * 1000, /* an issuer that takes no line for so long is gone */
	SLICE_MS = 500,      /* how long a signal may wait to be seen */
	PIECE = 4096,        /* what a pipe takes whole when it says that it has room */
};

/* False: nobody takes what we say, or we are told to stop. A line is not worth that what
 * was switched is not put back. */
static bool wait_for_room(void)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int64_t deadline = clock_deadline_ms(TAKE_MS);

	for (;;) {
		int left = clock_left_ms(deadline);
		int n = poll(&pfd, 1, left < SLICE_MS ? left : SLICE_MS);

		if (n > 0)
			return true;
		if (left == 0 || boot_is_stopped() || (n < 0 && errno != EINTR))
			return false;
	}
}

void say_raw(const char *text)
{
	static bool is_gone;
	size_t len = strlen(text);

	while (len > 0 && !is_gone) {
		size_t piece = len < PIECE ? len : PIECE;
		ssize_t n = 0;

		is_gone = !wait_for_room();
		if (!is_gone)
			n = write(STDOUT_FILENO, text, piece);
		if (n < 0 && errno != EINTR)
			is_gone = true;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

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
	say_raw(line.data);
}
