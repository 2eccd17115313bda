// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What shows of whose request another is a child: what it carries, the other end of its
 * connection, the thread. */
#include <sys/mman.h>

#include "correlate_fixture.h"
#include "redact.h"

/* ---- what requests carry ---- */

static void test_a_server_is_the_child_of_its_header(void **state)
{
	struct request r;

	fill(&r, SPAN_SERVER, 1, 1);
	carry(&r, 0xaa, 0xbb);
	correlate__begin(c, &r);
	assert_int_equal(r.trace.link, TRACE_LINK_HEADER);
	assert_int_equal(r.trace.remote, 1);
	assert_memory_equal(r.trace.trace_id, r.context.trace_id, 16);
	assert_memory_equal(r.trace.parent_id, r.context.parent_id, 8);
	assert_int_equal(r.trace.flags, TRACE_SAMPLED); /* the random flag is as received */
	correlate__end(c, &r, now_ns);
}

static void test_a_proxy_passes_headers_on(void **state)
{
	struct request in[3], out;
	int i;

	for (i = 0; i < 3; i++) {
		fill(&in[i], SPAN_SERVER, 1, 1);
		carry(&in[i], 0xaa, i == 2 ? 2 : 1); /* two of the same context */
		correlate__begin(c, &in[i]);
	}
	fill(&out, SPAN_CLIENT, 1, 9);
	carry(&out, 0xaa, 2);
	correlate__begin(c, &out);
	assert_int_equal(out.trace.link, TRACE_LINK_PASSED);
	assert_true(is_child(&out.trace, &in[2]));

	fill(&out, SPAN_CLIENT, 1, 9); /* which of the two is not known: what it says itself */
	carry(&out, 0xaa, 1);
	correlate__begin(c, &out);
	assert_int_equal(out.trace.link, TRACE_LINK_HEADER);
	assert_memory_equal(out.trace.parent_id, out.context.parent_id, 8);
	assert_int_equal(out.trace.remote, 0);

	fill(&out, SPAN_CLIENT, 2, 9); /* another process */
	carry(&out, 0xaa, 2);
	correlate__begin(c, &out);
	assert_int_equal(out.trace.link, TRACE_LINK_HEADER);
	for (i = 0; i < 3; i++)
		correlate__end(c, &in[i], now_ns);
}

static void test_a_request_id_is_passed_on(void **state)
{
	struct request in[3], out;
	const char *ids[3] = { "2f1a-0001", "2f1a-0002", "2f1a-0002" };
	int i;

	for (i = 0; i < 3; i++) {
		fill(&in[i], SPAN_SERVER, 1, 1);
		in[i].request_id = slice_of(ids[i]);
		correlate__begin(c, &in[i]);
	}
	for (i = 0; i < 2; i++) {
		fill(&out, SPAN_CLIENT, 1, 1);
		out.request_id = slice_of(ids[i]);
		correlate__begin(c, &out);
		if (i == 0)
			assert_true(is_child(&out.trace, &in[0]));
		else
			assert_true(is_root(&out.trace));
		assert_int_equal(out.trace.link, i ? TRACE_LINK_NONE : TRACE_LINK_PASSED);
	}
	for (i = 0; i < 3; i++)
		correlate__end(c, &in[i], now_ns);
	fill(&in[0], SPAN_SERVER, 1, 1); /* a short one proves nothing */
	in[0].request_id = SLICE("17");
	correlate__begin(c, &in[0]);
	fill(&out, SPAN_CLIENT, 1, 1);
	out.request_id = SLICE("17");
	correlate__begin(c, &out);
	assert_true(is_root(&out.trace));
	correlate__end(c, &in[0], now_ns);
}

static void test_a_hidden_id_proves_nothing(void **state)
{
	struct request in, out;

	fill(&in, SPAN_SERVER, 1, 1);
	fill(&out, SPAN_CLIENT, 1, 1);
	in.request_id = out.request_id = SLICE(REDACTED);
	in.id_hidden = out.id_hidden = true;
	correlate__begin(c, &in);
	correlate__begin(c, &out);
	assert_true(is_root(&out.trace));
	correlate__end(c, &in, now_ns);
}

/* ---- connections ---- */

