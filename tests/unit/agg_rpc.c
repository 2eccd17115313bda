// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls: beside requests, by the same rules. */
#include "agg_fixture.h"
#include "buf.h"
#include "otlp_metrics.h"
#include "prom.h"

#define SERVER_CALLS "rpc.server.call.duration"
#define CLIENT_CALLS "rpc.client.call.duration"

/* Kept until the next 16th call. */
static struct span call(const struct service *svc, enum span_kind kind, const char *method,
			const char *status)
{
	static struct span_rpc rpcs[16];
	static unsigned int n;
	struct span_rpc *rpc = &rpcs[n++ % 16];
	struct span s = server(svc, "/ignored/4711", 200);

	*rpc = (struct span_rpc){ .system = "grpc", .method = slice_of(method), .status = status };
	s.kind = kind;
	s.method = "POST";
	s.protocol_version = "2";
	s.host = SLICE("Shop");
	s.host_port = 50051;
	s.rpc = rpc;
	return s;
}

static struct span inbound(const struct service *svc, const char *method, const char *status)
{
	return call(svc, SPAN_SERVER, method, status);
}

static void add(struct agg *agg, struct span s)
{
	agg__span(agg, &s);
}

static bool is_route(const struct span *s, const char *want)
{
	return slice_eq(s->route, slice_of(want));
}

/* ---- what a series is ---------------------------------------------------------- */

static void calls_are_no_http_requests(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, true);
	struct span s = inbound(svc, "shop.Orders/Get", "OK");
	const struct metric_family *f;
	struct metrics *m;

	agg__span(agg, &s);
	assert_true(is_route(&s, "shop.Orders/Get"));
	s = inbound(svc, "shop.Orders/Get", "NOT_FOUND"); /* no error of a server */
	s.end_ns = s.start_ns + SEC;
	agg__span(agg, &s);
	s = inbound(svc, "shop.Orders/Get", "INTERNAL");
	s.error_type = "INTERNAL";
	agg__span(agg, &s);
	m = snapshot(agg);
	assert_int_equal(m->n_families, 1); /* and no sizes */
	f = family(m, SERVER_CALLS);
	assert_string_equal(f->unit, "s");
	assert_int_equal(f->kind, METRIC_HISTOGRAM);
	assert_int_equal(f->n_points, 3);
	assert_string_equal(attrs(&f->points[0]),
			    "rpc.method=shop.Orders/Get,rpc.response.status_code=OK,"
			    "rpc.system.name=grpc");
	assert_string_equal(attrs(&f->points[1]),
			    "rpc.method=shop.Orders/Get,rpc.response.status_code=NOT_FOUND,"
			    "rpc.system.name=grpc");
	assert_string_equal(attrs(&f->points[2]),
			    "error.type=INTERNAL,rpc.method=shop.Orders/Get,"
			    "rpc.response.status_code=INTERNAL,rpc.system.name=grpc");
	assert_int_equal(f->points[1].hist.counts[9], 1); /* (0.75, 1] */
	assert_int_equal(f->points[0].hist.n_bounds, 14);
	assert_int_equal(stats(agg).routes_learned, 0); /* the path taught nothing */
	assert_int_equal(stats(agg).rpc_methods, 1);
	agg__free(agg);
	service__put(svc);
	assert_non_null(strstr(attrs(&f->points[0]), "rpc.method=shop.Orders/Get"));
	metrics__put(m);
}

static void clients_say_whom_they_called(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, true);
	struct span s = call(svc, SPAN_CLIENT, "shop.Orders/Get", NULL);
	const struct metric_family *f;
	struct metrics *m;

	s.status = 0;
	s.error_type = "connection_reset";
	agg__span(agg, &s);
	assert_true(is_route(&s, "shop.Orders/Get"));
	s = call(svc, SPAN_CLIENT, "", "OK"); /* it was in a table that began before redeye */
	agg__span(agg, &s);
	assert_int_equal(s.route.len, 0);
	m = snapshot(agg);
	assert_int_equal(m->n_families, 1);
	f = family(m, CLIENT_CALLS);
	assert_int_equal(f->n_points, 2);
	assert_string_equal(attrs(&f->points[0]),
			    "error.type=connection_reset,rpc.method=shop.Orders/Get,"
			    "rpc.system.name=grpc,server.address=shop,server.port=50051");
	assert_string_equal(attrs(&f->points[1]),
			    "rpc.response.status_code=OK,rpc.system.name=grpc,server.address=shop,"
			    "server.port=50051");
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* The same strings in another class are another series. */
static void all_classes_beside_each_other(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, true);
	struct metrics *m;
	int i;

	for (i = 0; i < 3; i++) {
		add(agg, server(svc, "/a", 200));
		add(agg, client(svc, "shop", 50051));
		add(agg, inbound(svc, "a.B/C", "OK"));
		add(agg, call(svc, SPAN_CLIENT, "a.B/C", "OK"));
	}
	m = snapshot(agg);
	assert_int_equal(m->n_families, 8);
	assert_int_equal(total(family(m, "http.server.request.duration")), 3);
	assert_int_equal(total(family(m, "http.client.request.duration")), 3);
	assert_int_equal(total(family(m, SERVER_CALLS)), 3);
	assert_int_equal(total(family(m, CLIENT_CALLS)), 3);
	assert_int_equal(stats(agg).series, 4);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* ---- names of methods ------------------------------------------------------------ */

