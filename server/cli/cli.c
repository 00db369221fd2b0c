/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <locale.h>

#include "base/json.h"
#include "base/log.h"

#include "internal.h"

static void complain(const struct err *err)
{
	fprintf(stderr, "certferry: %s\n", err->msg);
}

static enum log_level level_of(const struct args *args)
{
	int level = LOG_WARN + args->verbose;

	if (level < LOG_ERROR)
		return LOG_ERROR;
	return level > LOG_DEBUG ? LOG_DEBUG : (enum log_level)level;
}

int cli_main(int argc, char **argv)
{
	AUTO_ARGS struct args args = { 0 };
	struct err err = { 0 };
	const struct command *command;
	bool good = false;

	/* For the width of characters in tables; numbers and dates stay those of C. */
	setlocale(LC_CTYPE, "");
	json_init();
	command = args_parse(argc, argv, &args, &err);
	if (command) {
		log_set_level(level_of(&args));
		good = command->run(&args, &err);
	}
	if (!good)
		complain(&err);
	else if (fflush(stdout) != 0 || ferror(stdout))
		good = err_set_errno(&err, ERR_INTERNAL, "standard output");
	return good ? 0 : err_infos[err.kind].exit_code;
}
