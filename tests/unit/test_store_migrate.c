/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>

#include "base/fs.h"
#include "store_fixture.h"

/* Stores that earlier versions left are opened, and nothing of them is lost. */

static void run_sql(struct fixture *f, const char *sql)
{
	AUTO_FREE char *path = fs_join(f->directory, "certferry.db");
	sqlite3 *db = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	sqlite3_close(db);
}

static int64_t number(struct fixture *f, const char *sql)
{
	AUTO_FREE char *path = fs_join(f->directory, "certferry.db");
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t result = -1;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		result = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return result;
}

/* In the place of the new store that setup made: the kept one. */
static void load_kept(struct fixture *f, const char *name)
{
	AUTO_BUF struct buf dump = BUF_INIT(1024 * 1024);
	AUTO_FREE char *path = xasprintf(SOURCE_DIR "/tests/unit/fixtures/%s", name);
	AUTO_FREE char *file = fs_join(f->directory, "certferry.db");

	store_close(f->store);
	f->store = NULL;
	OK(f, fs_read(path, &dump, &f->err));
	assert_int_equal(remove(file), 0);
	run_sql(f, dump.data);
	assert_int_equal(chmod(file, 0600), 0);
}

struct counted {
	const char *name;
	const char *sql;
	int64_t rows;
};
/* clang-format off */
static const struct counted kept[] = {
	{ "sealing_check", "SELECT count(*) FROM sealing_check", 1 },
	{ "key",           "SELECT count(*) FROM key", 4 },
	{ "account",       "SELECT count(*) FROM account", 1 },
	{ "order",         "SELECT count(*) FROM \"order\"", 2 },
	{ "order_name",    "SELECT count(*) FROM order_name", 3 },
	{ "authz",         "SELECT count(*) FROM authz", 2 },
	{ "proved",        "SELECT count(*) FROM proved", 1 },
	{ "txt",           "SELECT count(*) FROM txt", 2 },
	{ "certificate",   "SELECT count(*) FROM certificate", 1 },
	{ "delivery",      "SELECT count(*) FROM delivery", 1 },
	{ "host_key",      "SELECT count(*) FROM host_key", 1 },
	{ "event",         "SELECT count(*) FROM event", 9 },
	{ "no old table",  "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%_0002'", 0 },
	{ "no old certificates", "SELECT count(*) FROM sqlite_schema WHERE name LIKE "
	                         "'%_0005'", 0 },
	{ "certificates' index", "SELECT count(*) FROM sqlite_schema WHERE name = "
	                         "'certificate_history'", 1 },
	{ "they are wanted still", "SELECT count(*) FROM delivery JOIN certificate ON "
	                           "certificate.id = wanted_id", 1 },
	{ "events' index", "SELECT count(*) FROM sqlite_schema WHERE name = 'event_checks'", 1 },
	{ "all is sound",  "SELECT count(*) FROM pragma_foreign_key_check", 0 },
	{ "the ledger's indexes", "SELECT count(*) FROM sqlite_schema WHERE type = 'index' "
	                          "AND name IN ('txt_state', 'txt_value')", 2 },
};
/* clang-format on */

static void rows_of_0001_are_kept(void **state)
{
	struct fixture *f = *state;

	load_kept(f, "schema_0001.sql");
	CHECK("it is of 0001", number(f, "PRAGMA user_version") == 1);
	fixture_open(f);
	fixture_reopen(f);
	store_close(f->store);
	f->store = NULL;
	CHECK("it is of today", number(f, "PRAGMA user_version") > 1);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		CHECK(kept[i].name, number(f, kept[i].sql) == kept[i].rows);
	DONE();
}

/* clang-format off */
static const struct counted kept_0002[] = {
	{ "key",          "SELECT count(*) FROM key", 6 },
	{ "order",        "SELECT count(*) FROM \"order\"", 4 },
	{ "of ours all",  "SELECT count(*) FROM \"order\" WHERE is_key_on_target = 0 AND csr IS NULL", 4 },
	{ "its end",      "SELECT count(*) FROM \"order\" JOIN certificate ON certificate.id = certificate_id "
	                  "WHERE certificate.order_id = \"order\".id", 2 },
	{ "order_name",   "SELECT count(*) FROM order_name", 6 },
	{ "authz",        "SELECT count(*) FROM authz WHERE target = 'm.dyn.test' AND refused = 'dns'", 1 },
	{ "txt",          "SELECT count(*) FROM txt", 4 },
	{ "pace",         "SELECT (SELECT count(*) FROM pace_spent) + (SELECT count(*) FROM pace_hold)", 2 },
	{ "certificate",  "SELECT count(*) FROM certificate WHERE (id, order_id, key_id) IN "
	                  "((1, 1, 2), (9, 7, 5))", 2 },
	{ "delivery",     "SELECT count(*) FROM delivery WHERE wanted_id = 9 AND installed_id = 1", 1 },
	{ "all is sound", "SELECT count(*) FROM pragma_foreign_key_check", 0 },
	{ "nothing new",  "SELECT (SELECT count(*) FROM rotation) + (SELECT count(*) FROM rotation_host) "
	                  "+ (SELECT count(*) FROM host_transport)", 0 },
	{ "no old certificates", "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%_0005'", 0 },
};
/* clang-format on */

static void rows_of_0002_are_kept(void **state)
{
	struct fixture *f = *state;

	load_kept(f, "schema_0002.sql");
	CHECK("it is of 0002", number(f, "PRAGMA user_version") == 2);
	fixture_open(f);
	fixture_reopen(f);
	store_close(f->store);
	f->store = NULL;
	CHECK("it is of today", number(f, "PRAGMA user_version") > 2);
	for (size_t i = 0; i < ARRAY_SIZE(kept_0002); i++)
		CHECK(kept_0002[i].name,
		      number(f, kept_0002[i].sql) == kept_0002[i].rows);
	DONE();
}

