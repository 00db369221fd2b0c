/* SPDX-License-Identifier: Apache-2.0 */
#include "store/run.h"
#include "store_fixture.h"

static const struct event moved = { .name = "order.moved", .text = "moved" };

static void whole_row_comes_back(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order order = { 0 }, claimed = { 0 }, got = { 0 };
	bool found;
	int64_t run_at;

	fixture_order_fill(&order, "www", "web-1", "*.a.test a.test");
	order.profile = xstrdup("tlsserver");
	order.alias = xstrdup("{name}.acme.test");
	OK(f, store_order_add(f->store, &order, &moved, &f->err));
	OK(f, store_order_next(f->store, &run_at, &found, &f->err));
	assert_true(found);
	assert_int_equal(run_at, 1);
	OK(f, store_order_claim(f->store, 0, &claimed, &found, &f->err));
	assert_false(found);
	OK(f, store_order_claim(f->store, 1, &claimed, &found, &f->err));
	assert_true(found);
	assert_int_equal(claimed.id, order.id);
	claimed.account_id = fixture_account(f, "https://ca.test/directory");
	claimed.key_id = fixture_key(f, "certificate");
	claimed.url = xstrdup("https://ca.test/o/1");
	claimed.finalize_url = xstrdup("https://ca.test/f/1");
	claimed.certificate_url = xstrdup("https://ca.test/c/1");
	claimed.state = ORDER_VALIDATE;
	claimed.attempts = 3;
	claimed.polls = 4;
	claimed.run_at_ms = 99;
	claimed.waits_for = xstrdup("ns2.a.test lacks it");
	claimed.last_at = 5;
	claimed.last = (struct err){
		.kind = ERR_REMOTE, .retry_after = 9, .code = "urn:x", .msg = "no"
	};
	OK(f, store_order_save(f->store, &claimed, true, &moved, &f->err));
	fixture_reopen(f);
	OK(f, store_order_newest(f->store, "www", "web-1", &got, &found, &f->err));
	assert_true(found);
	CHECK("profile", str_eq(got.profile, "tlsserver"));
	CHECK("names", got.names.len == 2 && str_eq(got.names.items[0], "*.a.test") &&
	                   str_eq(got.names.items[1], "a.test"));
	CHECK("urls", str_eq(got.url, "https://ca.test/o/1") &&
	                  str_eq(got.finalize_url, "https://ca.test/f/1") &&
	                  str_eq(got.certificate_url, "https://ca.test/c/1"));
	CHECK("ids", got.account_id == claimed.account_id &&
	                 got.key_id == claimed.key_id && got.certificate_id == 0);
	CHECK("counters", got.attempts == 3 && got.polls == 4 && got.run_at_ms == 99);
	CHECK("last", got.last.kind == ERR_REMOTE && got.last.retry_after == 9 &&
	                  str_eq(got.last.code, "urn:x") && str_eq(got.last.msg, "no") &&
	                  got.last_at == 5);
	CHECK("state", got.state == ORDER_VALIDATE);
	CHECK("new in 0002", str_eq(got.alias, "{name}.acme.test") &&
	                         str_eq(got.waits_for, "ns2.a.test lacks it"));
	CHECK("texts", str_eq(got.reason, "missing") && str_eq(got.intent, "intent") &&
	                   str_eq(got.ca, "ca") && str_eq(got.dns, "dns"));
	DONE();
}

