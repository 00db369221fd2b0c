/* SPDX-License-Identifier: Apache-2.0 */
#include "config/grammar.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WORD    LETTERS DIGITS "._-"

enum { URL_MAX = 2000, PATH_LEN_MAX = 1000, ARGUMENT_MAX = 4000 };

static bool is_graph(const char *text, size_t max)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0 && len <= max;
}

static bool read_https_url(char **text, struct err *err)
{
	const char *host = *text + strlen("https://");
	size_t len;

	if (!str_starts(*text, "https://"))
		return err_set(err, ERR_CONFIG, "not an https URL; https://HOST/PATH");
	len = strcspn(host, "/?#");
	if (!is_graph(*text, URL_MAX) || len == 0 || memchr(host, '@', len))
		return err_set(err, ERR_CONFIG,
		               "not a URL that can be used; https://HOST/PATH without "
		               "spaces and login");
	return true;
}

/* RFC 8555 7.3: no header fields, one address. */
static bool read_mailto(char **text, struct err *err)
{
	const char *at = strchr(*text, '@');

	if (!str_starts(*text, "mailto:") || !is_graph(*text, 320) ||
	    strpbrk(*text, ",?") || !at || at == *text + 7 || !at[1] ||
	    strchr(at + 1, '@'))
		return err_set(
		    err, ERR_CONFIG,
		    "not a contact; a mail URL such as mailto:ops@example.com");
	return true;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	return false;
}

static bool read_file(char **text, struct err *err)
{
	if (!**text || strlen(*text) > PATH_LEN_MAX || has_control(*text))
		return err_set(err, ERR_CONFIG, "not a path; 1 to %d printable bytes",
		               PATH_LEN_MAX);
	return true;
}

static bool is_dotted(const char *path)
{
	return strstr(path, "/../") || str_ends(path, "/..") || strstr(path, "/./") ||
	       str_ends(path, "/.");
}

static void cut_slashes(char *path)
{
	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
}

static bool read_directory(char **text, struct err *err)
{
	if (!read_file(text, err))
		return false;
	cut_slashes(*text);
	if (**text != '/' || is_dotted(*text) || str_eq(*text, "/"))
		return err_set(err, ERR_CONFIG,
		               "not an absolute directory; a path that starts with / and "
		               "has no . or .. in it");
	return true;
}

/* It reaches a shell script on the server: nothing that a shell would look at. */
static bool read_install_directory(char **text, struct err *err)
{
	if (!read_directory(text, err))
		return false;
	if (!str_is_made_of(*text, WORD "/@+,=:{}", 2, PATH_LEN_MAX))
		return err_set(err, ERR_CONFIG,
		               "characters that a path on a server may not have here; "
		               "letters, digits and . _ / @ + , = : -");
	return true;
}

static bool read_account(char **text, struct err *err)
{
	if (!str_is_made_of(*text, WORD, 1, 32) || strchr("-.", **text))
		return err_set(err, ERR_CONFIG,
		               "not a user or group; 1 to 32 letters, digits, . _ or -");
	return true;
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 ||
	       inet_pton(AF_INET6, text, bytes) == 1;
}

static bool read_resolver(char **text, struct err *err)
{
	char address[64];
	const char *at = strchr(*text, '@');
	size_t len = at ? (size_t)(at - *text) : strlen(*text);
	int64_t port;

	snprintf(address, sizeof(address), "%.*s", (int)(len < 60 ? len : 60), *text);
	if (!is_address(address) || (at && !str_to_i64(at + 1, 1, 65535, &port)))
		return err_set(
		    err, ERR_CONFIG,
		    "not a resolver; ADDRESS or ADDRESS@PORT, e.g. 192.0.2.53");
	return true;
}

static bool read_address(char **text, struct err *err)
{
	if (is_address(*text))
		return true;
	if (**text == '-')
		return err_set(err, ERR_CONFIG,
		               "starts with a hyphen; an IP address or a host name");
	return grammar_server_name.read(text, err);
}

static bool read_provider(char **text, struct err *err)
{
	if (!str_is_made_of(*text, "abcdefghijklmnopqrstuvwxyz" DIGITS "_", 1, 32))
		return err_set(err, ERR_CONFIG,
		               "not a provider; 1 to 32 of a-z, 0-9 and _, e.g. rfc2136");
	return true;
}

static bool read_token(char **text, struct err *err)
{
	if (!str_is_made_of(*text, WORD, 1, 64))
		return err_set(err, ERR_CONFIG,
		               "not a profile; 1 to 64 letters, digits, . _ or -");
	return true;
}

