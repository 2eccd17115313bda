// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye replay: everything behind the ring, from a file, without a kernel. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "options.h"
#include "pipeline.h"
#include "prom.h"
#include "recording.h"
#include "selfmetrics.h"
#include "table.h"

struct replay {
	const struct options *options;
	struct recording_reader *reader;
	struct procs *procs;
	struct pipeline *pipeline;
	uint64_t last_ns; /* the recording's own clock */
	int err;          /* the first, of output */
};

static void print_span(void *arg, const struct span *s)
{
	struct replay *r = arg;
	int err = json__span(stdout, s, recording_reader__header(r->reader)->unix_minus_mono_ns);

	if (err && !r->err)
		r->err = err;
}

static int setup(struct replay *r)
{
	struct procs_config pc = { .proc_root = "", .services = &r->options->services };
	struct pipeline_config c = {
		.options = r->options,
		.traces = r->options->json,
		.span = r->options->json ? print_span : NULL,
		.span_arg = r,
		.queries = r->options->json,
	};

	r->procs = procs__new(&pc);
	if (!r->procs)
		return -errno;
	c.procs = r->procs;
	r->pipeline = pipeline__new(&c);
	return r->pipeline ? 0 : -errno;
}

/* Records in, to the end or to the first damaged one; its sentence in err. */
static int play(struct replay *r, char *err, size_t err_size)
{
	const struct red_hdr *h;
	int rc;

	while ((rc = recording_reader__next(r->reader, &h, err, err_size)) > 0) {
		pipeline__record(r->pipeline, h, h->len);
		if (h->ts_ns)
			r->last_ns = h->ts_ns;
	}
	return rc;
}

static struct metrics *snapshot(struct replay *r)
{
	uint64_t now = r->last_ns + recording_reader__header(r->reader)->unix_minus_mono_ns;
	struct metrics *m = metrics__new(now);

	if (!m)
		return NULL;
	agg__snapshot(pipeline__agg(r->pipeline), m, now, r->last_ns);
	selfmetrics__add(m, r->pipeline, r->procs, NULL, NULL, now);
	if (metrics__ok(m))
		return m;
	metrics__put(m);
	errno = ENOMEM;
	return NULL;
}

static int print_metrics(const struct metrics *m)
{
	struct buf out;
	int err;

	buf__init(&out, 0);
	err = prom__write(m, PROM_TEXT_0_0_4, &out);
	if (!err && out.len && fwrite(out.p, 1, out.len, stdout) != out.len)
		err = -EIO;
	buf__free(&out);
	return err;
}

static int print_table(const struct replay *r, const struct metrics *m)
{
	struct table *t = table__new(stdout, -1);
	char note[80];

	if (!t)
		return -errno;
	snprintf(note, sizeof(note), "%llu records",
		 (unsigned long long)pipeline__stat(r->pipeline)->records);
	table__print(t, m, note);
	table__free(t);
	return 0;
}

static int print(struct replay *r)
{
	struct metrics *m;
	int err;

	if (r->options->json)
		return r->err;
	m = snapshot(r);
	if (!m)
		return -errno;
	err = r->options->metrics ? print_metrics(m) : print_table(r, m);
	metrics__put(m);
	return err;
}

/* Whoever reads what was printed believes that it is all. */
static int check_lost(const struct replay *r)
{
	uint64_t n = pipeline__conn_stat(r->pipeline)->no_memory;
	const struct proto_stat *st;
	struct agg_stats agg;

	for (size_t i = 0; i < PROTO__CNT; i++) {
		st = pipeline__proto_stat(r->pipeline, i);
		n += st->dropped[PROTO_DROP_NO_MEMORY] + st->no_memory;
	}
	agg__stats(pipeline__agg(r->pipeline), &agg);
	if (!(n + agg.lost_cnt))
		return 0;
	log__error("%s: not all of it is printed: out of memory", r->options->input);
	return -ENOMEM;
}

static int replay(const struct options *o)
{
	struct replay r = { .options = o };
	char err[256] = "";
	int damaged = 0, rc = -EINVAL;

	memory__init(); /* as when it runs: what it costs is then the same */
	r.reader = recording_reader__new(o->input, err, sizeof(err));
	if (!r.reader) {
		log__error("%s: %s", o->input, err);
		return -errno;
	}
	rc = setup(&r);
	if (!rc) {
		damaged = play(&r, err, sizeof(err));
		rc = print(&r);
		if (damaged)
			log__error("%s: %s", o->input, err);
		else
			damaged = check_lost(&r);
	}
	pipeline__free(r.pipeline);
	procs__free(r.procs);
	recording_reader__free(r.reader);
	if (!rc && fflush(stdout))
		rc = -errno;
	if (rc)
		log__error("cannot print: %s", strerror(-rc));
	return rc ? rc : damaged;
}

int cmd_replay(int argc, char **argv)
{
	struct options o;
	int rc = command__options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	rc = replay(&o);
	options__free(&o);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
