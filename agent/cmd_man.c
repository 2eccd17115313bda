// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye man: the manual page, for `redeye man | man -l -`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "log.h"
#include "man_page.h"

int cmd_man(const struct command_row *rows, size_t n, int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs("Usage: redeye man\nPrints the manual page: redeye man | man -l -\n", stdout);
	} else if (argc > 1) {
		log__error("unexpected argument '%s': redeye man takes none", argv[1]);
		return EXIT_USAGE;
	} else {
		man_page__print(rows, n, stdout);
	}
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_SUCCESS;
	log__error("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILURE;
}
