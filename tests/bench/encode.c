// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * encode [ROUNDS]: what it costs to write a batch of 512 typical spans, and how long
 * they become, for each encoding. With -o DIR it leaves one request of each there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/spans.h"
#include "otlp_encode.h"
#include "resource.h"
#include "span_batch.h"

enum { SPANS = 512 };

static struct resource_attrs resource;
static const struct span_attrs_config config = { .request_id_header = "X-Request-ID" };

static int traces_protobuf(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_traces(b, &resource, &config, OTLP_ENC_PROTOBUF, out);
}

static int traces_json(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_traces(b, &resource, &config, OTLP_ENC_JSON, out);
}

static int logs_protobuf(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_logs(b, &resource, &config, OTLP_ENC_PROTOBUF, out);
}

static int logs_json(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_logs(b, &resource, &config, OTLP_ENC_JSON, out);
}

static const struct encoder {
	const char *name;
	int (*encode)(const struct span_batch *b, struct buf *out);
} encoders[] = {
	{ "traces-protobuf", traces_protobuf },
	{ "traces-json", traces_json },
	{ "logs-protobuf", logs_protobuf },
	{ "logs-json", logs_json },
};

static struct span_batch *typical(void)
{
	struct span_batch *b = span_batch__new(SPANS, OFFSET_NS);

	for (uint32_t i = 0; b && i < SPANS; i++) {
		struct span s = i % 4 ? server_span() : client_span();

		s.service = i % 3 ? &shop : &cart;
		s.trace.span_id[7] = (uint8_t)i;
		if (span_batch__add(b, &s))
			exit(1);
	}
	return b;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void leave(const char *dir, const char *name, const struct buf *out)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(out->p, 1, out->len, f) != out->len || fclose(f))
		exit(1);
}

/* The best of the rounds: what else ran on the machine is in the others. */
static void measure(const struct encoder *e, const struct span_batch *b, int rounds,
		    const char *dir)
{
	struct buf out = { 0 };
	double best = 1e18, from, took;

	for (int i = 0; i < rounds; i++) {
		buf__reset(&out);
		from = cpu_ns();
		if (e->encode(b, &out))
			exit(1);
		took = cpu_ns() - from;
		best = took < best ? took : best;
	}
	printf("%-16s %7.0f ns/span %7.0f bytes/span\n", e->name, best / SPANS,
	       (double)out.len / SPANS);
	if (dir)
		leave(dir, e->name, &out);
	buf__free(&out);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 2 && !strcmp(argv[1], "-o") ? argv[2] : NULL;
	int rounds = argc > 1 && !dir ? atoi(argv[1]) : 200;
	struct span_batch *b = typical();

	if (!b || resource_attrs__init(&resource, NULL))
		return 1;
	for (size_t i = 0; i < sizeof(encoders) / sizeof(*encoders); i++)
		measure(&encoders[i], b, rounds, dir);
	resource_attrs__free(&resource);
	span_batch__free(b);
	return 0;
}
