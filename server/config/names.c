/* SPDX-License-Identifier: Apache-2.0 */
#include "config/grammar.h"

#include <idn2.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "base/str.h"

/* Stands for {host} or {name} while the rest is converted. */
#define STAND_IN "0certferry0"

/* What would be right. */
#define HOST_NAME "a host name such as www.example.com"
#define ALIAS     "a name such as _acme-challenge.{name}.acme.example.net"

/* U-labels become A-labels, letters lower case. A wildcard's "*" is no label that
 * libidn2 would take, so it is put in front again. */
static bool to_ascii(char **text, struct err *err)
{
	bool is_wildcard = dnsname_is_wildcard(*text);
	char *ascii = NULL;
	int rc = idn2_to_ascii_8z(dnsname_base(*text), &ascii,
	                          IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	if (rc != IDN2_OK)
		return err_set(err, ERR_CONFIG,
		               "not a host name (%s); labels of letters, digits and "
		               "hyphens, such as www.example.com",
		               idn2_strerror(rc));
	free(*text);
	*text = xasprintf("%s%s", is_wildcard ? "*." : "", ascii);
	idn2_free(ascii);
	return true;
}

/* Plain ASCII is only made lower case: its mistakes are dnsname_check()'s to word. */
static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text > 126)
			return false;
	return true;
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

static bool read_name(char **text, unsigned allow, const char *like, struct err *err)
{
	struct err why = { 0 };
	const char *said;

	lower(*text);
	if (!is_ascii(*text) && !to_ascii(text, err))
		return false;
	if (dnsname_check(*text, allow, &why))
		return true;
	/* The name itself is said by the caller, as it was written. */
	said = strstr(why.msg, "': ");
	return err_set(err, ERR_CONFIG, "%s; %s", said ? said + 3 : why.msg, like);
}

static bool read_certificate_name(char **text, struct err *err)
{
	return read_name(text, DNSNAME_WILDCARD, HOST_NAME " or *.example.com", err);
}

/* _acme-challenge.www.example.com may be a zone by itself. */
static bool read_zone(char **text, struct err *err)
{
	return read_name(text, DNSNAME_ONE_LABEL | DNSNAME_UNDERSCORE, HOST_NAME, err);
}

static bool read_server_name(char **text, struct err *err)
{
	return read_name(text, DNSNAME_ONE_LABEL, HOST_NAME, err);
}

static char *replace(const char *text, const char *from, const char *to)
{
	const char *found = strstr(text, from);

	return found ? xasprintf("%.*s%s%s", (int)(found - text), text, to,
	                         found + strlen(from))
	             : NULL;
}

char *names_expand(const char *unique_name, const char *host)
{
	return replace(unique_name, HOST_PLACE, host);
}

static bool read_unique_name(char **text, struct err *err)
{
	AUTO_FREE char *whole = replace(*text, HOST_PLACE, STAND_IN);
	char *back;

	if (!whole || strstr(whole, HOST_PLACE))
		return err_set(err, ERR_CONFIG,
		               "must have {host} in it exactly once; such as "
		               "\"{host}.srv.example.com\"");
	if (!read_name(&whole, 0, HOST_NAME, err))
		return false;
	back = replace(whole, STAND_IN, HOST_PLACE);
	if (!back)
		return err_set(err, ERR_CONFIG,
		               "the label with {host} must be of letters, digits and "
		               "hyphens; such as \"{host}.srv.example.com\"");
	free(*text);
	*text = back;
	return true;
}

char *names_alias(const char *alias, const char *name)
{
	char *expanded = replace(alias, NAME_PLACE, dnsname_base(name));

	return expanded ? expanded : xstrdup(alias);
}

/* {name} is a whole name: dots, or nothing, on both sides of it. */
static bool stands_free(const char *text)
{
	const char *found = strstr(text, NAME_PLACE);
	const char *end = found ? found + strlen(NAME_PLACE) : NULL;

	return !found || ((found == text || found[-1] == '.') && (!*end || *end == '.') &&
	                  !strstr(end, NAME_PLACE));
}

static bool read_alias(char **text, struct err *err)
{
	AUTO_FREE char *whole = NULL;
	char *back;

	if (!stands_free(*text))
		return err_set(err, ERR_CONFIG,
		               "{name} may stand in it once, between dots; such as "
		               "\"_acme-challenge.{name}.acme.example.net\"");
	whole = replace(*text, NAME_PLACE, STAND_IN);
	if (!whole)
		return read_name(text, DNSNAME_UNDERSCORE, ALIAS, err);
	if (!read_name(&whole, DNSNAME_UNDERSCORE | DNSNAME_ONE_LABEL, ALIAS, err))
		return false;
	if (str_eq(whole, STAND_IN) || str_eq(whole, "_acme-challenge." STAND_IN))
		return err_set(err, ERR_CONFIG,
		               "no other place than that of the challenge; %s, or leave "
		               "challenge-alias away",
		               ALIAS);
	back = replace(whole, STAND_IN, NAME_PLACE);
	free(*text);
	*text = back;
	return true;
}

#define NAME_PATTERN "^(\\*\\.)?[^.*\\s]+(\\.[^.*\\s]+)+$"

const struct grammar grammar_name = { read_certificate_name, "host name", NAME_PATTERN };
const struct grammar grammar_zone = { read_zone, "zone", "^[^*\\s]+$" };
const struct grammar grammar_server_name = { read_server_name, "host name",
	                                     "^[^*\\s]+$" };
const struct grammar grammar_unique_name = { read_unique_name, "host name with {host}",
	                                     "^[^{}*\\s]*\\{host\\}[^{}*\\s]*$" };
const struct grammar grammar_alias = { read_alias, "DNS name, {name} in it or not",
	                               "^[^*\\s]+\\.[^*\\s]+$" };
