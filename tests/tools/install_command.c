/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the command that installs a bundle, for tests that run it without SSH. */
#include <stdio.h>

#include "base/cleanup.h"
#include "install/install.h"

int main(int argc, char **argv)
{
	(void)argv;
	AUTO_FREE char *command = install_command(argc > 1);

	return fputs(command, stdout) < 0;
}
