/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

/* No option takes more (WIRE_OPTION_VALUE_MAX). */
enum { VALUE_MAX = 16 * 1024 };

static bool make_text(const char *said, const char *value, struct buf *out,
                      struct err *err)
{
	for (const char *at = value; *at; at++)
		if (!isprint((unsigned char)*at))
			return err_set(err, ERR_INPUT, "%s holds what is no plain text",
			               said);
	if (!*value)
		return err_set(err, ERR_INPUT, "%s is empty", said);
	buf_addf(out, "%s", value);
	return true;
}

static void cut_end(char *text, const char *end)
{
	if (str_ends(text, end))
		text[strlen(text) - strlen(end)] = '\0';
}

static bool make_url(const char *said, const char *value, struct buf *out,
                     struct err *err)
{
	AUTO_FREE char *url = xstrdup(value);

	cut_end(url, "/");
	/* acme.sh once had the whole path of acme-dns. */
	cut_end(url, "/update");
	return make_text(said, url, out, err);
}

static bool make_key_name(const char *said, const char *value, struct buf *out,
                          struct err *err)
{
	AUTO_FREE char *name = xstrdup(value);

	cut_end(name, ".");
	return make_text(said, name, out, err);
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 ||
	       inet_pton(AF_INET6, text, bytes) == 1;
}

/* "192.0.2.1:53", "[2001:db8::1]:53" or an address alone; ours is ADDRESS@PORT. */
static bool make_server(const char *said, const char *value, struct buf *out,
                        struct err *err)
{
	AUTO_FREE char *host = xstrdup(value[0] == '[' ? value + 1 : value);
	char *port = value[0] == '[' ? strchr(host, ']') : NULL;
	int64_t number = 53;

	if (port) {
		*port++ = '\0';
		port = *port == ':' ? port + 1 : NULL;
	} else if (!is_address(host)) {
		port = strrchr(host, ':');
		if (port)
			*port++ = '\0';
	}
	if (!is_address(host))
		return err_set(err, ERR_INPUT,
		               "%s is no IP address: put the address of the zone's "
		               "primary server there, not its name",
		               said);
	if (port && !str_to_i64(port, 1, 65535, &number))
		return err_set(err, ERR_INPUT, "%s has no port number behind ':'", said);
	buf_addf(out, "%s", host);
	if (number != 53)
		buf_addf(out, "@%d", (int)number);
	return true;
}

static bool make_port(const char *said, const char *value, struct buf *out,
                      struct err *err)
{
	int64_t port;

	if (!str_to_i64(value, 1, 65535, &port))
		return err_set(err, ERR_INPUT, "%s is no port number", said);
	buf_addf(out, "%s", value);
	return true;
}

static bool make_algorithm(const char *said, const char *value, struct buf *out,
                           struct err *err)
{
	AUTO_FREE char *name = xstrdup(value);

	cut_end(name, ".");
	for (char *at = name; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (!str_eq(name, "hmac-sha256") && !str_eq(name, "hmac-sha512"))
		return err_set(err, ERR_INPUT,
		               "%s: certferry has hmac-sha256 and hmac-sha512 only; make "
		               "a new key (tsig-keygen -a hmac-sha256 certferry)",
		               said);
	buf_addf(out, "%s", name);
	return true;
}

static bool make_key_file(const char *said, const char *value, struct buf *out,
                          struct err *err)
{
	AUTO_SECRET struct secret *key = import_file(said, value, err);
	const char *text = key ? secret_reveal(key, NULL) : NULL;

	if (!text)
		return false;
	if (!strstr(text, "secret") && !strchr(text, ':'))
		return err_set(err, ERR_INPUT,
		               "%s names a file that is not in BIND's form of a key "
		               "(key \"name\" { algorithm ...; secret ...; };)",
		               said);
	buf_addf(out, "%s", text);
	return true;
}

static bool make_refused(const char *said, const char *value, struct buf *out,
                         struct err *err)
{
	(void)said;
	(void)value;
	(void)out;
	(void)err;
	return true;
}

static bool (*const makers[])(const char *said, const char *value, struct buf *out,
                              struct err *err) = {
	[IMPORT_TEXT] = make_text,         [IMPORT_URL] = make_url,
	[IMPORT_SERVER] = make_server,     [IMPORT_PORT] = make_port,
	[IMPORT_KEY_NAME] = make_key_name, [IMPORT_ALGORITHM] = make_algorithm,
	[IMPORT_SECRET] = make_text,       [IMPORT_KEY_FILE] = make_key_file,
	[IMPORT_REFUSED] = make_refused,
};
_Static_assert(ARRAY_SIZE(makers) == IMPORT_KIND_COUNT, "a kind has no row");

struct secret *import_value(const struct import_name *name, const char *said,
                            const char *value, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(VALUE_MAX);

	if (!makers[name->kind](said, value, &text, err))
		return NULL;
	if (text.over) {
		(void)err_set(err, ERR_INPUT, "%s is too long: more than %d bytes", said,
		              VALUE_MAX);
		return NULL;
	}
	return secret_new(text.data, text.len);
}

struct secret *import_file(const char *said, const char *path, struct err *err)
{
	AUTO_BUF struct buf text = BUF_INIT(VALUE_MAX);
	char shown[200];

	if (!fs_read(path, &text, err)) {
		(void)err_set(err, ERR_INPUT, "%s names a file that cannot be read: %s",
		              said, str_printable(path, shown, sizeof(shown)));
		return NULL;
	}
	while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]))
		text.len--;
	return secret_new(text.data, text.len);
}