/* A renewal is on its way, and the next certificate has its key on the server. */
static void a_store_of_0002_goes_on(void **state)
{
	struct fixture *f = *state;
	AUTO_CERTIFICATE struct certificate newest = { 0 };
	AUTO_ORDER struct order order = { 0 };
	AUTO_DELIVERY struct delivery delivery = { 0 };
	AUTO_KEY struct key *key = NULL;
	bool found;

	load_kept(f, "schema_0002.sql");
	fixture_open(f);
	OK(f,
	   store_certificate_newest(f->store, "www", "web-1", &newest, &found, &f->err));
	CHECK("certificate", found && newest.id == 9 && newest.key_id == 5);
	OK(f, store_delivery_find(f->store, "www", "web-1", &delivery, &found, &f->err));
	CHECK("delivery", found && delivery.state == DELIVERY_PUSH &&
	                      delivery.wanted_id == 9 && delivery.installed_id == 1);
	OK(f, store_order_newest(f->store, "mail", "web-2", &order, &found, &f->err));
	CHECK("order", found && order.state == ORDER_SPREAD && order.key_id == 6 &&
	                   !order.is_key_on_target && order.csr.len == 0 &&
	                   str_eq(order.dns, "dns,other") &&
	                   str_eq(order.alias, "{name}.dyn.test") &&
	                   str_eq(order.waits_for, "ns1.b.test lacks it"));
	key = store_ssh_key_load(f->store, &f->err);
	OK(f, key);
	newest.order_id = order.id;
	newest.key_id = 0;
	newest.sha256[0] ^= 1;
	OK(f, store_certificate_add(f->store, &newest, NULL, &f->err));
	CHECK("the next id", newest.id == 10);
	DONE();
}

static void check_order(struct fixture *f, int64_t *id)
{
	AUTO_ORDER struct order order = { 0 };
	AUTO_AUTHZ_LIST struct authz_list all = { 0 };
	AUTO_KEY struct key *key = NULL;
	bool found;

	OK(f, store_order_newest(f->store, "www", "web-2", &order, &found, &f->err));
	assert_true(found);
	*id = order.id;
	CHECK("order", order.state == ORDER_SPREAD && order.polls == 3 &&
	                   str_eq(order.dns, "dns") && !order.alias && !order.waits_for &&
	                   order.names.len == 1 && str_eq(order.reason, "missing"));
	key = store_key_load(f->store, order.key_id, &f->err);
	OK(f, key);
	OK(f, store_authz_list(f->store, order.id, &all, &f->err));
	CHECK("it goes on where it was",
	      all.len == 1 && str_eq(all.items[0].target, "_acme-challenge.b.test") &&
	          str_eq(all.items[0].zone, "b.test") &&
	          str_eq(all.items[0].dns, "dns") && !all.items[0].refused);
}

static void an_order_of_0001_goes_on(void **state)
{
	struct fixture *f = *state;
	AUTO_AUTHZ_LIST struct authz_list proved = { 0 };
	AUTO_TXT_LIST struct txt_list list = { 0 };
	const struct txt_filter all = { .is_any_state = true };
	char dns[] = "d", zone[] = "z", name[] = "n", value[] = "v";
	struct txt fresh = { .dns = dns, .zone = zone, .name = name, .value = value };
	int64_t id;

	load_kept(f, "schema_0001.sql");
	fixture_open(f);
	check_order(f, &id);
	OK(f, store_authz_list(f->store, 1, &proved, &f->err));
	CHECK("what needed no record has no place",
	      proved.len == 1 && proved.items[0].is_valid && !proved.items[0].target &&
	          !proved.items[0].dns);
	OK(f, store_txt_list(f->store, &all, &list, &f->err));
	CHECK("the ledger",
	      list.len == 2 && list.items[0].state == TXT_UNWANTED &&
	          str_eq(list.items[0].dns, "home") && list.items[1].id == 2 &&
	          list.items[1].order_id == id && str_eq(list.items[1].value, "v2") &&
	          list.items[1].state == TXT_SET && !list.items[1].challenge);
	OK(f, store_txt_add(f->store, &fresh, &f->err));
	CHECK("ids of rows that are gone do not come again", fresh.id == 8);
	DONE();
}

/* 0001 may have ended with an empty ledger, or never have had a row in it. */
static void an_empty_ledger_keeps_its_count(void **state)
{
	struct fixture *f = *state;
	char dns[] = "d", zone[] = "z", name[] = "n", value[] = "v";
	struct txt first = { .dns = dns, .zone = zone, .name = name, .value = value };
	struct txt second = first;

	load_kept(f, "schema_0001.sql");
	run_sql(f, "DELETE FROM txt");
	fixture_open(f);
	OK(f, store_txt_add(f->store, &first, &f->err));
	assert_int_equal(first.id, 8);
	load_kept(f, "schema_0001.sql");
	run_sql(f, "DELETE FROM txt; DELETE FROM sqlite_sequence");
	fixture_open(f);
	OK(f, store_txt_add(f->store, &second, &f->err));
	assert_int_equal(second.id, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(rows_of_0001_are_kept),
		STORE_TEST(rows_of_0002_are_kept),
		STORE_TEST(a_store_of_0002_goes_on),
		STORE_TEST(an_order_of_0001_goes_on),
		STORE_TEST(an_empty_ledger_keeps_its_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
