/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROVIDER_FIELDS_H
#define PROVIDER_FIELDS_H
#include "base/buf.h"
#include "base/json.h"

/*
 * fields - members of a frame: strict reading, and writing that leaves no secret
 *
 * What base/json reads, with a limit on each, and copies where the frame does not
 * live on. Errors are ERR_REMOTE; writing too much is ERR_CONFIG. Any thread.
 */

/* Every member is one of names; NULL ends them. json is an object. */
bool fields_only(const cJSON *json, const char *const *names, struct err *err) MUST_CHECK;

/* A required text of at most max bytes, copied. */
bool fields_str(const cJSON *json, const char *name, size_t max, char **out,
                struct err *err) MUST_CHECK;

/* A required number of 0 to max. */
bool fields_int(const cJSON *json, const char *name, int64_t max, int64_t *out,
                struct err *err) MUST_CHECK;

/* The same where the member may be missing: *out stays as it is. */
bool fields_int_or(const cJSON *json, const char *name, int64_t max, int *out,
                   struct err *err) MUST_CHECK;

/* One line into frame, which is emptied first. */
bool fields_put(const cJSON *json, struct buf *frame, struct err *err) MUST_CHECK;

/* Wipes every text in the tree, then deletes it. */
void fields_wipe(cJSON *json);
DEFINE_CLEANUP(cJSON *, fields_wipe);
#define AUTO_SECRET_JSON CLEANUP(fields_wipep)
#endif
