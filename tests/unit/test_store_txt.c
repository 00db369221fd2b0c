/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

static const struct event removed = { .name = "txt.removed", .text = "removed" };

static int64_t add(struct fixture *f, int64_t order_id, const char *dns,
                   const char *value)
{
	AUTO_FREE char *own_dns = xstrdup(dns), *own_value = xstrdup(value);
	char zone[] = "a.test", name[] = "_acme-challenge.a.test";
	struct txt txt = { .order_id = order_id,
		           .dns = own_dns,
		           .zone = zone,
		           .name = name,
		           .value = own_value };

	OK(f, store_txt_add(f->store, &txt, &f->err));
	return txt.id;
}

/* The ids in that state, as "1 2 3". */
static const char *ids(struct fixture *f, const char *dns, int64_t order_id,
                       enum txt_state state, int limit)
{
	static char text[200];
	AUTO_TXT_LIST struct txt_list list = { 0 };
	size_t len = 0;

	const struct txt_filter filter = {
		.dns = dns, .order_id = order_id, .state = state, .limit = limit
	};

	OK(f, store_txt_list(f->store, &filter, &list, &f->err));
	text[0] = '\0';
	for (size_t i = 0; i < list.len; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld",
		                        i ? " " : "", (long long)list.items[i].id);
	return text;
}

static void rows_are_listed_and_moved(void **state)
{
	struct fixture *f = *state;
	AUTO_TXT_LIST struct txt_list list = { 0 };
	int64_t one = fixture_order(f, "www", "web-1", "a.test");
	int64_t two = fixture_order(f, "www", "web-2", "b.test");
	const struct txt_filter mine_first = { .limit = 2, .first = two };

	add(f, one, "home", "v1");
	add(f, one, "home", "v2");
	add(f, two, "away", "v3");
	add(f, two, "home", "v4");
	CHECK("all", str_eq(ids(f, NULL, 0, TXT_WANTED, 99), "1 2 3 4"));
	CHECK("of a dns", str_eq(ids(f, "home", 0, TXT_WANTED, 99), "1 2 4"));
	CHECK("of an order", str_eq(ids(f, NULL, two, TXT_WANTED, 99), "3 4"));
	CHECK("of both", str_eq(ids(f, "home", two, TXT_WANTED, 99), "4"));
	CHECK("at most", str_eq(ids(f, NULL, 0, TXT_WANTED, 2), "1 2"));
	OK(f, store_txt_list(f->store, &mine_first, &list, &f->err));
	CHECK("an order's own come first, whoever waits",
	      list.len == 2 && list.items[0].id == 3 && list.items[1].id == 4);
	txt_list_deinit(&list);
	OK(f, store_txt_set_state(f->store, 2, TXT_SET, &f->err));
	CHECK("moved", str_eq(ids(f, NULL, 0, TXT_WANTED, 99), "1 3 4"));
	CHECK("there", str_eq(ids(f, NULL, 0, TXT_SET, 99), "2"));
	CHECK("no such row", !store_txt_set_state(f->store, 77, TXT_SET, &f->err) &&
	                         f->err.kind == ERR_NOT_FOUND);
	CHECK("the same again is the same row", add(f, one, "home", "v1") == 1);
	OK(f, store_txt_remove(f->store, 1, &removed, &f->err));
	OK(f, store_txt_remove(f->store, 1, &removed, &f->err));
	CHECK("removed", str_eq(ids(f, NULL, 0, TXT_WANTED, 99), "3 4"));
	fixture_reopen(f);
	const struct txt_filter filter = { .dns = "away" };

	OK(f, store_txt_list(f->store, &filter, &list, &f->err));
	CHECK("whole", list.len == 1 && str_eq(list.items[0].value, "v3") &&
	                   str_eq(list.items[0].zone, "a.test") &&
	                   str_eq(list.items[0].name, "_acme-challenge.a.test") &&
	                   str_eq(list.items[0].dns, "away") &&
	                   list.items[0].order_id == two && list.items[0].created_at > 0);
	DONE();
}

static bool count(void *arg, const struct event *event, struct err *err)
{
	(void)err;
	*(int *)arg += str_eq(event->name, "txt.removed");
	return true;
}

static void removing_twice_is_one_event(void **state)
{
	struct fixture *f = *state;
	int64_t order = fixture_order(f, "www", "web-1", "a.test");
	int64_t id = add(f, order, "home", "v1");
	int seen = 0;

	OK(f, store_txt_remove(f->store, id, &removed, &f->err));
	OK(f, store_txt_remove(f->store, id, &removed, &f->err));
	OK(f, store_event_each(f->store, 0, 99, count, &seen, &f->err));
	assert_int_equal(seen, 1);
}

