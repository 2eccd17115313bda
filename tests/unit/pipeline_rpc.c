// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls as a protocol hands them to the pipeline: which are left out, and of what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "agent/pipeline.c"
#include "metrics.h"

static char *globs[] = { "grpc.health.v1.Health/*", "grpc.reflection.*", "*/Ping" };
static struct options options = { .max_connections = 10,
				  .memory_limit_bytes = 1 << 20,
				  .max_routes = 10,
				  .sampler = "always_on" };
static struct procs *procs;
static struct pipeline *p;
static int n_spans, n_kept;

static void on_span(void *arg, const struct span *s)
{
	n_spans++;
}

static void on_kept(void *arg, const struct span *s)
{
	n_kept++;
}

static int start(void **state)
{
	struct procs_config pc = { .proc_root = "" };
	struct pipeline_config c = {
		.options = &options, .traces = true, .span = on_span, .kept = on_kept
	};

	options.exclude_rpc_methods = (struct str_list){ globs, 3 };
	n_spans = n_kept = 0;
	procs = c.procs = procs__new(&pc);
	p = pipeline__new(&c);
	assert_non_null(p);
	return 0;
}

static int stop(void **state)
{
	pipeline__free(p);
	procs__free(procs);
	return 0;
}

static void finish(const char *method, bool call)
{
	struct service *svc = service__get("shop", "", "");
	const struct span_rpc rpc = { .system = "grpc",
				      .method = slice_of(method),
				      .status = "OK" };
	struct span s = { .service = svc,
			  .start_ns = 1,
			  .end_ns = 2,
			  .method = "POST",
			  .path = slice_of(method),
			  .scheme = "http",
			  .status = 200,
			  .trace = { .trace_id = { 1 }, .span_id = { 1 }, .flags = TRACE_SAMPLED },
			  .rpc = call ? &rpc : NULL };

	p->env.ops.span(p->env.ops.arg, &s);
	service__put(svc);
}

/* All points of all families, redeye's own not among them. */
static uint64_t counted(void)
{
	struct metrics *m = metrics__new(1);
	uint64_t n = 0;

	assert_int_equal(agg__snapshot(p->agg, m, 1, 1), 0);
	for (uint32_t i = 0; i < m->n_families; i++)
		for (uint32_t k = 0; k < m->families[i].n_points; k++)
			n += m->families[i].points[k].hist.count;
	metrics__put(m);
	return n;
}

static void excluded_calls_are_only_counted(void **state)
{
	finish("grpc.health.v1.Health/Check", true);
	finish("grpc.health.v1.Health/Watch", true);
	finish("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true);
	finish("a.B/Ping", true);
	assert_int_equal(counted(), 0);
	assert_int_equal(n_spans + n_kept, 0);
	assert_int_equal(pipeline__stat(p)->excluded, 4);
}

static void the_others_are_not(void **state)
{
	static char long_one[RPC_METHOD_MAX + 10];

	memset(long_one, 'a', RPC_METHOD_MAX);
	strcpy(long_one + RPC_METHOD_MAX, "/Ping");
	finish("grpc.health.v1.Healthy/Check", true);
	finish("a.B/Pings", true);
	finish("", true);
	finish(long_one, true);
	finish("grpc.health.v1.Health/Check", false); /* no call */
	assert_int_equal(counted(), 5);
	assert_int_equal(n_spans, 5);
	assert_int_equal(n_kept, 5);
	assert_int_equal(pipeline__stat(p)->excluded, 0);
}

static void without_the_option_all_count(void **state)
{
	options.exclude_rpc_methods.n = 0;
	finish("grpc.health.v1.Health/Check", true);
	assert_int_equal(counted(), 1);
	assert_int_equal(n_spans, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(excluded_calls_are_only_counted),
		TEST(the_others_are_not),
		TEST(without_the_option_all_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
