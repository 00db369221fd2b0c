/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <string.h>

#include "base/str.h"
#include "installer_files.h"

/* One line of the program: indentation, comments and blank lines stay at home, since
 * dropbear takes commands of 9000 bytes at most. Quotes are made fit for '...'. */
static void add_program_line(const char *line, size_t len, struct buf *out)
{
	while (len > 0 && *line == '\t') {
		line++;
		len--;
	}
	if (len == 0 || *line == '#')
		return;
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\'')
			buf_add(out, "'\\''", 4);
		else
			buf_add(out, &line[i], 1);
	buf_add(out, "\n", 1);
}

void program_add(const char *name, struct buf *out)
{
	const struct embedded_file *file = installer_files;

	while (!str_eq(file->name, name))
		file++;
	for (const char *line = file->data; *line;) {
		size_t len = strcspn(line, "\n");

		add_program_line(line, len, out);
		line += line[len] ? len + 1 : len;
	}
}