/* Two orders want the same record; the first is finished with it. */
struct shared {
	const char *name;
	const char *other_dns, *other_value;
	enum txt_state other_state;
	bool is_other_done;
	const char *unwanted; /* ids afterwards; the first order's row is 1 */
	const char *others;   /* in other_state */
};
/* clang-format off */
static const struct shared shares[] = {
	{ "nobody else's",           "home", "other", TXT_SET,    false, "1", "2" },
	{ "the other has it set",    "home", "value", TXT_SET,    false, "",  "2" },
	{ "the other wants it",      "home", "value", TXT_WANTED, false, "",  "2" },
	{ "the other is done",       "home", "value", TXT_SET,    true,  "1", "2" },
	{ "the other had enough",    "home", "value", TXT_UNWANTED, false, "1 2", "1 2" },
	{ "a person is to set it",   "home", "value", TXT_ASKED,  false, "",  "2" },
	{ "a person is to remove it", "home", "value", TXT_LEFT,  false, "1", "2" },
	{ "at another provider",     "away", "value", TXT_SET,    false, "1", "2" },
};
/* clang-format on */

static void share(struct fixture *f, const struct shared *row, bool by_orphans)
{
	int64_t first = fixture_order(f, "www", "web-1", "a.test");
	int64_t second = fixture_order(f, "www", "web-2", "a.test");
	int64_t count_after = 0;

	add(f, first, "home", "value");
	OK(f, store_txt_set_state(f->store, 1, TXT_SET, &f->err));
	add(f, second, row->other_dns, row->other_value);
	if (row->other_state == TXT_LEFT)
		OK(f, store_txt_set_state(f->store, 2, TXT_UNWANTED, &f->err));
	OK(f, store_txt_set_state(f->store, 2, row->other_state, &f->err));
	if (row->is_other_done)
		fixture_order_state(f, "www", "web-2", ORDER_DONE, 0);
	if (by_orphans) {
		fixture_order_state(f, "www", "web-1", ORDER_DONE, 0);
		OK(f, store_txt_unwant_orphans(f->store, &count_after, &f->err));
	} else {
		OK(f, store_txt_unwant_order(f->store, first, &f->err));
	}
	if (by_orphans && row->is_other_done) {
		CHECK(row->name, count_after == 2);
		return;
	}
	CHECK(row->name, str_eq(ids(f, NULL, 0, TXT_UNWANTED, 99), row->unwanted));
	CHECK(row->name, str_eq(ids(f, NULL, 0, row->other_state, 99), row->others));
}

static void a_shared_value_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(shares); i++) {
		void *fresh = NULL;

		fixture_setup(&fresh);
		share(fresh, &shares[i / 2], i % 2);
		fixture_teardown(&fresh);
	}
	DONE();
}

/* A pending authorization is handed back by the CA, so its value is wanted anew. */
static void what_is_wanted_again_is_not_removed(void **state)
{
	struct fixture *f = *state;
	int64_t first = fixture_order(f, "www", "web-1", "a.test");
	int64_t second = fixture_order(f, "www", "web-2", "a.test");

	add(f, first, "home", "value");
	OK(f, store_txt_unwant_order(f->store, first, &f->err));
	add(f, second, "home", "value");
	assert_string_equal(ids(f, NULL, 0, TXT_UNWANTED, 99), "");
	assert_string_equal(ids(f, NULL, second, TXT_WANTED, 99), "2");
}

/* From each state to each: may it? A provider's answer may come when the row has moved.
 */
static const bool may_move[TXT_STATE_COUNT][TXT_STATE_COUNT] = {
	[TXT_WANTED] = { true, true, true, true, false },
	[TXT_SET] = { true, true, true, false, false },
	[TXT_UNWANTED] = { false, false, true, false, true },
	[TXT_ASKED] = { true, true, true, true, false },
	[TXT_LEFT] = { false, false, false, false, true },
};

static void put_into(struct fixture *f, int64_t id, enum txt_state state)
{
	if (state == TXT_LEFT)
		OK(f, store_txt_set_state(f->store, id, TXT_UNWANTED, &f->err));
	OK(f, store_txt_set_state(f->store, id, state, &f->err));
}

