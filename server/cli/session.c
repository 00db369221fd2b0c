/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "base/secret.h"
#include "crypto/seal.h"

static void print_problems(const struct strlist *problems)
{
	for (size_t i = 0; i < problems->len; i++)
		fprintf(stderr, "%s\n", problems->items[i]);
}

bool session_config(struct session *session, const struct args *args, struct err *err)
{
	AUTO_STRLIST struct strlist problems = { 0 };

	if (!engine_paths_find(&session->paths, err))
		return false;
	session->config = config_load(args->config, &problems, err);
	print_problems(&problems);
	return session->config != NULL;
}

bool session_check(struct session *session, struct err *err)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	bool good = engine_check(session->config, &session->paths, &problems, err);

	print_problems(&problems);
	return good;
}

bool session_store(struct session *session, struct err *err)
{
	AUTO_SECRET struct secret *key = engine_sealing_key_read(session->config, err);

	if (!key)
		return false;
	session->sealer = sealer_new(key, err);
	if (!session->sealer)
		return false;
	session->store = store_open(session->config->state_directory, session->sealer,
	                            err);
	return session->store != NULL;
}

void session_deinit(struct session *session)
{
	store_close(session->store);
	sealer_free(session->sealer);
	engine_paths_deinit(&session->paths);
	config_free(session->config);
}
