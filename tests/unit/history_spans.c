// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "history_spans_fixture.h"

static struct fixture f;

static int start(void **state)
{
	f = fixture_new(MiB);
	return 0;
}

static int stop(void **state)
{
	fixture_free(&f);
	return 0;
}

/* ---- records ------------------------------------------------------------------------------ */

static struct history_spans *one(uint64_t trace)
{
	uint8_t id[16] = { 0 };
	struct history_spans *got;

	trace = __builtin_bswap64(trace);
	memcpy(id + 8, &trace, 8);
	got = history__trace(f.h, id);
	assert_non_null(got);
	return got;
}

static bool text_is(struct slice s, const char *text)
{
	return slice_eq(s, slice_of(text));
}

static void a_span_comes_back_as_it_was(void **state)
{
	struct span s = span_at(&shop, 1, 5, 6, 7);
	struct history_spans *got;
	const struct span *c;

	s.headers[0] = (struct span_header){ "x-a", SLICE("one") };
	s.headers[1] = (struct span_header){ "x-b", SLICE("") };
	s.n_headers = 2;
	s.response_body_bytes = 1234567890123;
	s.error_type = "connection_reset";
	s.trace.link = TRACE_LINK_SOLE;
	keep(f.h, s);
	got = one(5);
	assert_int_equal(got->n, 1);
	c = &got->v[0].span;
	assert_string_equal(got->v[0].service, "shop");
	assert_string_equal(got->v[0].namespace, "eu");
	assert_true(got->v[0].unix_minus_mono_ns == OFFSET_NS);
	assert_true(text_is(c->path, "/orders/7") && text_is(c->query, "q=1"));
	assert_true(text_is(c->route, "/orders/{id}") && text_is(c->request_id, "req-1"));
	assert_true(text_is(c->host, "shop.example") && text_is(c->method_original, "GET"));
	assert_int_equal(c->n_headers, 2);
	assert_true(text_is(c->headers[0].value, "one") && !c->headers[1].value.len);
	assert_string_equal(c->headers[1].name, "x-b");
	assert_memory_equal(&c->trace, &s.trace, sizeof(s.trace));
	assert_true(c->start_ns == s.start_ns && c->end_ns == s.end_ns);
	assert_true(c->request_end_ns == s.request_end_ns && !c->response_start_ns);
	assert_true(c->response_body_bytes == 1234567890123);
	assert_string_equal(c->error_type, "connection_reset");
	assert_int_equal(c->local_port, 8080);
	assert_memory_equal(c->peer_addr, s.peer_addr, 16);
	assert_null(c->rpc);
	assert_null(c->service);
	history_spans__free(got);
}

static void a_call_too(void **state)
{
	const struct span_rpc rpc = { .system = "grpc",
				      .method = SLICE("a.B/C"),
				      .status = "NOT_FOUND",
				      .message = SLICE("secret"),
				      .timeout_ns = 9,
				      .request_messages = 2 };
	struct span s = span_at(&shop, 1, 5, 6, 0);
	struct history_spans *got;

	s.rpc = &rpc;
	keep(f.h, s);
	got = one(5);
	assert_true(text_is(got->v[0].span.rpc->method, "a.B/C"));
	assert_string_equal(got->v[0].span.rpc->status, "NOT_FOUND");
	assert_int_equal(got->v[0].span.rpc->message.len, 0); /* nobody asked for it */
	assert_int_equal(got->v[0].span.rpc->timeout_ns, 9);
	history_spans__free(got);
}

