// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tables of conventions, and what is told of a span that is no HTTP: with the names of RPC,
 * as those of other protocols are their own tests'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "access_log_internal.h"
#include "agg.h"
#include "hist.h"
#include "history_internal.h"
#include "json.h"
#include "metrics.h"
#include "semconv.h"
#include "span_attrs.h"
#include "span_batch.h"
#include "spans.h"

static struct span_op an_operation(void)
{
	struct span_op op = {
		.semconv = SEMCONV_RPC,
		.system = "jsonrpc",
		.target = SLICE("tools/list"),
		.n_attrs = 4,
		.attrs = {
			{ .key = "x.text", .type = SPAN_ATTR_STRING, .str = SLICE("a \"b\"") },
			{ .key = "x.count", .type = SPAN_ATTR_INT, .num = 17 },
			{ .key = "x.flag", .type = SPAN_ATTR_BOOL, .num = 1 },
			{ .key = "x.time", .type = SPAN_ATTR_DOUBLE, .real = 0.25 },
		},
	};

	return op;
}

static struct span op_span(const struct span_op *op)
{
	struct span s = server_span();

	s.op = op;
	s.method = "call";
	s.scheme = s.protocol_version = NULL;
	s.status = 0;
	s.route = op->target;
	s.path = s.query = s.host = s.method_original = (struct slice){ 0 };
	s.host_port = 0;
	return s;
}

/* ---- the tables -------------------------------------------------------------------------- */

static void attributes_are_sorted(void **state)
{
	const struct semconv_attr *a;
	int i;

	for (i = 0; i < SEMCONV__CNT; i++)
		for (a = semconvs[i]->attrs; a->key && a[1].key; a++)
			assert_true(strcmp(a->key, a[1].key) < 0);
}

static void bounds_fit(void **state)
{
	const struct semconv *c;
	uint32_t k;
	int i;

	for (i = 0; i < SEMCONV__CNT; i++) {
		c = semconvs[i];
		assert_in_range(c->n_bounds, 1, HIST_MAX_BOUNDS);
		for (k = 1; k < c->n_bounds; k++)
			assert_true(c->bounds[k - 1] < c->bounds[k]);
	}
}

static void a_metric_is_of_one_class(void **state)
{
	const char *name;
	uint32_t class;

	for (class = 0; class < SPAN_CLASSES; class ++) {
		name = class__semconv(class)->metrics[class__kind(class)][PART_DURATION].name;
		if (name)
			assert_int_equal(class__of_duration(name), class);
	}
	assert_int_equal(class__of_duration("http.server.active_requests"), SPAN_CLASSES);
}

static void keys(void **state)
{
	assert_string_equal(semconv__key(&http_semconv, OF_ROUTE), "http.route");
	assert_null(semconv__key(&http_semconv, OF_SYSTEM));
	assert_int_equal(semconv__attr(&rpc_semconv, "rpc.method")->of, OF_ROUTE);
	assert_null(semconv__attr(&rpc_semconv, "http.route"));
}

/* ---- of any span --------------------------------------------------------------------------- */

static void protocol_and_status(void **state)
{
	struct span_op op = an_operation();
	struct span http = server_span(), rpc = rpc_client_span(), other = op_span(&op);
	char room[8];

	assert_string_equal(span__protocol(&http), "http");
	assert_string_equal(span__protocol(&rpc), "grpc");
	assert_string_equal(span__protocol(&other), "jsonrpc");
	assert_string_equal(span__status(&http, room), "200");
	assert_string_equal(span__status(&rpc, room), "NOT_FOUND");
	assert_string_equal(span__status(&other, room), "OK");
	http.status = 0;
	assert_null(span__status(&http, room));
	other.error_type = "timeout";
	assert_null(span__status(&other, room));
	op.status = "-32601";
	assert_string_equal(span__status(&other, room), "-32601");
	assert_string_equal(protocol__title("grpc"), "gRPC");
	assert_string_equal(protocol__title("redis"), "redis");
	assert_null(protocol__title(NULL));
}

/* ---- of operations --------------------------------------------------------------------------- */

static const struct span_attr *attr(const struct span_attrs *a, const char *key)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].key, key))
			return &a->v[i];
	return NULL;
}

static void is(const struct span_attrs *a, const char *key, const char *want)
{
	const struct span_attr *found = attr(a, key);

	assert_non_null(found);
	assert_true(slice_eq(found->str, slice_of(want)));
}

static void attributes(void **state)
{
	const struct span_attrs_config config = { .query = true };
	struct span_op op = an_operation();
	struct span s = op_span(&op);
	static struct span_attrs a;
	char room[64];

	span_attrs__of(&a, &s, &config);
	is(&a, "rpc.system.name", "jsonrpc");
	is(&a, "rpc.method", "tools/list");
	is(&a, "x.text", "a \"b\"");
	is(&a, "network.peer.address", "10.0.100.2");
	assert_int_equal(attr(&a, "x.count")->num, 17);
	assert_null(attr(&a, "http.request.method"));
	assert_null(attr(&a, "url.path"));
	assert_null(attr(&a, "rpc.response.status_code"));
	assert_true(slice_eq(span_attrs__name(&s, room, sizeof(room)), SLICE("call tools/list")));
	s.route = (struct slice){ 0 };
	s.method = "_OTHER";
	assert_true(slice_eq(span_attrs__name(&s, room, sizeof(room)), SLICE("jsonrpc")));
}

