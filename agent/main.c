/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/boot.h"
#include "agent/commands.h"
#include "agent/sandbox_parts.h"
#include "agent/say.h"
#include "base/cleanup.h"
#include "crypto/start.h"

#ifdef SANDBOX_SANITIZED
/* The leak check at exit reads what the sandbox has shut. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

/* clang-format off */
static const struct command {
	const char *name;
	int slots_min, slots_max;
	bool is_for_issuer; /* errors are said as lines of the protocol */
	int (*run)(const struct policy *policy, const char *slot);
	const char *help;
} commands[] = {
	{ "session",  0, 0, true,  command_session,
	  "what an issuer is given: command=\"certferry-agent session\" in authorized_keys" },
	{ "check",    0, 0, false, command_check,
	  "is the policy right, and what does it allow?" },
	{ "status",   0, 1, false, command_status,
	  "what is installed in each slot" },
	{ "rollback", 1, 1, false, command_rollback,
	  "put the generation before back, and reload" },
};
/* clang-format on */

static int usage(void)
{
	fprintf(stderr, "certferry-agent %s\n\n", CERTFERRY_VERSION);
	fputs("Usage: certferry-agent [--policy FILE] COMMAND [SLOT]\n"
	      "       certferry-agent --version\n\n",
	      stderr);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(stderr, "\nThe policy is %s unless another is named.\n", POLICY_PATH);
	return 2;
}

/* Says that it runs on this machine. */
static int version(void)
{
	printf("certferry-agent %s (%s)\n", CERTFERRY_VERSION, crypto_library());
	return fflush(stdout) == 0 ? 0 : 1;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (str_eq(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int run(const struct command *command, const char *path, const char *slot)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	AUTO_POLICY struct policy *policy = NULL;
	struct err err = { 0 };

	policy = policy_load(path, &problems, &err);
	if (policy)
		return command->run(policy, slot);
	/* Paths are not the issuer's business; the words are. */
	if (command->is_for_issuer)
		say("failed the policy of this server has %zu mistake%s: certferry-agent "
		    "check says which",
		    problems.len, problems.len == 1 ? "" : "s");
	for (size_t i = 0; i < problems.len && !command->is_for_issuer; i++)
		fprintf(stderr, "%s\n", problems.items[i]);
	return err_infos[err.kind].exit_code;
}

int main(int argc, char **argv)
{
	const char *path = POLICY_PATH;
	const struct command *command;
	int at = 1;

	boot_clean();
	crypto_start_small();
	if (argc == 2 && str_eq(argv[1], "--version"))
		return version();
	if (argc >= 3 && str_eq(argv[1], "--policy")) {
		path = argv[2];
		at = 3;
	}
	command = at < argc ? find(argv[at]) : NULL;
	if (!command || argc - at - 1 < command->slots_min ||
	    argc - at - 1 > command->slots_max)
		return usage();
	return run(command, path, argc - at > 1 ? argv[at + 1] : NULL);
}
