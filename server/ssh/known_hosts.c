/* SPDX-License-Identifier: Apache-2.0 */
#include "known_hosts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "host_key.h"

enum { LINES_MAX = 100000, NAME_MAX_BYTES = 1100 };

static const struct {
	const char *word;
	enum known_mark mark;
} marks[] = {
	{ "@revoked", KNOWN_REVOKED },
	{ "@cert-authority", KNOWN_AUTHORITY },
};

void known_hosts_deinit(struct known_hosts *known)
{
	for (size_t i = 0; i < known->len; i++)
		free(known->lines[i].names);
	free(known->lines);
	strlist_deinit(&known->notes);
	*known = (struct known_hosts){ 0 };
}

/* The next word, cut off in place; "" at the end. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end = word + strcspn(word, " \t");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static bool read_mark(char **rest, char **word, struct known_line *line, struct err *err)
{
	char shown[60];

	*word = next_word(rest);
	if (**word != '@')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (!str_eq(marks[i].word, *word))
			continue;
		line->mark = marks[i].mark;
		*word = next_word(rest);
		return true;
	}
	return err_set(err, ERR_INPUT,
	               "line %d: no marker '%s'; @revoked and @cert-authority are",
	               line->line, str_printable(*word, shown, sizeof(shown)));
}

static bool read_key(const char *type, const char *text, struct known_line *line,
                     struct err *err)
{
	AUTO_BUF struct buf blob = BUF_INIT(sizeof(line->key.blob));
	struct err why = { 0 };
	char shown[60];

	if (!*type || !*text)
		return err_set(
		    err, ERR_INPUT,
		    "line %d: not HOST TYPE KEY; is it a known_hosts file, and "
		    "was the line cut?",
		    line->line);
	if (!base64_decode(text, strlen(text), &blob, &why) ||
	    !host_key_parse(blob.data, blob.len, &line->key))
		return err_set(err, ERR_INPUT,
		               "line %d: the key is damaged%s%s; take the line from the "
		               "server again: ssh-keyscan, compared with what it itself "
		               "shows",
		               line->line, *why.msg ? ": " : "", why.msg);
	if (!str_eq(line->key.type, type))
		return err_set(err, ERR_INPUT,
		               "line %d: the type is said to be %s, and the key is %s; "
		               "remove the line",
		               line->line, str_printable(type, shown, sizeof(shown)),
		               line->key.type);
	return true;
}

static bool can_verify(const char *type)
{
	static const char *const types[] = { "ssh-ed25519", "ecdsa-sha2-nistp256",
		                             "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
		                             "ssh-rsa" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(types[i], type))
			return true;
	return false;
}

static void note(struct known_hosts *out, int line, const char *what)
{
	AUTO_FREE char *text = xasprintf("line %d: %s", line, what);

	strlist_add(&out->notes, text);
}

static void keep(struct known_hosts *out, const struct known_line *line,
                 const char *names)
{
	if (line->mark == KNOWN_AUTHORITY) {
		note(out, line->line,
		     "@cert-authority is of no use here: certferry pins the keys of the "
		     "hosts themselves");
		return;
	}
	if (line->mark == KNOWN_PLAIN && !can_verify(line->key.type)) {
		note(out, line->line, "keys of this type are not verified by certferry");
		return;
	}
	out->lines = xrealloc(out->lines, out->len + 1, sizeof(*line));
	out->lines[out->len] = *line;
	out->lines[out->len++].names = xstrdup(names);
}

static bool read_line(struct known_hosts *out, char *text, int number, struct err *err)
{
	struct known_line line = { .line = number };
	char *rest = text, *names, *type;

	if (!read_mark(&rest, &names, &line, err))
		return false;
	/* The oldest form, of SSH 1: bits, exponent and modulus. */
	type = next_word(&rest);
	if (str_is_made_of(type, "0123456789", 1, 6)) {
		note(out, number, "a key of SSH 1");
		return true;
	}
	if (!read_key(type, next_word(&rest), &line, err))
		return false;
	keep(out, &line, names);
	return true;
}

bool known_hosts_read(const char *text, size_t len, struct known_hosts *out,
                      struct err *err)
{
	AUTO_FREE char *copy = xstrndup(text, len);
	int number = 0;

	if (memchr(text, '\0', len))
		return err_set(err, ERR_INPUT, "a NUL byte; this is no known_hosts file");
	for (char *line = copy, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (++number > LINES_MAX)
			return err_set(err, ERR_INPUT, "more than %d lines", LINES_MAX);
		line = str_trim(line);
		if (*line && *line != '#' && !read_line(out, line, number, err))
			return false;
	}
	return true;
}

/* |1|SALT|HASH: base64, both of 20 bytes. */
static bool is_hash_of(const char *names, const char *host)
{
	AUTO_BUF struct buf salt = BUF_INIT(SHA1_LEN), hash = BUF_INIT(SHA1_LEN);
	const char *first = names + strlen("|1|"), *second = strchr(first, '|');
	unsigned char mac[SHA1_LEN];
	struct err ignored;

	return second &&
	       base64_decode(first, (size_t)(second - first), &salt, &ignored) &&
	       base64_decode(second + 1, strlen(second + 1), &hash, &ignored) &&
	       hash.len == SHA1_LEN &&
	       hmac_sha1(salt.data, salt.len, host, strlen(host), mac, &ignored) &&
	       bytes_equal(mac, hash.data, SHA1_LEN);
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

/* ssh(1) has * and ? alone. Whatever the pattern, it takes no more steps than the product
 * of both lengths: a later star forgets the one before. */
static bool fits(const char *pattern, const char *host)
{
	const char *star = NULL, *from = NULL;

	while (*host) {
		if (*pattern == '*') {
			star = pattern++;
			from = host;
		} else if (*pattern == '?' || *pattern == *host) {
			pattern++;
			host++;
		} else if (star) {
			pattern = star + 1;
			host = ++from;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static enum known_match match_list(const char *names, const char *host)
{
	AUTO_FREE char *copy = xstrdup(names);
	enum known_match best = KNOWN_NO;
	char *rest = copy;

	for (char *at = copy; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	for (char *one; (one = strtok_r(rest, ",", &rest));) {
		const bool is_not = *one == '!';

		if (!fits(one + is_not, host))
			continue;
		if (is_not)
			return KNOWN_NO;
		if (best != KNOWN_BY_NAME)
			best = is_pattern(one) ? KNOWN_BY_PATTERN : KNOWN_BY_NAME;
	}
	return best;
}

enum known_match known_line_match(const struct known_line *line, const char *host,
                                  uint16_t port)
{
	char wanted[NAME_MAX_BYTES];

	if (port == 22)
		snprintf(wanted, sizeof(wanted), "%.1024s", host);
	else
		snprintf(wanted, sizeof(wanted), "[%.1024s]:%u", host, port);
	for (char *at = wanted; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (str_starts(line->names, "|1|"))
		return is_hash_of(line->names, wanted) ? KNOWN_BY_HASH : KNOWN_NO;
	return match_list(line->names, wanted);
}