static bool read_kid(char **text, struct err *err)
{
	if (!is_graph(*text, 256))
		return err_set(err, ERR_CONFIG,
		               "not a key identifier; 1 to 256 printable characters");
	return true;
}

static bool read_preset(char **text, struct err *err)
{
	if (!str_is_made_of(*text, "abcdefghijklmnopqrstuvwxyz" DIGITS "-", 1, 32))
		return err_set(err, ERR_CONFIG,
		               "not a preset's name; such as nginx, or the command as a "
		               "list: [systemctl, reload, NAME]");
	return true;
}

static bool read_format(char **text, struct err *err)
{
	if (!str_is_made_of(*text, "abcdefghijklmnopqrstuvwxyz" DIGITS, 1, 16))
		return err_set(err, ERR_CONFIG, "not a format; such as combined");
	return true;
}

static bool read_protocol(char **text, struct err *err)
{
	if (!str_is_made_of(*text, "abcdefghijklmnopqrstuvwxyz" DIGITS, 1, 16))
		return err_set(err, ERR_CONFIG, "not a protocol; such as tls or smtp");
	return true;
}

static bool read_port(char **text, struct err *err)
{
	size_t len = strcspn(*text, "/");
	char *protocol = *text + len + 1, number[8];
	struct err why = { 0 };
	int64_t port;

	snprintf(number, sizeof(number), "%.*s", len < 6 ? (int)len : 6, *text);
	if (!str_to_i64(number, 1, 65535, &port) ||
	    ((*text)[len] && !read_protocol(&protocol, &why)))
		return err_set(err, ERR_CONFIG,
		               "not a port; PORT or PORT/PROTOCOL, e.g. 143/imap");
	return true;
}

static bool read_entry(char **text, struct err *err)
{
	if (!str_is_made_of(*text, WORD, 1, 64) || strchr("-.", **text))
		return err_set(err, ERR_CONFIG,
		               "not a name; 1 to 64 letters, digits, . _ or -, and "
		               "neither - nor . in front");
	return true;
}

static bool read_argument(char **text, struct err *err)
{
	if (strlen(*text) > ARGUMENT_MAX || has_control(*text))
		return err_set(err, ERR_CONFIG,
		               "not an argument; printable and at most %d bytes",
		               ARGUMENT_MAX);
	return true;
}

#define ENTRY_PATTERN   "^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$"
#define ACCOUNT_PATTERN "^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$"

const struct grammar grammar_https_url = { read_https_url, "https URL",
	                                   "^https://[^\\s@/]+(/\\S*)?$" };
const struct grammar grammar_mailto = { read_mailto, "mailto: URL",
	                                "^mailto:[^@,?\\s]+@[^@,?\\s]+$" };
const struct grammar grammar_directory = { read_directory, "absolute path", "^/." };
const struct grammar grammar_install_directory = { read_install_directory,
	                                           "absolute path",
	                                           "^/[A-Za-z0-9._/@+,=:{}-]+$" };
const struct grammar grammar_file = { read_file, "path", NULL };
const struct grammar grammar_account = { read_account, "name", ACCOUNT_PATTERN };
const struct grammar grammar_resolver = { read_resolver, "ADDRESS[@PORT]",
	                                  "^[0-9A-Fa-f.:]+(@[0-9]+)?$" };
const struct grammar grammar_address = { read_address, "address or host name",
	                                 "^[^-\\s]\\S*$" };
const struct grammar grammar_provider = { read_provider, "provider",
	                                  "^[a-z0-9_]{1,32}$" };
const struct grammar grammar_token = { read_token, "profile", "^[A-Za-z0-9._-]{1,64}$" };
const struct grammar grammar_kid = { read_kid, "text", "^[!-~]{1,256}$" };
const struct grammar grammar_preset = { read_preset, "preset", "^[a-z0-9-]{1,32}$" };
const struct grammar grammar_format = { read_format, "format", "^[a-z0-9]{1,16}$" };
const struct grammar grammar_protocol = { read_protocol, "protocol", "^[a-z0-9]{1,16}$" };
const struct grammar grammar_port = { read_port, "PORT[/PROTOCOL]",
	                              "^[0-9]{1,5}(/[a-z0-9]{1,16})?$" };
const struct grammar grammar_entry = { read_entry, "name", ENTRY_PATTERN };
const struct grammar grammar_argument = { read_argument, "text", NULL };
