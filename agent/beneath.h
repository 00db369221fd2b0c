/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_BENEATH_H
#define AGENT_BENEATH_H
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * beneath - opening what lies below a directory, and nothing else
 *
 * A directory of the policy is opened step by step from "/": no step may be a link, and
 * nobody but root and we may be able to rename one (write permission for others only
 * where the directory is sticky). What is in it is opened by openat2() with
 * RESOLVE_BENEATH and without links, or by a walk with O_NOFOLLOW where the kernel (or
 * a filter over us) has no openat2(). Descriptors are close-on-exec.
 */
enum beneath_whose {
	BENEATH_ROOTS = 1 << 0, /* every directory is root's: of the policy */
	BENEATH_OURS = 1 << 1,  /* the last one is ours, and written by nobody else */
	BENEATH_MAKE = 1 << 2,  /* made where it is not there, with mode 0755 */
};

/* -1: not opened; err says why. */
int beneath_directory(const char *path, unsigned whose, struct err *err) MUST_CHECK;

/* -1 and errno. Flags as of open(); O_CLOEXEC and O_NOFOLLOW are added. */
int beneath_open(int dir, const char *path, int flags, mode_t mode) MUST_CHECK;

/* For tests: as if there were no openat2(). */
void beneath_without_openat2(bool without);

/* The whole file. False: an error, or more than out's limit. */
bool beneath_read(int fd, struct buf *out) MUST_CHECK;
bool beneath_write(int fd, const void *bytes, size_t len) MUST_CHECK;

/* Removes a directory of plain files; one that is not there is fine. */
void beneath_remove(int dir, const char *name);

/* Calls back for each name in the directory that starts with the prefix. */
typedef void beneath_name_fn(void *arg, const char *name);
void beneath_list(int dir, const char *prefix, beneath_name_fn *each, void *arg);
#endif
