/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "import.h"

enum { FILE_MAX = 256 * 1024, SETTINGS_MAX = 256 * 1024 };

/* A file to be made. */
struct made_file {
	char *path;
	struct secret *bytes;
	bool is_secret;
	const struct import_row *row;
};

struct import_plan {
	const char *config; /* the configuration file */
	char *directory;    /* where it is, with a final slash; or "" */
	struct made_file files[32];
	size_t len;
	size_t made; /* of them: to be removed where the next cannot be made */
};

static void plan_deinit(struct import_plan *plan)
{
	for (size_t i = 0; i < plan->len; i++) {
		free(plan->files[i].path);
		secret_free(plan->files[i].bytes);
	}
	free(plan->directory);
}

/* What stands behind a NUL byte would not be read. */
static bool is_text(const char *name, const struct buf *bytes, struct err *err)
{
	return strlen(bytes->data) == bytes->len ||
	       err_set(err, ERR_INPUT, "%s: not a text file",
	               str_eq(name, "-") ? "standard input" : name);
}

static bool has_provider(const struct import *import, enum import_provider provider)
{
	for (size_t i = 0; i < import->len; i++)
		if (import->items[i].name->provider == provider)
			return true;
	return false;
}

static const struct import_item *find_refused(const struct import *import)
{
	for (size_t i = 0; i < import->len; i++)
		if (import->items[i].name->kind == IMPORT_REFUSED)
			return &import->items[i];
	return NULL;
}

/* The secret of a TSIG key alone does not say its name, a file with a key does. */
static bool is_nameless(const struct import *import, enum import_provider provider)
{
	const struct import_item *key = import_find(import, provider, "tsig-key");

	return key && key->name->kind == IMPORT_SECRET &&
	       !import_find(import, provider, "tsig-name");
}

static bool is_complete(const struct import *import, enum import_provider provider,
                        struct err *err)
{
	const struct import_row *row = &import_rows[provider];
	const struct import_item *refused = find_refused(import);

	if (is_nameless(import, provider))
		return err_set(err, ERR_INPUT, "%s: nothing gives tsig-name",
		               row->provider);
	for (size_t i = 0; i < ARRAY_SIZE(row->required) && row->required[i]; i++) {
		if (import_find(import, provider, row->required[i]))
			continue;
		if (provider == IMPORT_CLOUDFLARE && refused)
			return err_set(
			    err, ERR_INPUT,
			    "%s: Cloudflare's global key may do everything and is not "
			    "supported; make a token: dash.cloudflare.com, My Profile, "
			    "API Tokens, Create Token, template 'Edit zone DNS', and "
			    "give "
			    "it as CF_DNS_API_TOKEN",
			    refused->said);
		return err_set(err, ERR_INPUT, "%s: nothing gives %s%s%s", row->provider,
		               row->required[i], row->hint ? "; " : "",
		               row->hint ? row->hint : "");
	}
	return true;
}

static struct made_file *plan_add(struct import_plan *plan, const struct import_row *row,
                                  char *path, const struct buf *bytes)
{
	struct made_file *file = &plan->files[plan->len++];

	*file = (struct made_file){ .path = path,
		                    .bytes = secret_new(bytes->data, bytes->len),
		                    .row = row };
	return file;
}

static void add_secret(struct import_plan *plan, const struct import_row *row,
                       const struct import_item *item, struct buf *settings)
{
	AUTO_BUF struct buf bytes = BUF_INIT(SETTINGS_MAX);
	size_t len;
	const char *value = secret_reveal(item->value, &len);

	buf_add(&bytes, value, len);
	buf_addf(&bytes, "\n");
	plan_add(
	    plan, row,
	    xasprintf("%ssecrets/%s-%s", plan->directory, row->entry, item->name->option),
	    &bytes)
	    ->is_secret = true;
	/* A path counts from the file it stands in, which is one in conf.d. */
	buf_addf(settings, "    %s: {file: ../secrets/%s-%s}\n", item->name->option,
	         row->entry, item->name->option);
}

