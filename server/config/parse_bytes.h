/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_PARSE_BYTES_H
#define CONFIG_PARSE_BYTES_H
#include "config/config.h"

/* config_load() of one file's bytes, without opening anything: for tests and fuzzing.
 * file is what the errors call it. */
struct config *config_parse_bytes(const char *file, const char *bytes, size_t len,
                                  struct strlist *problems, struct err *err) MUST_CHECK;
#endif
