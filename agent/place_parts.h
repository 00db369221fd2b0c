/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_PLACE_PARTS_H
#define AGENT_PLACE_PARTS_H
#include "place.h"

/* errno about DIRECTORY/name, for agent/place*.c only. Is itself false. */
bool place_error(const struct place *place, const char *name, struct err *err);

bool place_is_generation(const char *name);
#endif
