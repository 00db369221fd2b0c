/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_KEYTYPE_H
#define BASE_KEYTYPE_H
#include <stdbool.h>

/* The kinds of key there are here, and their names in configuration and store. */
enum key_type {
	KEY_EC_256,
	KEY_EC_384,
	KEY_RSA_2048,
	KEY_RSA_3072,
	KEY_RSA_4096,
	KEY_ED25519, /* for SSH; no CA signs one */
	KEY_TYPE_COUNT
};

/* "ec-256", "ec-384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519" */
extern const char *const key_type_names[KEY_TYPE_COUNT];

bool key_type_parse(const char *name, enum key_type *out);
#endif
