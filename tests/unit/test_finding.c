/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "unit.h"

#include "base/finding.h"
#include "base/str.h"

static void add(struct findings *list, const char *subject, const char *check,
                enum finding_result result)
{
	char text[16] = "seen";
	const struct finding row = {
		.subject = subject, .check = check, .result = result, .text = text
	};

	findings_add(list, &row);
	/* The list has a copy. */
	memset(text, 'x', sizeof(text) - 1);
}

static void rows_are_copied_and_sorted(void **state)
{
	static const char *const wanted[] = { "a 1", "a 2", "b 1", "b 2", "b 3" };
	AUTO_FINDINGS struct findings list = { 0 };

	(void)state;
	findings_init(&list);
	assert_int_equal(findings_worst(&list), FINDING_OK);
	add(&list, "b", "1", FINDING_OK);
	add(&list, "a", "1", FINDING_NOTE);
	assert_int_equal(findings_worst(&list), FINDING_NOTE);
	add(&list, "b", "2", FINDING_FAILED);
	add(&list, "a", "2", FINDING_OK);
	add(&list, "b", "3", FINDING_OK);
	assert_int_equal(findings_worst(&list), FINDING_FAILED);
	findings_sort(&list);
	assert_int_equal(list.len, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < list.len; i++) {
		const struct finding *row = &list.items[i];

		CHECK(wanted[i], strncmp(wanted[i], row->subject, 1) == 0);
		CHECK(wanted[i], str_eq(wanted[i] + 2, row->check));
		CHECK(wanted[i], str_eq(row->text, "seen"));
		CHECK(wanted[i], str_eq(row->advice, "") && !row->certificate);
	}
	DONE();
}

enum { ROWS = 500, THREADS = 4 };

static void *add_many(void *arg)
{
	for (int i = 0; i < ROWS; i++)
		add(arg, "s", "c", FINDING_OK);
	return NULL;
}

static void any_thread_may_add(void **state)
{
	AUTO_FINDINGS struct findings list = { 0 };
	pthread_t threads[THREADS];

	(void)state;
	findings_init(&list);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, &list), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(list.len, ROWS * THREADS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_copied_and_sorted),
		cmocka_unit_test(any_thread_may_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
