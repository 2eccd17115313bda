// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The joints: records to the stage they are for, transactions to metrics and to the caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_proc.h"
#include "metrics.h"
#include "options.h"
#include "pipeline.h"
#include "selfmetrics.h"
#include "service.h"
#include "wire.h"

#define SECOND 1000000000ull

static struct options options = { .max_connections = 10, .memory_limit_bytes = 1 << 20 };
static struct procs *procs;
static struct pipeline *p;
static char last_service[32], last_error[32];
static int n_spans, n_kept;
static enum trace_link last_link;

static void on_span(void *arg, const struct span *s)
{
	assert_ptr_equal(arg, &n_spans);
	snprintf(last_service, sizeof(last_service), "%s", s->service->name);
	snprintf(last_error, sizeof(last_error), "%s", s->error_type ? s->error_type : "");
	last_link = s->trace.link;
	n_spans++;
}

static void on_kept(void *arg, const struct span *s)
{
	n_kept++;
}

static int start_with(struct pipeline_config c)
{
	struct procs_config pc = { .proc_root = "" };

	c.span = on_span;
	c.span_arg = &n_spans;
	n_spans = n_kept = 0;
	procs = c.procs = procs__new(&pc);
	p = pipeline__new(&c);
	assert_non_null(p);
	return 0;
}

static int start(void **state)
{
	return start_with((struct pipeline_config){ .options = &options });
}

/* Errors are kept, up to a limit. */
static int start_traces(void **state)
{
	static struct options o;

	o = options;
	o.sampler = "parentbased_always_off";
	o.keep_errors = o.correlate = true;
	o.trace_limit = 7;
	return start_with(
		(struct pipeline_config){ .options = &o, .traces = true, .kept = on_kept });
}

static int stop(void **state)
{
	pipeline__free(p);
	procs__free(procs);
	return 0;
}

static void feed(void *arg, const void *record, size_t size)
{
	pipeline__record(p, record, size);
}

static void one_request(struct wire *w, uint64_t ts_ns)
{
	static const char get[] = "GET /a HTTP/1.1\r\n\r\n";
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

	wire_call(w, RED_DIR_IN, get, sizeof(get) - 1, ts_ns);
	wire_call(w, RED_DIR_OUT, ok, sizeof(ok) - 1, ts_ns + 1000);
}

static const struct metric_family *family(const struct metrics *m, const char *name)
{
	uint32_t i;

	for (i = 0; i < m->n_families; i++)
		if (!strcmp(m->families[i].name, name))
			return &m->families[i];
	return NULL;
}

static void from_ring_to_metrics(void **state)
{
	static struct wire w;
	const struct metric_family *f;
	struct metrics *m;
	int i;

	wire_init(&w, feed, NULL);
	for (i = 0; i < 7; i++)
		one_request(&w, (i + 1) * SECOND);
	assert_int_equal(n_spans, 7);
	m = metrics__new(1);
	assert_int_equal(agg__snapshot(pipeline__agg(p), m, 1, 9 * SECOND), 0);
	f = family(m, "http.server.request.duration");
	assert_non_null(f);
	assert_int_equal(f->n_points, 1);
	assert_int_equal(f->points[0].hist.count, 7);
	metrics__put(m);
	assert_int_equal(pipeline__stat(p)->records, 15);
	assert_int_equal(pipeline__stat(p)->malformed, 0);
	assert_int_equal(pipeline__proto_stat(p, 0)->emitted, 7);
	assert_int_equal(pipeline__conn_stat(p)->open, 1);
}

static int n_forgotten;

static int forgets(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	n_forgotten += cmd == RED_POLL_FORGET;
	return 0;
}

/* A server on an excluded port: the kernel side has marked it, and its record is not the last. */
static void late_open(void **state)
{
	static const struct selection all = { .all = true };
	uint16_t port = 22;
	const struct selection exclude = { .ports = &port, .n_ports = 1 };
	struct procs_config pc = { .include = &all, .exclude = &exclude, .proc_root = root };
	struct pipeline_config c = { .options = &options, .poll = forgets, .span = on_span };
	struct red_ev_proc ev = {
		.h = { .len = sizeof(ev), .kind = RED_EV_LISTEN, .ts_ns = 1 },
		.tgid = 42,
		.other = port,
	};
	static struct wire w;

	make_root(state);
	procs = c.procs = procs__new(&pc);
	p = pipeline__new(&c);
	pipeline__record(p, &ev, sizeof(ev));
	wire_init(&w, feed, NULL);
	one_request(&w, SECOND);
	assert_int_equal(n_forgotten, 1);
	assert_int_equal(pipeline__conn_stat(p)->opened, 1);
	assert_int_equal(pipeline__conn_stat(p)->open, 0);
	assert_int_equal(pipeline__conn_stat(p)->unknown, 2);
	assert_int_equal(pipeline__proto_stat(p, 0)->observed, 0);
	remove_root(state);
}

