/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FS_H
#define BASE_FS_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"
#include "secret.h"

/*
 * fs - files that are whole or not there
 *
 * Writing goes to a temporary name with the final mode, is synced, renamed and
 * its directory synced, so that a power cut leaves the old file or the new one.
 * Reading has a limit. Errors are ERR_INTERNAL, or ERR_CONFIG where the operator's
 * file is the trouble; they name the path. Any thread.
 */

/* The file's bytes, appended to out; more than out's limit is an error. */
bool fs_read(const char *path, struct buf *out, struct err *err) MUST_CHECK;

/*
 * A secret from a file that only its owner (root or we) can read or write;
 * anything looser is refused with the chmod that mends it. One final newline is
 * cut where trim is set.
 */
struct secret *fs_read_secret(const char *path, bool trim, struct err *err) MUST_CHECK;

/*
 * A credential that systemd gave to our unit, one final newline cut. Directory and file
 * must belong to root or us, and to nobody else; but an ACL for our user, which shows as
 * a right of root's group to read (0440), is how systemd gives them to a unit that does
 * not run as root. The name has no slash.
 */
struct secret *fs_read_credential(const char *directory, const char *name,
                                  struct err *err) MUST_CHECK;

/* Replaces the file. */
bool fs_write(const char *path, const void *bytes, size_t len, mode_t mode,
              struct err *err) MUST_CHECK;

/* Makes a file of mode 0600; *existed is set, and nothing written, where it is there. */
bool fs_create_private(const char *path, const void *bytes, size_t len, bool *existed,
                       struct err *err) MUST_CHECK;

/* Makes the directory, and its parents with mode 0755; one that is there is fine. */
bool fs_make_dir(const char *path, mode_t mode, struct err *err) MUST_CHECK;

/* Syncs the directory, so that a name made in it outlives a power cut. */
bool fs_sync_dir(const char *path, struct err *err) MUST_CHECK;

bool fs_exists(const char *path);

/* "dir/name", or name alone where it is absolute. The caller frees. */
char *fs_join(const char *dir, const char *name) MUST_CHECK;
#endif
