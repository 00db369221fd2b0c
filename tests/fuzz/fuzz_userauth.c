/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/host_key.h"
#include "ssh/userauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What follows the session identifier of a login that is signed; nothing else may be. */
static const char wanted[] = "\062\0\0\0\04root\0\0\0\016ssh-connection"
			     "\0\0\0\011publickey\001\0\0\0\013ssh-ed25519"
			     "\0\0\0\04blob";
enum { WANTED_LEN = sizeof(wanted) - 1 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct ssh_host_key key;
	struct err err = { 0 };

	if (host_key_parse(bytes, len, &key) && key.blob_len != len)
		abort();
	if (userauth_check(bytes, len, "root", "blob", 4, &err) &&
	    (len < WANTED_LEN ||
	     memcmp(bytes + len - WANTED_LEN, wanted, WANTED_LEN) != 0))
		abort();
	return 0;
}