static void no_records(void **state)
{
	uint64_t buf[16] = {};
	struct red_hdr *h = (void *)buf;
	size_t size;
	int kind;

	for (kind = 0; kind < 70; kind++)
		for (size = 0; size <= 39; size++) {
			h->kind = kind;
			h->len = size;
			if (kind != RED_EV_PROCESS || size != 32)
				pipeline__record(p, buf, size);
		}
	assert_int_equal(pipeline__stat(p)->malformed, pipeline__stat(p)->records);
	assert_int_equal(pipeline__conn_stat(p)->open, 0);
}

static void named_by_the_recording(void **state)
{
	struct {
		struct red_ev_process ev;
		char strings[16];
	} r = { .ev = { .h = { .kind = RED_EV_PROCESS, .len = 32 + 4 + 2 },
			.tgid = 42,
			.service_len = 4,
			.exe_len = 2 },
		.strings = "shop/x" };
	static struct wire w;

	pipeline__record(p, &r, r.ev.h.len);
	wire_init(&w, feed, NULL);
	one_request(&w, SECOND);
	assert_string_equal(last_service, "shop");
}

/* Of another machine, perhaps: whatever has this number here is not asked. */
static void replay_looks_at_no_process(void **state)
{
	struct red_ev_proc ev = { .h = { .len = sizeof(ev), .kind = RED_EV_EXEC },
				  .tgid = getpid() };

	pipeline__record(p, &ev, sizeof(ev));
	ev.h.kind = RED_EV_FORK;
	ev.other = getppid();
	pipeline__record(p, &ev, sizeof(ev));
	assert_null(procs__find(procs, getpid()));
	assert_int_equal(pipeline__stat(p)->malformed, 0);
}

static void process_exit_is_the_reason(void **state)
{
	struct red_ev_process named = { .h = { .kind = RED_EV_PROCESS, .len = 32 }, .tgid = 42 };
	struct red_ev_proc ev = {
		.h = { .len = sizeof(ev), .kind = RED_EV_EXIT, .ts_ns = 2 * SECOND }, .tgid = 42
	};
	static struct wire w;

	pipeline__record(p, &named, sizeof(named));
	wire_init(&w, feed, NULL);
	wire_call(&w, RED_DIR_IN, "GET /a HTTP/1.1\r\n\r\n", 19, SECOND);
	pipeline__record(p, &ev, sizeof(ev));
	wire_state(&w, RED_EV_CLOSE, 0, RED_STATE_LOCAL, 3 * SECOND);
	assert_int_equal(n_spans, 1);
	assert_string_equal(last_error, "process_exited");
}

static void ticks(void **state)
{
	uint64_t next = pipeline__tick(p, 5 * SECOND);

	assert_int_equal(next, 15 * SECOND); /* nothing waits but expiry */
	assert_int_equal(pipeline__tick(p, 6 * SECOND), 15 * SECOND);
	assert_int_equal(pipeline__tick(p, next), 25 * SECOND);
}

/* Records of the trace's other processes may come that much later. */
static void a_trace_waits_a_second(void **state)
{
	static const char error[] = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
	static struct wire w;

	wire_init(&w, feed, NULL);
	wire_call(&w, RED_DIR_IN, "GET /a HTTP/1.1\r\n\r\n", 19, SECOND);
	wire_call(&w, RED_DIR_OUT, error, sizeof(error) - 1, 2 * SECOND);
	assert_int_equal(n_spans, 1);
	assert_int_equal(pipeline__tick(p, 3 * SECOND - 1), 3 * SECOND);
	assert_int_equal(n_kept, 0);
	pipeline__tick(p, 3 * SECOND);
	assert_int_equal(n_kept, 1);
}

