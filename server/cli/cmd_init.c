/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "ssh/ssh.h"

/* The SSH key of this issuer: made once, kept ever after. */
static struct key *have_ssh_key(struct store *store, bool *existed, struct err *err)
{
	AUTO_KEY struct key *key = store_ssh_key_load(store, err);
	const struct event event = { .name = "ssh.key", .text = "deploy key made" };
	struct err ignored = { 0 };
	int64_t id;
	bool good;

	*existed = key != NULL;
	if (key || err->kind != ERR_NOT_FOUND)
		return TAKE(key);
	*err = (struct err){ 0 };
	key = key_new(KEY_ED25519, err);
	if (!key || !store_begin(store, err))
		return NULL;
	good = store_key_add(store, key, "ssh", &id, err) &&
	       store_event_add(store, &event, err);
	if (!store_end(store, good, good ? err : &ignored) || !good)
		return NULL;
	return TAKE(key);
}

static void print_result(const struct session *session, const struct args *args,
                         bool had_key, bool had_ssh_key, const char *line)
{
	AUTO_FREE char *path = engine_sealing_key_path(session->config);

	if (args->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "state_directory",
		                        session->config->state_directory);
		cJSON_AddStringToObject(json, "sealing_key", path);
		cJSON_AddStringToObject(json, "ssh_public_key", line);
		print_json(json);
		return;
	}
	printf("state directory  %s\n", session->config->state_directory);
	printf("sealing key      %s (%s; keep a copy elsewhere: without it the store "
	       "cannot be read)\n",
	       path, had_key ? "was there" : "made");
	printf("SSH key          ed25519 (%s)\n\n", had_ssh_key ? "was there" : "made");
	printf(
	    "On each server, the login user's ~/.ssh/authorized_keys needs this line:\n\n"
	    "restrict %s\n\n"
	    "Then, for each server: certferry host enroll NAME\n",
	    line);
}

bool cmd_init(const struct args *args, struct err *err)
{
	AUTO_SESSION struct session session = { 0 };
	AUTO_KEY struct key *key = NULL;
	AUTO_FREE char *line = NULL;
	bool had_key, had_ssh_key;

	if (!session_config(&session, args, err) ||
	    !engine_sealing_key_make(session.config, &had_key, err) ||
	    !session_store(&session, err))
		return false;
	key = have_ssh_key(session.store, &had_ssh_key, err);
	if (!key)
		return false;
	line = ssh_public_line(key, "certferry", err);
	if (!line)
		return false;
	print_result(&session, args, had_key, had_ssh_key, line);
	return true;
}
