/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char directory[] = "/tmp/test_fs.XXXXXX";

static char *path_of(const char *name)
{
	return fs_join(directory, name);
}

static unsigned mode_of(const char *path)
{
	struct stat st = { 0 };

	return stat(path, &st) == 0 ? st.st_mode & 07777u : 0;
}

static size_t entries(void)
{
	DIR *dir = opendir(directory);
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static bool holds(const char *path, const char *want)
{
	AUTO_BUF struct buf bytes = BUF_INIT(100);
	struct err err = { 0 };

	return fs_read(path, &bytes, &err) && str_eq(bytes.data, want);
}

static void test_writing(void **state)
{
	AUTO_FREE char *path = path_of("written"), *below = path_of("no/such/file");
	AUTO_FREE char *other = path_of("other name");
	size_t before = entries();
	struct stat st = { 0 }, st_new = { 0 };
	struct err err = { 0 };

	(void)state;
	umask(0);
	assert_true(fs_write(path, "first", 5, 0640, &err));
	assert_true(holds(path, "first"));
	assert_int_equal(mode_of(path), 0640);
	assert_int_equal(link(path, other), 0);
	stat(path, &st);
	assert_true(fs_write(path, "second", 6, 0600, &err));
	stat(path, &st_new);
	/* Replaced, not overwritten: who has the old file open sees all of it. */
	assert_int_not_equal(st.st_ino, st_new.st_ino);
	assert_true(holds(other, "first"));
	assert_true(holds(path, "second"));
	assert_int_equal(mode_of(path), 0600);
	assert_false(fs_write(below, "x", 1, 0600, &err));
	assert_non_null(strstr(err.msg, "no/such/file"));
	/* A directory cannot be replaced; nothing temporary is left. */
	assert_false(fs_write(directory, "x", 1, 0600, &err));
	assert_int_equal(entries(), before + 2);
}

static void test_creating(void **state)
{
	AUTO_FREE char *path = path_of("created");
	const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	size_t before = entries();
	bool existed = true;
	struct stat st = { 0 };
	struct err err = { 0 };

	(void)state;
	umask(0);
	assert_true(fs_create_private(path, "first", 5, &existed, &err));
	assert_false(existed);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(utimensat(AT_FDCWD, directory, long_ago, 0), 0);
	assert_true(fs_create_private(path, "second", 6, &existed, &err));
	assert_true(existed);
	assert_true(holds(path, "first"));
	assert_int_equal(entries(), before + 1);
	/* Nothing was made meanwhile that a killed process would have left there. */
	stat(directory, &st);
	assert_int_equal(st.st_mtime, 1000);
}

static const struct {
	const char *name, *bytes;
	mode_t mode;
	bool trim;
	const char *want, *error;
} secrets[] = {
	{ "0600", "secret\n", 0600, true, "secret", NULL },
	{ "0400", "secret", 0400, true, "secret", NULL },
	{ "not trimmed", "secret\n", 0600, false, "secret\n", NULL },
	{ "CR LF", "secret\r\n", 0600, true, "secret", NULL },
	{ "one newline only", "secret\n\n", 0600, true, "secret\n", NULL },
	{ "readable by its group", "secret", 0640, true, NULL, "chmod 0600" },
	{ "readable by all", "secret", 0604, true, NULL, "chmod 0600" },
	{ "writable by its group", "secret", 0620, true, NULL, "chmod 0600" },
	{ "empty", "", 0600, true, NULL, "empty" },
	{ "a newline", "\n", 0600, true, NULL, "empty" },
};

static void test_secrets(void **state)
{
	AUTO_FREE char *path = path_of("secret");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		struct err err = { 0 };
		AUTO_SECRET struct secret *secret = NULL;

		CHECK(secrets[i].name,
		      fs_write(path, secrets[i].bytes, strlen(secrets[i].bytes),
		               secrets[i].mode, &err));
		secret = fs_read_secret(path, secrets[i].trim, &err);
		CHECK(secrets[i].name, !!secret == !!secrets[i].want);
		if (secret)
			CHECK(secrets[i].name,
			      str_eq(secret_reveal(secret, NULL), secrets[i].want));
		else
			CHECK(err.msg, err.kind == ERR_CONFIG &&
			                   strstr(err.msg, secrets[i].error));
	}
	DONE();
}

static void check_no_secret(const char *path, const char *want)
{
	struct err err = { 0 };
	AUTO_SECRET struct secret *secret = fs_read_secret(path, true, &err);

	CHECK(path, !secret);
	CHECK(err.msg, strstr(err.msg, want));
}

