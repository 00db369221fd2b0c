/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SANDBOX_H
#define AGENT_SANDBOX_H
#include "policy.h"

/*
 * sandbox - what the process that reads an issuer's bytes can still do
 *
 * Landlock: files below the directories of the slots (below the nearest one that is there
 * where a slot's is still to be made), and no other. seccomp: files, time, memory; no
 * program is executed, no socket made, no process signalled. By raw system calls, since a
 * server needs no library for it. Where the kernel lacks one of them it is left out, and
 * `certferry-agent check` says so.
 *
 * A build with a sanitizer leaves seccomp out: its runtime asks for too much.
 */
bool sandbox_enter(const struct policy *policy, struct err *err) MUST_CHECK;

/* For people: what this kernel has. */
int sandbox_landlock_version(void); /* 0: none */
bool sandbox_has_seccomp(void);
#endif
