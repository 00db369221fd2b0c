/* SPDX-License-Identifier: Apache-2.0 */
#include "store/run.h"
#include "store_fixture.h"

/* What a run asks of the store beside its rows. */

static const int64_t long_ms = 3600 * 1000;

static void order_at(struct fixture *f, const char *host, enum order_state state,
                     int64_t run_at_ms, int retry_after)
{
	AUTO_ORDER struct order order = { 0 };
	const struct event event = { .name = "order.moved" };
	int64_t account = state == ORDER_WAIT ? 0 : fixture_account(f, host);
	AUTO_FREE char *name = xasprintf("%s.test", host);
	bool found;

	(void)fixture_order(f, "www", host, name);
	if (state != ORDER_WAIT)
		fixture_order_state(f, "www", host, state, account);
	OK(f, store_order_newest(f->store, "www", host, &order, &found, &f->err));
	order.run_at_ms = run_at_ms;
	order.last.retry_after = retry_after;
	order.attempts = retry_after ? 1 : 0;
	OK(f, store_order_save(f->store, &order, false, &event, &f->err));
}

static int64_t run_at(struct fixture *f, const char *host, int64_t *id)
{
	AUTO_ORDER struct order order = { 0 };
	bool found;

	OK(f, store_order_newest(f->store, "www", host, &order, &found, &f->err));
	if (id)
		*id = order.id;
	return order.run_at_ms;
}

static void a_run_is_about_its_places(void **state)
{
	struct fixture *f = *state;
	const struct store_place places[] = { { "www", "b" }, { "www", "b" } };
	AUTO_ORDER struct order order = { 0 };
	int64_t at;
	bool found;

	order_at(f, "a", ORDER_WAIT, 1, 0);
	order_at(f, "b", ORDER_WAIT, 2, 0);
	OK(f, store_focus(f->store, places, 2, &f->err));
	OK(f, store_order_next(f->store, &at, &found, &f->err));
	CHECK("the next is b's", found && at == 2);
	OK(f, store_order_claim(f->store, 10, &order, &found, &f->err));
	CHECK("b is claimed", found && str_eq(order.host, "b"));
	order_deinit(&order);
	OK(f, store_order_claim(f->store, 10, &order, &found, &f->err));
	CHECK("a is not", !found);
	OK(f, store_focus(f->store, NULL, 0, &f->err));
	OK(f, store_order_next(f->store, &at, &found, &f->err));
	CHECK("no place, no order", !found);
	DONE();
}

static void only_the_ca_may_keep_us_waiting(void **state)
{
	struct fixture *f = *state;
	int64_t now = clock_now_ms(), mine, its;

	order_at(f, "a", ORDER_SPREAD, now + long_ms, 0);
	order_at(f, "b", ORDER_SPREAD, now + long_ms, 600);
	(void)run_at(f, "a", &mine);
	(void)run_at(f, "b", &its);
	OK(f, store_order_hurry(f->store, mine, now, &f->err));
	OK(f, store_order_hurry(f->store, its, now, &f->err));
	CHECK("our own back-off is cut short", run_at(f, "a", NULL) == now);
	CHECK("the CA's word is kept", run_at(f, "b", NULL) == now + long_ms);
	DONE();
}

static void waking_is_for_those_who_wait(void **state)
{
	static const char *const hosts[] = { "a", "b", "c", "d", "e" };
	struct fixture *f = *state;
	int64_t now = clock_now_ms();
	int awake = 0;

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		order_at(f, hosts[i], ORDER_WAIT, now + long_ms, 0);
	order_at(f, "spreads", ORDER_SPREAD, now + long_ms, 0);
	OK(f, store_order_wake(f->store, 2, now, &f->err));
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		awake += run_at(f, hosts[i], NULL) <= now;
	CHECK("some, and not the whole crowd", awake >= 1 && awake <= 4);
	CHECK("the oldest first", run_at(f, "a", NULL) <= now);
	CHECK("others sleep on", run_at(f, "spreads", NULL) == now + long_ms);
	DONE();
}

static const struct {
	const char *name;
	enum order_state state;
	int64_t in_ms;
	bool is_company;
} others[] = {
	{ "at work", ORDER_SPREAD, 0, true },
	{ "waiting for its turn", ORDER_WAIT, 0, true },
	{ "in back-off", ORDER_SPREAD, 3600 * 1000, false },
	{ "tidying as well", ORDER_TIDY, 0, false },
};

static void company_is_who_will_soon_tidy_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		void *one = NULL;
		struct fixture *f;
		int64_t now = clock_now_ms(), id;
		bool yes = true;

		assert_int_equal(fixture_setup(&one), 0);
		f = one;
		order_at(f, "mine", ORDER_TIDY, now, 0);
		(void)run_at(f, "mine", &id);
		OK(f, store_order_has_company(f->store, id, now + 1000, &yes, &f->err));
		CHECK("alone", !yes);
		order_at(f, "other", others[i].state, now + others[i].in_ms, 0);
		OK(f, store_order_has_company(f->store, id, now + 1000, &yes, &f->err));
		CHECK(others[i].name, yes == others[i].is_company);
		fixture_teardown(&one);
	}
	DONE();
}

static void a_key_has_its_fingerprint(void **state)
{
	struct fixture *f = *state;
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &f->err);
	unsigned char want[KEY_FINGERPRINT], got[KEY_FINGERPRINT];
	int64_t id;

	OK(f, key && key_fingerprint(key, want, &f->err));
	OK(f, store_key_add(f->store, key, "certificate", &id, &f->err));
	OK(f, store_key_fingerprint(f->store, id, got, &f->err));
	CHECK("the same", memcmp(want, got, sizeof(want)) == 0);
	CHECK("no such key", !store_key_fingerprint(f->store, 99, got, &f->err) &&
	                         f->err.kind == ERR_NOT_FOUND);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_run_is_about_its_places),
		STORE_TEST(only_the_ca_may_keep_us_waiting),
		STORE_TEST(waking_is_for_those_who_wait),
		cmocka_unit_test(company_is_who_will_soon_tidy_too),
		STORE_TEST(a_key_has_its_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
