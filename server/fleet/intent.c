/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "service.h"
#include "store/delivery.h"

/* What the configuration wants, boiled down to a digest that a row can remember. */

enum { TEXT_MAX = 256 * 1024, SHORT_LIFE_S = 10 * 86400 };

static void add(struct buf *text, const char *name, const char *value)
{
	/* The length keeps lists apart that would otherwise read the same. */
	buf_addf(text, "%s=%zu:%s\n", name, value ? strlen(value) : 0,
	         value ? value : "");
}

static void add_list(struct buf *text, const char *name, const struct strlist *list)
{
	for (size_t i = 0; i < list->len; i++)
		add(text, name, list->items[i]);
}

static char *digest(const struct buf *text)
{
	AUTO_BUF struct buf hex = BUF_INIT(2 * SHA256_LEN);
	unsigned char hash[SHA256_LEN];

	sha256(text->data, text->len, hash);
	str_add_hex(&hex, hash, sizeof(hash));
	return buf_take(&hex);
}

char *fleet_intent(const struct config_certificate *certificate,
                   const struct config_host *host)
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	AUTO_STRLIST struct strlist names = { 0 };

	config_certificate_names(certificate, host, &names);
	add_list(&text, "name", &names);
	add(&text, "key", key_type_names[certificate->key]);
	add(&text, "directory", certificate->ca->directory);
	add(&text, "profile", certificate->profile);
	if (certificate->key_on == KEY_ON_TARGET)
		add(&text, "key-on", config_key_on_names[certificate->key_on]);
	return digest(&text);
}

char *fleet_dns(const struct config_certificate *certificate)
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);

	for (size_t i = 0; i < certificate->dns_count; i++)
		buf_addf(&text, "%s%s", i ? "," : "", certificate->dnses[i]->name);
	return buf_take(&text);
}

static void add_commands(struct buf *text, const char *name,
                         const struct install_commands *commands)
{
	for (size_t i = 0; i < commands->len; i++) {
		if (i > 0)
			buf_addf(text, "and\n");
		add_list(text, name, &commands->items[i]);
	}
}

char *fleet_setup(const struct config_certificate *certificate,
                  const struct config_host *host)
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	AUTO_COMMANDS struct install_commands tests = { 0 }, reloads = { 0 };
	unsigned formats = fleet_formats(certificate);

	fleet_service(certificate, &tests, &reloads);
	add(&text, "address", host->address);
	buf_addf(&text, "port=%u mode=%o\n", host->port,
	         (unsigned)certificate->install.mode);
	add(&text, "directory", certificate->install.directory);
	add(&text, "owner", certificate->install.owner);
	add(&text, "group", certificate->install.group);
	/* A digest of one service and PEM alone is as it was before there could be more.
	 */
	if (formats)
		buf_addf(&text, "formats=%x\n", formats);
	if (certificate->install.password_file)
		add(&text, "password-file", certificate->install.password_file);
	add_commands(&text, "test", &tests);
	add_commands(&text, "reload", &reloads);
	return digest(&text);
}

int64_t fleet_renewal(const struct config_certificate *wanted,
                      const struct certificate *has, const char **why)
{
	int64_t life = has->not_after - has->not_before;
	bool is_short = life < SHORT_LIFE_S;
	int64_t at = has->not_before + (is_short ? life / 2 : life * 2 / 3);

	*why = is_short ? "half of its lifetime is over"
	                : "two thirds of its lifetime are over";
	if (wanted->renew_after_s && has->created_at + wanted->renew_after_s < at) {
		at = has->created_at + wanted->renew_after_s;
		*why = "it is older than renew-after";
	}
	return at;
}
