/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INSTALL_PROGRAM_H
#define INSTALL_PROGRAM_H
#include "base/buf.h"

/* program - one of our .sh files, made fit to stand in '...' of a command; without
 * comments and indentation. */
void program_add(const char *name, struct buf *out);
#endif
