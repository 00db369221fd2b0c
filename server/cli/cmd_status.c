/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include "view.h"

/* Bytes of the public key's SHA-256: enough to see that two are not the same. */
enum { KEY_SHOWN = 6 };

static void add_hex(cJSON *object, const char *name, const unsigned char *bytes,
                    bool is_there)
{
	AUTO_BUF struct buf hex = BUF_INIT(64);

	if (is_there)
		str_add_hex(&hex, bytes, 32);
	cJSON_AddItemToObject(
	    object, name, is_there ? cJSON_CreateString(hex.data) : cJSON_CreateNull());
}

static void add_time(cJSON *object, const char *name, int64_t when)
{
	char text[CLOCK_TEXT];

	json_add_text(object, name, when ? clock_format(when, text) : NULL);
}

static void add_err(cJSON *object, const struct err *err)
{
	cJSON *error = cJSON_CreateObject();

	if (!err) {
		cJSON_Delete(error);
		cJSON_AddNullToObject(object, "error");
		return;
	}
	cJSON_AddStringToObject(error, "kind", err_infos[err->kind].name);
	json_add_text(error, "code", err->code[0] ? err->code : NULL);
	cJSON_AddStringToObject(error, "text", err->msg);
	cJSON_AddItemToObject(object, "error", error);
}

static void add_certificate(cJSON *object, const struct view *view)
{
	const struct certificate *has = &view->certificate;
	bool is_there = view->has_certificate;
	const char *why;

	json_add_text(object, "serial", is_there ? has->serial : NULL);
	add_hex(object, "sha256", has->sha256, is_there);
	add_time(object, "not_before", is_there ? has->not_before : 0);
	add_time(object, "not_after", is_there ? has->not_after : 0);
	add_time(object, "renews_at",
	         is_there ? fleet_renewal(view->wanted, has, &why) : 0);
}

static void add_transport(cJSON *object, const struct host_transport *transport)
{
	json_add_text(object, "transport", *transport->name ? transport->name : NULL);
	json_add_text(object, "agent_version",
	              *transport->version ? transport->version : NULL);
}

static void add_json(cJSON *list, const struct view *view)
{
	cJSON *object = cJSON_CreateObject();
	const struct delivery *delivery = &view->delivery;

	cJSON_AddItemToArray(list, object);
	cJSON_AddStringToObject(object, "certificate", view->wanted->name);
	cJSON_AddStringToObject(object, "host", view->at->name);
	cJSON_AddStringToObject(object, "state", view_state_names[view->state]);
	json_add_text(object, "reason", view->reason[0] ? view->reason : NULL);
	add_certificate(object, view);
	add_hex(object, "key_sha256", view->key_sha256, view->has_certificate);
	cJSON_AddBoolToObject(object, "installed", view_is_installed(view));
	add_time(object, "installed_at", view->has_delivery ? delivery->installed_at : 0);
	json_add_text(object, "served", view->has_delivery ? delivery->served : NULL);
	cJSON_AddBoolToObject(object, "is_served", view_is_served(view));
	add_time(object, "served_at", view->has_delivery ? delivery->served_at : 0);
	add_transport(object, &view->transport);
	add_time(object, "waits_until", view->waits_until);
	json_add_text(object, "waits_for",
	              view->has_order ? view->order.waits_for : NULL);
	add_err(object, view->err);
}

static void add_row(struct table *table, const struct view *view)
{
	const struct certificate *has = &view->certificate;
	char until[CLOCK_TEXT] = "-", again[CLOCK_TEXT];
	AUTO_FREE char *place = xasprintf("%s/%s", view->wanted->name, view->at->name);
	/* Of what is done and served the columns say it all. */
	bool is_plain = view->state == VIEW_DONE && view_is_served(view);
	AUTO_FREE char *note = xstrdup(is_plain ? "" : view->reason);
	const char *installed = view_is_installed(view) ? "yes" : "no";
	const char *served = "-";
	AUTO_BUF struct buf key = BUF_INIT(64);

	if (view->has_delivery && view->delivery.served)
		served = view_is_served(view) ? "yes" : "no";
	if (view->has_certificate) {
		clock_format(has->not_after, until);
		until[10] = '\0';
		str_add_hex(&key, view->key_sha256, KEY_SHOWN);
	}
	/* A person is not told to come again, but what to do. */
	if (view->waits_until && !view->by_hand) {
		free(note);
		note = xasprintf(
		    "again %s: %s",
		    clock_format_span(view->waits_until - clock_now(), again),
		    view->reason);
	}
	const char *const cells[] = { place,
		                      view_state_names[view->state],
		                      view->has_certificate ? has->serial : "-",
		                      view->has_certificate ? key.data : "-",
		                      until,
		                      installed,
		                      served,
		                      *view->transport.name ? view->transport.name : "-",
		                      note };
	table_add(table, cells);
}

static bool is_asked(const struct args *args, const struct view *view)
{
	return args->words.len == 0 || strlist_has(&args->words, view->wanted->name) ||
	       strlist_has(&args->words, view->at->name);
}

static bool check_words(const struct args *args, const struct config *config,
                        struct err *err)
{
	for (size_t i = 0; i < args->words.len; i++) {
		const char *word = args->words.items[i];

		if (!config_certificate_find(config, word) &&
		    !config_host_find(config, word))
			return err_set(err, ERR_NOT_FOUND,
			               "%s has no certificate or host '%s'", config->file,
			               word);
	}
	return true;
}

static bool add_places(struct session *session, const struct args *args,
                       struct table *table, cJSON *list, struct err *err)
{
	const struct config *config = session->config;

	for (size_t i = 0; i < config->certificate_count; i++) {
		for (size_t k = 0; k < config->certificates[i].host_count; k++) {
			AUTO_VIEW struct view view = { 0 };

			if (!view_load(&view, session->store, &config->certificates[i],
			               config->certificates[i].hosts[k], err))
				return false;
			if (!is_asked(args, &view))
				continue;
			add_row(table, &view);
			add_json(list, &view);
		}
	}
	return true;
}

bool cmd_status(const struct args *args, struct err *err)
{
	static const char *const columns[] = { "CERTIFICATE", "STATE", "SERIAL",
		                               "KEY",         "UNTIL", "INSTALLED",
		                               "SERVED",      "BY",    "NOTE" };
	AUTO_SESSION struct session session = { 0 };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "certificates");

	table_spare(table, 3);
	table_spare(table, 2);
	if (!session_config(&session, args, err) ||
	    !check_words(args, session.config, err) || !session_store(&session, err) ||
	    !add_places(&session, args, table, list, err))
		return false;
	if (args->json)
		print_json(TAKE(json));
	else
		table_print(table, stdout);
	return true;
}
