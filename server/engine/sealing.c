/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/seal.h"

/* The file holds the key in base64, one line, so that it can be printed and typed in. */

char *engine_sealing_key_path(const struct config *config)
{
	if (config->sealing_key.credential)
		return xasprintf("credential %s", config->sealing_key.credential);
	if (config->sealing_key.file)
		return xstrdup(config->sealing_key.file);
	return fs_join(config->state_directory, "sealing.key");
}

struct secret *engine_sealing_key_read(const struct config *config, struct err *err)
{
	AUTO_FREE char *path = engine_sealing_key_path(config);
	AUTO_BUF struct buf bytes = BUF_INIT(256);
	AUTO_SECRET struct secret *text = NULL;
	const char *line;
	size_t len;

	if (config->sealing_key.credential || config->sealing_key.file) {
		text = config_secret_read(&config->sealing_key, "sealing-key", err);
	} else if (!fs_exists(path)) {
		(void)err_set(err, ERR_CONFIG, "%s is not there: certferry init makes it",
		              path);
	} else {
		text = fs_read_secret(path, true, err);
	}
	if (!text)
		return NULL;
	line = secret_reveal(text, &len);
	if (!base64_decode(line, len, &bytes, err) || bytes.len != SEALING_KEY_LEN) {
		(void)err_set(err, ERR_CONFIG,
		              "%s: not a sealing key (%d bytes in base64)", path,
		              SEALING_KEY_LEN);
		return NULL;
	}
	return secret_new(bytes.data, bytes.len);
}

bool engine_sealing_key_make(const struct config *config, bool *existed, struct err *err)
{
	AUTO_FREE char *path = engine_sealing_key_path(config);
	AUTO_BUF struct buf line = BUF_INIT(256);
	unsigned char key[SEALING_KEY_LEN];
	bool made;

	*existed = config->sealing_key.credential != NULL;
	if (!fs_make_dir(config->state_directory, 0700, err))
		return false;
	if (*existed)
		return true;
	if (!random_bytes(key, sizeof(key), err))
		return false;
	base64_add(&line, key, sizeof(key));
	buf_addf(&line, "\n");
	made = fs_create_private(path, line.data, line.len, existed, err);
	explicit_bzero(key, sizeof(key));
	return made;
}
