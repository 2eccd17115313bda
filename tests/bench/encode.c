// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * encode [ROUNDS | -o DIR]: what it costs to write 512 typical spans, or points of
 * histograms, and how long they become, for each encoding: CPU time, the best of 200
 * rounds. With -o it leaves one request of each there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/spans.h"
#include "hist.h"
#include "metrics.h"
#include "otlp_encode.h"
#include "otlp_metrics.h"
#include "resource.h"
#include "span_batch.h"
#include "zipkin.h"

enum { SPANS = 512 };

static struct resource_attrs resource;
static const struct span_attrs_config config = { .request_id_header = "X-Request-ID" };

static int traces_protobuf(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_traces(b, &resource, &config, OTLP_PROTOBUF, out);
}

static int traces_json(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_traces(b, &resource, &config, OTLP_JSON, out);
}

static int logs_protobuf(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_logs(b, &resource, &config, OTLP_PROTOBUF, out);
}

static int logs_json(const struct span_batch *b, struct buf *out)
{
	return otlp__encode_logs(b, &resource, &config, OTLP_JSON, out);
}

static int zipkin_json(const struct span_batch *b, struct buf *out)
{
	return zipkin__encode(b, &config, out);
}

/* ---- points of duration histograms, with 1000 requests in each ------------ */

static struct metrics *snapshot;

static struct metrics *typical_metrics(void)
{
	static const double bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
					 0.5,   0.75, 1,     2.5,  5,     7.5, 10 };
	struct metrics *m = metrics__new(OFFSET_NS);
	struct metric_resource *r = metrics__resource(m);
	struct metric_family *f =
		metrics__family(m, "http.server.request.duration", "s",
				"Duration of HTTP server requests.", METRIC_HISTOGRAM, SPANS);

	r->service_name = "shop";
	for (uint32_t i = 0; i < SPANS; i++) {
		struct metric_attr *a;
		struct metric_point *p = metrics__point(m, f, 5, &a);
		struct hist h;

		p->resource = r;
		a[0] = (struct metric_attr){ .key = "http.request.method", .str = "GET" };
		a[1] = (struct metric_attr){ .key = "http.response.status_code",
					     .type = ATTR_INT,
					     .num = 200 };
		a[2] = (struct metric_attr){ .key = "http.route", .str = "/orders/{id}" };
		a[3] = (struct metric_attr){ .key = "network.protocol.version", .str = "1.1" };
		a[4] = (struct metric_attr){ .key = "url.scheme", .str = "http" };
		hist__init(&h, bounds, 14);
		for (int k = 1; k <= 1000; k++)
			hist__record(&h, 0.002 * (1 + k % 37) * (1 + k % 5));
		hist__export(&h, m, &p->hist);
		hist__free(&h);
	}
	return m;
}

static int encode_metrics(bool exponential, enum otlp_encoding e, struct buf *out)
{
	struct otlp_metrics *om =
		otlp_metrics__new(&(struct otlp_metrics_config){ .exponential = exponential });
	uint32_t n;
	int err = om ? otlp_metrics__encode(om, snapshot, e, out, &n) : -1;

	otlp_metrics__free(om);
	return err;
}

static int metrics_protobuf(const struct span_batch *b, struct buf *out)
{
	return encode_metrics(false, OTLP_PROTOBUF, out);
}

static int metrics_json(const struct span_batch *b, struct buf *out)
{
	return encode_metrics(false, OTLP_JSON, out);
}

static int metrics_exp_protobuf(const struct span_batch *b, struct buf *out)
{
	return encode_metrics(true, OTLP_PROTOBUF, out);
}

static const struct encoder {
	const char *name;
	int (*encode)(const struct span_batch *b, struct buf *out);
} encoders[] = {
	{ "traces-protobuf", traces_protobuf },
	{ "traces-json", traces_json },
	{ "logs-protobuf", logs_protobuf },
	{ "logs-json", logs_json },
	{ "zipkin-json", zipkin_json },
	{ "metrics-protobuf", metrics_protobuf },
	{ "metrics-exp-protobuf", metrics_exp_protobuf },
	{ "metrics-json", metrics_json },
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
	printf("%-20s %7.0f ns %7.0f bytes, each\n", e->name, best / SPANS,
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

	snapshot = typical_metrics();
	if (!b || resource_attrs__init(&resource, NULL))
		return 1;
	for (size_t i = 0; i < sizeof(encoders) / sizeof(*encoders); i++)
		measure(&encoders[i], b, rounds, dir);
	metrics__put(snapshot);
	resource_attrs__free(&resource);
	span_batch__free(b);
	return 0;
}
