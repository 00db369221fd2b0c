/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/*
 * json - reading JSON that may be hostile, and writing it
 *
 * JSON is built from cJSON nodes and never by printf. It is read through the
 * getters below, which name the field in the error. json_parse() is strict: one
 * value and nothing behind it, no member twice, nesting of at most
 * JSON_DEPTH_MAX; the caller limits the length before. Strings that a getter
 * gives are borrowed from the tree. A missing member and null are the same. Every
 * error is ERR_REMOTE, since most JSON comes from one; a caller may set another
 * kind. cJSON allocates through base/mem: json_init() first, before any thread.
 */
enum { JSON_DEPTH_MAX = 32 };

DEFINE_CLEANUP(cJSON *, cJSON_Delete);
#define AUTO_JSON CLEANUP(cJSON_Deletep)

void json_init(void);

cJSON *json_parse(const char *text, size_t len, struct err *err) MUST_CHECK;

/* Required members. */
bool json_str(const cJSON *obj, const char *name, const char **out,
              struct err *err) MUST_CHECK;
bool json_int(const cJSON *obj, const char *name, int64_t *out,
              struct err *err) MUST_CHECK;
bool json_array(const cJSON *obj, const char *name, const cJSON **out,
                struct err *err) MUST_CHECK;
bool json_object(const cJSON *obj, const char *name, const cJSON **out,
                 struct err *err) MUST_CHECK;

/* Optional ones: the fallback where the member is missing, an error where it has
 * another type. */
bool json_str_or(const cJSON *obj, const char *name, const char *fallback,
                 const char **out, struct err *err) MUST_CHECK;
bool json_bool_or(const cJSON *obj, const char *name, bool fallback, bool *out,
                  struct err *err) MUST_CHECK;

/* One line of text; the caller frees. */
char *json_format(const cJSON *json) MUST_CHECK;
/* Indented, for people. */
char *json_format_pretty(const cJSON *json) MUST_CHECK;
#endif
