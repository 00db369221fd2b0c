/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pwd.h>

#include "agent/accounts.h"
#include "base/cleanup.h"
#include "unit.h"

/* clang-format off */
static const struct {
	const char *name;
	bool user, group;
	id_t uid, gid;
} rows[] = {
	{ "root",          true,  true,  0,          0 },
	{ "0",             true,  true,  0,          0 },
	{ "4294967294",    true,  true,  4294967294, 4294967294 },
	{ "4294967295",    false, false, 0,          0 },
	{ "4294967296",    false, false, 0,          0 },
	{ "-1",            false, false, 0,          0 },
	{ "1x",            false, false, 0,          0 },
	{ "roo",           false, false, 0,          0 },
	{ "nobody-at-all", false, false, 0,          0 },
};
/* clang-format on */

static void test_names_and_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uid_t uid = 0;
		gid_t gid = 0;

		CHECK(rows[i].name, account_user(rows[i].name, &uid) == rows[i].user);
		CHECK(rows[i].name, account_group(rows[i].name, &gid) == rows[i].group);
		CHECK(rows[i].name, !rows[i].user || uid == rows[i].uid);
		CHECK(rows[i].name, !rows[i].group || gid == rows[i].gid);
	}
	DONE();
}

/* Whatever this machine has: the same answer as the C library's. */
static void test_as_the_library_says(void **state)
{
	const struct passwd *user = getpwnam("daemon");
	const struct group *group = getgrnam("tty");
	uid_t uid = 0;
	gid_t gid = 0;

	(void)state;
	CHECK("daemon", user && account_user("daemon", &uid) && uid == user->pw_uid);
	CHECK("tty", group && account_group("tty", &gid) && gid == group->gr_gid);
	DONE();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_numbers),
		cmocka_unit_test(test_as_the_library_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
