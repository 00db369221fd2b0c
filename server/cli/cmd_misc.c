/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/json.h"

/* version and help: what the tables of commands and options say of themselves */

bool cmd_version(const struct args *args, struct err *err)
{
	(void)err;
	if (args->json) {
		cJSON *json = cJSON_CreateObject();

		cJSON_AddStringToObject(json, "version", CERTFERRY_VERSION);
		print_json(json);
	} else {
		printf("certferry %s\n", CERTFERRY_VERSION);
	}
	return true;
}

/* Help of more than one line goes on below itself. */
static void print_help(const char *help, int indent)
{
	for (const char *end; (end = strchr(help, '\n')); help = end + 1)
		printf("%.*s\n%*s", (int)(end - help), help, indent, "");
	printf("%s\n", help);
}

static void print_options(unsigned takes, bool all)
{
	for (const struct option_row *row = option_rows; row->name; row++) {
		char left[64];

		if (!all && row->takes && !(row->takes & takes))
			continue;
		snprintf(left, sizeof(left), "-%c, --%s%s%s", row->letter, row->name,
		         row->value ? " " : "", row->value ? row->value : "");
		printf("  %-30s %s\n", left, row->help);
	}
}

static void print_all(void)
{
	printf("certferry: certificates for a fleet of servers, each its own\n\n"
	       "usage: certferry [OPTION...] COMMAND\n\n");
	for (const struct command *command = commands; command->name; command++) {
		if (strlen(command->name) > 13)
			printf("  %s %s\n%28s", command->name, command->args, "");
		else
			printf("  %-13s %-11s ", command->name, command->args);
		print_help(command->help, 28);
	}
	printf("\n");
	print_options(0, true);
	printf("\nexit status:\n"
	       "  0  all is as wanted\n"
	       "  1  an error of this machine or of certferry\n"
	       "  2  the configuration or the command line is wrong\n"
	       "  3  no such certificate, host or provider\n"
	       "  4  another certferry has the store open\n"
	       "  5  refused: a login, a credential, a fingerprint\n"
	       "  6  something failed or is blocked until somebody acts\n"
	       "  7  something waits, and goes on by itself with a later run\n"
	       "\nSee certferry(1), certferry.yaml(5) and certferry-agent(8).\n");
}

/* "help host": all commands that begin with the word. */
static bool print_group(const char *name)
{
	size_t len = strlen(name);
	bool found = false;

	for (const struct command *command = commands; command->name; command++) {
		if (!str_starts(command->name, name) || command->name[len] != ' ')
			continue;
		printf("usage: certferry %s%s%s [OPTION...]\n  ", command->name,
		       *command->args ? " " : "", command->args);
		print_help(command->help, 2);
		print_options(command->takes, false);
		printf("\n");
		found = true;
	}
	return found;
}

bool cmd_help(const struct args *args, struct err *err)
{
	char name[64];

	if (args->words.len == 0) {
		print_all();
		return true;
	}
	snprintf(name, sizeof(name), "%s%s%s", args->words.items[0],
	         args->words.len > 1 ? " " : "",
	         args->words.len > 1 ? args->words.items[1] : "");
	for (const struct command *command = commands; command->name; command++) {
		if (!str_eq(command->name, name))
			continue;
		printf("usage: certferry %s%s%s [OPTION...]\n\n", command->name,
		       *command->args ? " " : "", command->args);
		print_help(command->help, 0);
		printf("\n");
		print_options(command->takes, false);
		return true;
	}
	return print_group(name) ||
	       err_set(err, ERR_INPUT, "no command '%s'; try: certferry help", name);
}
