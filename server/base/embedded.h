/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H
#include <stddef.h>

/* A file that the build put into the program (cmake/embed.cmake). */
struct embedded_file {
	const char *name; /* NULL ends the table */
	const char *data; /* NUL-terminated; the NUL is not counted in size */
	size_t size;
};
#endif
