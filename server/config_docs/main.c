/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what is made from the table of configuration keys: the manual's part, or the
 * JSON Schema. Used by the build; not installed. */
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "config/config.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(struct buf *out);
	} documents[] = { { "manual", config_write_manual },
		          { "schema", config_write_schema } };
	AUTO_BUF struct buf out = BUF_INIT(1 << 20);

	json_init();
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++)
		if (argc == 2 && str_eq(argv[1], documents[i].name))
			documents[i].write(&out);
	if (out.len == 0) {
		fprintf(stderr, "usage: certferry-config-docs manual|schema\n");
		return 2;
	}
	return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}
