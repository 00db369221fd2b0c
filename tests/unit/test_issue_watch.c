/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "issue/internal.h"
#include "unit.h"

/* When a TXT name is looked at, and when it has been seen often enough. */

enum { LOOKS_MAX = 8, NOW = 1000000 };

/* One look: '-' nobody shows it, '+' all do, '!' it could not be made. */
static bool is_over(const struct watch_note *note, const struct watch_rule *rule,
                    int64_t now_ms)
{
	return note->agreed_ms && watch_left_ms(note, rule, now_ms) <= 0;
}

static const struct {
	const char *name;
	struct watch_rule rule;
	int negative_ttl_s;
	const char *looks;
	int64_t want_ms[LOOKS_MAX]; /* until the next look, after each */
	bool is_agreed;
} rows[] = {
	{ "machines: soon, then seldom",
	  { .addresses = 2 },
	  0,
	  "--------",
	  { 100, 200, 400, 800, 1600, 3200, 6400, 10000 },
	  false },
	{ "a look that fails counts like one that sees nothing",
	  { .addresses = 2 },
	  0,
	  "-!-",
	  { 100, 200, 400 },
	  false },
	{ "two rounds agree", { .addresses = 2 }, 0, "-++", { 100, 1000, 1000 }, true },
	{ "one server has none that lag", { .addresses = 1 }, 0, "++", { 0, 0 }, true },
	{ "one round is not enough",
	  { .addresses = 2 },
	  0,
	  "+-+",
	  { 1000, 100, 1000 },
	  false },
	{ "a person: a minute, then ten",
	  { .is_by_hand = true, .addresses = 2 },
	  0,
	  "------",
	  { 60000, 120000, 240000, 480000, 600000, 600000 },
	  false },
	{ "a person has done it",
	  { .is_by_hand = true, .addresses = 2 },
	  0,
	  "-++",
	  { 60000, 1000, 1000 },
	  true },
	{ "resolvers that do not say for how long",
	  { .propagation = ISSUE_RESOLVERS, .addresses = 2 },
	  0,
	  "----",
	  { 2000, 4000, 8000, 10000 },
	  false },
	{ "resolvers are asked when they have forgotten",
	  { .propagation = ISSUE_RESOLVERS, .addresses = 2 },
	  30,
	  "--",
	  { 30000, 30000 },
	  false },
	{ "which may be soon",
	  { .propagation = ISSUE_RESOLVERS, .addresses = 2 },
	  1,
	  "---",
	  { 1000, 1000, 1000 },
	  false },
	{ "or late, but not too late",
	  { .propagation = ISSUE_RESOLVERS, .addresses = 2 },
	  86400,
	  "-",
	  { 300000 },
	  false },
	{ "a person and resolvers: the later of both",
	  { .propagation = ISSUE_RESOLVERS, .is_by_hand = true, .addresses = 2 },
	  90,
	  "--",
	  { 90000, 120000 },
	  false },
	{ "authoritative servers forget nothing",
	  { .addresses = 2 },
	  30,
	  "-",
	  { 100 },
	  false },
};

static void test_intervals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watch_note note = { .look_at_ms = NOW };

		for (size_t j = 0; rows[i].looks[j]; j++) {
			const struct dns_look look = {
				.all_show = rows[i].looks[j] == '+',
				.negative_ttl_s = rows[i].looks[j] == '-'
				                      ? rows[i].negative_ttl_s
				                      : 0,
			};
			int64_t now_ms = note.look_at_ms;

			watch_saw(&note, &rows[i].rule,
			          rows[i].looks[j] == '!' ? NULL : &look, now_ms);
			CHECK(rows[i].name,
			      note.look_at_ms - now_ms == rows[i].want_ms[j]);
			/* apply waits for what is due within 30 s: it must not hang. */
			CHECK(rows[i].name, !rows[i].rule.is_by_hand || look.all_show ||
			                        note.look_at_ms - now_ms > 31000);
		}
		CHECK(rows[i].name, (note.agreed_ms != 0) == rows[i].is_agreed);
		CHECK(rows[i].name, is_over(&note, &rows[i].rule, note.look_at_ms) ==
		                        rows[i].is_agreed);
	}
	DONE();
}

static void test_settles(void **state)
{
	const struct watch_rule rule = { .addresses = 1, .settle_s = 90 };
	const struct dns_look seen = { .all_show = true };
	struct watch_note note = { 0 };

	(void)state;
	watch_saw(&note, &rule, &seen, NOW);
	assert_false(is_over(&note, &rule, NOW + 200000));
	watch_saw(&note, &rule, &seen, NOW + 50);
	assert_false(is_over(&note, &rule, NOW + 90000));
	assert_true(is_over(&note, &rule, NOW + 90050));
	/* It settles from the moment it was agreed on, whatever is seen later. */
	watch_saw(&note, &rule, &seen, NOW + 80000);
	assert_true(is_over(&note, &rule, NOW + 90050));
}

static void test_first(void **state)
{
	const struct watch_rule at_servers = { 0 };
	const struct watch_rule at_resolvers = { .propagation = ISSUE_RESOLVERS };

	(void)state;
	assert_int_equal(watch_first_ms(&at_servers), 0);
	/* They would remember that there was nothing yet. */
	assert_int_equal(watch_first_ms(&at_resolvers), 2000);
}

static void test_notes(void **state)
{
	struct watch *watch = watch_new();
	struct watch_note *first = watch_of(watch, 1, 11);

	(void)state;
	first->looks = 5;
	for (int64_t i = 2; i < 100; i++)
		watch_of(watch, i, 10 + i)->looks = (int)i;
	assert_ptr_equal(watch_of(watch, 1, 11), first);
	assert_int_equal(watch_of(watch, 1, 12)->looks, 0);
	assert_int_equal(watch_of(watch, 99, 109)->looks, 99);
	watch_forget(watch, 1);
	assert_int_equal(watch_of(watch, 1, 11)->looks, 0);
	assert_int_equal(watch_of(watch, 99, 109)->looks, 99);
	assert_int_equal(watch_of(watch, 2, 12)->looks, 2);
	watch_forget(watch, 4711);
	watch_free(watch);
}

/* How long a provider is left alone that says "too much". */
static const struct {
	const char *name;
	int retry_after, in_a_row;
	int64_t want_s;
} holds[] = {
	{ "says nothing of when", 0, 0, 6 },
	{ "says when", 30, 0, 31 },
	{ "at once, it says", 1, 0, 6 },
	{ "again", 0, 1, 11 },
	{ "and again: longer than a run waits", 0, 3, 41 },
	{ "says soon, again and again", 5, 3, 41 },
	{ "for ever", 0, 1000, 601 },
	{ "says when, for ever", 3600, 1000, 3601 },
	{ "not in this life", 1000000000, 0, 86401 },
};

static void test_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(holds); i++)
		CHECK(holds[i].name, batch_hold_s(holds[i].retry_after,
		                                  holds[i].in_a_row) == holds[i].want_s);
	CHECK("not held", !batch_is_held(0, 1000));
	CHECK("over", !batch_is_held(1000, 1000));
	CHECK("held", batch_is_held(1001, 1000));
	CHECK("for a day", batch_is_held(1000 + 86401, 1000));
	CHECK("the clock was set back since", !batch_is_held(1000 + 86402, 1000));
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals), cmocka_unit_test(test_settles),
		cmocka_unit_test(test_first),     cmocka_unit_test(test_notes),
		cmocka_unit_test(test_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
