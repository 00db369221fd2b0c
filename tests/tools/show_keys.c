/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show_keys CONFIG: every private key in the store, as PEM. For the test that looks for
 * their bytes wherever they should not be.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "config/config.h"
#include "crypto/key.h"
#include "crypto/seal.h"
#include "engine/engine.h"
#include "store/store.h"

enum { KEYS_MAX = 100 };

static bool show(struct store *store, int64_t id, struct err *err)
{
	AUTO_KEY struct key *key = store_key_load(store, id, err);
	AUTO_SECRET struct secret *pem = key ? key_format_pem(key, err) : NULL;
	size_t len;

	if (!pem)
		return err->kind == ERR_NOT_FOUND;
	fputs(secret_reveal(pem, &len), stdout);
	return true;
}

static bool show_all(const char *file, struct err *err)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	CLEANUP(config_freep) struct config *config = config_load(file, &problems, err);
	AUTO_SECRET struct secret *sealing = config ? engine_sealing_key_read(config, err)
	                                            : NULL;
	CLEANUP(sealer_freep)
	struct sealer *sealer = sealing ? sealer_new(sealing, err) : NULL;
	CLEANUP(store_closep)
	struct store *store = sealer ? store_open(config->state_directory, sealer, err)
	                             : NULL;

	if (!store)
		return false;
	for (int64_t id = 1; id <= KEYS_MAX; id++)
		if (!show(store, id, err))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc == 2 && show_all(argv[1], &err))
		return 0;
	fprintf(stderr, "show_keys: %s\n", argc == 2 ? err.msg : "CONFIG is needed");
	return 1;
}
