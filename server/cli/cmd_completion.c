/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

/* The completion of bash, from the tables of commands and options. Options are those that
 * the command takes; before there is one, those that every command takes. */

static void print_commands(void)
{
	AUTO_STRLIST struct strlist seen = { 0 };
	AUTO_BUF struct buf words = BUF_INIT(4096);

	for (const struct command *command = commands; command->name; command++) {
		AUTO_BUF struct buf first = BUF_INIT(64);

		buf_addf(&first, "%.*s", (int)strcspn(command->name, " "), command->name);
		if (!strlist_has(&seen, first.data))
			strlist_add(&seen, first.data);
	}
	strlist_join(&seen, " ", &words);
	printf("\tlocal commands=\"%s\"\n", words.data);
}

static void print_options(unsigned takes)
{
	printf("options=\"");
	for (const struct option_row *row = option_rows; row->name; row++)
		if (!row->takes || (row->takes & takes))
			printf("--%s ", row->name);
	printf("\"");
}

static void print_options_of_commands(void)
{
	printf("\tcase \"$first $second\" in\n");
	for (const struct command *command = commands; command->name; command++) {
		printf("\t\"%s%s\"*) ", command->name,
		       strchr(command->name, ' ') ? "" : " ");
		print_options(command->takes);
		printf(" ;;\n");
	}
	printf("\t*) ");
	print_options(0);
	printf(" ;;\n\tesac\n");
}

static void print_second_words(void)
{
	printf("\tcase \"$first\" in\n\t\"\") words=$commands ;;\n");
	for (const struct command *command = commands; command->name; command++) {
		const char *second = strchr(command->name, ' ');

		if (second)
			printf("\t%.*s) words=\"$words %s\" ;;&\n",
			       (int)(second - command->name), command->name, second + 1);
	}
	printf("\thelp) words=$commands ;;\n\tcompletion) words=bash ;;\n\tesac\n");
}

/* The two words of the command, without options and what these take. */
static void print_search(void)
{
	const char *between = "";

	printf("\tlocal first= second= words= options= prev= valued=\"");
	for (const struct option_row *row = option_rows; row->name; row++) {
		if (!row->value)
			continue;
		printf("%s-%c --%s", between, row->letter, row->name);
		between = " ";
	}
	printf("\"\n\tlocal word\n"
	       "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\tif [[ -n $prev && \" $valued \" == *\" $prev \"* ]]; then\n"
	       "\t\t\tprev=\n\t\t\tcontinue\n"
	       "\t\tfi\n"
	       "\t\tprev=$word\n"
	       "\t\tcase $word in\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) if [ -z \"$first\" ]; then first=$word; else "
	       "second=${second:-$word}; fi ;;\n"
	       "\t\tesac\n"
	       "\tdone\n");
}

bool cmd_completion(const struct args *args, struct err *err)
{
	if (!str_eq(args->words.items[0], "bash"))
		return err_set(err, ERR_INPUT, "there is a completion for bash only");
	printf("# bash completion for certferry; made by: certferry completion bash\n"
	       "_certferry()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n");
	print_commands();
	print_search();
	printf(
	    "\tcase $prev in -c|--config) COMPREPLY=($(compgen -f -- \"$cur\")); "
	    "return ;; esac\n"
	    "\tCOMPREPLY=()\n"
	    "\tif [[ -n $prev && \" $valued \" == *\" $prev \"* ]]; then return; fi\n");
	print_second_words();
	printf("\tif [ -n \"$second\" ]; then words=; fi\n");
	print_options_of_commands();
	printf("\tcase $cur in -*) words=$options ;; esac\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	       "complete -F _certferry certferry\n");
	return true;
}
