/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SAY_H
#define AGENT_SAY_H
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/*
 * say - one line to the issuer: "certferry-1 WORD ..."
 *
 * Printable ASCII, SAY_MAX bytes and no more. An issuer that is gone is found out when
 * its word is missing; here it is no error, and one that does not take what we say for a
 * minute is one that is gone.
 */
enum { SAY_MAX = 600, SAY_TEXT_MAX = 380 };

void say(const char *fmt, ...) PRINTF(1, 2);

/* Lines as they are (PEM). */
void say_raw(const char *text);
#endif
