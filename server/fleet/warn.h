/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLEET_WARN_H
#define FLEET_WARN_H
#include "base/str.h"
#include "config/config.h"

/* warn - what is allowed, and will hurt: adds one sentence each. */
void fleet_warn(const struct config_certificate *certificate, struct strlist *warnings);
#endif
