/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>
#include <unistd.h>

#include "base/fs.h"

bool input_read(const char *name, struct buf *out, struct err *err)
{
	char bytes[4096];
	ssize_t n = 0;

	if (!str_eq(name, "-"))
		return fs_read(name, out, err);
	while (!out->over && (n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		buf_add(out, bytes, (size_t)n);
	explicit_bzero(bytes, sizeof(bytes));
	if (n < 0)
		return err_set_errno(err, ERR_INTERNAL, "standard input");
	if (out->over)
		return err_set(err, ERR_INPUT, "standard input: more than %zu bytes",
		               out->max);
	return true;
}
