/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/fs.h"
#include "beneath.h"
#include "commands.h"
#include "formats.h"
#include "sandbox.h"

static bool complain(const char *name, const char *text)
{
	printf("  WRONG: %s%s%s\n", name, *name ? ": " : "", text);
	return false;
}

static void print_list(const char *what, const struct strlist *list, const char *between)
{
	AUTO_BUF struct buf text = BUF_INIT(64 * 1024);

	strlist_join(list, between, &text);
	printf("  %-12s %s\n", what, list->len ? text.data : "none");
}

static bool check_directory(const char *path, const char *what)
{
	struct err err = { 0 };
	AUTO_CLOSE int dir = beneath_directory(path, BENEATH_OURS, &err);

	if (dir < 0 && err.kind == ERR_NOT_FOUND)
		printf("  %-12s %s (not there yet: it is made with the first delivery)\n",
		       what, path);
	else if (dir < 0)
		return complain(what, err.msg);
	else
		printf("  %-12s %s\n", what, path);
	return true;
}

static void print_files(const struct policy_slot *slot)
{
	printf("  %-12s", "files");
	for (size_t i = 0; i < OUTPUTS_MAX; i++)
		if (slot->formats & 1U << format_files[i].format)
			printf(" %s", format_files[i].name);
	printf("\n  %-12s %s:%s, %04o with the key, %04o without\n", "owner", slot->owner,
	       slot->group, (unsigned)slot->mode, (unsigned)(slot->mode | 0444));
}

static bool check_password(const struct policy_slot *slot)
{
	struct err err;
	AUTO_SECRET struct secret *password = NULL;

	if (!slot->password_file)
		return true;
	password = fs_read_secret(slot->password_file, true, &err);
	return password || complain("pkcs12-password-file", err.msg);
}

static bool check_slot(const struct policy_slot *slot)
{
	struct err err;
	bool good;

	printf("slot %s\n", slot->name);
	print_list("names", &slot->names, ", ");
	good = check_directory(slot->directory, "directory");
	print_files(slot);
	printf("  %-12s %s\n", "key",
	       slot->is_key_on_target ? "is made here and never leaves"
	                              : "comes from the issuer");
	if (slot->may_be_older)
		printf("  %-12s allowed\n", "older");
	print_list("services", &slot->service_names, ", ");
	if (!policy_can_own(slot, &err))
		good = complain("owner, group", err.msg);
	return check_password(slot) && good;
}

static void print_service(const struct policy_service *service)
{
	printf("service %s\n", service->name);
	for (size_t i = 0; i < POLICY_ACTION_COUNT; i++) {
		const struct policy_command *command = &service->run[i];

		print_list(policy_action_names[i], &command->argv, " ");
		if (command->argv.len)
			printf("  %-12s %d s at most\n", "", command->timeout_s);
	}
}

static void print_sandbox(void)
{
	int landlock = sandbox_landlock_version();

	printf("sandbox\n");
	if (landlock)
		printf("  %-12s version %d\n", "Landlock", landlock);
	else
		printf("  %-12s not in this kernel: left out\n", "Landlock");
	printf("  %-12s %s\n", "seccomp",
	       sandbox_has_seccomp() ? "yes" : "not in this kernel or build: left out");
}

int command_check(const struct policy *policy, const char *slot)
{
	bool good = true;

	(void)slot;
	for (size_t i = 0; i < policy->slot_count; i++)
		good = check_slot(&policy->slots[i]) && good;
	for (size_t i = 0; i < policy->service_count; i++)
		print_service(&policy->services[i]);
	printf("state\n");
	if (policy->service_count)
		good = check_directory(policy->state, "directory") && good;
	print_sandbox();
	puts(good ? "The policy is right." : "The policy is not usable as it is.");
	return good ? 0 : err_infos[ERR_CONFIG].exit_code;
}