static void what_a_server_does_not_have_is_other(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	struct span s = inbound(svc, "no.Such/Method", "UNIMPLEMENTED");
	const struct metric_family *f;
	struct metrics *m;

	s.error_type = "UNIMPLEMENTED";
	agg__span(agg, &s);
	assert_true(is_route(&s, "_OTHER"));
	s.rpc = inbound(svc, "nor.This/One", "UNIMPLEMENTED").rpc;
	agg__span(agg, &s);
	m = snapshot(agg);
	f = family(m, SERVER_CALLS);
	assert_int_equal(f->n_points, 1);
	assert_string_equal(attrs(&f->points[0]),
			    "error.type=UNIMPLEMENTED,rpc.method=_OTHER,"
			    "rpc.response.status_code=UNIMPLEMENTED,rpc.system.name=grpc");
	metrics__put(m);
	add(agg, inbound(svc, "shop.Orders/Get", "OK"));
	s.rpc = inbound(svc, "shop.Orders/Get", "UNIMPLEMENTED").rpc; /* it says so itself */
	agg__span(agg, &s);
	assert_true(is_route(&s, "shop.Orders/Get"));
	s.kind = SPAN_CLIENT; /* what it serves is not what it calls */
	agg__span(agg, &s);
	assert_true(is_route(&s, "_OTHER"));
	assert_int_equal(stats(agg).rpc_methods, 1);
	agg__free(agg);
	service__put(svc);
}

/* Connect has its own spelling, and over HTTP/1 no status that is seen. */
static void what_connect_refuses_is_other(void **state)
{
	static const struct {
		const char *status;
		uint16_t http;
		const char *name;
	} all[] = { { "unimplemented", 404, "_OTHER" },
		    { NULL, 404, "_OTHER" },
		    { NULL, 405, "_OTHER" },
		    { NULL, 415, "_OTHER" },
		    { NULL, 501, "_OTHER" },
		    { "not_found", 404, "shop.Orders/Get" },
		    { NULL, 404, "shop.Orders/Get" } };
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct span s = inbound(svc, "shop.Orders/Get", all[i].status);

		s.status = all[i].http;
		agg__span(agg, &s);
		assert_true(is_route(&s, all[i].name));
	}
	agg__free(agg);
	service__put(svc);
}

static void names_have_a_cap_on_each_side(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false); /* 100 */
	const struct metric_family *f;
	struct metrics *m;
	char name[32];
	int i;

	for (i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "a.B/M%d", i);
		add(agg, inbound(svc, name, "OK"));
		add(agg, call(svc, SPAN_CLIENT, name, "OK"));
	}
	assert_int_equal(stats(agg).rpc_methods, 200);
	m = snapshot(agg);
	f = family(m, SERVER_CALLS);
	assert_int_equal(f->n_points, 101);
	assert_int_equal(f->points[100].hist.count, 50);
	assert_non_null(strstr(attrs(&f->points[100]), "rpc.method=_OTHER,"));
	assert_int_equal(family(m, CLIENT_CALLS)->n_points, 101);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* ---- the rules that all classes share ---------------------------------------------- */

static void overflow_is_by_class(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(4, true);
	const struct metric_family *f;
	struct metrics *m;
	char name[32];
	int i;

	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "a.B/M%d", i);
		add(agg, inbound(svc, name, "OK"));
		add(agg, call(svc, SPAN_CLIENT, name, "OK"));
	}
	add(agg, server(svc, "/a", 200));
	m = snapshot(agg);
	f = family(m, SERVER_CALLS);
	assert_int_equal(f->n_points, 4);
	assert_string_equal(attrs(&f->points[3]), "otel.metric.overflow=1");
	assert_int_equal(f->points[3].hist.count, 7);
	assert_int_equal(total(family(m, CLIENT_CALLS)), 10);
	f = family(m, "http.server.request.duration");
	assert_int_equal(f->n_points, 1);
	assert_non_null(strstr(attrs(&f->points[0]), "http.route=/a"));
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static void exemplars_of_calls(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, true);
	struct span s = inbound(svc, "a.B/C", "OK");
	const struct metric_hist *h;
	struct metrics *m;

	memset(s.trace.trace_id, 7, sizeof(s.trace.trace_id));
	agg__span(agg, &s);
	agg__exemplar(agg, &s);
	m = snapshot(agg);
	h = &family(m, SERVER_CALLS)->points[0].hist;
	assert_int_equal(h->n_exemplars, 1);
	assert_int_equal(h->exemplars[0].trace_id[15], 7);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static void calls_of_ended_services_go(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(2, true);

	add(agg, inbound(svc, "a.B/C", "OK"));
	add(agg, inbound(svc, "a.B/D", "OK")); /* the overflow series */
	add(agg, call(svc, SPAN_CLIENT, "a.B/C", "OK"));
	service__put(svc);
	agg__expire(agg, 309 * SEC);
	assert_int_equal(stats(agg).series, 3);
	agg__expire(agg, 311 * SEC);
	assert_int_equal(stats(agg).series, 0);
	assert_int_equal(stats(agg).rpc_methods, 0);
	assert_int_equal(stats(agg).services, 0);
	agg__free(agg);
}

