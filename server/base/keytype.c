/* SPDX-License-Identifier: Apache-2.0 */
#include "keytype.h"

#include "str.h"

const char *const key_type_names[] = {
	[KEY_EC_256] = "ec-256",     [KEY_EC_384] = "ec-384",
	[KEY_RSA_2048] = "rsa-2048", [KEY_RSA_3072] = "rsa-3072",
	[KEY_RSA_4096] = "rsa-4096", [KEY_ED25519] = "ed25519",
};
_Static_assert(ARRAY_SIZE(key_type_names) == KEY_TYPE_COUNT, "a key type has no name");

bool key_type_parse(const char *name, enum key_type *out)
{
	for (int i = 0; i < KEY_TYPE_COUNT; i++) {
		if (str_eq(key_type_names[i], name)) {
			*out = (enum key_type)i;
			return true;
		}
	}
	return false;
}
