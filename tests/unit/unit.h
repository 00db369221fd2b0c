/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit - cmocka, and what our tables of cases need beside it
 *
 * A case that fails says which row it was: CHECK(row, condition). Failures are
 * counted, so that one run shows all of them; the test's last line is DONE().
 */
#ifndef UNIT_H
#define UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static int unit_failures;

#define CHECK(row_name, condition)                                               \
	((condition)                                                             \
	     ? (void)0                                                           \
	     : (void)(unit_failures++, print_error("%s:%d: [%s] %s\n", __FILE__, \
	                                           __LINE__, (row_name), #condition)))

#define DONE()                               \
	do {                                 \
		int failed = unit_failures;  \
		unit_failures = 0;           \
		assert_int_equal(failed, 0); \
	} while (0)

#endif