static void a_row_goes_its_way(void **state)
{
	struct fixture *f = *state;
	int64_t order = fixture_order(f, "www", "web-1", "a.test");

	for (int i = 0; i < TXT_STATE_COUNT * TXT_STATE_COUNT; i++) {
		enum txt_state from = (enum txt_state)(i / TXT_STATE_COUNT);
		enum txt_state to = (enum txt_state)(i % TXT_STATE_COUNT);
		AUTO_FREE char *value = xasprintf("from %d to %d", from, to);
		int64_t id = add(f, order, "home", value);

		put_into(f, id, from);
		CHECK(value, store_txt_set_state(f->store, id, to, &f->err) ==
		                 may_move[from][to]);
		CHECK(value, may_move[from][to] || f->err.kind == ERR_NOT_FOUND);
	}
	DONE();
}

/* What a person was asked for and an order that ended: once to the provider, then to the
 * person, and it stays there however often the order or a run says it again. */
static void what_is_left_stays_left(void **state)
{
	struct fixture *f = *state;
	int64_t order = fixture_order(f, "www", "web-1", "a.test");
	int64_t count;

	put_into(f, add(f, order, "home", "v1"), TXT_ASKED);
	put_into(f, add(f, order, "home", "v2"), TXT_LEFT);
	OK(f, store_txt_unwant_order(f->store, order, &f->err));
	CHECK("asked for is unwanted", str_eq(ids(f, NULL, 0, TXT_UNWANTED, 9), "1"));
	CHECK("left is not", str_eq(ids(f, NULL, 0, TXT_LEFT, 9), "2"));
	put_into(f, 1, TXT_LEFT);
	fixture_order_state(f, "www", "web-1", ORDER_DONE, 0);
	OK(f, store_txt_unwant_orphans(f->store, &count, &f->err));
	CHECK("nor at the start", count == 0);
	CHECK("both", str_eq(ids(f, NULL, 0, TXT_LEFT, 9), "1 2"));
	order = fixture_order(f, "www", "web-1", "a.test");
	CHECK("wanted again: nobody is to remove it", add(f, order, "home", "v1") == 3);
	CHECK("the other one still", str_eq(ids(f, NULL, 0, TXT_LEFT, 9), "2"));
	DONE();
}

/* Rows of a check have no order. One that an earlier run did not remove is an orphan. */
static void a_check_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	AUTO_TXT_LIST struct txt_list list = { 0 };
	const struct txt_filter first = { .limit = 1 };
	int64_t count;

	CHECK("made", add(f, 0, "home", "v1") == 1);
	CHECK("two are two", add(f, 0, "home", "v2") == 2);
	put_into(f, 2, TXT_LEFT);
	OK(f, store_txt_list(f->store, &first, &list, &f->err));
	CHECK("of no order", list.len == 1 && list.items[0].order_id == 0);
	OK(f, store_txt_unwant_order(f->store, 0, &f->err));
	CHECK("no order is not order 0", str_eq(ids(f, NULL, 0, TXT_WANTED, 9), "1"));
	OK(f, store_txt_unwant_orphans(f->store, &count, &f->err));
	CHECK("an orphan", count == 1 && str_eq(ids(f, NULL, 0, TXT_UNWANTED, 9), "1"));
	CHECK("left stays left", str_eq(ids(f, NULL, 0, TXT_LEFT, 9), "2"));
	DONE();
}

static void rows_of_a_name_are_counted(void **state)
{
	struct fixture *f = *state;
	AUTO_TXT_LIST struct txt_list list = { 0 };
	int64_t one = fixture_order(f, "www", "web-1", "a.test");
	int64_t two = fixture_order(f, "www", "web-2", "b.test");
	char dns[] = "home", zone[] = "acme.test", name[] = "b.acme.test", value[] = "v1",
	     challenge[] = "_acme-challenge.b.test";
	struct txt away = { .order_id = two,
		            .dns = dns,
		            .zone = zone,
		            .name = name,
		            .value = value,
		            .challenge = challenge };
	const struct txt_filter there = { .is_any_state = true, .name = "b.acme.test" };
	const struct txt_filter all = { .is_any_state = true, .first = two };
	int count;

	add(f, one, "home", "v1");
	add(f, two, "home", "v1");
	put_into(f, add(f, two, "away", "v2"), TXT_LEFT);
	OK(f, store_txt_add(f->store, &away, &f->err));
	OK(f, store_txt_count(f->store, "_acme-challenge.a.test", &count, &f->err));
	CHECK("a value that two want is one", count == 2);
	OK(f, store_txt_count(f->store, "a.test", &count, &f->err));
	CHECK("none", count == 0);
	OK(f, store_txt_list(f->store, &there, &list, &f->err));
	CHECK("at one name",
	      list.len == 1 && str_eq(list.items[0].challenge, "_acme-challenge.b.test"));
	txt_list_deinit(&list);
	OK(f, store_txt_list(f->store, &all, &list, &f->err));
	CHECK("in every state", list.len == 4 && list.items[3].id == 1);
	DONE();
}

