/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agentwire.h"

static const char prefix[] = "certferry-1 ";

static bool refuse(const char *line, struct err *err)
{
	char shown[160];

	return err_set(err, ERR_REMOTE,
	               "the agent said '%s', which is not of its protocol",
	               str_printable(line, shown, sizeof(shown)));
}

static bool is_name(const char *text)
{
	return str_is_made_of(text,
	                      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                      "0123456789._-+~",
	                      1, 64);
}

/* NAME and the rest behind one blank. */
static bool split(const char *rest, struct agentwire_line *out, const char **second)
{
	size_t len = strcspn(rest, " ");

	if (len == 0 || len >= sizeof(out->name) || rest[len] != ' ')
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)len, rest);
	*second = rest + len + 1;
	return is_name(out->name);
}

static bool read_count(const char *second, int64_t max, struct agentwire_line *out)
{
	int64_t count = 0;

	if (!str_to_i64(second, 0, max, &count))
		return false;
	out->count = (int)count;
	return true;
}

static bool read_key_place(const char *second, int64_t max, struct agentwire_line *out)
{
	(void)max;
	out->is_key_on_target = str_eq(second, "target");
	return out->is_key_on_target || str_eq(second, "issuer");
}

static bool read_service(const char *second, int64_t max, struct agentwire_line *out)
{
	(void)max;
	snprintf(out->service, sizeof(out->service), "%s", second);
	return is_name(second);
}

static const struct {
	const char *word;
	bool (*read_second)(const char *second, int64_t max, struct agentwire_line *out);
	int64_t max;
} words[] = {
	[AGENTWIRE_LINE_AGENT] = { "agent ", read_count, AGENTWIRE_POLICY_SLOTS_MAX },
	[AGENTWIRE_LINE_SLOT] = { "slot ", read_key_place, 0 },
	[AGENTWIRE_LINE_SERVICE] = { "service ", read_service, 0 },
	[AGENTWIRE_LINE_CSR] = { "csr ", read_count, AGENTWIRE_CSR_LINES },
};
_Static_assert(ARRAY_SIZE(words) == AGENTWIRE_LINE_COUNT, "a word has no row");

bool agentwire_is_line(const char *line)
{
	return str_starts(line, prefix);
}

bool agentwire_line_parse(const char *line, struct agentwire_line *out, bool *is_ours,
                          struct err *err)
{
	const char *rest = line + strlen(prefix), *second = NULL;

	*out = (struct agentwire_line){ .word = AGENTWIRE_LINE_COUNT };
	*is_ours = false;
	if (!agentwire_is_line(line))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_starts(rest, words[i].word))
			out->word = (enum agentwire_word)i;
	if (out->word == AGENTWIRE_LINE_COUNT)
		return true;
	*is_ours = true;
	if (!split(rest + strlen(words[out->word].word), out, &second) ||
	    !words[out->word].read_second(second, words[out->word].max, out))
		return refuse(line, err);
	return true;
}
