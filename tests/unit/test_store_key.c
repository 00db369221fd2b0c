/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>

#include "base/fs.h"
#include "store_fixture.h"

#include <sqlite3.h>

static const struct event made = { .name = "host.enrolled", .text = "made" };

static bool same(const struct key *a, const struct key *b)
{
	unsigned char fa[KEY_FINGERPRINT], fb[KEY_FINGERPRINT];
	struct err err;

	return key_fingerprint(a, fa, &err) && key_fingerprint(b, fb, &err) &&
	       memcmp(fa, fb, sizeof(fa)) == 0;
}

static const struct {
	const char *name;
	enum key_type type;
	const char *purpose;
	bool is_fine;
} adds[] = {
	{ "an account's", KEY_EC_256, "account", true },
	{ "a certificate's", KEY_EC_384, "certificate", true },
	{ "RSA", KEY_RSA_2048, "certificate", true },
	{ "for SSH", KEY_ED25519, "ssh", true },
	{ "for nothing we know", KEY_EC_256, "fun", false },
};

static void keys_come_back(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(adds); i++) {
		AUTO_KEY struct key *key = key_new(adds[i].type, &f->err);
		AUTO_KEY struct key *got = NULL;
		int64_t id = 0;
		bool added;

		OK(f, key);
		added = store_key_add(f->store, key, adds[i].purpose, &id, &f->err);
		CHECK(adds[i].name, added == adds[i].is_fine);
		if (!added)
			continue;
		fixture_reopen(f);
		got = store_key_load(f->store, id, &f->err);
		CHECK(adds[i].name, got && same(key, got));
		CHECK(adds[i].name, got && key_type_get(got) == adds[i].type);
	}
	DONE();
}

static void a_public_key_stands_once(void **state)
{
	struct fixture *f = *state;
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &f->err);
	int64_t id;

	OK(f, key);
	OK(f, store_key_add(f->store, key, "certificate", &id, &f->err));
	CHECK("again", !store_key_add(f->store, key, "certificate", &id, &f->err) &&
	                   f->err.kind == ERR_CONFLICT);
	CHECK("for another purpose",
	      !store_key_add(f->store, key, "account", &id, &f->err) &&
	          f->err.kind == ERR_CONFLICT);
	DONE();
}

static void missing_keys_are_said_to_be(void **state)
{
	struct fixture *f = *state;
	AUTO_KEY struct key *key = key_new(KEY_ED25519, &f->err);
	AUTO_KEY struct key *newer = key_new(KEY_ED25519, &f->err);
	AUTO_KEY struct key *got = NULL;
	int64_t id;

	CHECK("no such id",
	      !store_key_load(f->store, 99, &f->err) && f->err.kind == ERR_NOT_FOUND);
	CHECK("no SSH key",
	      !store_ssh_key_load(f->store, &f->err) && f->err.kind == ERR_NOT_FOUND);
	CHECK("and what to do", strstr(f->err.msg, "certferry init") != NULL);
	OK(f, store_key_add(f->store, key, "ssh", &id, &f->err));
	OK(f, store_key_add(f->store, newer, "ssh", &id, &f->err));
	got = store_ssh_key_load(f->store, &f->err);
	CHECK("the newest", got && same(got, newer));
	DONE();
}

/* True if a file of the directory holds the bytes. */
static bool is_in_files(const struct fixture *f, const void *bytes, size_t len)
{
	DIR *dir = opendir(f->directory);
	bool is_there = false;

	assert_non_null(dir);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		AUTO_BUF struct buf content = BUF_INIT((size_t)64 << 20);
		AUTO_FREE char *path = xasprintf("%s/%s", f->directory, entry->d_name);
		struct err err;

		if (entry->d_type == DT_REG && fs_read(path, &content, &err) &&
		    memmem(content.data, content.len, bytes, len))
			is_there = true;
	}
	closedir(dir);
	return is_there;
}

static void no_key_lies_in_the_files(void **state)
{
	struct fixture *f = *state;
	AUTO_KEY struct key *key = key_new(KEY_EC_256, &f->err);
	AUTO_SECRET struct secret *der = key_format_der(key, &f->err);
	unsigned char fingerprint[KEY_FINGERPRINT];
	struct event told = { .name = "key.made", .text = "can be found" };
	size_t len;
	const char *bytes = secret_reveal(der, &len);
	int64_t id;

	OK(f, key && der && key_fingerprint(key, fingerprint, &f->err));
	OK(f, store_key_add(f->store, key, "certificate", &id, &f->err));
	OK(f, store_event_add(f->store, &told, &f->err));
	for (int closed = 0; closed < 2; closed++) {
		const char *name = closed ? "in the database" : "in the log";

		CHECK(name, is_in_files(f, told.text, strlen(told.text)));
		CHECK(name, is_in_files(f, fingerprint, sizeof(fingerprint)));
		CHECK(name, !is_in_files(f, bytes, len));
		/* The private number itself: bytes 36 to 67 of PKCS #8 for P-256. */
		assert_true(len > 68);
		CHECK(name, !is_in_files(f, bytes + 36, 32));
		CHECK(name, !is_in_files(f, bytes + 36, 16));
		store_close(f->store);
		f->store = NULL;
	}
	DONE();
}

