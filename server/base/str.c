/* SPDX-License-Identifier: Apache-2.0 */
#include "str.h"

#include <string.h>

#include "mem.h"

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);

	return len >= tail && strcmp(text + len - tail, suffix) == 0;
}

bool str_is_made_of(const char *text, const char *allowed, size_t min, size_t max)
{
	size_t len = strnlen(text, max + 1);

	return len >= min && len <= max && strspn(text, allowed) == len;
}

bool str_to_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *text == '-';
	int64_t value = 0;

	text += negative;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, *text - '0', &value))
			return false;
	}
	/* Summed up as a negative number, which has one value more. */
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

size_t str_distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	size_t row[MOST + 1], la = strlen(a), lb = strlen(b);

	if (la > MOST || lb > MOST)
		return MOST;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[lb];
}

void str_add_printable(struct buf *buf, const char *text, size_t len, size_t max)
{
	size_t shown = len < max ? len : max;

	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 32 && c < 127)
			buf_add(buf, &text[i], 1);
		else
			buf_addf(buf, "\\x%02x", c);
	}
	if (shown < len)
		buf_addf(buf, "...");
}

const char *str_printable(const char *text, char *out, size_t size)
{
	AUTO_BUF struct buf buf = BUF_INIT(4 * size + 4);

	str_add_printable(&buf, text, strlen(text), size);
	snprintf(out, size, "%s", buf.data);
	if (buf.len >= size && size > 3)
		memcpy(out + size - 4, "...", 4);
	return out;
}

void str_add_hex(struct buf *buf, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_addf(buf, "%02x", bytes[i]);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char *str_trim(char *text)
{
	size_t len;

	while (is_space(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_space(text[len - 1]))
		text[--len] = '\0';
	return text;
}

void strlist_add(struct strlist *list, const char *text)
{
	list->items = xrealloc(list->items, list->len + 1, sizeof(*list->items));
	list->items[list->len++] = xstrdup(text);
}

bool strlist_has(const struct strlist *list, const char *text)
{
	for (size_t i = 0; i < list->len; i++)
		if (str_eq(list->items[i], text))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool strlist_equal(const struct strlist *a, const struct strlist *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!str_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

void strlist_sort(struct strlist *list)
{
	if (list->len > 1)
		qsort(list->items, list->len, sizeof(*list->items), compare);
}

void strlist_copy(struct strlist *to, const struct strlist *from)
{
	for (size_t i = 0; i < from->len; i++)
		strlist_add(to, from->items[i]);
}

void strlist_join(const struct strlist *list, const char *between, struct buf *out)
{
	for (size_t i = 0; i < list->len; i++)
		buf_addf(out, "%s%s", i ? between : "", list->items[i]);
}

void strlist_deinit(struct strlist *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strlist){ 0 };
}