static void add_setting(const struct import_item *item, const char *end,
                        struct buf *settings)
{
	AUTO_BUF struct buf value = BUF_INIT(FILE_MAX);

	buf_addf(&value, "%s%s", secret_reveal(item->value, NULL), end);
	buf_addf(settings, "    %s: ", item->name->option);
	buf_add_quoted(settings, value.data);
	buf_addf(settings, "\n");
}

static void add_item(struct import_plan *plan, const struct import *import, size_t i,
                     struct buf *settings)
{
	const struct import_item *item = &import->items[i], *port;
	enum import_provider provider = item->name->provider;
	enum import_kind kind = item->name->kind;
	char end[16] = "";

	/* The same may be said twice; the first is the one that counts. */
	if (kind == IMPORT_REFUSED || kind == IMPORT_PORT ||
	    import_find(import, provider, item->name->option) != item)
		return;
	if (kind == IMPORT_SECRET || kind == IMPORT_KEY_FILE) {
		add_secret(plan, &import_rows[provider], item, settings);
		return;
	}
	port = import_find(import, provider, "port");
	if (kind == IMPORT_SERVER && port &&
	    !strchr(secret_reveal(item->value, NULL), '@') &&
	    !str_eq(secret_reveal(port->value, NULL), "53"))
		snprintf(end, sizeof(end), "@%s", secret_reveal(port->value, NULL));
	add_setting(item, end, settings);
}

static void plan_entry(struct import_plan *plan, const struct import *import,
                       enum import_provider provider, const char *source)
{
	AUTO_BUF struct buf settings = BUF_INIT(SETTINGS_MAX);
	const struct import_row *row = &import_rows[provider];
	char shown[200], when[CLOCK_TEXT];

	buf_addf(&settings,
	         "# Made by certferry dns import-credentials, %s,\n# from %s\n"
	         "dns:\n  %s:\n    provider: %s\n",
	         clock_format(clock_now(), when),
	         str_eq(source, "-") ? "standard input"
	                             : str_printable(source, shown, sizeof(shown)),
	         row->entry, row->provider);
	for (size_t i = 0; i < import->len; i++)
		if (import->items[i].name->provider == provider)
			add_item(plan, import, i, &settings);
	/* Behind its secrets: what refers to them is made last. */
	plan_add(plan, row,
	         xasprintf("%sconf.d/dns-%s.yaml", plan->directory, row->entry),
	         &settings);
}

/* A configuration that does not load yet (its certificates may want this very entry) says
 * nothing; certferry check will. */
static bool is_free(const struct import_plan *plan, struct err *err)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	struct err ignored;
	CLEANUP(config_freep)
	struct config *config = config_load(plan->config, &problems, &ignored);

	for (size_t i = 0; i < plan->len; i++) {
		const struct made_file *file = &plan->files[i];

		if (fs_exists(file->path))
			return err_set(err, ERR_CONFLICT,
			               "%s exists; nothing was written: remove it, or "
			               "write the entry by hand",
			               file->path);
		for (size_t j = 0; config && j < config->dns_count; j++)
			if (str_eq(config->dns[j].name, file->row->entry))
				return err_set(
				    err, ERR_CONFLICT,
				    "%s:%d: dns.%s exists; nothing was written",
				    config->dns[j].mark.file, config->dns[j].mark.line,
				    file->row->entry);
	}
	return true;
}

static bool make_file(const struct made_file *file, struct err *err)
{
	size_t len;
	const char *bytes = secret_reveal(file->bytes, &len);
	bool existed;

	if (!fs_create_private(file->path, bytes, len, &existed, err))
		return false;
	if (existed)
		return err_set(err, ERR_CONFLICT, "%s exists", file->path);
	if (!file->is_secret && chmod(file->path, 0644) < 0)
		return err_set_errno(err, ERR_INTERNAL, "%s", file->path);
	return true;
}

