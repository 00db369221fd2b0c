/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include "base/mem.h"
#include "crypto/key.h"
#include "fleet/agent.h"
#include "ssh/ssh.h"
#include "store/rotation.h"

/* agent script: what each server is to have, and the program that does it. */

static char *line_of(struct store *store, int64_t id, struct err *err)
{
	AUTO_KEY struct key *key = id ? store_key_load(store, id, err)
	                              : store_ssh_key_load(store, err);

	return key ? ssh_public_line(key, "certferry", err) : NULL;
}

bool agent_keys_load(struct store *store, struct agent_keys *out, struct err *err)
{
	struct rotation rotation;
	bool found;

	out->line = line_of(store, 0, err);
	if (!out->line || !store_rotation_find(store, &rotation, &found, err))
		return false;
	if (!found)
		return true;
	if (rotation.is_switched)
		out->gone = line_of(store, rotation.old_key_id, err);
	else
		out->beside = line_of(store, rotation.new_key_id, err);
	return out->gone || out->beside;
}

void agent_keys_deinit(struct agent_keys *keys)
{
	free(keys->line);
	free(keys->beside);
	free(keys->gone);
	*keys = (struct agent_keys){ 0 };
}

struct hosts {
	struct setup_host *items;
	size_t count;
};

static void hosts_deinit(struct hosts *hosts)
{
	for (size_t i = 0; i < hosts->count; i++)
		setup_host_deinit(&hosts->items[i]);
	free(hosts->items);
}

/* A host goes before a group of its name. */
static bool is_meant(const struct config *config, const struct config_host *host,
                     const char *word)
{
	const struct config_host *one = config_host_find(config, word);

	return one ? host == one : strlist_has(&host->groups, word);
}

static bool check_words(const struct config *config, const struct strlist *words,
                        struct err *err)
{
	for (size_t i = 0; i < words->len; i++) {
		size_t count = 0;

		for (size_t j = 0; j < config->host_count; j++)
			count += is_meant(config, &config->hosts[j], words->items[i]);
		if (count == 0)
			return err_set(err, ERR_NOT_FOUND,
			               "%s has no host and no group '%s'", config->file,
			               words->items[i]);
	}
	return true;
}

/* Each once, however often it is meant. */
static bool make_hosts(const struct config *config, const struct strlist *words,
                       struct hosts *out, struct err *err)
{
	if (!check_words(config, words, err))
		return false;
	out->items = xcalloc(config->host_count + 1, sizeof(*out->items));
	for (size_t i = 0; i < config->host_count; i++) {
		const struct config_host *host = &config->hosts[i];
		bool is_in = false;

		for (size_t j = 0; j < words->len; j++)
			is_in = is_in || is_meant(config, host, words->items[j]);
		if (is_in && !fleet_agent(config, host, &out->items[out->count++], err))
			return false;
	}
	return true;
}

bool cmd_agent_script(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	CLEANUP(hosts_deinit) struct hosts hosts = { 0 };
	AUTO_BUF struct buf script = BUF_INIT(SETUP_SCRIPT_MAX);
	CLEANUP(agent_keys_deinit) struct agent_keys keys = { 0 };

	if (!session_config(&session, args, err) ||
	    !make_hosts(session.config, &args->words, &hosts, err) ||
	    !session_store(&session, err))
		return false;
	if (!agent_keys_load(session.store, &keys, err))
		return false;
	const struct setup_key key = { keys.line, keys.beside, keys.gone, args->from };
	if (!setup_key_check(&key, err))
		return false;
	setup_script(hosts.items, hosts.count, &key, &script);
	if (script.over)
		return err_set(err, ERR_CONFIG,
		               "a script of more than 16 MiB: make it "
		               "group by group");
	fputs(script.data, stdout);
	return true;
}