static void test_odd_files(void **state)
{
	AUTO_FREE char *fifo = path_of("fifo"), *missing = path_of("missing");
	AUTO_BUF struct buf small = BUF_INIT(10);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	/* None of these may block. */
	check_no_secret(fifo, "not a regular file");
	check_no_secret(directory, "not a regular file");
	check_no_secret(missing, "No such file");
	assert_false(fs_read("/dev/zero", &small, &err));
	assert_non_null(strstr(err.msg, "larger than 10 bytes"));
	DONE();
}

static const struct {
	const char *name;
	mode_t directory, file;
	gid_t group; /* of both */
	const char *error;
} credentials[] = {
	{ "as root gets them", 0500, 0400, 0, NULL },
	{ "as others get them: by an ACL", 0550, 0440, 0, NULL },
	{ "readable by all", 0550, 0444, 0, "chmod 0600" },
	{ "writable by the group", 0550, 0460, 0, "chmod 0600" },
	{ "directory open to all", 0555, 0400, 0, "chmod 0700" },
	{ "directory of many writers", 0570, 0400, 0, "chmod 0700" },
	{ "a real group", 0500, 0440, 12345, "chmod 0600" },
	{ "directory with a real group", 0550, 0400, 12345, "chmod 0700" },
};

static void test_credentials(void **state)
{
	AUTO_FREE char *dir = path_of("a"), *file = path_of("a/key"),
		       *link = path_of("a/link");

	(void)state;
	if (geteuid() != 0) {
		print_message("not root: no file can have the group of another\n");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(credentials); i++) {
		AUTO_SECRET struct secret *secret = NULL;
		struct err err = { 0 };

		assert_true(fs_make_dir(dir, 0700, &err));
		assert_true(fs_write(file, "key\n", 4, 0600, &err));
		assert_int_equal(chown(dir, 0, credentials[i].group), 0);
		assert_int_equal(chown(file, 0, credentials[i].group), 0);
		assert_int_equal(chmod(file, credentials[i].file), 0);
		assert_int_equal(chmod(dir, credentials[i].directory), 0);
		secret = fs_read_credential(dir, "key", &err);
		if (credentials[i].error)
			CHECK(credentials[i].name,
			      !secret && strstr(err.msg, credentials[i].error));
		else
			CHECK(credentials[i].name,
			      secret && str_eq(secret_reveal(secret, NULL), "key"));
	}
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(chmod(file, 0400), 0);
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(symlink("key", link), 0);
	struct err err = { 0 };
	CHECK("a link", !fs_read_credential(dir, "link", &err));
	unlink(link);
	unlink(file);
	DONE();
}

static void test_directories(void **state)
{
	AUTO_FREE char *deep = path_of("a/b//c"), *b = path_of("a/b");
	AUTO_FREE char *file = path_of("file"), *below = path_of("file/x");
	AUTO_FREE char *joined = fs_join("/dir", "name"),
		       *absolute = fs_join("/dir", "/n");
	struct err err = { 0 };

	(void)state;
	umask(0);
	assert_true(fs_make_dir(deep, 0700, &err));
	assert_true(fs_make_dir(deep, 0700, &err));
	assert_int_equal(mode_of(deep), 0700);
	assert_int_equal(mode_of(b), 0755);
	assert_true(fs_sync_dir(deep, &err));
	assert_true(fs_write(file, "x", 1, 0600, &err));
	assert_false(fs_make_dir(file, 0700, &err));
	assert_false(fs_make_dir(below, 0700, &err));
	assert_false(fs_make_dir("", 0700, &err));
	assert_true(fs_exists(file) && !fs_exists(below));
	assert_string_equal(joined, "/dir/name");
	assert_string_equal(absolute, "/n");
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

/* Flat but for "a", which is empty directories. */
static int tear_down(void **state)
{
	static const char *const names[] = { "a/b/c", "a/b", "a", "" };
	DIR *dir = opendir(directory);
	struct dirent *entry;

	(void)state;
	while ((entry = readdir(dir))) {
		AUTO_FREE char *path = path_of(entry->d_name);

		unlink(path);
	}
	closedir(dir);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = path_of(names[i]);

		if (rmdir(path) < 0)
			return -1;
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writing),     cmocka_unit_test(test_creating),
		cmocka_unit_test(test_secrets),     cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_credentials), cmocka_unit_test(test_directories),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
