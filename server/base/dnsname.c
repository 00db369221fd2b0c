/* SPDX-License-Identifier: Apache-2.0 */
#include "dnsname.h"

#include <string.h>

#include "str.h"

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

static bool check_label(const char *label, size_t len, unsigned allow, const char *name,
                        struct err *err)
{
	bool is_service = (allow & DNSNAME_UNDERSCORE) && len > 1 && label[0] == '_';
	size_t start = is_service ? 1 : 0;

	if (len == 0)
		return err_set(err, ERR_INPUT, "'%s': an empty label", name);
	if (len > 63)
		return err_set(err, ERR_INPUT,
		               "'%s': a label of %zu bytes; 63 is the most", name, len);
	if (strspn(label + start, letters) < len - start)
		return err_set(
		    err, ERR_INPUT,
		    "'%s': '%.*s' holds something else than letters, digits and hyphens",
		    name, (int)len, label);
	if (label[start] == '-' || label[len - 1] == '-')
		return err_set(err, ERR_INPUT,
		               "'%s': '%.*s' starts or ends with a hyphen", name,
		               (int)len, label);
	return true;
}

static bool check_form(const char *shown, const char *base, size_t max,
                       bool one_label_is_fine, struct err *err)
{
	size_t len = strlen(base);

	if (len == 0)
		return err_set(err, ERR_INPUT, "an empty name");
	if (len > max)
		return err_set(err, ERR_INPUT, "'%.60s...': %zu bytes; %zu is the most",
		               shown, len, max);
	if (base[len - 1] == '.')
		return err_set(err, ERR_INPUT, "'%s': without the final dot, please",
		               shown);
	if (strchr(base, '*'))
		return err_set(err, ERR_INPUT, "'%s': a wildcard is \"*.\" before a name",
		               shown);
	if (!strchr(base, '.') && !one_label_is_fine)
		return err_set(err, ERR_INPUT,
		               "'%s': only one label; a public name has two or more",
		               shown);
	return true;
}

bool dnsname_check(const char *name, unsigned allow, struct err *err)
{
	char shown[2 * DNSNAME_MAX];
	const char *base = allow & DNSNAME_WILDCARD ? dnsname_base(name) : name;

	str_printable(name, shown, sizeof(shown));
	/* The "*." counts. */
	if (!check_form(shown, base, DNSNAME_MAX - (size_t)(base - name),
	                base == name && (allow & DNSNAME_ONE_LABEL), err))
		return false;
	for (const char *label = base;; label++) {
		size_t len = strcspn(label, ".");

		if (!check_label(label, len, allow, shown, err))
			return false;
		label += len;
		if (!*label)
			break;
	}
	if (base[strspn(base, "0123456789.")] == '\0')
		return err_set(err, ERR_INPUT, "'%s': an address is not a name", shown);
	return true;
}

bool dnsname_is_wildcard(const char *name)
{
	return str_starts(name, "*.");
}

const char *dnsname_base(const char *name)
{
	return dnsname_is_wildcard(name) ? name + 2 : name;
}

bool dnsname_covers(const char *pattern, const char *name)
{
	const char *parent = dnsname_parent(name);

	if (str_eq(pattern, name))
		return true;
	return dnsname_is_wildcard(pattern) && *parent &&
	       str_eq(dnsname_base(pattern), parent);
}

bool dnsname_is_below(const char *name, const char *zone)
{
	size_t len = strlen(name), tail = strlen(zone);

	if (tail == 0 || str_eq(name, zone))
		return true;
	return len > tail && name[len - tail - 1] == '.' && str_ends(name, zone);
}

const char *dnsname_parent(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? dot + 1 : "";
}
