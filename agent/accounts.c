/* SPDX-License-Identifier: Apache-2.0 */
#include "accounts.h"

#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

static bool next_user(FILE *file, const char **name, id_t *id)
{
	const struct passwd *one = fgetpwent(file);

	if (!one)
		return false;
	*name = one->pw_name;
	*id = one->pw_uid;
	return true;
}

static bool next_group(FILE *file, const char **name, id_t *id)
{
	const struct group *one = fgetgrent(file);

	if (!one)
		return false;
	*name = one->gr_name;
	*id = one->gr_gid;
	return true;
}

static bool is_listed(const char *path, bool (*next)(FILE *, const char **, id_t *),
                      const char *wanted, id_t *out)
{
	FILE *file = fopen(path, "re");
	const char *name = "";
	bool found = false;

	while (file && !found && next(file, &name, out))
		found = str_eq(name, wanted);
	if (file)
		(void)fclose(file);
	return found;
}

/* All bits set is no account: chown() takes it for "as it is". */
static bool is_number(const char *name, id_t *out)
{
	int64_t number;

	if (!str_to_i64(name, 0, UINT32_MAX - 1, &number))
		return false;
	*out = (id_t)number;
	return true;
}

bool account_user(const char *name, uid_t *out)
{
	return is_listed("/etc/passwd", next_user, name, out) || is_number(name, out);
}

bool account_group(const char *name, gid_t *out)
{
	return is_listed("/etc/group", next_group, name, out) || is_number(name, out);
}