static void the_longest_text_is_cut(void **state)
{
	static char text[100003];
	const struct span_rpc rpc = { .method = { text, sizeof(text) },
				      .message = { text, sizeof(text) } };
	struct span s = span_at(&shop, 1, 5, 6, 0);
	struct history_spans *got;
	int i;

	memset(text, 'x', sizeof(text));
	s.path = s.query = s.route = s.host = s.request_id = s.method_original =
		(struct slice){ text, sizeof(text) };
	for (i = 0; i < SPAN_HEADERS_MAX; i++)
		s.headers[i] = (struct span_header){ "x", { text, sizeof(text) } };
	s.n_headers = SPAN_HEADERS_MAX;
	s.rpc = &rpc;
	assert_true(record__bytes(&f.h->cfg, &s) <= RECORD_MAX);
	keep(f.h, s);
	got = one(5);
	assert_int_equal(got->n, 1);
	assert_int_equal(got->v[0].span.path.len, 2048);
	history_spans__free(got);
}

/* ---- rings ---------------------------------------------------------------------------------- */

static void ordinary_ones_go_and_errors_stay(void **state)
{
	struct history_state st;
	struct span s;
	uint64_t i;

	s = span_at(&shop, 1, 1, 1, 0);
	s.error_type = "500";
	keep(f.h, s);
	for (i = 2; i < 5003; i++)
		keep(f.h, span_at(i % 2 ? &shop : &web, 2, i, i, 0));
	st = state_of(f.h);
	assert_true(st.spans > 300 && st.spans < 5000);
	assert_true(st.bytes <= st.limit_bytes);
	assert_true(f.h->room[ROOM_SPANS] <= MiB / 4);
	assert_int_equal(st.spans_from_ns, (int64_t)BEGIN * (int64_t)SEC + (int64_t)SEC + 1);
	for (i = 1; i < 5003; i += 1) {
		struct history_spans *got = one(i);

		/* All or nothing, the oldest gone first. */
		assert_int_equal(got->n, i == 1 || i > 5003 - st.spans);
		history_spans__free(got);
	}
}

static void slow_ones_stay_too(void **state)
{
	struct service *v = service__get("shop", "ns", NULL);
	struct history_spans *got;
	struct span s;
	uint64_t i;

	for (i = 0; i < 1000; i++)
		serve(&f, "shop", "/fast", 200, MS + i);
	pass_seconds(&f, 20);
	s = a_span(&f, v, "/fast", 200, 50 * MS);
	s.route = SLICE("/fast");
	s.trace.trace_id[15] = 77;
	keep(f.h, s);
	assert_int_equal(f.h->spans.rings[RING_SLOW].n, 1);
	s.end_ns = s.start_ns + MS;
	for (i = 0; i < 3001; i++) {
		s.trace.trace_id[0] = (uint8_t)(i + 1);
		s.trace.trace_id[1] = (uint8_t)(i >> 8);
		keep(f.h, s);
	}
	assert_int_equal(f.h->spans.rings[RING_SLOW].n, 1);
	got = one(77);
	assert_int_equal(got->n, 1);
	history_spans__free(got);
	service__put(v);
}

/* ---- searching ---------------------------------------------------------------------------------
 */

static size_t found(const struct history_span_filter *x)
{
	struct history_traces *t = history__traces(f.h, x, HISTORY_NEWEST, 0, 1000);
	size_t n = t->n;

	assert_int_equal(t->total, n);
	history_traces__free(t);
	return n;
}

static void filters_choose(void **state)
{
	struct history_span_filter x = any_span();
	struct span s = span_at(&shop, 1, 0xabc, 1, 0);

	keep(f.h, s);
	s = span_at(&web, 2, 0xabd, 2, 0);
	s.kind = SPAN_CLIENT;
	s.status = 404;
	s.error_type = "404";
	s.path = SLICE("/other");
	s.route = (struct slice){ 0 };
	s.end_ns = s.start_ns + 500 * MS;
	keep(f.h, s);
	assert_int_equal(found(&x), 2);
	x.names.service = (struct history_match){ true, "shop" };
	assert_int_equal(found(&x), 1);
	x.names.namespace = (struct history_match){ true, NULL };
	assert_int_equal(found(&x), 0);
	x = any_span();
	x.names.peer = (struct history_match){ true, "shop.example:80" };
	assert_int_equal(found(&x), 1);
	x.names.peer.text = NULL;
	assert_int_equal(found(&x), 1); /* the server's */
	x = any_span();
	x.names.route = (struct history_match){ true, "" };
	assert_int_equal(found(&x), 1);
	x.names.route.text = "/orders/{id}";
	assert_int_equal(found(&x), 1);
	x = any_span();
	x.names.status = "4xx";
	assert_int_equal(found(&x), 1);
	x.names.status = "error";
	assert_int_equal(found(&x), 1);
	x.names.status = "200";
	assert_int_equal(found(&x), 1);
	x = any_span();
	x.names.kind = SPAN_CLIENT;
	assert_int_equal(found(&x), 1);
	x = any_span();
	x.min_duration_ns = 100 * MS;
	assert_int_equal(found(&x), 1);
	x.min_duration_ns = 500 * MS + 1;
	assert_int_equal(found(&x), 0);
}

