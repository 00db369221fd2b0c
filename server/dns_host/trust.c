/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner.h"

/*
 * A path is walked as the kernel walks it, name by name, and each link as soon as it is
 * met, so that nobody but the trusted can have chosen any step of the way.
 */

enum { LINKS_MAX = 16, PATH_BYTES_MAX = 4096 };

struct walk {
	const char *shown; /* the path as it was given */
	uid_t owner;
	int links;
};

static bool is_ours(const struct walk *walk, const char *path, const struct stat *st,
                    struct err *err)
{
	if (st->st_uid != 0 && st->st_uid != walk->owner)
		return err_set(err, ERR_CONFIG,
		               "program %s: %s belongs to user %u; chown it to root",
		               walk->shown, path, st->st_uid);
	/* In a sticky directory (/tmp) what is ours can be moved by us only. */
	if (S_ISLNK(st->st_mode) || (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX)))
		return true;
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_CONFIG,
		               "program %s: others than its owner can change %s; chmod "
		               "go-w it",
		               walk->shown, path);
	return true;
}

static bool is_program(const struct walk *walk, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_CONFIG, "program %s: not a regular file",
		               walk->shown);
	if (access(walk->shown, X_OK) < 0)
		return err_set_errno(err, ERR_CONFIG,
		                     "program %s cannot be executed by user %u",
		                     walk->shown, getuid());
	return true;
}

static bool walk_path(struct walk *walk, const char *path, struct err *err);

/* at is where the link at path[0..len] ends: its target stands in its place. */
static bool follow(struct walk *walk, const char *path, size_t len, struct err *err)
{
	AUTO_FREE char *link = xstrndup(path, len), *next = NULL;
	char target[PATH_BYTES_MAX] = "";
	size_t dir = len;

	if (++walk->links > LINKS_MAX)
		return err_set(err, ERR_CONFIG, "program %s: too many links",
		               walk->shown);
	if (readlink(link, target, sizeof(target) - 1) < 0)
		return err_set_errno(err, ERR_CONFIG, "program %s: %s", walk->shown,
		                     link);
	while (target[0] != '/' && dir > 0 && path[dir - 1] != '/')
		dir--;
	next = xasprintf("%.*s%s%s", target[0] == '/' ? 0 : (int)dir, path, target,
	                 path + len);
	return walk_path(walk, next, err);
}

static bool walk_path(struct walk *walk, const char *path, struct err *err)
{
	struct stat st;
	size_t len = 0;

	do {
		len += strspn(path + len, "/");
		len += strcspn(path + len, "/");
		AUTO_FREE char *prefix = xstrndup(path, len);
		if (lstat(prefix, &st) < 0)
			return err_set_errno(err, ERR_CONFIG, "program %s: %s",
			                     walk->shown, prefix);
		if (!is_ours(walk, prefix, &st, err))
			return false;
		if (S_ISLNK(st.st_mode))
			return follow(walk, path, len, err);
	} while (path[len]);
	return is_program(walk, &st, err);
}

bool trust_program(const char *path, uid_t owner, struct err *err)
{
	struct walk walk = { .shown = path, .owner = owner };
	struct stat root;

	if (path[0] != '/' || strlen(path) >= PATH_BYTES_MAX)
		return err_set(err, ERR_CONFIG, "program '%.200s': not an absolute path",
		               path);
	if (lstat("/", &root) < 0)
		return err_set_errno(err, ERR_INTERNAL, "/");
	return is_ours(&walk, "/", &root, err) && walk_path(&walk, path, err);
}
