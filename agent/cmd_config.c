// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye config: the configuration that `run` would use, and where it comes from. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "options.h"

int cmd_config(int argc, char **argv)
{
	struct options o;
	char sentence[512];
	int err;

	err = options__parse(&o, "config", argc, argv, sentence, sizeof(sentence));
	if (err > 0)
		return EXIT_SUCCESS;
	if (err) {
		log__error("%s", sentence);
		return EXIT_USAGE;
	}
	options__print(&o, "config", stdout);
	options__free(&o);
	if (fflush(stdout) || ferror(stdout)) {
		log__error("cannot write to standard output: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
