/* SPDX-License-Identifier: Apache-2.0 */
#include "userauth.h"

#include <string.h>

#include "wire.h"

enum {
	SSH_MSG_USERAUTH_REQUEST = 50,
	/* The exchange hash of the key exchange: SHA-1 to SHA-512. */
	SESSION_ID_MIN = 20,
	SESSION_ID_MAX = 64,
};

static bool is_text(struct wire_string string, const char *text)
{
	return wire_string_is(string, text, strlen(text));
}

static bool refuse(const char *what, struct err *err)
{
	return err_set(err, ERR_DENIED,
	               "the SSH worker asked to sign something that is no login (%s): it "
	               "was refused; the server may have tried to misuse the key",
	               what);
}

bool userauth_check(const void *bytes, size_t len, const char *user,
                    const void *public_blob, size_t public_len, struct err *err)
{
	struct wire_reader reader = wire_read(bytes, len);
	const struct wire_string session_id = wire_read_string(&reader);
	const uint8_t message = wire_read_u8(&reader);
	const struct wire_string name = wire_read_string(&reader);
	const struct wire_string service = wire_read_string(&reader);
	const struct wire_string method = wire_read_string(&reader);
	const uint8_t has_signature = wire_read_u8(&reader);
	const struct wire_string algorithm = wire_read_string(&reader);
	const struct wire_string blob = wire_read_string(&reader);

	if (reader.bad || reader.left > 0)
		return refuse("its form", err);
	if (session_id.len < SESSION_ID_MIN || session_id.len > SESSION_ID_MAX)
		return refuse("its session", err);
	if (message != SSH_MSG_USERAUTH_REQUEST || has_signature != 1 ||
	    !is_text(method, "publickey"))
		return refuse("its kind", err);
	if (!is_text(name, user))
		return refuse("its user", err);
	if (!is_text(service, "ssh-connection"))
		return refuse("its service", err);
	if (!is_text(algorithm, "ssh-ed25519") ||
	    !wire_string_is(blob, public_blob, public_len))
		return refuse("its key", err);
	return true;
}