static void test_both_ends_are_one_request(void **state)
{
	struct request out, in;

	make_ends(true);
	begin_at(&out, SPAN_CLIENT, 0);
	begin_at(&in, SPAN_SERVER, 0);
	assert_true(is_child(&in.trace, &out));
	assert_int_equal(in.trace.link, TRACE_LINK_CONNECTION);
	assert_int_equal(in.trace.remote, 1);
	assert_true(in.trace.flags & TRACE_SAMPLED);
	correlate__end(c, &in, now_ns);
	correlate__end(c, &out, now_ns);
	assert_int_equal(n_moved, 0);
}

static void test_the_receiver_may_be_heard_first(void **state)
{
	struct request out, in;

	make_ends(true);
	begin_at(&in, SPAN_SERVER, 77);
	now_ns += 5;
	begin_at(&out, SPAN_CLIENT, 77);
	assert_true(is_child(&in.trace, &out));
	assert_true(in.trace.flags & TRACE_SAMPLED);
	assert_true(out.start_ns == in.start_ns);
	assert_int_equal(n_moved, 1);
	assert_int_equal(correlate__stats(c)->links[SPAN_SERVER][TRACE_LINK_NONE], 0);
	correlate__end(c, &in, now_ns);
	correlate__end(c, &out, now_ns);
}

static void test_a_trace_with_children_does_not_move(void **state)
{
	struct request out, in;
	struct trace t;

	make_ends(true);
	fill(&in, SPAN_SERVER, 1, 1);
	in.conn = &server_end;
	in.blocking = true;
	in.place = 0;
	correlate__begin(c, &in);
	t = call(1, 1);
	assert_true(is_child(&t, &in));
	begin_at(&out, SPAN_CLIENT, 0);
	assert_true(is_root(&in.trace));
	assert_int_equal(correlate__stats(c)->late, 1);
	correlate__end(c, &in, now_ns);
	correlate__end(c, &out, now_ns);
}

static void test_what_is_not_the_same_connection(void **state)
{
	static const struct {
		int port, addr, ino, place; /* of the server's end, beside the client's */
		bool middle, elsewhere;     /* offsets, and namespaces, mean nothing */
		bool same;
	} cases[] = {
		{ .port = 1 }, { .addr = 1 },  { .middle = true },
		{ .ino = 1 },  { .place = 1 }, { .ino = 1, .elsewhere = true, .same = true },
	};
	struct request out, in;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_ends(!cases[i].elsewhere);
		begin_at(&out, SPAN_CLIENT, 0);
		server_end.peer_port += cases[i].port;
		server_end.local_addr[15] += cases[i].addr;
		server_end.established = !cases[i].middle;
		server_end.ino += cases[i].ino;
		begin_at(&in, SPAN_SERVER, cases[i].place);
		if (cases[i].same)
			assert_true(is_child(&in.trace, &out));
		else
			assert_true(is_root(&in.trace));
		correlate__end(c, &in, now_ns);
		correlate__end(c, &out, now_ns);
	}
}

static void test_the_header_wins(void **state)
{
	struct request out, in;

	make_ends(true);
	begin_at(&out, SPAN_CLIENT, 0);
	fill(&in, SPAN_SERVER, 2, 1);
	in.conn = &server_end;
	in.place = 0;
	carry(&in, 0xaa, 1);
	correlate__begin(c, &in);
	assert_int_equal(in.trace.link, TRACE_LINK_HEADER);
	correlate__end(c, &out, now_ns);
	correlate__end(c, &in, now_ns);
}

/* A proxy that passes its caller's header on: the receiver names the caller as parent. */
static void test_a_client_that_does_not_know_of_itself(void **state)
{
	struct request proxied, out, in;
	int first;

	for (first = 0; first < 2; first++) {
		make_ends(true);
		fill(&proxied, SPAN_SERVER, 2, 1);
		carry(&proxied, 0xaa, 1);
		correlate__begin(c, &proxied);
		fill(&out, SPAN_CLIENT, 2, 1);
		out.conn = &client_end;
		fill(&in, SPAN_SERVER, 3, 1);
		in.conn = &server_end;
		in.place = out.place;
		carry(&out, 0xaa, 1);
		carry(&in, 0xaa, 1);
		correlate__begin(c, first ? &in : &out);
		correlate__begin(c, first ? &out : &in);
		assert_int_equal(out.trace.link, TRACE_LINK_PASSED);
		assert_true(is_child(&out.trace, &proxied));
		assert_int_equal(in.trace.link, TRACE_LINK_CONNECTION);
		assert_true(is_child(&in.trace, &out));
		correlate__end(c, &in, now_ns);
		correlate__end(c, &out, now_ns);
		correlate__end(c, &proxied, now_ns);
	}
	assert_int_equal(n_moved, 0);
}

