/* SPDX-License-Identifier: Apache-2.0 */
#include "authorize.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "program.h"

static const char prefix[] = "certferry-authorizer-1 ";

static const struct {
	const char *word;
	bool has_text;
} words[] = {
	[AUTHORIZE_ADDED] = { "added", false },
	[AUTHORIZE_PRESENT] = { "present", false },
	[AUTHORIZE_REMOVED] = { "removed", false },
	[AUTHORIZE_ABSENT] = { "absent", false },
	[AUTHORIZE_ELSEWHERE] = { "elsewhere", true },
	[AUTHORIZE_FAILED] = { "failed", true },
};
_Static_assert(ARRAY_SIZE(words) == AUTHORIZE_RESULT_COUNT, "a result has no word");

char *authorize_command(void)
{
	AUTO_BUF struct buf out = BUF_INIT(64 * 1024);

	buf_addf(&out, "exec sh -c '");
	program_add("authorizer.sh", &out);
	buf_addf(&out, "'");
	return buf_take(&out);
}

char *authorize_command_for(const char *user)
{
	AUTO_BUF struct buf out = BUF_INIT(64 * 1024);

	buf_addf(&out, "exec sh -c '");
	program_add("as_login.sh", &out);
	buf_addf(&out, "' sh '%s' '", user);
	program_add("authorizer.sh", &out);
	buf_addf(&out, "'");
	return buf_take(&out);
}

void authorize_input(bool is_removal, const char *old_key, const char *new_key,
                     struct buf *out)
{
	buf_addf(out, "certferry-authorizer 1\njob %s\nold %s\nnew %s\nend\n",
	         is_removal ? "remove" : "add", old_key, new_key);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

bool authorize_line_parse(const char *line, struct authorize_line *out, struct err *err)
{
	const char *rest = line + sizeof(prefix) - 1;
	char shown[120];

	*out = (struct authorize_line){ .result = AUTHORIZE_RESULT_COUNT };
	for (size_t i = 0; i < ARRAY_SIZE(words) && str_starts(line, prefix); i++) {
		size_t len = strlen(words[i].word);

		if (strncmp(rest, words[i].word, len) != 0)
			continue;
		if (words[i].has_text ? rest[len] != ' ' || !rest[len + 1] : rest[len])
			continue;
		if (!is_printable(rest))
			continue;
		out->result = (enum authorize_result)i;
		snprintf(out->text, sizeof(out->text), "%.290s",
		         words[i].has_text ? rest + len + 1 : "");
		return true;
	}
	return err_set(
	    err, ERR_REMOTE,
	    "the login does not run a program of ours (it said '%s'): a forced "
	    "command, or a login script that prints something",
	    str_printable(line, shown, sizeof(shown)));
}

bool authorize_line_find(const char *text, struct authorize_line *out, struct err *err)
{
	const char *at = text;

	while (*at && !str_starts(at, prefix)) {
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	if (!*at)
		at = text;
	AUTO_FREE char *line = xstrndup(at, strcspn(at, "\n"));
	return authorize_line_parse(line, out, err);
}
