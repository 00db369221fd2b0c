/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the command that installs a bundle, or with an argument the one that only looks,
 * for tests that run it without SSH. */
#include <stdio.h>

#include "base/cleanup.h"
#include "install/install.h"

int main(int argc, char **argv)
{
	(void)argv;
	AUTO_FREE char *command = argc > 1 ? install_check_command(false)
	                                   : install_command(false);

	return fputs(command, stdout) < 0;
}
