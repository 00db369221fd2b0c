/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include "base/mem.h"
#include "crypto/key.h"
#include "fleet/agent.h"
#include "ssh/ssh.h"

/* agent script: what each server is to have, and the program that does it. */

char *agent_key_line(struct store *store, struct err *err)
{
	AUTO_KEY struct key *key = store_ssh_key_load(store, err);

	return key ? ssh_public_line(key, "certferry", err) : NULL;
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

static bool make_hosts(const struct config *config, const char *word, struct hosts *out,
                       struct err *err)
{
	const struct config_host *one = config_host_find(config, word);

	out->items = xcalloc(config->host_count + 1, sizeof(*out->items));
	for (size_t i = 0; i < config->host_count; i++) {
		const struct config_host *host = &config->hosts[i];

		if (one ? host != one : !strlist_has(&host->groups, word))
			continue;
		if (!fleet_agent(config, host, &out->items[out->count++], err))
			return false;
	}
	return out->count > 0 ||
	       err_set(err, ERR_NOT_FOUND, "%s has no host and no group '%s'",
	               config->file, word);
}

bool cmd_agent_script(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	CLEANUP(hosts_deinit) struct hosts hosts = { 0 };
	AUTO_BUF struct buf script = BUF_INIT(SETUP_SCRIPT_MAX);
	AUTO_FREE char *line = NULL;

	if (!session_config(&session, args, err) ||
	    !make_hosts(session.config, args->words.items[0], &hosts, err) ||
	    !session_store(&session, err))
		return false;
	line = agent_key_line(session.store, err);
	if (!line)
		return false;
	const struct setup_key key = { line, args->from };
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
