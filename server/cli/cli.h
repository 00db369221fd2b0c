/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * cli - the command line
 *
 * One table of commands and one of options (commands.c): parsing, help, the completion
 * of bash and the list in certferry(1) come from them. Commands run the engine in
 * this process. What lists also speaks JSON. Exit codes are those of err_infos[].
 */
int cli_main(int argc, char **argv);
#endif
