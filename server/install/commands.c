/* SPDX-License-Identifier: Apache-2.0 */
#include "install.h"

#include "base/mem.h"

struct strlist *install_commands_add(struct install_commands *commands)
{
	commands->items = xrealloc(commands->items, commands->len + 1,
	                           sizeof(*commands->items));
	commands->items[commands->len] = (struct strlist){ 0 };
	return &commands->items[commands->len++];
}

bool install_commands_equal(const struct install_commands *a,
                            const struct install_commands *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!strlist_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

void install_commands_show(const struct install_commands *commands, struct buf *out)
{
	for (size_t i = 0; i < commands->len; i++) {
		buf_addf(out, "%s", i ? "; " : "");
		strlist_join(&commands->items[i], " ", out);
	}
}

void install_commands_deinit(struct install_commands *commands)
{
	for (size_t i = 0; i < commands->len; i++)
		strlist_deinit(&commands->items[i]);
	free(commands->items);
	*commands = (struct install_commands){ 0 };
}
