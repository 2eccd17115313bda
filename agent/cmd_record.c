// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye record: write what the ring says to a file, for `redeye replay`. */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "log.h"
#include "options.h"
#include "preflight.h"
#include "privileges.h"
#include "recording.h"

struct record {
	struct recording_writer *writer;
	struct live *live;
	uint64_t records;
};

static void tap(void *arg, const void *record, size_t size)
{
	struct record *r = arg;

	if (recording_writer__add(r->writer, record, size) && r->live)
		loop__stop(live__loop(r->live));
	r->records++;
}

static int capture(struct record *r, const struct options *o, char *err, size_t err_size)
{
	struct live_config c = { .options = o, .tap = tap, .arg = r };
	int rc;

	r->live = live__new(&c, err, err_size);
	if (!r->live)
		return -errno;
	live__await_probes(r->live);
	privileges__log(live__privileges(r->live));
	log__info("ready: recording to %s with backend %s", o->output,
		  loader__backend(live__loader(r->live))->name);
	rc = live__run(r->live);
	live__free(r->live);
	r->live = NULL;
	return rc;
}

static int record(const struct options *o)
{
	struct record r = {};
	char err[512] = "";
	uint64_t bytes;
	int rc = preflight__check(err, sizeof(err)), written;

	if (rc) { /* before a file of that name is lost */
		log__error("%s", err);
		return rc;
	}
	r.writer = recording_writer__new(o->output);
	if (!r.writer) {
		log__error("cannot write %s: %s", o->output, strerror(errno));
		return -errno;
	}
	rc = capture(&r, o, err, sizeof(err));
	if (rc)
		log__error("%s", err[0] ? err : strerror(-rc));
	bytes = recording_writer__bytes(r.writer);
	written = recording_writer__free(r.writer);
	if (written)
		log__error("cannot write %s: %s", o->output, strerror(-written));
	else
		log__info("%llu records, %llu bytes in %s", (unsigned long long)r.records,
			  (unsigned long long)bytes, o->output);
	return rc ? rc : written;
}

int cmd_record(int argc, char **argv)
{
	struct options o;
	int rc = command__options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	rc = record(&o);
	options__free(&o);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
