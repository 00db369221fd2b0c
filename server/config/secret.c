/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"

struct secret *config_secret_read(const struct config_secret *where, const char *what,
                                  struct err *err)
{
	const char *path = where->file;
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	struct secret *secret;

	if (!path && !where->credential) {
		(void)err_set(err, ERR_CONFIG,
		              "%s: not set; {file: PATH} or "
		              "{credential: NAME}",
		              what ? what : "the secret");
		return NULL;
	}
	if (!path && (!directory || directory[0] != '/')) {
		(void)err_set(err, ERR_CONFIG,
		              "%s: no credential '%s' outside of a systemd unit that has "
		              "LoadCredential=%s:PATH; use {file: PATH} for a shell",
		              what ? what : "the secret", where->credential,
		              where->credential);
		return NULL;
	}
	secret = path ? fs_read_secret(path, true, err)
	              : fs_read_credential(directory, where->credential, err);
	if (!secret && what)
		(void)err_context(err, "%s", what);
	return secret;
}
