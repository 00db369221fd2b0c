/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#include "base/json.h"

/* version, help and completion: what the tables of commands and options say of themselves
 */

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

static void print_options(unsigned takes, bool all)
{
	for (const struct option_row *row = option_rows; row->name; row++) {
		char left[64];

		if (!all && row->takes && !(row->takes & takes))
			continue;
		snprintf(left, sizeof(left), "-%c, --%s%s%s", row->letter, row->name,
		         row->value ? " " : "", row->value ? row->value : "");
		printf("  %-32s %s\n", left, row->help);
	}
}

static void print_all(void)
{
	printf("certferry: certificates for a fleet of servers, each its own\n\n"
	       "usage: certferry [OPTION...] COMMAND\n\n");
	for (const struct command *command = commands; command->name; command++)
		printf("  %-14s %-12s %s\n", command->name, command->args, command->help);
	printf("\n");
	print_options(0, true);
	printf("\nexit status: 0 all is as wanted; 1 internal; 2 configuration or usage; "
	       "3 not\n"
	       "found; 4 the store is in use; 5 refused; 6 somebody must act; 7 "
	       "something waits\n"
	       "and goes on by itself. See certferry(1) and certferry.yaml(5).\n");
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
		printf("usage: certferry %s%s%s [OPTION...]\n\n%s\n\n", command->name,
		       *command->args ? " " : "", command->args, command->help);
		print_options(command->takes, false);
		return true;
	}
	return err_set(err, ERR_INPUT, "no command '%s'; try: certferry help", name);
}

static void complete_words(void)
{
	printf("\tcase \"$first\" in\n");
	for (const struct command *command = commands; command->name; command++) {
		const char *second = strchr(command->name, ' ');

		if (second)
			printf("\t%.*s) words=\"$words %s\" ;;&\n",
			       (int)(second - command->name), command->name, second + 1);
	}
	printf("\thelp) words=\"$words $commands\" ;;&\n\tcompletion) words=\"$words "
	       "bash\" ;;&\n"
	       "\tesac\n");
}

bool cmd_completion(const struct args *args, struct err *err)
{
	if (!str_eq(args->words.items[0], "bash"))
		return err_set(err, ERR_INPUT, "there is a completion for bash only");
	printf("# bash completion for certferry; made by: certferry completion bash\n"
	       "_certferry()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
	       "prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal first=\"\" words=\"\" commands=\"");
	for (const struct command *command = commands; command->name; command++)
		printf("%.*s ", (int)strcspn(command->name, " "), command->name);
	printf("\" options=\"");
	for (const struct option_row *row = option_rows; row->name; row++)
		printf("--%s ", row->name);
	printf("\"\n\tlocal word\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\tcase $word in -*) ;; *) [ -n \"$first\" ] || first=$word ;; "
	       "esac\n\tdone\n"
	       "\tcase $prev in -c|--config) COMPREPLY=($(compgen -f -- \"$cur\")); "
	       "return ;; esac\n"
	       "\tif [ -z \"$first\" ]; then words=$commands; fi\n");
	complete_words();
	printf("\tcase $cur in -*) words=$options ;; esac\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	       "complete -F _certferry certferry\n");
	return true;
}
