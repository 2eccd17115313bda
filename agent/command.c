// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "commands.h"

#include <stdlib.h>

#include "log.h"
#include "options.h"

int command__options(struct options *o, int argc, char **argv)
{
	char err[512] = "";
	int rc = options__parse(o, argv[0], argc, argv, err, sizeof(err));

	if (rc > 0)
		return EXIT_SUCCESS;
	if (rc) {
		log__error("%s", err);
		return EXIT_USAGE;
	}
	log__init(o->log_level);
	for (size_t i = 0; i < o->warnings.n; i++)
		log__warn("%s", o->warnings.v[i]);
	return -1;
}
