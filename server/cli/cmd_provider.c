/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <dirent.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* The names of the plugins that lie in the directory, sorted. */
static bool find_plugins(const char *dir, struct strlist *out, struct err *err)
{
	DIR *entries = opendir(dir);

	if (!entries)
		return err_set_errno(err, ERR_INTERNAL, "%s", dir);
	for (struct dirent *entry; (entry = readdir(entries));) {
		size_t len = strlen(entry->d_name);

		if (len < 4 || !str_ends(entry->d_name, ".so"))
			continue;
		AUTO_FREE char *name = xstrndup(entry->d_name, len - 3);

		strlist_add(out, name);
	}
	closedir(entries);
	strlist_sort(out);
	return true;
}

static cJSON *as_json(const struct provider_info *info)
{
	cJSON *object = cJSON_CreateObject(), *options;

	cJSON_AddStringToObject(object, "name", info->name);
	cJSON_AddStringToObject(object, "summary", info->summary);
	options = cJSON_AddArrayToObject(object, "options");
	for (size_t i = 0; i < info->option_count; i++) {
		cJSON *option = cJSON_CreateObject();

		cJSON_AddStringToObject(option, "name", info->options[i].name);
		cJSON_AddBoolToObject(option, "required", info->options[i].is_required);
		cJSON_AddBoolToObject(option, "secret", info->options[i].is_secret);
		cJSON_AddStringToObject(option, "help", info->options[i].help);
		cJSON_AddItemToArray(options, option);
	}
	return object;
}

bool cmd_provider_list(const struct args *args, struct err *err)
{
	static const char *const columns[] = { "PROVIDER", "WHAT IT IS" };
	CLEANUP(engine_paths_deinit) struct engine_paths paths = { 0 };
	AUTO_STRLIST struct strlist names = { 0 };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));
	AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "providers");

	if (!engine_paths_find(&paths, err) || !find_plugins(paths.plugins, &names, err))
		return false;
	for (size_t i = 0; i < names.len; i++) {
		CLEANUP(provider_info_deinit) struct provider_info info = { 0 };
		const struct provider_home home = { paths.dns_host, paths.plugins };
		struct err why = { 0 };
		bool good = provider_describe(&home, names.items[i], &info, &why);
		const char *const cells[] = { names.items[i],
			                      good ? info.summary : why.msg };

		table_add(table, cells);
		if (good)
			cJSON_AddItemToArray(list, as_json(&info));
	}
	if (args->json)
		print_json(TAKE(json));
	else
		table_print(table, stdout);
	return true;
}

static bool is_there(const struct engine_paths *paths, const char *name, struct err *err)
{
	AUTO_STRLIST struct strlist names = { 0 };

	return find_plugins(paths->plugins, &names, err) &&
	       (strlist_has(&names, name) ||
	        err_set(err, ERR_NOT_FOUND,
	                "no provider '%s' is installed; certferry provider list shows "
	                "what is",
	                name));
}

bool cmd_provider_show(const struct args *args, struct err *err)
{
	static const char *const columns[] = { "OPTION", "", "MEANING" };
	CLEANUP(engine_paths_deinit) struct engine_paths paths = { 0 };
	CLEANUP(provider_info_deinit) struct provider_info info = { 0 };
	AUTO_TABLE struct table *table = table_new(columns, ARRAY_SIZE(columns));

	if (!engine_paths_find(&paths, err))
		return false;
	const struct provider_home home = { paths.dns_host, paths.plugins };

	if (!is_there(&paths, args->words.items[0], err) ||
	    !provider_describe(&home, args->words.items[0], &info, err))
		return false;
	if (args->json) {
		print_json(as_json(&info));
		return true;
	}
	printf("%s: %s\n\n", info.name, info.summary);
	for (size_t i = 0; i < info.option_count; i++) {
		const struct provider_option_info *option = &info.options[i];
		const char *const cells[] = { option->name,
			                      option->is_required && option->is_secret
			                          ? "required, secret"
			                      : option->is_required ? "required"
			                      : option->is_secret   ? "secret"
			                                            : "",
			                      option->help };

		table_add(table, cells);
	}
	table_print(table, stdout);
	return true;
}
