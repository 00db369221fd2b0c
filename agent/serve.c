/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "commands.h"
#include "crypto/digest.h"
#include "runner.h"
#include "sandbox.h"
#include "say.h"
#include "session.h"

/* Passwords of PKCS #12, read before the sandbox. One that cannot be read fails its slot
 * when it is needed. */
static struct secret **read_passwords(const struct policy *policy)
{
	struct secret **passwords = xcalloc(policy->slot_count + 1,
	                                    sizeof(struct secret *));
	struct err err;

	for (size_t i = 0; i < policy->slot_count; i++)
		if (policy->slots[i].password_file)
			passwords[i] = fs_read_secret(policy->slots[i].password_file,
			                              true, &err);
	return passwords;
}

static void free_passwords(const struct policy *policy, struct secret **passwords)
{
	for (size_t i = 0; i < policy->slot_count; i++)
		secret_free(passwords[i]);
	free(passwords);
}

/* libcrypto reads its settings and makes its tables at first use. */
static void wake_crypto(void)
{
	unsigned char digest[SHA256_LEN];

	sha256("", 0, digest);
}

int command_session(const struct policy *policy, const char *slot)
{
	AUTO_RUNNER struct runner runner = { .fd = -1 };
	AUTO_JOB struct job job = { .policy = policy, .runner = &runner };
	struct secret **passwords;
	struct err err = { 0 };
	int status;

	(void)slot;
	if (!runner_start(&runner, policy, &err)) {
		say("failed %.*s", SAY_TEXT_MAX, err.msg);
		return err_infos[err.kind].exit_code;
	}
	passwords = read_passwords(policy);
	job.passwords = (const struct secret *const *)passwords;
	wake_crypto();
	if (sandbox_enter(policy, &err)) {
		status = session_run(&job);
	} else {
		say("failed %.*s", SAY_TEXT_MAX, err.msg);
		status = err_infos[err.kind].exit_code;
	}
	free_passwords(policy, passwords);
	return status;
}
