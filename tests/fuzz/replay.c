/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the given directories, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"

enum { INPUT_MAX = 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool run_file(const char *path)
{
	AUTO_BUF struct buf input = BUF_INIT(INPUT_MAX);
	struct err err = { 0 };

	if (!fs_read(path, &input, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return false;
	}
	return LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.len) == 0;
}

static int run_directory(const char *directory)
{
	DIR *dir = opendir(directory);
	int count = 0;

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry;
	     entry = readdir(dir)) {
		AUTO_FREE char *path = fs_join(directory, entry->d_name);

		if (entry->d_name[0] != '.' && !run_file(path))
			abort();
		count += entry->d_name[0] != '.';
	}
	if (dir)
		closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++)
		count += run_directory(argv[i]);
	printf("%d inputs\n", count);
	return count ? 0 : 1;
}