/* Nothing new is kept: a name neither. */
static void full(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, true);
	struct span s = inbound(svc, "a.B/C", "OK");
	struct metrics *m;

	agg__span(agg, &s);
	agg__set_full(agg, true);
	agg__span(agg, &s);
	assert_true(is_route(&s, "a.B/C"));
	s = inbound(svc, "a.B/D", "OK");
	agg__span(agg, &s);
	assert_true(is_route(&s, "_OTHER"));
	m = snapshot(agg);
	assert_int_equal(total(family(m, SERVER_CALLS)), 3);
	assert_int_equal(stats(agg).overflowed_cnt, 1);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* ---- where they go ---------------------------------------------------------------- */

static struct agg *some_calls(struct service *svc)
{
	struct agg *agg = agg_with(0, true);
	struct span s = inbound(svc, "shop.Orders/Get", "OK");

	memset(s.trace.trace_id, 0xab, sizeof(s.trace.trace_id));
	agg__span(agg, &s);
	agg__exemplar(agg, &s);
	add(agg, call(svc, SPAN_CLIENT, "cart.Cart/Add", "OK"));
	return agg;
}

static void to_prometheus(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = some_calls(svc);
	struct metrics *m = snapshot(agg);
	struct buf text = { 0 }, native = { 0 };

	assert_int_equal(prom__write_with(m, PROM_OPENMETRICS_1, PROM_NO_SCOPE, &text), 0);
	buf__putc(&text, 0);
	assert_non_null(strstr(text.p, "# TYPE rpc_server_call_duration_seconds histogram\n"
				       "# UNIT rpc_server_call_duration_seconds seconds\n"));
	assert_non_null(strstr(text.p,
			       "rpc_server_call_duration_seconds_count{job=\"shop\","
			       "service_name=\"shop\",rpc_method=\"shop.Orders/Get\","
			       "rpc_response_status_code=\"OK\",rpc_system_name=\"grpc\"} 1\n"));
	assert_non_null(strstr(text.p, "# {trace_id=\"abababababababababababababababab\""));
	assert_non_null(strstr(text.p, "rpc_client_call_duration_seconds_count{job=\"shop\","
				       "service_name=\"shop\",rpc_method=\"cart.Cart/Add\","
				       "rpc_response_status_code=\"OK\",rpc_system_name=\"grpc\","
				       "server_address=\"shop\",server_port=\"50051\"} 1\n"));
	assert_int_equal(prom__write(m, PROM_PROTOBUF, &native), 0);
	assert_non_null(memmem(native.p, native.len, "rpc_client_call_duration_seconds", 32));
	assert_true(family(m, SERVER_CALLS)->points[0].hist.exp.n_counts);
	buf__free(&text);
	buf__free(&native);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static uint32_t sent(struct otlp_metrics *om, struct agg *agg)
{
	struct metrics *m = snapshot(agg);
	struct buf out = { 0 };
	uint32_t n;

	assert_int_equal(otlp_metrics__encode(om, m, OTLP_PROTOBUF, &out, &n), 0);
	otlp_metrics__commit(om);
	buf__free(&out);
	metrics__put(m);
	return n;
}

/* A delta has only what there was since the last. */
static void to_otlp(void **state)
{
	const struct otlp_metrics_config cumulative = { .temporality = OTLP_CUMULATIVE };
	const struct otlp_metrics_config delta = { .temporality = OTLP_DELTA, .exponential = true };
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = some_calls(svc);
	struct otlp_metrics *c = otlp_metrics__new(&cumulative), *d = otlp_metrics__new(&delta);

	assert_int_equal(sent(c, agg), 2);
	assert_int_equal(sent(d, agg), 2);
	add(agg, inbound(svc, "shop.Orders/Get", "OK"));
	assert_int_equal(sent(c, agg), 2);
	assert_int_equal(sent(d, agg), 1);
	assert_int_equal(sent(d, agg), 0);
	otlp_metrics__free(c);
	otlp_metrics__free(d);
	agg__free(agg);
	service__put(svc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_no_http_requests),
		cmocka_unit_test(clients_say_whom_they_called),
		cmocka_unit_test(all_classes_beside_each_other),
		cmocka_unit_test(what_a_server_does_not_have_is_other),
		cmocka_unit_test(what_connect_refuses_is_other),
		cmocka_unit_test(names_have_a_cap_on_each_side),
		cmocka_unit_test(overflow_is_by_class),
		cmocka_unit_test(exemplars_of_calls),
		cmocka_unit_test(calls_of_ended_services_go),
		cmocka_unit_test(full),
		cmocka_unit_test(to_prometheus),
		cmocka_unit_test(to_otlp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
