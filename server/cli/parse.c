/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <getopt.h>
#include <string.h>

#include "base/mem.h"

enum { OPTIONS_MAX = 32, LIMIT_DEFAULT = 50 };

/* getopt's own tables, made from ours. */
struct getopt_tables {
	char letters[3 * OPTIONS_MAX];
	struct option longs[OPTIONS_MAX];
};

static void make_tables(struct getopt_tables *out)
{
	size_t at = 0, len = 0;

	*out = (struct getopt_tables){ 0 };
	/* A colon in front: errors are ours to word. */
	out->letters[len++] = ':';
	for (const struct option_row *row = option_rows; row->name; row++, at++) {
		out->letters[len++] = row->letter;
		if (row->value)
			out->letters[len++] = ':';
		out->longs[at] = (struct option){ .name = row->name,
			                          .has_arg = row->value
			                                         ? required_argument
			                                         : no_argument,
			                          .val = row->letter };
	}
}

static bool take_limit(struct args *out, struct err *err)
{
	return str_to_i64(optarg, 1, 1000000, &out->limit) ||
	       err_set(err, ERR_INPUT, "--limit takes a number from 1 to 1000000");
}

static bool take_option(int letter, struct args *out, unsigned *used, bool *help,
                        struct err *err)
{
	switch (letter) {
	case 'c': out->config = optarg; break;
	case 'v': out->verbose++; break;
	case 'q': out->verbose--; break;
	case 'h': *help = true; break;
	case 'j': out->json = true; break;
	case 'y': out->yes = true; break;
	case 'C': out->check = true; break;
	case 'N': out->no_check = true; break;
	case 'f': out->fingerprint = optarg; break;
	case 's': out->status = true; break;
	case 'D': out->drop_unproved = true; break;
	case 'm': out->format = optarg; break;
	case 'u': out->user = optarg; break;
	case 'r': out->from = optarg; break;
	case 'l': out->login = optarg; break;
	case 'i': out->identity = optarg; break;
	case 'o': strlist_add(&out->only, optarg); break;
	case 'F': strlist_add(&out->force, optarg); break;
	case 'n':
		if (!take_limit(out, err))
			return false;
		break;
	default: return err_set(err, ERR_INPUT, "no option -%c", letter);
	}
	for (const struct option_row *row = option_rows; row->name; row++)
		if (row->letter == letter)
			*used |= row->takes;
	return true;
}

static bool take_options(int argc, char **argv, struct args *out, unsigned *used,
                         bool *help, struct err *err)
{
	struct getopt_tables tables;
	int letter;

	make_tables(&tables);
	optind = 0;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) !=
	       -1) {
		if (letter == '?')
			return err_set(err, ERR_INPUT,
			               "no option '%s'; try: certferry help",
			               argv[optind - 1]);
		if (letter == ':')
			return err_set(err, ERR_INPUT, "%s needs a value",
			               argv[optind - 1]);
		if (!take_option(letter, out, used, help, err))
			return false;
	}
	for (int i = optind; i < argc; i++)
		strlist_add(&out->words, argv[i]);
	return true;
}

/* "host enroll" is two words; gives how many were used. */
static const struct command *find(const struct strlist *words, size_t *used)
{
	for (const struct command *command = commands; command->name; command++) {
		size_t len = strcspn(command->name, " ");
		bool two = command->name[len] == ' ';

		if (words->len < (two ? 2 : 1) || strlen(words->items[0]) != len ||
		    strncmp(words->items[0], command->name, len) != 0)
			continue;
		if (two && !str_eq(words->items[1], command->name + len + 1))
			continue;
		*used = two ? 2 : 1;
		return command;
	}
	return NULL;
}

/* "host" is the beginning of two commands, "host lsit" nearly one. */
static bool is_likely(const char *command, const struct strlist *words, const char *said)
{
	size_t len = strlen(words->items[0]);
	bool is_begun = strncmp(command, words->items[0], len) == 0;
	bool is_first = is_begun && command[len] == ' ';

	return words->len == 1 ? is_begun || str_distance(command, said) <= 2
	                       : is_first || str_distance(command, said) <= 3;
}

static void unknown(const struct strlist *words, struct err *err)
{
	AUTO_BUF struct buf said = BUF_INIT(4096), meant = BUF_INIT(4096);
	AUTO_STRLIST struct strlist likely = { 0 };

	strlist_join(words, " ", &said);
	for (const struct command *command = commands; command->name; command++)
		if (is_likely(command->name, words, said.data))
			strlist_add(&likely, command->name);
	strlist_join(&likely, "' or '", &meant);
	(void)err_set(err, ERR_INPUT, "no command '%.60s'; %s%s%s", said.data,
	              likely.len ? "did you mean '" : "try: certferry help", meant.data,
	              likely.len ? "'?" : "");
}

static void drop_words(struct strlist *words, size_t count)
{
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		free(words->items[i]);
	memmove(words->items, words->items + count,
	        (words->len - count) * sizeof(words->items[0]));
	words->len -= count;
}

static bool check_use(const struct command *command, const struct args *args,
                      unsigned used, struct err *err)
{
	for (const struct option_row *row = option_rows; row->name; row++)
		if (row->takes & used & ~command->takes)
			return err_set(err, ERR_INPUT,
			               "%s takes no --%s; certferry help %s",
			               command->name, row->name, command->name);
	if ((int)args->words.len < command->min || (int)args->words.len > command->max)
		return err_set(err, ERR_INPUT, "usage: certferry %s%s%s", command->name,
		               *command->args ? " " : "", command->args);
	return true;
}

static bool is_group(const char *word)
{
	size_t len = strlen(word);

	for (const struct command *command = commands; command->name; command++)
		if (str_starts(command->name, word) && command->name[len] == ' ')
			return true;
	return false;
}

/* Of the command, else of the commands that begin with its one word ("host --help"). */
static const struct command *help_for(struct args *out, const struct command *command)
{
	size_t used;
	AUTO_STRLIST struct strlist help = { 0 };

	strlist_add(&help, "help");
	if (command || out->words.len != 1 || !is_group(out->words.items[0]))
		drop_words(&out->words, out->words.len);
	if (command)
		strlist_add(&out->words, command->name);
	return find(&help, &used);
}

const struct command *args_parse(int argc, char **argv, struct args *out, struct err *err)
{
	const struct command *command;
	size_t words = 0;
	unsigned used = 0;
	bool help = false;

	*out = (struct args){ .config = "/etc/certferry/certferry.yaml",
		              .limit = LIMIT_DEFAULT };
	if (!take_options(argc, argv, out, &used, &help, err))
		return NULL;
	command = find(&out->words, &words);
	if (help || out->words.len == 0)
		return help_for(out, command);
	if (!command) {
		unknown(&out->words, err);
		return NULL;
	}
	drop_words(&out->words, words);
	return check_use(command, out, used, err) ? command : NULL;
}

void args_deinit(struct args *args)
{
	strlist_deinit(&args->only);
	strlist_deinit(&args->force);
	strlist_deinit(&args->words);
}
