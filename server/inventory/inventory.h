/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INVENTORY_INVENTORY_H
#define INVENTORY_INVENTORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * inventory - lists of servers that other programs keep
 *
 * Ansible's inventory, in INI and in YAML, and CSV. Pure functions over bytes: no other
 * file is opened (so no group_vars, no host_vars), no name is looked up, and no template
 * is evaluated: one that would be needed is an error. What comes out holds to the grammar
 * of our own configuration. Errors are ERR_INPUT: "line 7: what is wrong; what would be
 * right".
 */
enum inventory_format {
	INVENTORY_KNOWN_HOSTS, /* for inventory_guess() alone: ssh/known_hosts.h reads it
	                        */
	INVENTORY_CSV,
	INVENTORY_INI,
	INVENTORY_YAML,
	INVENTORY_FORMAT_COUNT
};

enum { INVENTORY_HOSTS_MAX = 10000, INVENTORY_BYTES_MAX = 4 * 1024 * 1024 };

struct inventory_host {
	char *name;
	char *address; /* an address or a host name */
	char *user;    /* NULL: it is not said */
	uint16_t port; /* 0: it is not said */
	struct strlist groups;
	int line;
};

struct inventory {
	struct inventory_host *hosts;
	size_t len;
	struct strlist notes; /* what was left out, and why */
};
void inventory_deinit(struct inventory *inventory);
#define AUTO_INVENTORY CLEANUP(inventory_deinit)

/* 1 to 32 letters, digits, . _ or -, and neither - nor . in front. */
bool inventory_is_user(const char *text);

/* Which of them is it, by the looks of its first lines? */
enum inventory_format inventory_guess(const char *text, size_t len);

bool inventory_read(enum inventory_format format, const char *text, size_t len,
                    struct inventory *out, struct err *err) MUST_CHECK;
#endif