static void texts_and_times_choose(void **state)
{
	struct history_span_filter x = any_span();
	int64_t begin = (int64_t)BEGIN * (int64_t)SEC;

	keep(f.h, span_at(&shop, 1, 0xabc, 1, 0));
	keep(f.h, span_at(&shop, 2, 0xabd, 2, 0));
	x.text = "0000000000000000000000000000";
	assert_int_equal(found(&x), 2);
	x.text = "00000000000000000000000000000ABD";
	assert_int_equal(found(&x), 1);
	x.text = "orders";
	assert_int_equal(found(&x), 2);
	x.text = "req-1";
	assert_int_equal(found(&x), 2);
	x.text = "req-";
	assert_int_equal(found(&x), 0);
	x = any_span();
	x.from_ns = begin + 2 * (int64_t)SEC;
	assert_int_equal(found(&x), 1);
	x.to_ns = begin + 2 * (int64_t)SEC + 2;
	assert_int_equal(found(&x), 0);
	x.to_ns++;
	assert_int_equal(found(&x), 1);
}

static void traces_are_put_together(void **state)
{
	struct history_span_filter x = any_span();
	struct history_traces *t;
	struct span s = span_at(&shop, 1, 9, 30, 20);

	s.error_type = "500";
	s.end_ns = s.start_ns + 9 * MS;
	keep(f.h, s);
	keep(f.h, span_at(&web, 1, 9, 20, 10));
	keep(f.h, span_at(&web, 1, 9, 10, 0xdead)); /* its parent is elsewhere */
	keep(f.h, span_at(&web, 0, 8, 1, 0));
	keep(f.h, span_at(&web, 0, 0, 1, 0)); /* of no trace */
	x.names.service = (struct history_match){ true, "shop" };
	t = history__traces(f.h, &x, HISTORY_LONGEST, 0, 10);
	assert_int_equal(t->n, 1);
	assert_int_equal(t->v[0].trace_id[15], 9);
	assert_int_equal(t->v[0].spans, 3);
	assert_int_equal(t->v[0].errors, 1);
	assert_int_equal(t->v[0].start_ns, (int64_t)((BEGIN + 1) * SEC + 10));
	assert_int_equal(t->v[0].duration_ns, 9 * MS + 20);
	assert_int_equal(t->v[0].root->span.trace.span_id[0], 10);
	assert_string_equal(t->v[0].root->service, "web");
	assert_int_equal(t->v[0].n_services, 2);
	assert_string_equal(t->v[0].services[0], "web");
	assert_string_equal(t->v[0].services[1], "shop");
	history_traces__free(t);
}

