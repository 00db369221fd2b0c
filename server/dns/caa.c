/* SPDX-License-Identifier: Apache-2.0 */
#include "caa.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "zone.h"

enum { SHOWN = 100 };

/* What a record says to us. The higher, the nearer to what we wish. */
enum verdict {
	VERDICT_UNREADABLE,
	VERDICT_NOBODY,
	VERDICT_OTHER_CA,
	VERDICT_TWO_ACCOUNTS,
	VERDICT_TWO_METHODS,
	VERDICT_NO_ACCOUNT,
	VERDICT_OTHER_ACCOUNT,
	VERDICT_OTHER_METHOD,
	VERDICT_ALLOWS,
	VERDICT_COUNT
};

static const char *const verdict_texts[] = {
	[VERDICT_UNREADABLE] = "cannot be read, and so allows nobody",
	[VERDICT_NOBODY] = "allows nobody",
	[VERDICT_OTHER_CA] = "allows another CA",
	[VERDICT_TWO_ACCOUNTS] = "has two accounturi, and so allows nobody",
	[VERDICT_TWO_METHODS] = "has two validationmethods, and so allows nobody",
	[VERDICT_NO_ACCOUNT] = "allows one account, and ours does not exist yet",
	[VERDICT_OTHER_ACCOUNT] = "allows another account than ours",
	[VERDICT_OTHER_METHOD] = "allows other methods than ours",
	[VERDICT_ALLOWS] = "allows it",
};
_Static_assert(ARRAY_SIZE(verdict_texts) == VERDICT_COUNT, "a verdict has no text");

/* The value of issue and issuewild (RFC 8659 4.2): what counts of it for us. */
struct value {
	char *issuer;
	char *account;
	char *methods;
	int accounts, methods_count;
};

static void value_deinit(struct value *value)
{
	free(value->issuer);
	free(value->account);
	free(value->methods);
}

static bool is_letter_or_digit(char c)
{
	return isascii((unsigned char)c) && isalnum((unsigned char)c);
}

/* VCHAR without ";", which has cut the parts already. */
static bool is_in_value(char c)
{
	return c >= 0x21 && c <= 0x7e;
}

static bool is_each(const char *text, bool (*is_good)(char c))
{
	while (*text && is_good(*text))
		text++;
	return *text == '\0';
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len > 0 && strchr(" \t", text[len - 1]); len--)
		continue;
	text[len] = '\0';
	return text;
}

static bool read_parameter(char *text, struct value *out)
{
	char *equals = strchr(text, '='), *tag, *value;

	if (!equals)
		return false;
	*equals = '\0';
	tag = trim(text);
	value = trim(equals + 1);
	if (!is_each(tag, is_letter_or_digit) || !is_each(value, is_in_value))
		return false;
	if (str_eq(tag, "accounturi") && out->accounts++ == 0)
		out->account = xstrdup(value);
	if (str_eq(tag, "validationmethods") && out->methods_count++ == 0)
		out->methods = xstrdup(value);
	return true;
}

/* A ";" at the end is one only where nothing follows the issuer's name: Boulder's
 * reading, which is stricter than most people's. */
static bool read_value(const char *text, struct value *out)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *next = strchr(copy, ';');

	if (next)
		*next++ = '\0';
	out->issuer = xstrdup(trim(copy));
	if (!next || next[strspn(next, " \t")] == '\0')
		return true;
	while (next) {
		char *part = next;

		next = strchr(part, ';');
		if (next)
			*next++ = '\0';
		if (!read_parameter(part, out))
			return false;
	}
	return true;
}

static bool is_in_method(char c)
{
	return is_letter_or_digit(c) || c == '-';
}

/* In their order: what cannot be read spoils what comes behind it (as Boulder). */
static bool has_method(const char *methods, const char *wanted)
{
	AUTO_FREE char *copy = xstrdup(methods);

	for (char *at = copy; at;) {
		char *part = at;

		at = strchr(part, ',');
		if (at)
			*at++ = '\0';
		if (!is_each(part, is_in_method))
			return false;
		if (str_eq(part, wanted))
			return true;
	}
	return false;
}

/* Of a CA whose names are not known, it is not known either whether it heeds RFC 8657:
 * then only what allows nobody at all refuses. */
static enum verdict judge_parameters(const struct value *value,
                                     const struct caa_wish *wish)
{
	if (value->accounts > 1)
		return VERDICT_TWO_ACCOUNTS;
	if (value->methods_count > 1)
		return VERDICT_TWO_METHODS;
	if (wish->identities->len == 0)
		return VERDICT_ALLOWS;
	if (value->methods && !has_method(value->methods, wish->method))
		return VERDICT_OTHER_METHOD;
	if (value->account && !wish->account_url)
		return VERDICT_NO_ACCOUNT;
	if (value->account && !str_eq(value->account, wish->account_url))
		return VERDICT_OTHER_ACCOUNT;
	return VERDICT_ALLOWS;
}

static enum verdict judge(const struct caa_record *record, const struct caa_wish *wish)
{
	CLEANUP(value_deinit) struct value value = { 0 };

