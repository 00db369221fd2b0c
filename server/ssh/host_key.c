/* SPDX-License-Identifier: Apache-2.0 */
#include "host_key.h"

#include <string.h>

#include "base/str.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "wire.h"

bool host_key_parse(const void *blob, size_t len, struct ssh_host_key *key)
{
	struct wire_reader reader = wire_read(blob, len);

	*key = (struct ssh_host_key){ 0 };
	wire_read_text(&reader, key->type, sizeof(key->type));
	if (reader.bad || len > sizeof(key->blob) ||
	    !str_is_made_of(key->type, "abcdefghijklmnopqrstuvwxyz0123456789-.@", 1,
	                    sizeof(key->type) - 1))
		return false;
	memcpy(key->blob, blob, len);
	key->blob_len = len;
	return true;
}

bool public_blob(const struct key *key, struct buf *out, struct err *err)
{
	AUTO_BUF struct buf point = BUF_INIT(256);

	if (key_type_get(key) != KEY_ED25519)
		return err_set(err, ERR_CONFIG,
		               "the SSH key is %s: only ed25519 keys are used, since "
		               "libssh2 before 1.11 signs with RSA in a way that servers "
		               "refuse; make one with 'certferry init'",
		               key_type_names[key_type_get(key)]);
	if (!key_public_bytes(key, &point, err))
		return false;
	wire_add_string(out, "ssh-ed25519", strlen("ssh-ed25519"));
	wire_add_string(out, point.data, point.len);
	return true;
}

char *ssh_public_line(const struct key *key, const char *comment, struct err *err)
{
	AUTO_BUF struct buf blob = BUF_INIT(256);
	AUTO_BUF struct buf line = BUF_INIT(1024);

	if (!public_blob(key, &blob, err))
		return NULL;
	buf_addf(&line, "ssh-ed25519 ");
	base64_add(&line, blob.data, blob.len);
	buf_addf(&line, " ");
	str_add_printable(&line, comment, strlen(comment), 128);
	return buf_take(&line);
}

void ssh_fingerprint(const struct ssh_host_key *key, struct buf *out)
{
	sha256_ssh(key->blob, key->blob_len, out);
}

void host_key_show(const struct ssh_host_key *key, struct buf *out)
{
	buf_addf(out, "%s ", key->type);
	ssh_fingerprint(key, out);
}