static void has_operation(const struct span *s)
{
	assert_string_equal(s->op->system, "jsonrpc");
	assert_true(slice_eq(s->op->target, SLICE("tools/list")));
	assert_int_equal(s->op->n_attrs, 4);
	assert_true(slice_eq(s->op->attrs[0].str, SLICE("a \"b\"")));
	assert_int_equal(s->op->attrs[1].num, 17);
	assert_true(s->op->attrs[3].real == 0.25);
}

static void copies(void **state)
{
	struct span_op op = an_operation();
	struct span s = op_span(&op), *copy;
	char target[] = "tools/list", text[] = "a \"b\"";

	op.target.p = target;
	op.attrs[0].str.p = text;
	s.route = SLICE("tools/list");
	copy = span__dup(&s);
	assert_non_null(copy);
	memset(target, 'x', sizeof(target));
	memset(text, 'x', sizeof(text));
	memset(&op, 0, sizeof(op));
	has_operation(copy);
	free(copy);
}

static void history_record(void **state)
{
	static _Alignas(8) char room[RECORD_MAX];
	const struct history_config c = { 0 };
	struct record *r = (struct record *)room;
	union record_details details;
	struct span_op op = an_operation();
	struct span s = op_span(&op), back;

	assert_true(record__bytes(&c, &s) <= RECORD_MAX);
	record__write(r, &c, &s, 0);
	memset(&op, 0, sizeof(op));
	record__read(r, &back, &details);
	has_operation(&back);
	assert_null(back.rpc);
}

static const char *text_of(const struct metric_point *p, const char *key)
{
	uint32_t i;

	for (i = 0; i < p->n_attrs; i++)
		if (!strcmp(p->attrs[i].key, key))
			return p->attrs[i].str;
	return NULL;
}

/* What failed may not exist: no name of it is learned. */
static void metrics(void **state)
{
	const struct agg_config c = { .cardinality_limit = 100, .max_routes = 10 };
	struct agg *agg = agg__new(&c);
	struct metrics *m = metrics__new(1);
	struct span_op op = an_operation();
	struct service *service = service__get("shop", "", "");
	struct span s = op_span(&op);
	const struct metric_family *f;

	s.service = service;
	s.error_type = op.status = "-32601";
	agg__span(agg, &s);
	assert_true(slice_eq(s.route, SLICE("_OTHER")));
	s.error_type = op.status = NULL;
	agg__span(agg, &s);
	assert_true(slice_eq(s.route, SLICE("tools/list")));
	assert_int_equal(agg__snapshot(agg, m, 1, 1), 0);
	assert_int_equal(m->n_families, 1);
	f = &m->families[0];
	assert_string_equal(f->name, "rpc.server.call.duration");
	assert_int_equal(f->n_points, 2);
	assert_string_equal(text_of(&f->points[0], "rpc.response.status_code"), "-32601");
	assert_string_equal(text_of(&f->points[0], "rpc.method"), "_OTHER");
	assert_string_equal(text_of(&f->points[1], "rpc.system.name"), "jsonrpc");
	metrics__put(m);
	agg__free(agg);
	service__put(service);
}

static void lines(void **state)
{
	const struct access_log_secrets with = { 0 };
	static char line[ACCESS_LOG_LINE];
	struct span_op op = an_operation();
	struct span s = op_span(&op);
	char *text = NULL;
	size_t size = access_log_line__write(line, &s, 0, &with);
	FILE *f = open_memstream(&text, &size);

#define SAYS                                                                                       \
	"\"rpc.method\":\"tools/list\",\"rpc.system.name\":\"jsonrpc\",\"x.text\":\"a "            \
	"\\\"b\\\"\","                                                                             \
	"\"x.count\":17,\"x.flag\":true,\"x.time\":0.250000"
	assert_non_null(
		strstr(line, "\"method\":\"call\",\"route\":\"tools/list\",\"duration_ms\""));
	assert_non_null(strstr(line, "\"attributes\":{" SAYS "}}"));
	assert_int_equal(access_log_line__level(&s), ACCESS_LOG_INFO);
	assert_int_equal(json__span(f, &s, 0), 0);
	fclose(f);
	assert_non_null(strstr(text, SAYS));
	assert_null(strstr(text, "http."));
	free(text);
	s.error_type = "timeout";
	assert_int_equal(access_log_line__level(&s), ACCESS_LOG_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_sorted),
		cmocka_unit_test(bounds_fit),
		cmocka_unit_test(a_metric_is_of_one_class),
		cmocka_unit_test(keys),
		cmocka_unit_test(protocol_and_status),
		cmocka_unit_test(attributes),
		cmocka_unit_test(copies),
		cmocka_unit_test(history_record),
		cmocka_unit_test(metrics),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