/* An offset of plaintext is none of the wire, nor of another layer. */
static void test_ends_are_of_one_layer(void **state)
{
	struct request out, in;
	int client, server;

	make_ends(true);
	for (client = 0; client < 3; client++)
		for (server = 0; server < 3; server++) {
			begin_at(&out, SPAN_CLIENT, red_place(client, 100));
			begin_at(&in, SPAN_SERVER, red_place(server, 100));
			assert_int_equal(is_child(&in.trace, &out), client == server);
			correlate__end(c, &in, now_ns);
			correlate__end(c, &out, now_ns);
		}
}

/* ---- threads ---- */

static void test_a_thread_that_waits_serves_one(void **state)
{
	struct request r[50];
	struct trace t;
	uint32_t i;

	for (i = 0; i < 50; i++)
		serve(&r[i], 1, 100 + i, true);
	for (i = 0; i < 50; i++) {
		t = call(1, 100 + i);
		assert_int_equal(t.link, TRACE_LINK_THREAD);
		assert_true(is_child(&t, &r[i]));
	}
	t = call(1, 99); /* a thread that serves nobody */
	assert_true(is_root(&t));
	t = call(2, 100); /* the same number in another process */
	assert_true(is_root(&t));
	for (i = 0; i < 50; i++)
		correlate__end(c, &r[i], now_ns);
	t = call(1, 100);
	assert_true(is_root(&t));
}

static void test_a_thread_with_two_is_not_known(void **state)
{
	struct request a, b;
	struct trace t;

	serve(&a, 1, 1, true);
	serve(&b, 1, 1, true);
	t = call(1, 1);
	assert_true(is_root(&t));
	correlate__end(c, &a, now_ns);
	t = call(1, 1);
	assert_true(is_child(&t, &b));
	correlate__end(c, &b, now_ns);
}

/* Two at once, each on a thread of its own; the second is answered by thread `answer`. */
static struct trace pair(uint32_t answer)
{
	struct request a, b;
	struct trace t;

	serve(&a, 1, 1, false);
	serve(&b, 1, 2, false);
	t = call(1, 2);
	assert_true(is_root(&t) || is_child(&t, &b));
	a.answer_tid = 1;
	b.answer_tid = answer;
	correlate__end(c, &a, now_ns);
	correlate__end(c, &b, now_ns);
	return t;
}

static void prove_threads(void)
{
	struct trace t;
	int i;

	for (i = 0; i < 256; i++) {
		t = pair(2);
		assert_true(is_root(&t));
	}
	t = pair(2);
	assert_int_equal(t.link, TRACE_LINK_THREAD);
}

static void test_threads_of_their_own_are_learned(void **state)
{
	prove_threads();
}

/* Not by those that were served alone, also after one was cut short. */
static void test_threads_are_learned_among_others_only(void **state)
{
	struct request r;
	struct trace t;
	int i;

	serve(&r, 1, 1, false);
	r.cut = true;
	correlate__end(c, &r, now_ns);
	for (i = 0; i < 1024; i++) {
		serve(&r, 1, 1, false);
		r.answer_tid = 1;
		correlate__end(c, &r, now_ns);
	}
	serve(&r, 1, 1, false);
	t = call(1, 1);
	assert_true(is_root(&t));
	correlate__end(c, &r, now_ns);
}

static void test_an_answer_by_another_thread_ends_it(void **state)
{
	struct trace t;

	prove_threads();
	pair(1);
	t = pair(2);
	assert_true(is_root(&t));
	correlate__process_ended(c, 1);
	prove_threads();
}

static void test_two_on_a_thread_end_it(void **state)
{
	struct request a, b;
	struct trace t;

	prove_threads();
	serve(&a, 1, 1, false);
	serve(&b, 1, 1, false);
	correlate__end(c, &b, now_ns);
	t = call(1, 1); /* a is the only one again, but that thread is shared */
	assert_true(is_root(&t));
	correlate__end(c, &a, now_ns);
	t = pair(2);
	assert_true(is_root(&t));
}

/* ---- bounds ---- */

static void serve_alike(struct request *r)
{
	fill(r, SPAN_SERVER, 1, 1);
	carry(r, 0xaa, 1);
	r->request_id = SLICE("2f1a-0001");
	r->conn = &server_end;
	r->place = 0;
	correlate__begin(c, r);
}

