/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <string.h>

#include "crypto/digest.h"

const char *const install_format_names[INSTALL_FORMAT_COUNT] = {
	[INSTALL_PEM] = "pem",
	[INSTALL_COMBINED] = "combined",
	[INSTALL_DER] = "der",
	[INSTALL_PKCS12] = "pkcs12",
};

bool install_format_find(const char *name, enum install_format *out)
{
	for (size_t i = 0; i < INSTALL_FORMAT_COUNT; i++)
		if (str_eq(install_format_names[i], name)) {
			*out = (enum install_format)i;
			return true;
		}
	return false;
}

static const char *key_of(const struct install_slot *slot)
{
	return secret_reveal(slot->key_pem, NULL);
}

static void add_cert(const struct install_slot *slot, struct buf *out)
{
	buf_addf(out, "%s", slot->cert_pem);
}

static void add_chain(const struct install_slot *slot, struct buf *out)
{
	buf_addf(out, "%s", slot->chain_pem);
}

static void add_fullchain(const struct install_slot *slot, struct buf *out)
{
	buf_addf(out, "%s", slot->fullchain_pem);
}

static void add_key(const struct install_slot *slot, struct buf *out)
{
	buf_addf(out, "%s", key_of(slot));
}

/* What haproxy, lighttpd and others want: the leaf first, the key anywhere. */
static void add_combined(const struct install_slot *slot, struct buf *out)
{
	buf_addf(out, "%s%s", slot->fullchain_pem, key_of(slot));
}

/* PEM without its first and last line is DER in base64 (RFC 7468). */
static void add_body(const char *pem, struct buf *out)
{
	const char *from = strchr(pem, '\n');
	const char *to = strstr(pem, "\n-----END ");

	if (from && to && to > from)
		buf_add(out, from + 1, (size_t)(to - from));
}

static void add_cert_body(const struct install_slot *slot, struct buf *out)
{
	add_body(slot->cert_pem, out);
}

static void add_key_body(const struct install_slot *slot, struct buf *out)
{
	add_body(key_of(slot), out);
}

/* clang-format off */
static const struct file {
	const char *name;
	enum install_format format;
	bool is_secret;
	bool is_base64;
	void (*add)(const struct install_slot *slot, struct buf *out);
} files[] = {
	{ "cert.pem",      INSTALL_PEM,      false, false, add_cert },
	{ "chain.pem",     INSTALL_PEM,      false, false, add_chain },
	{ "fullchain.pem", INSTALL_PEM,      false, false, add_fullchain },
	{ "cert.der",      INSTALL_DER,      false, true,  add_cert_body },
	{ "privkey.pem",   INSTALL_PEM,      true,  false, add_key },
	{ "combined.pem",  INSTALL_COMBINED, true,  false, add_combined },
	{ "privkey.der",   INSTALL_DER,      true,  true,  add_key_body },
};
/* clang-format on */

static bool is_wanted(const struct install_slot *slot, const struct file *file)
{
	return file->format == INSTALL_PEM || slot->formats & 1U << file->format;
}

bool files_check(const struct install_slot *slot, struct err *err)
{
	const struct {
		const char *name, *text;
	} texts[] = {
		{ "cert.pem", slot->cert_pem },
		{ "chain.pem", slot->chain_pem },
		{ "fullchain.pem", slot->fullchain_pem },
		{ "privkey.pem", key_of(slot) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		size_t len = strlen(texts[i].text);

		for (const char *at = texts[i].text; *at; at++)
			if (*at != '\n' && (*at < ' ' || *at > '~'))
				return err_set(err, ERR_INTERNAL, "%s is not PEM",
				               texts[i].name);
		if (len ? texts[i].text[len - 1] != '\n'
		        : !str_eq(texts[i].name, "chain.pem"))
			return err_set(err, ERR_INTERNAL, "%s does not end with a line",
			               texts[i].name);
	}
	return true;
}

static void add_names(const struct install_slot *slot, const char *what, bool is_secret,
                      struct buf *out)
{
	AUTO_BUF struct buf names = BUF_INIT(1024);
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (is_wanted(slot, &files[i]) && files[i].is_secret == is_secret) {
			buf_addf(&names, "%s\n", files[i].name);
			count++;
		}
	buf_addf(out, "%s %zu\n%s", what, count, names.data);
}

void files_add_names(const struct install_slot *slot, struct buf *out)
{
	add_names(slot, "open", false, out);
	add_names(slot, "secret", true, out);
}

/* The bytes as they will lie on the server. */
static void add_content(const struct install_slot *slot, const struct file *file,
                        struct buf *out)
{
	AUTO_BUF struct buf lines = BUF_INIT(INSTALL_BUNDLE_MAX),
			    joined = BUF_INIT(INSTALL_BUNDLE_MAX);
	struct err err = { 0 };

	if (!file->is_base64) {
		file->add(slot, out);
		return;
	}
	file->add(slot, &lines);
	for (size_t i = 0; i < lines.len; i++)
		if (lines.data[i] != '\n')
			buf_add(&joined, &lines.data[i], 1);
	if (!base64_decode(joined.data, joined.len, out, &err))
		out->over = true;
}

void files_add_sum(const struct install_slot *slot, struct buf *out)
{
	AUTO_BUF struct buf all = BUF_INIT(INSTALL_BUNDLE_MAX);
	unsigned char sum[SHA256_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (is_wanted(slot, &files[i]))
			add_content(slot, &files[i], &all);
	out->over = out->over || all.over;
	sha256(all.data, all.len, sum);
	str_add_hex(out, sum, sizeof(sum));
}

void files_add_texts(const struct install_slot *slot, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_BUF struct buf text = BUF_INIT(INSTALL_BUNDLE_MAX);
		size_t lines = 0;

		if (!is_wanted(slot, &files[i]))
			continue;
		files[i].add(slot, &text);
		for (size_t at = 0; at < text.len; at++)
			lines += text.data[at] == '\n';
		buf_addf(out, "%s %zu\n", files[i].name, lines);
		buf_add(out, text.data, text.len);
		out->over = out->over || text.over;
	}
}