static void claims_are_exclusive_and_fenced(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order first = { 0 }, second = { 0 }, other = { 0 };
	bool found;
	int64_t run_at;

	fixture_order(f, "www", "web-1", "a.test");
	OK(f, store_order_claim(f->store, 1, &first, &found, &f->err));
	assert_true(found);
	OK(f, store_order_claim(f->store, 1, &second, &found, &f->err));
	CHECK("a claimed row is not claimed again", !found);
	OK(f, store_order_next(f->store, &run_at, &found, &f->err));
	CHECK("nor is it next", !found);
	OK(f, store_order_newest(f->store, "www", "web-1", &other, &found, &f->err));
	CHECK("one who only read it cannot save it",
	      !store_order_save(f->store, &other, false, NULL, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	OK(f, store_order_save(f->store, &first, true, NULL, &f->err));
	OK(f, store_order_claim(f->store, 1, &second, &found, &f->err));
	CHECK("let go of", found);
	CHECK("the old token is no good",
	      !store_order_save(f->store, &first, true, NULL, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	fixture_reopen(f);
	CHECK("nor is that of a dead process",
	      !store_order_save(f->store, &second, true, NULL, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	order_deinit(&first);
	OK(f, store_order_claim(f->store, 1, &first, &found, &f->err));
	CHECK("whose claim is gone", found);
	first.state = ORDER_CREATE;
	CHECK("no change of state without an event",
	      !store_order_save(f->store, &first, true, NULL, &f->err));
	DONE();
}

static void claims_go_by_time_then_id(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *host;
		int64_t run_at_ms;
	} rows[] = {
		{ "third", 30 }, { "first", 10 }, { "second", 10 }, { "later", 99 }
	};
	static const char *const wanted[] = { "first", "second", "third", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ORDER struct order order = { 0 };

		fixture_order_fill(&order, "www", rows[i].host, "a.test");
		order.run_at_ms = rows[i].run_at_ms;
		OK(f, store_order_add(f->store, &order, &moved, &f->err));
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		AUTO_ORDER struct order order = { 0 };
		bool found;

		OK(f, store_order_claim(f->store, 50, &order, &found, &f->err));
		CHECK(wanted[i] ? wanted[i] : "none", str_eq(order.host, wanted[i]));
		CHECK("found", found == (wanted[i] != NULL));
	}
	DONE();
}

static void one_order_at_a_time(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order again = { 0 }, twin = { 0 };
	int64_t account = fixture_account(f, "https://ca.test/directory");
	bool found;

	fixture_order(f, "www", "web-1", "a.test");
	fixture_order_fill(&again, "www", "web-1", "b.test");
	CHECK("one that is not done per certificate and host",
	      !store_order_add(f->store, &again, &moved, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	fixture_order_state(f, "www", "web-1", ORDER_DONE, 0);
	OK(f, store_order_add(f->store, &again, &moved, &f->err));

	fixture_order(f, "www", "web-2", "b.test");
	fixture_order_state(f, "www", "web-2", ORDER_PUBLISH, account);
	OK(f, store_order_newest(f->store, "www", "web-1", &twin, &found, &f->err));
	twin.state = ORDER_CREATE;
	twin.account_id = account;
	CHECK("one in flight per account, profile and names",
	      !store_order_save(f->store, &twin, false, &moved, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	free(twin.profile);
	twin.profile = NULL;
	fixture_order_state(f, "www", "web-2", ORDER_TIDY, account);
	CHECK("tidying is in flight",
	      !store_order_save(f->store, &twin, false, &moved, &f->err));
	fixture_order_state(f, "www", "web-2", ORDER_DONE, account);
	CHECK("done is not", store_order_save(f->store, &twin, false, &moved, &f->err));
	DONE();
}

static bool count(void *arg, const struct order *order, struct err *err)
{
	(void)order;
	if (++*(int *)arg == 100)
		return err_set(err, ERR_INPUT, "enough");
	return true;
}

static void open_orders_are_listed(void **state)
{
	struct fixture *f = *state;
	int seen = 0;

	fixture_order(f, "www", "web-1", "a.test");
	fixture_order(f, "www", "web-2", "b.test");
	fixture_order_state(f, "www", "web-1", ORDER_DONE, 0);
	OK(f, store_order_each_open(f->store, count, &seen, &f->err));
	CHECK("one is open", seen == 1);
	seen = 99;
	CHECK("the callback's error comes through",
	      !store_order_each_open(f->store, count, &seen, &f->err) &&
	          f->err.kind == ERR_INPUT);
	DONE();
}

/* One order in flight, and a second that asks. */
struct start_case {
	const char *name;
	enum order_state state; /* of the first */
	const char *names;      /* of the second */
	const char *ca, *profile;
	int in_flight_max;
	int64_t seconds_later;
	bool has_failed;        /* the first, at least once */
	const char *proved;     /* name that is proved ... */
	const char *proved_for; /* ... in this profile, "" for none */
	int64_t proved_until_s; /* from now on */
	bool may;
};
/* clang-format off */
static const struct start_case start_cases[] = {
	{ "nothing at the CA",          ORDER_WAIT,     "a.test b.test", "ca", NULL, 9, 0, false, NULL, "", 0, true },
	{ "the first is done",          ORDER_DONE,     "a.test b.test", "ca", NULL, 9, 0, false, NULL, "", 0, true },
	{ "no room",                    ORDER_CREATE,   "c.test",        "ca", NULL, 1, 0, false, NULL, "", 0, false },
	{ "room",                       ORDER_CREATE,   "c.test",        "ca", NULL, 2, 0, false, NULL, "", 0, true },
	{ "no room while it collects",  ORDER_COLLECT,  "c.test",        "ca", NULL, 1, 0, false, NULL, "", 0, false },
	{ "tidying takes no room",      ORDER_TIDY,     "c.test",        "ca", NULL, 1, 0, false, NULL, "", 0, true },
	{ "same names",                 ORDER_FINALIZE, "a.test b.test", "ca", NULL, 9, 0, false, NULL, "", 0, false },
	{ "same names, tidying",        ORDER_TIDY,     "a.test b.test", "ca", NULL, 9, 0, false, NULL, "", 0, false },
	{ "same names, long ago",       ORDER_FINALIZE, "a.test b.test", "ca", NULL, 9, 999, true, NULL, "", 0, false },
	{ "same names, other CA",       ORDER_FINALIZE, "a.test b.test", "other", NULL, 9, 0, false, NULL, "", 0, true },
	{ "same names, other profile",  ORDER_FINALIZE, "a.test b.test", "ca", "short", 9, 0, false, NULL, "", 0, true },
	{ "a name is being proved",     ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 0, false, NULL, "", 0, false },
	{ "from its creation on",       ORDER_CREATE,   "b.test c.test", "ca", NULL, 9, 0, false, NULL, "", 0, false },
	{ "to its validation",          ORDER_VALIDATE, "b.test c.test", "ca", NULL, 9, 0, false, NULL, "", 0, false },
	{ "it was proved",              ORDER_FINALIZE, "b.test c.test", "ca", NULL, 9, 0, false, NULL, "", 0, true },
	{ "at another CA",              ORDER_SPREAD,   "b.test c.test", "other", NULL, 9, 0, false, NULL, "", 0, true },
	{ "in another profile",         ORDER_SPREAD,   "b.test c.test", "ca", "short", 9, 0, false, NULL, "", 0, true },
	{ "no name in common",          ORDER_SPREAD,   "*.a.test c.test", "ca", NULL, 9, 0, false, NULL, "", 0, true },
	{ "119 s ago",                  ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 119, false, NULL, "", 0, false },
	{ "121 s ago",                  ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 121, false, NULL, "", 0, true },
	{ "it has failed",              ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 0, true, NULL, "", 0, true },
	{ "an authorization is valid",  ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 0, false, "b.test", "", 60, true },
	{ "but of another name",        ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 0, false, "a.test", "", 60, false },
	{ "but of another profile",     ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 0, false, "b.test", "short", 60, false },
	{ "but it is over",             ORDER_SPREAD,   "b.test c.test", "ca", NULL, 9, 0, false, "b.test", "", -1, false },
	{ "one of two is valid",        ORDER_SPREAD,   "a.test b.test c.test", "ca", NULL, 9, 0, false, "b.test", "", 60, false },
};
/* clang-format on */

static void first_order(struct fixture *f, const struct start_case *row)
{
	AUTO_ORDER struct order first = { 0 }, proved = { 0 };
	int64_t account = fixture_account(f, "https://ca.test/directory");
	bool found;

	fixture_order(f, "one", "web-1", "a.test b.test");
	if (row->state == ORDER_WAIT)
		return;
	fixture_order_state(f, "one", "web-1", ORDER_CREATE, account);
	OK(f, store_order_newest(f->store, "one", "web-1", &first, &found, &f->err));
	first.state = row->state;
	first.attempts = row->has_failed;
	OK(f, store_order_save(f->store, &first, false, &moved, &f->err));
	if (!row->proved)
		return;
	proved.account_id = account;
	proved.profile = *row->proved_for ? xstrdup(row->proved_for) : NULL;
	OK(f, store_authorized(f->store, &proved, row->proved,
	                       clock_now() + row->proved_until_s, &f->err));
}

/* The first is that old now, and the time that writing takes counts for it: of two
 * borders, the one that makes the row's answer harder. */
static void make_older(const struct start_case *row, int64_t before_ms, int64_t after_ms)
{
	if (row->seconds_later == 0)
		return;
	clock_shift(row->seconds_later -
	            (row->may ? (clock_now_ms() - after_ms) / 1000
	                      : (clock_now_ms() - before_ms + 999) / 1000));
}

static void start_case(struct fixture *f, const struct start_case *row)
{
	AUTO_ORDER struct order second = { 0 };
	const int64_t before_ms = clock_now_ms();
	int64_t after_ms;
	bool may = !row->may;

	first_order(f, row);
	after_ms = clock_now_ms();
	fixture_order_fill(&second, "two", "web-2", row->names);
	free(second.ca);
	second.ca = xstrdup(row->ca);
	second.profile = xstrdup(row->profile);
	OK(f, store_order_add(f->store, &second, &moved, &f->err));
	make_older(row, before_ms, after_ms);
	if (!store_order_may_start(f->store, &second, row->in_flight_max, &may, &f->err))
		print_error("%s\n", f->err.msg);
	clock_shift(0);
	CHECK(row->name, may == row->may);
}

static void may_start(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(start_cases); i++) {
		void *fresh = NULL;

		fixture_setup(&fresh);
		start_case(fresh, &start_cases[i]);
		fixture_teardown(&fresh);
	}
	DONE();
}

/* Puts off the first of two orders: a failure that is tried again in an hour. */
static int64_t put_off(struct fixture *f, const char *certificate)
{
	AUTO_ORDER struct order order = { 0 };
	bool found;

	OK(f,
	   store_order_newest(f->store, certificate, "web-1", &order, &found, &f->err));
	order.attempts = 1;
	order.run_at_ms = clock_now_ms() + 3600 * 1000;
	OK(f, store_order_save(f->store, &order, false, &moved, &f->err));
	return order.run_at_ms;
}

/* Or ten names with trouble would stop all others for as long as they wait. */
static void who_waits_long_takes_no_room(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order second = { 0 };
	int64_t account = fixture_account(f, "https://ca.test/directory");
	bool may = true;

	fixture_order(f, "one", "web-1", "a.test");
	fixture_order_state(f, "one", "web-1", ORDER_PUBLISH, account);
	fixture_order_fill(&second, "two", "web-2", "b.test");
	OK(f, store_order_add(f->store, &second, &moved, &f->err));
	OK(f, store_order_may_start(f->store, &second, 1, &may, &f->err));
	assert_false(may);
	(void)put_off(f, "one");
	OK(f, store_order_may_start(f->store, &second, 1, &may, &f->err));
	assert_true(may);
}

/* Asked of a person, say: then all orders' records are to be asked for at once. */
static void who_waits_long_is_no_pioneer(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order first = { 0 }, second = { 0 };
	int64_t account = fixture_account(f, "https://ca.test/directory");
	bool found, may = true;

	fixture_order(f, "one", "web-1", "a.test b.test");
	fixture_order_state(f, "one", "web-1", ORDER_SPREAD, account);
	fixture_order_fill(&second, "two", "web-2", "b.test c.test");
	OK(f, store_order_add(f->store, &second, &moved, &f->err));
	OK(f, store_order_may_start(f->store, &second, 9, &may, &f->err));
	assert_false(may);
	OK(f, store_order_newest(f->store, "one", "web-1", &first, &found, &f->err));
	first.run_at_ms = clock_now_ms() + 60 * 1000;
	OK(f, store_order_save(f->store, &first, false, NULL, &f->err));
	OK(f, store_order_may_start(f->store, &second, 9, &may, &f->err));
	assert_true(may);
}

/* An order cannot begin before its twin does something: the run need not wait for it. */
static void the_twin_says_when(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order second = { 0 };
	int64_t account = fixture_account(f, "https://ca.test/directory");
	struct order_twin twin = { .found = true };
	int64_t at_ms;

	fixture_order_fill(&second, "two", "web-2", "a.test");
	OK(f, store_order_add(f->store, &second, &moved, &f->err));
	OK(f, store_order_twin(f->store, &second, &twin, &f->err));
	assert_false(twin.found);
	fixture_order(f, "one", "web-1", "a.test");
	fixture_order_state(f, "one", "web-1", ORDER_TIDY, account);
	at_ms = put_off(f, "one");
	OK(f, store_order_twin(f->store, &second, &twin, &f->err));
	assert_true(twin.found && !twin.is_left_out);
	assert_int_equal(twin.run_at_ms, at_ms);
	assert_string_equal(twin.name, "one/web-1");
}

/* A run that leaves an order out does not end it: nobody may wait for that. */
static void who_is_left_out_does_not_go_on(void **state)
{
	struct fixture *f = *state;
	AUTO_ORDER struct order second = { 0 }, third = { 0 };
	const struct store_place places[] = { { "two", "web-2" }, { "three", "web-3" } };
	int64_t account = fixture_account(f, "https://ca.test/directory");
	struct order_twin twin;
	bool may = true;

	fixture_order(f, "one", "web-1", "a.test");
	fixture_order_state(f, "one", "web-1", ORDER_SPREAD, account);
	fixture_order_fill(&second, "two", "web-2", "a.test");
	fixture_order_fill(&third, "three", "web-3", "a.test b.test");
	OK(f, store_order_add(f->store, &second, &moved, &f->err));
	OK(f, store_order_add(f->store, &third, &moved, &f->err));
	OK(f, store_order_may_start(f->store, &third, 1, &may, &f->err));
	CHECK("in this run it has the room and the name", !may);
	OK(f, store_focus(f->store, places, 2, &f->err));
	OK(f, store_order_may_start(f->store, &third, 1, &may, &f->err));
	CHECK("left out it has neither", may);
	OK(f, store_order_may_start(f->store, &second, 1, &may, &f->err));
	CHECK("the same names are the index's", !may);
	OK(f, store_order_twin(f->store, &second, &twin, &f->err));
	CHECK("and that is said", twin.found && twin.is_left_out);
	DONE();
}

/* Both have begun and share a name: exactly one of them waits for the other. */
static void two_pioneers_do_not_wait_for_each_other(void **state)
{
	struct fixture *f = *state;
	int64_t account = fixture_account(f, "https://ca.test/directory");
	static const char *const hosts[] = { "web-1", "web-2" };
	bool may[2];

	fixture_order(f, "www", hosts[0], "a.test b.test");
	fixture_order(f, "www", hosts[1], "b.test c.test");
	fixture_order_state(f, "www", hosts[0], ORDER_CREATE, account);
	fixture_order_state(f, "www", hosts[1], ORDER_CREATE, account);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		AUTO_ORDER struct order order = { 0 };
		bool found;

		OK(f, store_order_newest(f->store, "www", hosts[i], &order, &found,
		                         &f->err));
		OK(f, store_order_may_start(f->store, &order, 9, &may[i], &f->err));
	}
	assert_true(may[0]);
	assert_false(may[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(whole_row_comes_back),
		STORE_TEST(claims_are_exclusive_and_fenced),
		STORE_TEST(claims_go_by_time_then_id),
		STORE_TEST(one_order_at_a_time),
		STORE_TEST(open_orders_are_listed),
		STORE_TEST(may_start),
		STORE_TEST(who_waits_long_takes_no_room),
		STORE_TEST(who_waits_long_is_no_pioneer),
		STORE_TEST(the_twin_says_when),
		STORE_TEST(who_is_left_out_does_not_go_on),
		STORE_TEST(two_pioneers_do_not_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
