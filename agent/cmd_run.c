// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye run: watch the selected processes, serve and send what they do. */
#include "commands.h"

#include <stdlib.h>

#include "log.h"
#include "options.h"
#include "run.h"

/* Whoever goes by the options is given new ones after they were read: till then, those before
 * must stay as they are. */
struct command {
	struct options options, reloaded[2];
	int latest; /* of the reloaded */
	int argc;
	char **argv;
};

static const struct options *reload(void *arg)
{
	struct command *c = arg;
	struct options fresh;
	char err[512];
	int rc = options__parse(&fresh, "run", c->argc, c->argv, err, sizeof(err));

	if (rc) {
		log__error("configuration not reloaded: %s", err);
		return NULL;
	}
	c->latest = !c->latest;
	options__free(&c->reloaded[c->latest]);
	c->reloaded[c->latest] = fresh;
	return &c->reloaded[c->latest];
}

int cmd_run(int argc, char **argv)
{
	struct command c = { .argc = argc, .argv = argv };
	struct run_config config = { .options = &c.options, .reload = reload, .arg = &c };
	int rc = command__options(&c.options, argc, argv);
	char err[512] = "";
	struct run *run;

	if (rc >= 0)
		return rc;
	run = run__new(&config, err, sizeof(err));
	if (!run)
		log__error("%s", err);
	rc = run ? run__loop(run) : -1;
	run__free(run);
	options__free(&c.options);
	options__free(&c.reloaded[0]);
	options__free(&c.reloaded[1]);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