static void pages_in_order(void **state)
{
	static const enum history_order orders[] = { HISTORY_NEWEST, HISTORY_OLDEST,
						     HISTORY_LONGEST, HISTORY_SHORTEST };
	static const uint8_t firsts[] = { 50, 1, 1, 50 };
	const struct history_span_filter x = any_span();
	struct history_traces *t;
	struct span s;
	uint64_t i;
	size_t o;

	for (i = 1; i <= 50; i++) {
		s = span_at(&shop, (uint32_t)i, i, i, 0);
		s.end_ns = s.start_ns + (100 - i) * MS;
		keep(f.h, s);
	}
	for (o = 0; o < 4; o++)
		for (i = 0; i < 60; i += 7) {
			t = history__traces(f.h, &x, orders[o], i, 7);
			assert_int_equal(t->total, 50);
			assert_int_equal(t->n, i + 7 <= 50 ? 7 : i < 50 ? 50 - i : 0);
			if (t->n)
				assert_int_equal(t->v[0].trace_id[15],
						 firsts[o] == 1 ? 1 + i : 50 - i);
			history_traces__free(t);
		}
}

static bool is_complete(uint64_t trace)
{
	struct history_spans *s = one(trace);
	bool complete = s->complete;

	history_spans__free(s);
	return complete;
}

static void whether_a_trace_is_whole(void **state)
{
	struct span s = span_at(&shop, 1, 1, 2, 1);

	s.trace.link = TRACE_LINK_HEADER;
	s.trace.remote = 1;
	keep(f.h, s);
	assert_true(is_complete(1)); /* its parent may be anywhere */
	s = span_at(&shop, 1, 2, 2, 1);
	s.trace.link = TRACE_LINK_CONNECTION;
	s.trace.remote = 1;
	keep(f.h, s);
	assert_false(is_complete(2)); /* it was on this host */
	keep(f.h, span_at(&web, 1, 2, 1, 0));
	assert_true(is_complete(2));
	s = span_at(&shop, 1, 3, 2, 1);
	s.trace.link = TRACE_LINK_THREAD;
	keep(f.h, s);
	assert_false(is_complete(3)); /* it was in this process */
}

static void spans_of_a_trace_by_their_start(void **state)
{
	struct history_spans *got;
	uint64_t i;

	for (i = 0; i < 97; i++)
		keep(f.h, span_at(&shop, 1, 4, 1 + i * 31 % 97, 0));
	got = one(4);
	assert_int_equal(got->n, 97);
	for (i = 0; i < 97; i++)
		assert_int_equal(got->v[i].span.trace.span_id[0], 1 + i);
	history_spans__free(got);
}

/* Of a trace without end the first are shown, and that it goes on. */
static void only_so_many_of_a_trace(void **state)
{
	struct history_spans *got;
	uint64_t i;

	fixture_free(&f);
	f = fixture_new(32 * MiB);
	for (i = HISTORY_TRACE_MAX; i; i--) {
		keep(f.h, span_at(&shop, 1, 5, i, 0));
		if (i == 1)
			assert_true(is_complete(5));
	}
	keep(f.h, span_at(&shop, 2, 5, i, 0));
	got = one(5);
	assert_int_equal(got->n, HISTORY_TRACE_MAX);
	assert_false(got->complete);
	assert_true(got->v[HISTORY_TRACE_MAX - 1].span.start_ns < mono_at(BEGIN + 2));
	history_spans__free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_span_comes_back_as_it_was, start, stop),
		cmocka_unit_test_setup_teardown(a_call_too, start, stop),
		cmocka_unit_test_setup_teardown(the_longest_text_is_cut, start, stop),
		cmocka_unit_test_setup_teardown(ordinary_ones_go_and_errors_stay, start, stop),
		cmocka_unit_test_setup_teardown(slow_ones_stay_too, start, stop),
		cmocka_unit_test_setup_teardown(filters_choose, start, stop),
		cmocka_unit_test_setup_teardown(texts_and_times_choose, start, stop),
		cmocka_unit_test_setup_teardown(traces_are_put_together, start, stop),
		cmocka_unit_test_setup_teardown(pages_in_order, start, stop),
		cmocka_unit_test_setup_teardown(whether_a_trace_is_whole, start, stop),
		cmocka_unit_test_setup_teardown(spans_of_a_trace_by_their_start, start, stop),
		cmocka_unit_test_setup_teardown(only_so_many_of_a_trace, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
