/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"

/* Which dns entry makes a record, and under which name. Pure: nobody is asked. */

enum { REFUSED_TEXT = 120, REFUSED_MAX = 64 * 1024 };

struct dns_desk *issue_dns_find(struct issue *issue, const char *name, struct err *err)
{
	for (size_t i = 0; i < issue->settings.dns_count; i++)
		if (str_eq(issue->dns[i].settings->name, name))
			return &issue->dns[i];
	(void)err_set(err, ERR_CONFIG, "the configuration has no dns entry '%s' any more",
	              name);
	return NULL;
}

void dns_desks_deinit(struct dns_desks *desks)
{
	free(TAKE(desks->items));
	desks->len = 0;
}

bool issue_dns_list(struct issue *issue, const char *names, struct dns_desks *out,
                    struct err *err)
{
	*out = (struct dns_desks){ .items = xcalloc(strlen(names) + 1,
		                                    sizeof(struct dns_desk *)) };
	for (const char *at = names; *at;) {
		size_t len = strcspn(at, ",");
		AUTO_FREE char *name = xstrndup(at, len);
		struct dns_desk *desk = issue_dns_find(issue, name, err);

		if (!desk)
			return false;
		out->items[out->len++] = desk;
		at += len + (at[len] == ',');
	}
	return out->len > 0 ||
	       err_set(err, ERR_INTERNAL, "a certificate without a dns entry");
}

bool issue_is_direct(const struct dns_desks *desks)
{
	for (size_t i = 0; i < desks->len; i++)
		if (desks->items[i]->settings->propagation == ISSUE_AUTHORITATIVE)
			return true;
	return false;
}

const char *issue_zone_listed(const struct issue_dns *dns, const char *name)
{
	const char *best = NULL;

	for (size_t i = 0; dns->zones && i < dns->zones->len; i++) {
		const char *one = dns->zones->items[i];

		if (dnsname_is_below(name, one) && (!best || strlen(one) > strlen(best)))
			best = one;
	}
	return best;
}

const char *issue_zone_for(const struct issue_dns *dns, const char *target,
                           const char *found)
{
	const char *listed = issue_zone_listed(dns, target);

	/* Authoritative servers are asked: then the record must be where they are. */
	if (found && (!listed || dns->propagation == ISSUE_AUTHORITATIVE))
		return found;
	return listed;
}

/* 0: not at all; 1: it has no list; more: the longer its zone, the better. */
static size_t rank_of(const struct issue_dns *dns, const char *target)
{
	const char *zone = issue_zone_listed(dns, target);

	if (!dns->zones || dns->zones->len == 0)
		return 1;
	return zone ? 1 + strlen(zone) : 0;
}

struct dns_desk *issue_choose(const struct dns_desks *desks, const char *target,
                              const char *refused)
{
	struct dns_desk *best = NULL;
	size_t best_rank = 0;

	for (size_t i = 0; i < desks->len; i++) {
		size_t rank = rank_of(desks->items[i]->settings, target);

		if (rank <= best_rank ||
		    issue_has_refused(refused, desks->items[i]->settings->name))
			continue;
		best = desks->items[i];
		best_rank = rank;
	}
	return best;
}

bool issue_has_refused(const char *refused, const char *entry)
{
	size_t len = strlen(entry);

	for (const char *line = refused; line && *line;) {
		const char *end = strchr(line, '\n');

		if (strncmp(line, entry, len) == 0 && line[len] == ':')
			return true;
		line = end ? end + 1 : NULL;
	}
	return false;
}

char *issue_refused_add(const char *refused, const char *entry, const char *why)
{
	AUTO_BUF struct buf text = BUF_INIT(REFUSED_MAX);
	char shown[REFUSED_TEXT + 4];

	/* Printable is also: without a line feed. */
	str_printable(why, shown, sizeof(shown));
	if (refused)
		buf_addf(&text, "%s\n", refused);
	buf_addf(&text, "%s: %s", entry, shown);
	return buf_take(&text);
}

char *issue_alias_expand(const char *alias, const char *name, struct err *err)
{
	static const char hole[] = "{name}";
	AUTO_BUF struct buf text = BUF_INIT(1024);
	const char *at = alias, *found;

	while ((found = strstr(at, hole)) != NULL) {
		buf_add(&text, at, (size_t)(found - at));
		buf_addf(&text, "%s", dnsname_base(name));
		at = found + sizeof(hole) - 1;
	}
	buf_addf(&text, "%s", at);
	if (text.over || !dnsname_check(text.data, DNSNAME_UNDERSCORE, err)) {
		if (text.over)
			(void)err_set(err, ERR_CONFIG, "too long");
		err->kind = ERR_CONFIG;
		(void)err_context(err, "%s: challenge-alias '%.100s'", name, alias);
		return NULL;
	}
	return buf_take(&text);
}
