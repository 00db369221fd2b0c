/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_BOOT_H
#define AGENT_BOOT_H
#include <stdbool.h>

/*
 * boot - the first act of a session, and what can be asked only before the sandbox
 *
 * What sshd, a login class or a user's settings gave us is thrown away: the environment,
 * descriptors above 2, the mask, core files. The signals that mean "the connection is
 * gone" set a flag that whoever waits looks at. A wall clock alarm runs from the start:
 * it ends the process until boot_set_alarm() is called; then it sets the flag, and a
 * second one ends the process.
 */
void boot_clean(void);

/* Which start of the machine this is; "" where the kernel does not say. After
 * boot_clean(), or "" . */
const char *boot_id(void);

/* So many seconds from now boot_is_stopped() is true, and ten minutes later we are dead.
 */
void boot_set_alarm(unsigned seconds);

/* A signal told us to end: whatever was switched is put back. */
bool boot_is_stopped(void);

/* Commands of a service do not live by our limits. In their process, before exec. */
void boot_give_limits_back(void);
#endif