/* Serves a request alone, and calls while it does: the link of that. */
static enum trace_link serve_and_call(struct wire *server, struct wire *client, uint64_t ts_ns)
{
	static const char get[] = "GET /b HTTP/1.1\r\n\r\n";
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	enum trace_link link;

	wire_call(server, RED_DIR_IN, get, sizeof(get) - 1, ts_ns);
	client->tid = 2;
	wire_call(client, RED_DIR_OUT, get, sizeof(get) - 1, ts_ns + 1000);
	wire_call(client, RED_DIR_IN, ok, sizeof(ok) - 1, ts_ns + 2000);
	link = last_link;
	wire_call(server, RED_DIR_OUT, ok, sizeof(ok) - 1, ts_ns + 3000);
	return link;
}

/* Its connection is given up after a minute of silence: from then on, and not from its last byte
 * on, its handler may still be at work. */
static void cut_short_is_when_it_is_known(void **state)
{
	static struct wire server, client, slow[8];
	enum trace_link link = TRACE_LINK_NONE;
	int i;

	wire_init(&server, feed, NULL);
	wire_init(&client, feed, NULL);
	client.id = 2;
	for (i = 0; i < 17; i++)
		link = serve_and_call(&server, &client, (1 + i) * SECOND);
	assert_int_equal(link, TRACE_LINK_SOLE);
	wire_state(&server, RED_EV_CLOSE, 0, RED_STATE_LOCAL, 20 * SECOND);
	for (i = 0; i < 8; i++) {
		wire_init(&slow[i], feed, NULL);
		slow[i].id = 3 + i;
		wire_call(&slow[i], RED_DIR_IN, "GET /c HTTP/1.1\r\n\r\n", 19, 21 * SECOND);
	}
	pipeline__tick(p, 90 * SECOND);
	pipeline__give_up(p); /* the client's, which waits for nothing */
	pipeline__give_up(p); /* one that waits */
	assert_int_equal(pipeline__proto_stat(p, 0)->dropped[PROTO_DROP_EVICTED], 1);
	for (i = 0; i < 8; i++)
		wire_call(&slow[i], RED_DIR_OUT, "HTTP/1.1 204 OK\r\n\r\n", 19, 91 * SECOND);
	wire_init(&server, feed, NULL);
	wire_init(&client, feed, NULL);
	server.id = 20;
	client.id = 21;
	link = serve_and_call(&server, &client, 92 * SECOND);
	assert_int_equal(link, TRACE_LINK_NONE);
	link = serve_and_call(&server, &client, 121 * SECOND);
	assert_int_equal(link, TRACE_LINK_SOLE);
}

static double value_of(const struct metrics *m, const char *name)
{
	const struct metric_family *f = family(m, name);

	assert_non_null(f);
	assert_int_equal(f->n_points, 1);
	return f->points[0].value;
}

/* What is lost is said. */
static void losses_are_told(void **state)
{
	const struct request never_begun = { .kind = SPAN_SERVER,
					     .service = procs__service(procs, 42),
					     .method = "GET",
					     .scheme = "http" };
	struct metrics *m = metrics__new(1);

	agg__request_end(pipeline__agg(p), &never_begun);
	selfmetrics__add(m, p, procs, NULL, NULL, 1);
	assert_true(metrics__ok(m));
	assert_true(value_of(m, "redeye.active_requests.unbalanced") == 1);
	assert_true(value_of(m, "redeye.trace.routes_lost") == 0);
	metrics__put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_ring_to_metrics, start, stop),
		cmocka_unit_test_teardown(late_open, stop),
		cmocka_unit_test_setup_teardown(no_records, start, stop),
		cmocka_unit_test_setup_teardown(named_by_the_recording, start, stop),
		cmocka_unit_test_setup_teardown(replay_looks_at_no_process, start, stop),
		cmocka_unit_test_setup_teardown(process_exit_is_the_reason, start, stop),
		cmocka_unit_test_setup_teardown(ticks, start, stop),
		cmocka_unit_test_setup_teardown(a_trace_waits_a_second, start_traces, stop),
		cmocka_unit_test_setup_teardown(cut_short_is_when_it_is_known, start_traces, stop),
		cmocka_unit_test_setup_teardown(losses_are_told, start_traces, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
