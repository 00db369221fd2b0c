/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pace.h"
#include "store_fixture.h"

/* What was booked, and what is left of it at which time. Window: 300 s. */
struct spent {
	const char *name;
	const char *dns;
	int64_t now;
	int spent, free_in_s;
};
/* clang-format off */
static const struct spent looks[] = {
	{ "all at once",              "a", 1010, 60, 290 },
	{ "the oldest is leaving",    "a", 1299, 60, 1 },
	{ "the oldest has left",      "a", 1300, 50, 10 },
	{ "none is left",             "a", 1310, 0,  0 },
	{ "another credential",       "b", 1010, 7,  290 },
	{ "one that was never used",  "c", 1010, 0,  0 },
	{ "the clock was set back",   "a", 900,  0,  0 },
	{ "a bit: some is to come",   "a", 1005, 10, 295 },
};
/* clang-format on */

static void book(struct fixture *f, const char *dns, int requests, int64_t at)
{
	OK(f, store_pace_spend(f->store, dns, requests, 300, at, &f->err));
}

static void spending_is_remembered(void **state)
{
	struct fixture *f = *state;

	book(f, "a", 10, 1000);
	book(f, "a", 30, 1010);
	book(f, "a", 20, 1010);
	book(f, "a", 0, 1010);
	OK(f, store_pace_spend(f->store, "a", 5, 0, 1010, &f->err));
	book(f, "b", 7, 1000);
	fixture_reopen(f);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		struct pace pace = { 0 };

		OK(f,
		   store_pace_load(f->store, looks[i].dns, looks[i].now, &pace, &f->err));
		CHECK(looks[i].name, pace.spent == looks[i].spent &&
		                         pace.free_in_s == looks[i].free_in_s &&
		                         pace.hold_until == 0);
	}
	DONE();
}

static void what_is_old_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct pace pace = { 0 };

	book(f, "a", 10, 1000);
	book(f, "b", 10, 1000);
	book(f, "a", 1, 1300);
	OK(f, store_pace_load(f->store, "a", 1299, &pace, &f->err));
	CHECK("dropped", pace.spent == 0);
	OK(f, store_pace_load(f->store, "b", 1299, &pace, &f->err));
	CHECK("another's is not", pace.spent == 10);
	book(f, "b", 1, 500);
	OK(f, store_pace_load(f->store, "b", 1299, &pace, &f->err));
	CHECK("nor counts what lies ahead after the clock was set back", pace.spent == 0);
	DONE();
}

static void a_hold_ends(void **state)
{
	struct fixture *f = *state;
	struct pace pace = { 0 };

	book(f, "a", 3, 1000);
	OK(f, store_pace_hold(f->store, "a", 1100, &f->err));
	OK(f, store_pace_hold(f->store, "a", 1200, &f->err));
	fixture_reopen(f);
	OK(f, store_pace_load(f->store, "a", 1199, &pace, &f->err));
	CHECK("held", pace.hold_until == 1200 && pace.spent == 3);
	OK(f, store_pace_load(f->store, "a", 1200, &pace, &f->err));
	CHECK("no more", pace.hold_until == 0);
	OK(f, store_pace_load(f->store, "b", 1199, &pace, &f->err));
	CHECK("another never was", pace.hold_until == 0);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(spending_is_remembered),
		STORE_TEST(what_is_old_is_dropped),
		STORE_TEST(a_hold_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
