/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "base/dnsname.h"
#include "base/fs.h"
#include "base/mem.h"
#include "beneath.h"
#include "policy.h"

/* Who may write the policy says what root runs here: root alone, all the way down. */
static int open_policy(const char *path, struct err *err)
{
	AUTO_FREE char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	AUTO_CLOSE int dir = -1;
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (path[0] != '/' || !slash[1]) {
		(void)err_set(err, ERR_CONFIG, "%s: not a whole path", path);
		return -1;
	}
	slash[slash == parent] = '\0';
	dir = beneath_directory(parent, BENEATH_ROOTS, err);
	if (dir < 0)
		return -1;
	fd = beneath_open(dir, strrchr(path, '/') + 1, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		(void)err_set_errno(err, ERR_CONFIG, "%s", path);
	else if (!S_ISREG(st.st_mode))
		(void)err_set(err, ERR_CONFIG, "%s: not a regular file", path);
	else if (st.st_uid != 0)
		(void)err_set(err, ERR_CONFIG,
		              "%s: owned by uid %u, and must be root's: chown root %s",
		              path, st.st_uid, path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		(void)err_set(err, ERR_CONFIG,
		              "%s: others can write it (mode %04o): chmod go-w %s", path,
		              (unsigned)(st.st_mode & 07777), path);
	else
		return TAKE_FD(fd);
	return -1;
}

static bool read_policy(const char *path, struct buf *out, struct err *err)
{
	AUTO_CLOSE int fd = open_policy(path, err);

	return fd >= 0 &&
	       (beneath_read(fd, out) ||
	        err_set(err, ERR_CONFIG, "%s: cannot be read, or larger than %d", path,
	                POLICY_BYTES_MAX));
}

static bool is_group_of_ours(gid_t gid)
{
	int count = getgroups(0, NULL);
	AUTO_FREE gid_t *groups = xcalloc((size_t)(count > 0 ? count : 0) + 1,
	                                  sizeof(*groups));

	count = count > 0 ? getgroups(count, groups) : 0;
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return gid == getegid();
}

/* A name that this machine does not know fails its slot, not the others. */
static void find_accounts(struct policy_slot *slot)
{
	slot->has_accounts = account_user(slot->owner, &slot->uid) &&
	                     account_group(slot->group, &slot->gid);
	if (!slot->has_accounts)
		return;
	slot->may_give = geteuid() == 0 ||
	                 (slot->uid == geteuid() && is_group_of_ours(slot->gid));
}

bool policy_can_own(const struct policy_slot *slot, struct err *err)
{
	if (!slot->has_accounts)
		return err_set(err, ERR_CONFIG,
		               "no user %s in /etc/passwd or no group %s in /etc/group: "
		               "name one of those here, or, of a directory service, "
		               "give its number",
		               slot->owner, slot->group);
	return slot->may_give ||
	       err_set(err, ERR_CONFIG,
	               "the agent runs as uid %u, who cannot give files to %s:%s: in the "
	               "policy, owner must be that user, and group one that it is in",
	               geteuid(), slot->owner, slot->group);
}

struct policy *policy_load(const char *path, struct strlist *problems, struct err *err)
{
	AUTO_BUF struct buf bytes = BUF_INIT(POLICY_BYTES_MAX);
	struct policy *policy;

	if (!read_policy(path, &bytes, err)) {
		strlist_add(problems, err->msg);
		return NULL;
	}
	policy = policy_parse(path, bytes.data, bytes.len, problems);
	if (!policy) {
		(void)err_set(err, ERR_CONFIG, "%s", problems->items[0]);
		return NULL;
	}
	for (size_t i = 0; i < policy->slot_count; i++)
		find_accounts(&policy->slots[i]);
	return policy;
}

static void slot_deinit(struct policy_slot *slot)
{
	free(slot->name);
	strlist_deinit(&slot->names);
	free(slot->directory);
	free(slot->owner);
	free(slot->group);
	free(slot->password_file);
	strlist_deinit(&slot->service_names);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->slot_count; i++)
		slot_deinit(&policy->slots[i]);
	for (size_t i = 0; i < policy->service_count; i++) {
		free(policy->services[i].name);
		for (size_t j = 0; j < POLICY_ACTION_COUNT; j++)
			strlist_deinit(&policy->services[i].run[j].argv);
	}
	free(policy->slots);
	free(policy->services);
	free(policy->state);
	free(policy);
}

const struct policy_slot *policy_slot(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->slot_count; i++)
		if (str_eq(policy->slots[i].name, name))
			return &policy->slots[i];
	return NULL;
}

bool policy_allows(const struct policy_slot *slot, const char *name)
{
	for (size_t i = 0; i < slot->names.len; i++)
		if (dnsname_covers(slot->names.items[i], name))
			return true;
	return false;
}
