/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agentwire.h"

static const char prefix[] = "certferry-1 ";

static const struct {
	const char *word;
	int64_t count_max; /* 0: the second part is a word */
} words[] = {
	[AGENTWIRE_LINE_AGENT] = { "agent ", AGENTWIRE_POLICY_SLOTS_MAX },
	[AGENTWIRE_LINE_SLOT] = { "slot ", 0 },
	[AGENTWIRE_LINE_CSR] = { "csr ", AGENTWIRE_CSR_LINES },
};
_Static_assert(ARRAY_SIZE(words) == AGENTWIRE_LINE_COUNT, "a word has no row");

static bool refuse(const char *line, struct err *err)
{
	char shown[160];

	return err_set(err, ERR_REMOTE,
	               "the agent said '%s', which is not of its protocol",
	               str_printable(line, shown, sizeof(shown)));
}

/* NAME and the rest behind one blank. */
static bool split(const char *rest, struct agentwire_line *out, const char **second)
{
	size_t len = strcspn(rest, " ");

	if (len == 0 || len >= sizeof(out->name) || rest[len] != ' ')
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)len, rest);
	*second = rest + len + 1;
	return str_is_made_of(out->name,
	                      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                      "0123456789._-+~",
	                      1, 64);
}

static bool read_second(const char *second, struct agentwire_line *out)
{
	int64_t count = 0;

	if (words[out->word].count_max) {
		if (!str_to_i64(second, 0, words[out->word].count_max, &count))
			return false;
		out->count = (int)count;
		return true;
	}
	out->is_key_on_target = str_eq(second, "target");
	return out->is_key_on_target || str_eq(second, "issuer");
}

bool agentwire_line_parse(const char *line, struct agentwire_line *out, bool *is_ours,
                          struct err *err)
{
	const char *rest = line + strlen(prefix), *second = NULL;

	*out = (struct agentwire_line){ .word = AGENTWIRE_LINE_COUNT };
	*is_ours = false;
	if (!str_starts(line, prefix))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_starts(rest, words[i].word))
			out->word = (enum agentwire_word)i;
	if (out->word == AGENTWIRE_LINE_COUNT)
		return true;
	*is_ours = true;
	if (!split(rest + strlen(words[out->word].word), out, &second) ||
	    !read_second(second, out))
		return refuse(line, err);
	return true;
}