static const char *const swaps[] = {
	"UPDATE key SET sealed = (SELECT sealed FROM key WHERE id = 2) WHERE id = 1",
	"UPDATE key SET sealed = zeroblob(200) WHERE id = 1",
	"UPDATE key SET spki_sha256 = zeroblob(32) WHERE id = 1",
};

static void rows_that_were_changed_do_not_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(swaps); i++) {
		void *fresh = NULL;
		struct fixture *f;
		AUTO_FREE char *path = NULL;
		sqlite3 *db = NULL;

		fixture_setup(&fresh);
		f = fresh;
		path = xasprintf("%s/certferry.db", f->directory);
		assert_int_equal(fixture_key(f, "certificate"), 1);
		assert_int_equal(fixture_key(f, "certificate"), 2);
		store_close(f->store);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		CHECK(swaps[i],
		      sqlite3_exec(db, swaps[i], NULL, NULL, NULL) == SQLITE_OK);
		sqlite3_close(db);
		fixture_open(f);
		CHECK(swaps[i], !store_key_load(f->store, 1, &f->err));
		CHECK(swaps[i], strstr(f->err.msg, "key 1") != NULL);
		fixture_teardown(&fresh);
	}
	DONE();
}

static void accounts_are_kept(void **state)
{
	struct fixture *f = *state;
	struct account account = { .directory = xstrdup("https://ca.test/directory"),
		                   .key_id = fixture_key(f, "account") };
	struct account twin = { .directory = xstrdup("https://ca.test/directory"),
		                .key_id = fixture_key(f, "account") };
	struct account got = { 0 };
	bool found;

	OK(f, store_account_find(f->store, account.directory, &got, &found, &f->err));
	CHECK("none yet", !found);
	OK(f, store_account_save(f->store, &account, &made, &f->err));
	CHECK("an id", account.id != 0);
	account.url = xstrdup("https://ca.test/a/1");
	account.eab_kid = xstrdup("kid");
	OK(f, store_account_save(f->store, &account, &made, &f->err));
	fixture_reopen(f);
	OK(f, store_account_find(f->store, account.directory, &got, &found, &f->err));
	CHECK("found", found && got.id == account.id && got.key_id == account.key_id);
	CHECK("texts", str_eq(got.url, account.url) && str_eq(got.eab_kid, "kid"));
	CHECK("one per directory", !store_account_save(f->store, &twin, &made, &f->err) &&
	                               f->err.kind == ERR_CONFLICT && twin.id == 0);
	account_deinit(&account);
	account_deinit(&twin);
	account_deinit(&got);
	DONE();
}

static void host_keys_are_replaced(void **state)
{
	struct fixture *f = *state;
	struct host_key keys[HOST_KEYS_MAX] = {
		{ .type = "ssh-ed25519",
		  .blob = "one",
		  .blob_len = 3,
		  .enrolled_at = 5,
		  .how = "confirmed" },
		{ .type = "ecdsa", .blob = "three", .blob_len = 5, .how = "fingerprint" },
	};
	struct host_key got[HOST_KEYS_MAX];
	size_t count;

	OK(f, store_host_keys_load(f->store, "web-1", got, &count, &f->err));
	CHECK("none", count == 0);
	OK(f, store_host_keys_replace(f->store, "web-1", keys, 2, &made, &f->err));
	OK(f, store_host_keys_replace(f->store, "web-2", keys, 1, &made, &f->err));
	fixture_reopen(f);
	OK(f, store_host_keys_load(f->store, "web-1", got, &count, &f->err));
	CHECK("two", count == 2);
	CHECK("whole", str_eq(got[0].type, "ssh-ed25519") && got[0].blob_len == 3 &&
	                   memcmp(got[0].blob, "one", 3) == 0 &&
	                   got[0].enrolled_at == 5 && str_eq(got[0].how, "confirmed"));
	CHECK("in order", str_eq(got[1].type, "ecdsa") && got[1].blob_len == 5);
	OK(f, store_host_keys_replace(f->store, "web-1", &keys[1], 1, &made, &f->err));
	OK(f, store_host_keys_load(f->store, "web-1", got, &count, &f->err));
	CHECK("all were replaced", count == 1 && str_eq(got[0].type, "ecdsa"));
	OK(f, store_host_keys_load(f->store, "web-2", got, &count, &f->err));
	CHECK("of this host only", count == 1);
	keys[0].blob_len = 0;
	CHECK("an empty key is refused",
	      !store_host_keys_replace(f->store, "web-1", keys, 1, &made, &f->err));
	OK(f, store_host_keys_load(f->store, "web-1", got, &count, &f->err));
	CHECK("and the old ones stay", count == 1);
	CHECK("five are too many",
	      !store_host_keys_replace(f->store, "web-1", keys, 5, &made, &f->err) &&
	          f->err.kind == ERR_INPUT);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(keys_come_back),
		STORE_TEST(a_public_key_stands_once),
		STORE_TEST(missing_keys_are_said_to_be),
		STORE_TEST(no_key_lies_in_the_files),
		cmocka_unit_test(rows_that_were_changed_do_not_open),
		STORE_TEST(accounts_are_kept),
		STORE_TEST(host_keys_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
