// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * spans RECORDING [ROUNDS [STAGE]]: what a transaction costs from its records to a request body,
 * on one core, stage by stage: the same recording without traces, with them, with copies
 * for another thread, and encoded and compressed on top; or one of these alone. CPU time, the
 * best round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "options.h"
#include "otlp_encode.h"
#include "pipeline.h"
#include "procs.h"
#include "recording.h"
#include "resource.h"
#include "span_batch.h"

enum stage {
	METRICS = 0, /* no traces */
	TRACES = 1,  /* contexts, ids, parents, sampling */
	BATCHES = 2, /* ... and copies */
	PROTOBUF = 3,
	GZIP = 4,
	STAGES = 5,
};

static const char *const names[STAGES] = {
	"records to metrics", "+ traces", "+ batches", "+ protobuf", "+ gzip",
};

struct run {
	enum stage stage;
	struct span_batch *batch;
	struct resource_attrs resource;
	uint64_t spans, bytes, gzip_bytes, batch_bytes;
	struct buf body, packed;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void squeeze(struct run *r)
{
	z_stream z = { 0 };

	deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	buf__reset(&r->packed);
	z.avail_out = deflateBound(&z, r->body.len);
	z.next_out = buf__room(&r->packed, z.avail_out);
	z.next_in = (void *)r->body.p;
	z.avail_in = r->body.len;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	r->gzip_bytes += z.total_out;
	deflateEnd(&z);
}

static void hand_over(struct run *r)
{
	static const struct span_attrs_config config = { .request_id_header = "X-Request-ID" };

	if (!r->batch)
		return;
	r->batch_bytes += r->batch->bytes;
	if (r->stage >= PROTOBUF) {
		buf__reset(&r->body);
		if (otlp__encode_traces(r->batch, &r->resource, &config, OTLP_PROTOBUF, &r->body))
			abort();
		r->bytes += r->body.len;
	}
	if (r->stage >= GZIP)
		squeeze(r);
	span_batch__free(r->batch);
	r->batch = NULL;
}

static void kept(void *arg, const struct span *s)
{
	struct run *r = arg;

	r->spans++;
	if (r->stage < BATCHES)
		return;
	if (!r->batch)
		r->batch = span_batch__new(512, 0);
	if (!r->batch || span_batch__add(r->batch, s))
		abort();
	if (r->batch->n == 512)
		hand_over(r);
}

static double play(struct run *r, const struct options *o, const char *path)
{
	struct procs_config pc = { .proc_root = "" };
	struct pipeline_config c = { .options = o,
				     .procs = procs__new(&pc),
				     .traces = r->stage >= TRACES,
				     .kept = kept,
				     .span_arg = r };
	struct pipeline *p = pipeline__new(&c);
	char err[256];
	struct recording_reader *in = recording_reader__new(path, err, sizeof(err));
	const struct red_hdr *h;
	double start;

	if (!in || !p) {
		fprintf(stderr, "spans: %s: %s\n", path, err);
		exit(1);
	}
	start = now();
	while (recording_reader__next(in, &h, err, sizeof(err)) > 0)
		pipeline__record(p, h, h->len);
	pipeline__flush(p);
	hand_over(r);
	start = now() - start;
	if (r->stage == METRICS)
		r->spans = pipeline__proto_stat(p, 0)->emitted;
	pipeline__free(p);
	procs__free(c.procs);
	recording_reader__free(in);
	return start;
}

static void report(const struct run *r, double best, double *last)
{
	double ns = best / (double)r->spans * 1e9;

	printf("  %-20s %8.0f ns/span %+8.0f %10.0f spans/s", names[r->stage], ns, ns - *last,
	       (double)r->spans / best);
	if (r->stage == BATCHES)
		printf("   %.0f bytes of memory a span", (double)r->batch_bytes / (double)r->spans);
	if (r->stage == PROTOBUF)
		printf("   %.0f bytes a span", (double)r->bytes / (double)r->spans);
	if (r->stage == GZIP)
		printf("   %.0f bytes a span", (double)r->gzip_bytes / (double)r->spans);
	putchar('\n');
	*last = ns;
}

int main(int argc, char **argv)
{
	char *replay[] = { "replay", argc > 1 ? argv[1] : "", NULL };
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	int only = argc > 3 ? atoi(argv[3]) : -1;
	struct options o;
	char err[256];
	double last = 0;

	if (options__parse(&o, "replay", 2, replay, err, sizeof(err))) {
		fprintf(stderr, "spans: %s\n", err);
		return 2;
	}
	for (enum stage stage = METRICS; stage < STAGES; stage++) {
		struct run r = { .stage = stage };
		double best = 1e9;

		if (only >= 0 && stage != (enum stage)only)
			continue;
		if (resource_attrs__init(&r.resource, &o.resource_attributes))
			return 1;
		for (int i = 0; i < rounds; i++) {
			double t;

			r.spans = r.bytes = r.gzip_bytes = r.batch_bytes = 0;
			t = play(&r, &o, argv[1]);
			best = t < best ? t : best;
		}
		report(&r, best, &last);
		resource_attrs__free(&r.resource);
		buf__free(&r.body);
		buf__free(&r.packed);
	}
	options__free(&o);
	return 0;
}