	if (!read_value(record->value, &value))
		return VERDICT_UNREADABLE;
	if (!value.issuer[0])
		return VERDICT_NOBODY;
	if (wish->identities->len > 0 && !strlist_has(wish->identities, value.issuer))
		return VERDICT_OTHER_CA;
	return judge_parameters(&value, wish);
}

static bool has_tag(const struct caa_set *set, const char *tag)
{
	for (size_t i = 0; i < set->len; i++)
		if (str_eq(set->items[i].tag, tag))
			return true;
	return false;
}

/* Many took "the critical flag" for the bit of value 1; CAs heed both. */
static const struct caa_record *find_critical(const struct caa_set *set)
{
	static const char *const known[] = { "issue", "issuewild", "iodef", "issuemail",
		                             "issuevmc" };
	enum { CRITICAL = 128 | 1 };

	for (size_t i = 0; i < set->len; i++) {
		bool is_known = false;

		for (size_t j = 0; j < ARRAY_SIZE(known); j++)
			is_known |= str_eq(set->items[i].tag, known[j]);
		if (!is_known && (set->items[i].flags & CRITICAL))
			return &set->items[i];
	}
	return NULL;
}

static bool refuse(const struct caa_set *set, const struct caa_record *record,
                   const char *why, struct err *err)
{
	char shown[SHOWN];

	return err_set(err, ERR_DENIED, "CAA at %s: '%d %s \"%s\"' %s", set->owner,
	               record->flags, record->tag,
	               str_printable(record->value, shown, sizeof(shown)), why);
}

static bool refuse_by(const struct caa_set *set, const struct caa_record *record,
                      enum verdict verdict, const struct caa_wish *wish, struct err *err)
{
	AUTO_BUF struct buf why = BUF_INIT(1024);

	buf_addf(&why, "%s", verdict_texts[verdict]);
	if (wish->identities->len > 0)
		buf_addf(&why,
		         "; this would allow it, beside the others: %s. CAA 0 %s \"%s",
		         set->owner, record->tag, wish->identities->items[0]);
	/* Whoever binds accounts means to; the others need no more than the name. */
	if (verdict == VERDICT_OTHER_ACCOUNT)
		buf_addf(&why, "; accounturi=%.120s", wish->account_url);
	if (verdict == VERDICT_OTHER_METHOD)
		buf_addf(&why, "; validationmethods=%s", wish->method);
	if (wish->identities->len > 0)
		buf_addf(&why, "\"");
	return refuse(set, record, why.data, err);
}

bool caa_permits(const struct caa_set *set, const struct caa_wish *wish, struct err *err)
{
	bool wild = wish->is_wildcard && has_tag(set, "issuewild");
	const struct caa_record *nearest = NULL, *critical = find_critical(set);
	enum verdict best = VERDICT_UNREADABLE;

	if (critical)
		return refuse(set, critical,
		              "is marked as critical, and CAs refuse what they do not "
		              "know; remove it, or its flag",
		              err);
	for (size_t i = 0; i < set->len; i++) {
		const struct caa_record *record = &set->items[i];
		enum verdict verdict;

		if (!str_eq(record->tag, wild ? "issuewild" : "issue"))
			continue;
		verdict = judge(record, wish);
		if (!nearest || verdict > best) {
			nearest = record;
			best = verdict;
		}
	}
	if (nearest && best != VERDICT_ALLOWS)
		return refuse_by(set, nearest, best, wish, err);
	return true;
}

void caa_set_deinit(struct caa_set *set)
{
	for (size_t i = 0; i < set->len; i++)
		free(set->items[i].value);
	free(set->items);
	*set = (struct caa_set){ 0 };
}

/* From "FLAGS TAG VALUE", as dns_reply_parse() makes it. */
static void add_record(const char *line, struct caa_set *out)
{
	const char *tag = strchr(line, ' '), *value = tag ? strchr(tag + 1, ' ') : NULL;
	AUTO_FREE char *number = xstrndup(line, tag ? (size_t)(tag - line) : 0);
	struct caa_record *record;
	int64_t flags = 0;

	if (!value || !str_to_i64(number, 0, UINT8_MAX, &flags))
		return;
	out->items = xrealloc(out->items, out->len + 1, sizeof(*out->items));
	record = &out->items[out->len++];
	*record = (struct caa_record){ .flags = (uint8_t)flags };
	snprintf(record->tag, sizeof(record->tag), "%.*s", (int)(value - tag - 1),
	         tag + 1);
	record->value = xstrdup(value + 1);
}

bool dns_caa_find(const struct dns_settings *settings, const char *name,
                  struct caa_set *out, struct err *err)
{
	*out = (struct caa_set){ 0 };
	for (const char *at = dnsname_base(name); *at && out->len == 0;
	     at = dnsname_parent(at)) {
		AUTO_DNS_REPLY struct dns_reply reply = { 0 };

		if (!zone_ask(settings, at, DNS_TYPE_CAA, &reply, err))
			return err_context(err, "CAA of %s", name);
		for (size_t i = 0; i < reply.values.len; i++)
			add_record(reply.values.items[i], out);
		if (out->len > 0)
			snprintf(out->owner, sizeof(out->owner), "%s", at);
	}
	return true;
}