static bool make_files(struct import_plan *plan, struct err *err)
{
	AUTO_FREE char *secrets = xasprintf("%ssecrets", plan->directory);
	AUTO_FREE char *entries = xasprintf("%sconf.d", plan->directory);

	if (!fs_make_dir(secrets, 0700, err) || !fs_make_dir(entries, 0755, err))
		return false;
	for (; plan->made < plan->len; plan->made++) {
		if (make_file(&plan->files[plan->made], err))
			continue;
		/* All or nothing. */
		while (plan->made > 0)
			unlink(plan->files[--plan->made].path);
		return err_context(err, "nothing was written");
	}
	return true;
}

static void print_as_json(const struct import_plan *plan, const struct import *import)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *entries = cJSON_AddArrayToObject(json, "entries");
	cJSON *secrets = cJSON_AddArrayToObject(json, "secrets");
	cJSON *unknown = cJSON_AddArrayToObject(json, "not_understood");

	for (size_t i = 0; i < plan->len; i++) {
		const struct made_file *file = &plan->files[i];

		if (file->is_secret) {
			cJSON_AddItemToArray(secrets, cJSON_CreateString(file->path));
			continue;
		}
		cJSON *entry = cJSON_CreateObject();
		json_add_text(entry, "name", file->row->entry);
		json_add_text(entry, "provider", file->row->provider);
		json_add_text(entry, "file", file->path);
		cJSON_AddItemToArray(entries, entry);
	}
	for (size_t i = 0; i < import->unknown.len; i++)
		cJSON_AddItemToArray(unknown,
		                     cJSON_CreateString(import->unknown.items[i]));
	print_json(json);
}

/* Other clients' default is an algorithm that certferry does not have. */
static void print_notes(const struct import *import)
{
	AUTO_BUF struct buf unknown = BUF_INIT(64 * 1024);
	const struct import_item *key = import_find(import, IMPORT_RFC2136, "tsig-key");

	strlist_join(&import->unknown, ", ", &unknown);
	if (unknown.len > 0)
		printf("not understood, left out: %s\n", unknown.data);
	if (key && key->name->kind == IMPORT_SECRET &&
	    !import_find(import, IMPORT_RFC2136, "tsig-algorithm"))
		printf(
		    "no TSIG algorithm was named: certferry takes hmac-sha256, where "
		    "lego takes hmac-sha1 and certbot hmac-md5; such a key must be made "
		    "anew\n");
}

static void print_result(const struct import_plan *plan, const struct import *import,
                         const char *source)
{
	for (size_t i = 0; i < plan->len; i++)
		printf("written: %s\n", plan->files[i].path);
	print_notes(import);
	printf("\nNow: certferry check\n");
	if (!str_eq(source, "-"))
		printf("Then remove %s where nothing else needs it: it still holds the "
		       "secrets.\n",
		       source);
}

bool cmd_dns_import(const struct args *args, struct err *err)
{
	AUTO_IMPORT struct import import = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX);
	const char *source = args->words.items[0];
	const char *slash = strrchr(args->config, '/');
	CLEANUP(plan_deinit)
	struct import_plan plan = { .config = args->config };

	plan.directory = slash
	                     ? xstrndup(args->config, (size_t)(slash - args->config) + 1)
	                     : xstrdup("");
	if (!input_read(source, &text, err) || !is_text(source, &text, err) ||
	    !import_read(&import, text.data, err))
		return false;
	for (enum import_provider i = 0; i < IMPORT_PROVIDER_COUNT; i++) {
		if (!has_provider(&import, i))
			continue;
		if (!is_complete(&import, i, err))
			return false;
		plan_entry(&plan, &import, i, source);
	}
	if (plan.len == 0)
		return err_set(err, ERR_INPUT,
		               "nothing here that certferry knows: it knows what lego, "
		               "certbot and acme.sh call the credentials of cloudflare, "
		               "rfc2136, powerdns and acme-dns");
	if (!is_free(&plan, err) || !make_files(&plan, err))
		return false;
	if (args->json)
		print_as_json(&plan, &import);
	else
		print_result(&plan, &import, source);
	return true;
}