static void authorizations_are_kept(void **state)
{
	struct fixture *f = *state;
	AUTO_AUTHZ_LIST struct authz_list list = { 0 };
	int64_t order = fixture_order(f, "www", "web-1", "a.test");
	char name[] = "*.a.test", url[] = "https://ca.test/z/1",
	     challenge[] = "https://ca.test/h/1", txt[] = "_acme-challenge.a.test",
	     value[] = "v", zone[] = "acme.test", target[] = "a.acme.test",
	     dns[] = "manual", refused[] = "home,away";
	struct authz authz = { .order_id = order,
		               .name = name,
		               .url = url,
		               .challenge_url = challenge,
		               .txt_name = txt,
		               .txt_value = value };
	int64_t id;

	OK(f, store_authz_save(f->store, &authz, &f->err));
	id = authz.id;
	authz.id = 0;
	OK(f, store_authz_save(f->store, &authz, &f->err));
	CHECK("a step that runs twice makes one row", authz.id == id);
	authz.zone = zone;
	authz.target = target;
	authz.dns = dns;
	authz.refused = refused;
	authz.is_answered = true;
	OK(f, store_authz_save(f->store, &authz, &f->err));
	fixture_reopen(f);
	OK(f, store_authz_list(f->store, order, &list, &f->err));
	CHECK("one", list.len == 1);
	CHECK("texts", list.len == 1 && str_eq(list.items[0].name, name) &&
	                   str_eq(list.items[0].url, url) &&
	                   str_eq(list.items[0].challenge_url, challenge) &&
	                   str_eq(list.items[0].txt_name, txt) &&
	                   str_eq(list.items[0].txt_value, value) &&
	                   str_eq(list.items[0].zone, zone));
	CHECK("where it went", list.len == 1 && str_eq(list.items[0].target, target) &&
	                           str_eq(list.items[0].dns, dns) &&
	                           str_eq(list.items[0].refused, refused));
	CHECK("flags",
	      list.len == 1 && list.items[0].is_answered && !list.items[0].is_valid);
	DONE();
}

/* One entry has made it and then failed for good, or said so: the next one makes it anew,
 * perhaps in the same zone, where nobody can tell the two apart. */
static void what_another_entry_wants_is_not_removed(void **state)
{
	struct fixture *f = *state;
	AUTO_TXT_LIST struct txt_list list = { 0 };
	int64_t order = fixture_order(f, "www", "web-1", "a.test");
	int64_t old = add(f, order, "home", "v1"), new = add(f, order, "hand", "v1");
	int64_t other = add(f, order, "home", "v2");
	const struct txt_filter filter = { .dns = "home",
		                           .state = TXT_UNWANTED,
		                           .is_free = true };
	static const enum txt_state live[] = { TXT_WANTED, TXT_ASKED, TXT_SET };

	OK(f, store_txt_set_state(f->store, old, TXT_UNWANTED, &f->err));
	OK(f, store_txt_set_state(f->store, other, TXT_UNWANTED, &f->err));
	for (size_t i = 0; i < ARRAY_SIZE(live); i++) {
		OK(f, store_txt_set_state(f->store, new, live[i], &f->err));
		OK(f, store_txt_list(f->store, &filter, &list, &f->err));
		CHECK("only the other value is free",
		      list.len == 1 && list.items[0].id == other);
		txt_list_deinit(&list);
	}
	CHECK("unwanted are both", str_eq(ids(f, "home", 0, TXT_UNWANTED, 9), "1 3"));
	OK(f, store_txt_unwant_order(f->store, order, &f->err));
	OK(f, store_txt_list(f->store, &filter, &list, &f->err));
	CHECK("until nobody wants it any more", list.len == 2);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(rows_are_listed_and_moved),
		STORE_TEST(removing_twice_is_one_event),
		cmocka_unit_test(a_shared_value_stays),
		STORE_TEST(what_is_wanted_again_is_not_removed),
		STORE_TEST(a_row_goes_its_way),
		STORE_TEST(what_is_left_stays_left),
		STORE_TEST(a_check_leaves_nothing),
		STORE_TEST(rows_of_a_name_are_counted),
		STORE_TEST(what_another_entry_wants_is_not_removed),
		STORE_TEST(authorizations_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
