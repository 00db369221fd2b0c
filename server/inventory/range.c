/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "parts.h"

/* Ansible's ranges: [1:3], [01:10] (of two digits), [a:f], [0:10:2]. */

struct range {
	int64_t from, to, step;
	int width; /* of numbers that have zeroes in front; 0: letters, as they are */
	bool is_letters;
};

static bool wrong(const char *pattern, const char *why, struct err *err)
{
	char shown[80];

	return err_set(err, ERR_INPUT, "'%s': %s; such as web[01:10] or web[a:f]",
	               str_printable(pattern, shown, sizeof(shown)), why);
}

static bool is_letter(const char *text)
{
	return strlen(text) == 1 &&
	       ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z'));
}

/* The two ends; letters must be of one case. */
static bool read_ends(const char *from, const char *to, struct range *out)
{
	if (is_letter(from) && is_letter(to)) {
		out->is_letters = true;
		out->from = (unsigned char)*from;
		out->to = (unsigned char)*to;
		return (*from >= 'a') == (*to >= 'a');
	}
	if (!str_to_i64(from, 0, 1000000000, &out->from) ||
	    !str_to_i64(to, 0, 1000000000, &out->to) || strlen(from) > 10)
		return false;
	out->width = *from == '0' ? (int)strlen(from) : 0;
	return out->width == 0 || strlen(from) == 1 || strlen(from) == strlen(to);
}

/* What stands between the brackets, taken apart in place. */
static bool read_range(char *text, struct range *out)
{
	char *to = strchr(text, ':'), *step = to ? strchr(to + 1, ':') : NULL;

	*out = (struct range){ .step = 1 };
	if (!to)
		return false;
	*to++ = '\0';
	if (step)
		*step++ = '\0';
	if (step && !str_to_i64(step, 1, 1000000, &out->step))
		return false;
	return read_ends(text, to, out) && out->from <= out->to;
}

static void add_value(const struct range *range, int64_t value, struct buf *out)
{
	if (range->is_letters)
		buf_addf(out, "%c", (char)value);
	else
		buf_addf(out, "%0*lld", range->width, (long long)value);
}

/* Each of the texts, with each value behind it. */
static bool multiply(struct strlist *texts, const struct range *range, size_t max)
{
	AUTO_STRLIST struct strlist made = { 0 };

	for (size_t i = 0; i < texts->len; i++)
		for (int64_t at = range->from; at <= range->to; at += range->step) {
			AUTO_BUF struct buf one = BUF_INIT(1024);

			buf_addf(&one, "%s", texts->items[i]);
			add_value(range, at, &one);
			if (made.len >= max || one.over)
				return false;
			strlist_add(&made, one.data);
		}
	strlist_deinit(texts);
	*texts = made;
	made = (struct strlist){ 0 };
	return true;
}

static void add_text(struct strlist *texts, const char *text, size_t len)
{
	for (size_t i = 0; i < texts->len; i++) {
		char *old = texts->items[i];

		texts->items[i] = xasprintf("%s%.*s", old, (int)len, text);
		free(old);
	}
}

bool range_expand(const char *pattern, size_t max, struct strlist *out, struct err *err)
{
	if (strlen(pattern) > 255)
		return wrong(pattern, "a name of more than 255 bytes", err);
	strlist_add(out, "");
	for (const char *at = pattern; *at;) {
		const size_t len = strcspn(at, "[]");
		const char *end = at[len] == '[' ? strchr(at + len, ']') : NULL;
		struct range range;

		add_text(out, at, len);
		at += len;
		if (!*at)
			break;
		if (!end)
			return wrong(pattern, "a bracket without the other one", err);
		AUTO_FREE char *inside = xstrndup(at + 1, (size_t)(end - at - 1));

		if (!read_range(inside, &range))
			return wrong(pattern, "between brackets goes FROM:TO", err);
		if (!multiply(out, &range, max))
			return wrong(pattern, "too many hosts", err);
		at = end + 1;
	}
	return true;
}
