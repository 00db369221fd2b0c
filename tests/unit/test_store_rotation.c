/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "store/rotation.h"
#include "store_fixture.h"

static const struct event said = { .name = "ssh.rotation", .text = "said" };

static int64_t add_key(struct fixture *f)
{
	AUTO_KEY struct key *key = key_new(KEY_ED25519, &f->err);
	int64_t id = 0;

	OK(f, key);
	OK(f, store_key_add(f->store, key, "ssh", &id, &f->err));
	return id;
}

static struct rotation begin(struct fixture *f)
{
	AUTO_KEY struct key *key = key_new(KEY_ED25519, &f->err);
	struct rotation rotation;

	OK(f, key);
	OK(f, store_rotation_begin(f->store, key, &rotation, &said, &f->err));
	return rotation;
}

/* Is the deploy key the one with this id? */
static bool is_used(struct fixture *f, int64_t id)
{
	AUTO_KEY struct key *used = store_ssh_key_load(f->store, &f->err);
	AUTO_KEY struct key *wanted = store_key_load(f->store, id, &f->err);
	unsigned char a[KEY_FINGERPRINT], b[KEY_FINGERPRINT];

	OK(f, used && wanted);
	OK(f, key_fingerprint(used, a, &f->err) && key_fingerprint(wanted, b, &f->err));
	return memcmp(a, b, sizeof(a)) == 0;
}

static void old_until_the_switch(void **state)
{
	struct fixture *f = *state;
	const int64_t old = add_key(f);
	struct rotation rotation = begin(f), got;
	AUTO_KEY struct key *other = key_new(KEY_ED25519, &f->err);
	bool found;

	assert_int_equal(rotation.old_key_id, old);
	assert_true(is_used(f, old));
	fixture_reopen(f);
	assert_true(is_used(f, old));
	OK(f, store_rotation_find(f->store, &got, &found, &f->err));
	assert_true(found && !got.is_switched);
	assert_int_equal(got.new_key_id, rotation.new_key_id);

	/* One at a time, and the old key stays as long as it is used. */
	assert_false(store_rotation_begin(f->store, other, &got, &said, &f->err));
	assert_int_equal(f->err.kind, ERR_CONFLICT);
	assert_false(store_rotation_end(f->store, &said, &f->err));
	assert_int_equal(f->err.kind, ERR_CONFLICT);
	assert_true(is_used(f, old));

	OK(f, store_rotation_switch(f->store, &said, &f->err));
	fixture_reopen(f);
	assert_true(is_used(f, rotation.new_key_id));
	OK(f, store_rotation_end(f->store, &said, &f->err));
	assert_true(is_used(f, rotation.new_key_id));
	assert_null(store_key_load(f->store, old, &f->err));
	assert_int_equal(f->err.kind, ERR_NOT_FOUND);
	OK(f, store_rotation_find(f->store, &got, &found, &f->err));
	assert_false(found);
	assert_int_equal(begin(f).old_key_id, rotation.new_key_id);
}

static void hosts_are_remembered(void **state)
{
	struct fixture *f = *state;
	struct rotation_host row;

	(void)add_key(f);
	(void)begin(f);
	OK(f, store_rotation_host_load(f->store, "web-1", &row, &f->err));
	assert_true(row.state == ROTATION_WAITS && row.at == 0 && !*row.text);
	for (int i = 0; i < ROTATION_STATE_COUNT; i++) {
		struct rotation_host wanted = { .state = (enum rotation_state)i,
			                        .at = 5 };

		snprintf(wanted.text, sizeof(wanted.text), "text %d", i);
		OK(f, store_rotation_host_save(f->store, "web-1", &wanted,
		                               i ? &said : NULL, &f->err));
		fixture_reopen(f);
		OK(f, store_rotation_host_load(f->store, "web-1", &row, &f->err));
		CHECK(rotation_state_names[i], row.state == wanted.state);
		CHECK(rotation_state_names[i], row.at == 5);
		CHECK(rotation_state_names[i], str_eq(row.text, wanted.text));
	}
	OK(f, store_rotation_switch(f->store, &said, &f->err));
	OK(f, store_rotation_end(f->store, &said, &f->err));
	OK(f, store_rotation_host_load(f->store, "web-1", &row, &f->err));
	assert_true(row.state == ROTATION_WAITS && !*row.text);
	DONE();
}

static void open_ones(void **state)
{
	static const struct {
		const char *host;
		enum rotation_state state;
	} rows[] = {
		{ "web-2", ROTATION_ADDED },   { "web-1", ROTATION_PROVED },
		{ "web-3", ROTATION_DONE },    { "web-4", ROTATION_WAITS },
		{ "web-5", ROTATION_BY_HAND },
	};
	struct fixture *f = *state;
	AUTO_STRLIST struct strlist open = { 0 };
	AUTO_BUF struct buf names = BUF_INIT(100);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rotation_host row = { .state = rows[i].state, .at = 5 };

		OK(f,
		   store_rotation_host_save(f->store, rows[i].host, &row, NULL, &f->err));
	}
	OK(f, store_rotation_open(f->store, &open, &f->err));
	strlist_join(&open, " ", &names);
	assert_string_equal(names.data, "web-1 web-2 web-4 web-5");
	DONE();
}

static void not_before_init(void **state)
{
	struct fixture *f = *state;
	AUTO_KEY struct key *key = key_new(KEY_ED25519, &f->err);
	struct rotation rotation;

	assert_false(store_rotation_begin(f->store, key, &rotation, &said, &f->err));
	assert_int_equal(f->err.kind, ERR_NOT_FOUND);
	assert_null(store_ssh_key_load(f->store, &f->err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_until_the_switch, fixture_setup,
		                                fixture_teardown),
		cmocka_unit_test_setup_teardown(hosts_are_remembered, fixture_setup,
		                                fixture_teardown),
		cmocka_unit_test_setup_teardown(open_ones, fixture_setup,
		                                fixture_teardown),
		cmocka_unit_test_setup_teardown(not_before_init, fixture_setup,
		                                fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
