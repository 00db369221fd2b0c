/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_STR_H
#define BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/*
 * str - text: comparing, strict numbers, showing what a remote sent, lists
 *
 * Nothing here allocates but strlist, whose items belong to the list. Any
 * thread may call anything.
 */

/* NULL equals only NULL. */
bool str_eq(const char *a, const char *b);
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* True if every byte of text is one of allowed, and there are min to max of them. */
bool str_is_made_of(const char *text, const char *allowed, size_t min, size_t max);

/* Decimal digits with an optional minus sign and nothing else, within min..max. */
bool str_to_i64(const char *text, int64_t min, int64_t max, int64_t *out) MUST_CHECK;

/* Levenshtein distance, for "did you mean"; texts over 64 bytes give 64. */
size_t str_distance(const char *a, const char *b);

/* Adds text that a remote or a file gave, printable: at most max bytes of it, the
 * rest as "...", control characters and bytes over 126 as \xNN. */
void str_add_printable(struct buf *buf, const char *text, size_t len, size_t max);

/* The same as a NUL-terminated text in out; returns out. */
const char *str_printable(const char *text, char *out, size_t size);

void str_add_hex(struct buf *buf, const unsigned char *bytes, size_t len);

/* Trims ASCII white space at both ends, in place; returns the new start. */
char *str_trim(char *text);

/* A list of texts that it owns; { 0 } is an empty one. */
struct strlist {
	char **items;
	size_t len;
};

void strlist_add(struct strlist *list, const char *text);
bool strlist_has(const struct strlist *list, const char *text);
bool strlist_equal(const struct strlist *a, const struct strlist *b); /* in this order */
void strlist_sort(struct strlist *list);
void strlist_copy(struct strlist *to, const struct strlist *from);
/* "a, b, c" */
void strlist_join(const struct strlist *list, const char *between, struct buf *out);
void strlist_deinit(struct strlist *list);
#define AUTO_STRLIST CLEANUP(strlist_deinit)
#endif
