/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H
#include <stddef.h>

#include "base/err.h"

/*
 * sandbox - what a child gives up before it listens to a stranger
 *
 * Called in a child after child_enter(), once its libraries and files are open.
 * After it there is no way back: no new privileges, no exec, no fork, no opening of
 * files but those that resolving names and verifying TLS read (by Landlock where
 * the kernel has it), memory, CPU time and file size limited (memory not in a
 * sanitizer build, which reserves terabytes of address space). System calls that are
 * not on the list answer EPERM or ENOSYS, since the C libraries of Debian 12 and
 * 13 use different ones; the dangerous ones (execve, ptrace, ...) kill.
 *
 * SANDBOX_PROGRAM is looser, for a program of the operator's, which is about to be
 * executed: it may start others, talk to anybody, and read and execute whatever its user
 * may, but what other programs keep in their scratch directories; it writes to its own
 * and /dev/null, and the calls by which a machine is changed, another process is looked
 * into, its parent is ended, or memory is kept beyond its own end answer EPERM. Its
 * memory is what it writes to, since some runtimes reserve much address space.
 *
 * A kernel or container without Landlock leaves the other layers (user, system
 * calls, limits) to do its work; one without seccomp is an error, ERR_CONFIG. A
 * program that links this has no leak check of its own in a sanitizer build, since
 * that traces the process. One thread, once.
 */
enum sandbox_kind {
	SANDBOX_NET_CLIENT, /* connects out, resolves names: dns-host */
	SANDBOX_ONE_SOCKET, /* has its sockets already: ssh-worker after connect */
	SANDBOX_PROGRAM,    /* executes a program of the operator's: a hook */
};

/* How the names of all scratch directories begin, which are in /tmp. */
#define SANDBOX_SCRATCH "certferry-program-"

struct sandbox_limits {
	unsigned cpu_s;
	size_t memory_max; /* bytes of address space */
	/* More paths to read below; NULL ends; may be NULL. */
	const char *const *may_read;
	const char *scratch; /* of SANDBOX_PROGRAM: the directory it may write to */
};

/* Drops root for this uid and gid where we are root and uid is not 0. */
bool sandbox_drop_user(unsigned uid, unsigned gid, struct err *err) MUST_CHECK;

bool sandbox_enter(enum sandbox_kind kind, const struct sandbox_limits *limits,
                   struct err *err) MUST_CHECK;
#endif
