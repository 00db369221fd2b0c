/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"

/*
 * import - what other ACME clients call a DNS credential, and what we call it
 *
 * Three kinds of files are read as one: variables of a shell (lego, and all that are
 * built on it), certbot's INI, acme.sh's account.conf; all are lines of NAME=VALUE. One
 * table (import_names.c) says which name is which option of which provider of ours. A
 * value is a secret from the moment it is read, and never in a text. What is not
 * understood is remembered by its name, or its line where it has none.
 */
enum import_provider {
	IMPORT_CLOUDFLARE,
	IMPORT_RFC2136,
	IMPORT_POWERDNS,
	IMPORT_ACME_DNS,
	IMPORT_PROVIDER_COUNT
};

enum import_kind {
	IMPORT_TEXT,
	IMPORT_URL,       /* no final slash */
	IMPORT_SERVER,    /* an address; perhaps with a port */
	IMPORT_PORT,      /* of the server */
	IMPORT_KEY_NAME,  /* no final dot */
	IMPORT_ALGORITHM, /* of TSIG */
	IMPORT_SECRET,
	IMPORT_KEY_FILE, /* the value is the path of a file with a TSIG key */
	IMPORT_REFUSED,  /* Cloudflare's global key */
	IMPORT_KIND_COUNT
};

struct import_name {
	const char *name;
	enum import_provider provider;
	const char *option;
	enum import_kind kind;
};

struct import_row {
	const char *provider, *entry; /* "acme_dns", "acme-dns" */
	const char *required[5];      /* NULL ends */
	const char *hint;             /* where the rest may be found; NULL */
};
extern const struct import_row import_rows[IMPORT_PROVIDER_COUNT];

/* NULL: no client that we know has such a name. */
const struct import_name *import_name_find(const char *name);

struct import_item {
	const struct import_name *name;
	char *said; /* as it stands in the file: "SAVED_CF_Token" */
	struct secret *value;
};

struct import {
	struct import_item *items;
	size_t len;
	struct strlist unknown;
};
void import_deinit(struct import *import);
#define AUTO_IMPORT CLEANUP(import_deinit)

/* Reads the text of a file, taking it apart in place. Two names that give one option
 * two values are ERR_INPUT, and so is a value that cannot be ours. */
bool import_read(struct import *import, char *text, struct err *err) MUST_CHECK;

/* NULL: it is not there. */
const struct import_item *import_find(const struct import *import,
                                      enum import_provider provider, const char *option);

/* import_value.c: the value as our option wants it, or ERR_INPUT with said in it. */
struct secret *import_value(const struct import_name *name, const char *said,
                            const char *value, struct err *err) MUST_CHECK;
/* What the file of that path holds, without the final newline. */
struct secret *import_file(const char *said, const char *path,
                           struct err *err) MUST_CHECK;
#endif
