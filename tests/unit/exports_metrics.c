// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What deltas count from, when a snapshot takes several requests of which some are refused, or
 * cannot be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "failing.h"
#include "agent/buf.c"
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef strdup

#include "exporters/exports_metrics.c"

#include "exporters/otlp_metrics_service.pb-c.h"

#define unpack opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__unpack
#define release_unpacked                                                                           \
	opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__free_unpacked

enum { ROUTES = 41 };

typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest Request;

/* Each route has been asked for so often. */
static double counted;
static uint64_t now_ns = 1000000000;

static int snapshot(void *arg, struct metrics **out)
{
	struct metrics *m = metrics__new(now_ns += 1000000000);
	struct metric_family *f = metrics__family(m, "requests", "1", "Help.", METRIC_COUNTER, 64);
	struct metric_resource *r = metrics__resource(m);
	char route[16];

	r->service_name = "shop";
	for (int i = 0; i < ROUTES; i++) {
		struct metric_attr *attrs;
		struct metric_point *p = metrics__point(m, f, 1, &attrs);

		snprintf(route, sizeof(route), "/%d", i);
		attrs[0] = (struct metric_attr){ .key = "http.route",
						 .str = metrics__strdup(m, route, strlen(route)) };
		p->resource = r;
		p->start_unix_ns = 1000000000;
		p->value = counted;
	}
	assert_true(metrics__ok(m));
	*out = m;
	return 0;
}

/* What each of its points says, which is the same for all. */
static double each(const struct buf *body, uint32_t items)
{
	Request *r = unpack(NULL, body->len, (const uint8_t *)body->p);
	Opentelemetry__Proto__Metrics__V1__Sum *sum;
	double value;

	assert_non_null(r);
	sum = r->resource_metrics[0]->scope_metrics[0]->metrics[0]->sum;
	assert_int_equal(sum->n_data_points, items);
	value = sum->data_points[0]->as_double;
	for (size_t i = 1; i < sum->n_data_points; i++)
		assert_true(sum->data_points[i]->as_double == value);
	release_unpacked(r, NULL);
	return value;
}

/* A snapshot, of which all parts but these (a bit each) are delivered; what its points say. */
static double round_of(struct metric_export *x, unsigned int refused)
{
	struct buf body = { 0 };
	uint32_t items, seen = 0;
	double value = 0;
	unsigned int part = 0;

	x->due_ns = 0;
	do {
		buf__reset(&body);
		assert_int_equal(next(x, 1000, &body, &items), 1);
		value = each(&body, items);
		seen += items;
		outcome(x, !(refused >> part++ & 1));
	} while (x->current);
	assert_int_equal(seen, ROUTES);
	assert_true(part > 2);
	buf__free(&body);
	return value;
}

static const struct options options = { 0 };
static const struct exports_config source = { .snapshot = snapshot };
static const struct export_env env = { .options = &options, .source = &source };

static void begin(struct metric_export *x)
{
	*x = (struct metric_export){ .env = &env, .encoding = OTLP_PROTOBUF };
	init_lock(x);
	x->encoder = otlp_metrics__new(
		&(struct otlp_metrics_config){ .max_bytes = 700, .temporality = OTLP_DELTA });
	assert_non_null(x->encoder);
}

static void a_refused_part_is_not_sent_again_with_the_others(void **state)
{
	static const struct {
		double counted;
		unsigned int refused;
		double says;
	} rounds[] = {
		{ 10, 0, 10 }, { 20, 2, 10 },   { 30, 0, 10 }, { 40, ~0u, 10 },
		{ 50, 0, 20 }, { 60, ~1u, 10 }, { 70, 0, 10 },
	};
	struct metric_export x;

	begin(&x);
	for (size_t i = 0; i < sizeof(rounds) / sizeof(*rounds); i++) {
		counted = rounds[i].counted;
		assert_true(round_of(&x, rounds[i].refused) == rounds[i].says);
	}
	otlp_metrics__free(x.encoder);
}

/* The parts before this one are `good`, and have been delivered or not. */
static void fail_after(struct metric_export *x, int good, bool delivered)
{
	struct buf body = { 0 };
	uint32_t items;

	x->due_ns = 0;
	for (int i = 0; i < good; i++) {
		buf__reset(&body);
		assert_int_equal(next(x, 1000, &body, &items), 1);
		outcome(x, delivered);
	}
	buf__free(&body);
	failing_after = 0;
	assert_int_equal(next(x, 1000, &body, &items), -ENOMEM);
	failing_after = -1;
	assert_null(x->current);
	buf__free(&body);
}

static void what_was_taken_before_memory_ran_out_is_not_sent_again(void **state)
{
	static const struct {
		int good;
		bool delivered;
		double says; /* the next round, ten more each */
	} cases[] = { { 0, false, 20 }, { 1, true, 10 }, { 2, true, 10 }, { 2, false, 20 } };
	struct metric_export x;

	begin(&x);
	counted = 10;
	assert_true(round_of(&x, 0) == 10);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		counted += 10;
		fail_after(&x, cases[i].good, cases[i].delivered);
		counted += 10;
		assert_true(round_of(&x, 0) == cases[i].says);
	}
	otlp_metrics__free(x.encoder);
	assert_int_equal(failing_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_part_is_not_sent_again_with_the_others),
		cmocka_unit_test(what_was_taken_before_memory_ran_out_is_not_sent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
