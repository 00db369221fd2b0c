/* SPDX-License-Identifier: Apache-2.0 */
#include "config/grammar.h"

#include <idn2.h>
#include <string.h>

#include "base/dnsname.h"
#include "base/mem.h"
#include "base/str.h"

/* Stands for {host} while the rest of a unique name is converted. */
#define STAND_IN "0certferry0"

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

static bool read_name(char **text, unsigned allow, struct err *err)
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
	return err_set(err, ERR_CONFIG, "%s; a host name such as www.example.com%s",
	               said ? said + 3 : why.msg,
	               allow & DNSNAME_WILDCARD ? " or *.example.com" : "");
}

static bool read_certificate_name(char **text, struct err *err)
{
	return read_name(text, DNSNAME_WILDCARD, err);
}

static bool read_zone(char **text, struct err *err)
{
	return read_name(text, DNSNAME_ONE_LABEL, err);
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
	if (!read_name(&whole, 0, err))
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

#define NAME_PATTERN "^(\\*\\.)?[^.*\\s]+(\\.[^.*\\s]+)+$"

const struct grammar grammar_name = { read_certificate_name, "host name", NAME_PATTERN };
const struct grammar grammar_zone = { read_zone, "zone", "^[^*\\s]+$" };
const struct grammar grammar_server_name = { read_zone, "host name", "^[^*\\s]+$" };
const struct grammar grammar_unique_name = { read_unique_name, "host name with {host}",
	                                     "^[^{}*\\s]*\\{host\\}[^{}*\\s]*$" };