/* However many an event loop serves: to end one, its neighbours are all that is looked at. */
static void test_an_end_looks_at_neighbours_only(void **state)
{
	struct request first, second, third;
	struct request *far = mmap(NULL, sizeof(*far), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(far, MAP_FAILED);
	make_ends(true);
	serve_alike(&first);
	serve_alike(&second);
	serve_alike(far);
	assert_int_equal(mprotect(far, sizeof(*far), PROT_NONE), 0);
	correlate__end(c, &first, now_ns);
	assert_int_equal(mprotect(far, sizeof(*far), PROT_READ | PROT_WRITE), 0);
	serve_alike(&third);
	correlate__end(c, far, now_ns);
	correlate__end(c, &third, now_ns);
	correlate__end(c, &second, now_ns);
	munmap(far, sizeof(*far));
}

/* The thread of a connection that carries several requests sends what any other one wants. */
static void test_a_shared_connection_says_nothing_of_threads(void **state)
{
	struct request a, b, r;

	prove_threads();
	serve(&a, 1, 1, false);
	serve(&b, 1, 2, false);
	fill(&r, SPAN_CLIENT, 1, 1);
	correlate__begin(c, &r);
	assert_int_equal(r.trace.link, TRACE_LINK_THREAD);
	correlate__end(c, &r, now_ns);
	fill(&r, SPAN_CLIENT, 1, 1);
	r.multiplexed = true;
	correlate__begin(c, &r);
	assert_int_equal(r.trace.link, TRACE_LINK_NONE);
	correlate__end(c, &r, now_ns);
	correlate__end(c, &a, now_ns);
	correlate__end(c, &b, now_ns);
}

/* With a header that was written for no parent none is looked for. */
static void test_no_parent_is_not_looked_for(void **state)
{
	struct request *far = mmap(NULL, sizeof(*far), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct request near, r;

	assert_ptr_not_equal(far, MAP_FAILED);
	serve(far, 1, 1, false);
	serve(&near, 1, 2, false);
	assert_int_equal(mprotect(far, sizeof(*far), PROT_NONE), 0);
	inject(6, 3, 0, 0, false);
	fill(&r, SPAN_CLIENT, 1, 3);
	r.conn_id = 6;
	r.place = 3;
	correlate__begin(c, &r);
	assert_int_equal(r.trace.link, TRACE_LINK_NONE);
	assert_int_equal(r.trace.trace_id[0], 1);
	correlate__end(c, &r, now_ns);
	assert_int_equal(mprotect(far, sizeof(*far), PROT_READ | PROT_WRITE), 0);
	correlate__end(c, &near, now_ns);
	correlate__end(c, far, now_ns);
	munmap(far, sizeof(*far));
}

static void test_processes_are_bounded(void **state)
{
	static struct request r[2050];
	struct trace t;
	uint32_t i;

	for (i = 0; i < 2050; i++)
		serve(&r[i], 10000 + i, 1, true);
	assert_int_equal(correlate__stats(c)->processes, 2000);
	for (i = 0; i < 2050; i++) {
		t = call(10000 + i, 1);
		assert_true(i < 2000 ? is_child(&t, &r[i]) : is_root(&t));
	}
	for (i = 0; i < 2050; i++)
		correlate__end(c, &r[i], now_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_server_is_the_child_of_its_header),
		TEST(test_a_proxy_passes_headers_on),
		TEST(test_a_request_id_is_passed_on),
		TEST(test_a_hidden_id_proves_nothing),
		TEST(test_both_ends_are_one_request),
		TEST(test_the_receiver_may_be_heard_first),
		TEST(test_a_trace_with_children_does_not_move),
		TEST(test_what_is_not_the_same_connection),
		TEST(test_the_header_wins),
		TEST(test_a_client_that_does_not_know_of_itself),
		TEST(test_ends_are_of_one_layer),
		TEST(test_a_thread_that_waits_serves_one),
		TEST(test_a_thread_with_two_is_not_known),
		TEST(test_threads_of_their_own_are_learned),
		TEST(test_threads_are_learned_among_others_only),
		TEST(test_an_answer_by_another_thread_ends_it),
		TEST(test_two_on_a_thread_end_it),
		TEST(test_an_end_looks_at_neighbours_only),
		TEST(test_a_shared_connection_says_nothing_of_threads),
		TEST(test_no_parent_is_not_looked_for),
		TEST(test_processes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
