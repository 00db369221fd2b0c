/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/delivery.h"

static void print_text(const struct certificate *has)
{
	AUTO_BUF struct buf names = BUF_INIT(64 * 1024), print = BUF_INIT(64);
	char from[CLOCK_TEXT], until[CLOCK_TEXT];

	strlist_join(&has->names, ", ", &names);
	str_add_hex(&print, has->sha256, sizeof(has->sha256));
	printf("%s/%s\n", has->name, has->host);
	printf("  names    %s\n", names.data);
	printf("  serial   %s\n", has->serial);
	printf("  issuer   %s (CA %s)\n", has->issuer, has->ca);
	printf("  valid    %s to %s\n", clock_format(has->not_before, from),
	       clock_format(has->not_after, until));
	printf("  key      %s\n", key_type_names[has->key_type]);
	printf("  sha256   %s\n\n", print.data);
	printf("%s%s", has->cert_pem, has->chain_pem);
}

static void add_json(cJSON *list, const struct certificate *has)
{
	cJSON *object = cJSON_CreateObject(), *names;
	AUTO_BUF struct buf print = BUF_INIT(64);
	char time[CLOCK_TEXT];

	str_add_hex(&print, has->sha256, sizeof(has->sha256));
	cJSON_AddStringToObject(object, "certificate", has->name);
	cJSON_AddStringToObject(object, "host", has->host);
	names = cJSON_AddArrayToObject(object, "names");
	for (size_t i = 0; i < has->names.len; i++)
		cJSON_AddItemToArray(names, cJSON_CreateString(has->names.items[i]));
	cJSON_AddStringToObject(object, "serial", has->serial);
	cJSON_AddStringToObject(object, "issuer", has->issuer);
	cJSON_AddStringToObject(object, "ca", has->ca);
	cJSON_AddStringToObject(object, "not_before",
	                        clock_format(has->not_before, time));
	cJSON_AddStringToObject(object, "not_after", clock_format(has->not_after, time));
	cJSON_AddStringToObject(object, "key", key_type_names[has->key_type]);
	cJSON_AddStringToObject(object, "sha256", print.data);
	cJSON_AddStringToObject(object, "cert_pem", has->cert_pem);
	cJSON_AddStringToObject(object, "chain_pem", has->chain_pem);
	cJSON_AddItemToArray(list, object);
}

static bool show(struct session *session, const char *name, const char *host, cJSON *list,
                 size_t *shown, struct err *err)
{
	AUTO_CERTIFICATE struct certificate has = { 0 };
	bool found;

	if (!store_certificate_newest(session->store, name, host, &has, &found, err))
		return false;
	if (!found)
		return true;
	if (list)
		add_json(list, &has);
	else
		print_text(&has);
	(*shown)++;
	return true;
}

bool cmd_cert_show(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_FREE char *name = xstrdup(args->words.items[0]);
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "certificates");
	const struct config_certificate *wanted;
	char *host = strchr(name, '/');
	size_t shown = 0;

	if (!session_config(&session, args, err) || !session_store(&session, err))
		return false;
	if (host)
		*host++ = '\0';
	wanted = config_certificate_find(session.config, name);
	if (!wanted)
		return err_set(err, ERR_NOT_FOUND, "%s has no certificate '%s'",
		               session.config->file, name);
	for (size_t i = 0; i < wanted->host_count; i++) {
		const char *at = wanted->hosts[i]->name;

		if ((!host || str_eq(host, at)) &&
		    !show(&session, name, at, args->json ? list : NULL, &shown, err))
			return false;
	}
	if (shown == 0)
		return err_set(err, ERR_NOT_FOUND, "%s: nothing was issued yet",
		               args->words.items[0]);
	if (args->json)
		print_json(TAKE(json));
	return true;
}
