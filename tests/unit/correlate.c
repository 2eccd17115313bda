// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "correlate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "conn.h"
#include "redeye.h"
#include "sampler.h"
#include "service.h"

#define SEC UINT64_C(1000000000)

static struct service shop = {
	.refs = 1, .id = 7, .name = "shop", .namespace = "", .instance = ""
};
static struct correlate *c;
static struct sampler sampler;
static struct conn plain = { .family = AF_INET, .peer_port = 80 };
static int n_moved, n_regular;
static uint64_t now_ns, next_off;

static void on_moved(void *arg, const uint8_t from[16], const struct request *r)
{
	n_moved++;
	assert_memory_not_equal(from, r->trace.trace_id, 16);
}

static void on_regular(void *arg, uint32_t tgid, const uint8_t addr[16], uint16_t port, bool on)
{
	assert_int_equal(tgid, 1);
	assert_int_equal(port, 80);
	n_regular += on ? 1 : -1;
}

static int setup(void **state)
{
	struct correlate_config cfg = { .key = { { 1, 2 } },
					.guess = true,
					.max_processes = 100,
					.sampler = &sampler,
					.moved = on_moved,
					.regular = on_regular };

	assert_int_equal(sampler__init(&sampler, "parentbased_always_on", NULL), 0);
	n_moved = n_regular = 0;
	c = correlate__new(&cfg);
	assert_non_null(c);
	now_ns = SEC;
	next_off = 0;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(correlate__stats(c)->processes, 0);
	correlate__free(c);
	return 0;
}

static void fill(struct request *r, enum span_kind kind, uint32_t tgid, uint32_t tid)
{
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->tgid = tgid;
	r->tid = tid;
	r->conn_id = 5;
	r->place = next_off++;
	r->start_ns = now_ns;
	r->service = &shop;
	r->method = "GET";
	r->scheme = "http";
	r->path = SLICE("/orders/17");
	r->conn = &plain;
}

static void serve(struct request *r, uint32_t tgid, uint32_t tid, bool blocking)
{
	fill(r, SPAN_SERVER, tgid, tid);
	r->blocking = blocking;
	correlate__begin(c, r);
}

/* A client request that is answered at once. */
static struct trace call(uint32_t tgid, uint32_t tid)
{
	struct request r;

	fill(&r, SPAN_CLIENT, tgid, tid);
	correlate__begin(c, &r);
	correlate__end(c, &r);
	return r.trace;
}

static bool is_child(const struct trace *t, const struct request *parent)
{
	return !memcmp(t->parent_id, parent->trace.span_id, 8) &&
	       !memcmp(t->trace_id, parent->trace.trace_id, 16);
}

static bool is_root(const struct trace *t)
{
	static const uint8_t none[8];

	return !memcmp(t->parent_id, none, 8) && t->link == TRACE_LINK_NONE &&
	       t->flags & TRACE_RANDOM;
}

/* ---- ids ---------------------------------------------------------------------------------- */

static void test_ids_are_those_of_the_kernel_side(void **state)
{
	struct red_trace_key key = { { 1, 2 } };
	uint64_t id;
	struct request r;
	int i;

	next_off = 4711;
	serve(&r, 1, 1, true);
	for (id = 0, i = 0; i < 8; i++)
		id = id << 8 | r.trace.span_id[i];
	assert_true(id == red_id(&key, 5, 4711, RED_ID_SPAN));
	for (id = 0, i = 8; i < 16; i++)
		id = id << 8 | r.trace.trace_id[i];
	assert_true(id == red_id(&key, 5, 4711, RED_ID_TRACE_LO));
	correlate__end(c, &r);
}

static void test_ids_differ(void **state)
{
	struct red_trace_key key = { { 0, 0 } };
	static uint64_t seen[3 * 101 * 101];
	size_t n = 0, i, k;
	uint64_t conn, off;

	for (conn = 0; conn < 101; conn++)
		for (off = 0; off < 101; off++)
			for (i = RED_ID_SPAN; i <= RED_ID_TRACE_LO; i++)
				seen[n++] = red_id(&key, conn, off, i);
	for (i = 0; i < n; i += 97) /* each pair would be 10^9 */
		for (k = 0; k < n; k++)
			assert_true(i == k || seen[i] != seen[k]);
}

/* ---- what requests carry -------------------------------------------------------------------- */

static void carry(struct request *r, uint8_t trace, uint8_t parent)
{
	memset(r->context.trace_id, trace, 16);
	memset(r->context.parent_id, parent, 8);
	r->context.valid = r->context.sampled_known = true;
	r->context.flags = TRACE_SAMPLED;
}

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
	correlate__end(c, &r);
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
		correlate__end(c, &in[i]);
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
		correlate__end(c, &in[i]);
	fill(&in[0], SPAN_SERVER, 1, 1); /* a short one proves nothing */
	in[0].request_id = SLICE("17");
	correlate__begin(c, &in[0]);
	fill(&out, SPAN_CLIENT, 1, 1);
	out.request_id = SLICE("17");
	correlate__begin(c, &out);
	assert_true(is_root(&out.trace));
	correlate__end(c, &in[0]);
}

/* ---- connections ---------------------------------------------------------------------- */

static struct conn client_end, server_end;

static void make_ends(bool loopback)
{
	memset(&client_end, 0, sizeof(client_end));
	client_end.family = AF_INET;
	client_end.established = 1;
	client_end.local_port = 40000;
	client_end.peer_port = 80;
	client_end.ino = 1;
	memset(client_end.local_addr + 10, 0xff, 2);
	memset(client_end.peer_addr + 10, 0xff, 2);
	client_end.local_addr[12] = client_end.peer_addr[12] = loopback ? 127 : 10;
	client_end.local_addr[15] = 1;
	client_end.peer_addr[15] = 2;
	server_end = client_end;
	server_end.local_port = 80;
	server_end.peer_port = 40000;
	memcpy(server_end.local_addr, client_end.peer_addr, 16);
	memcpy(server_end.peer_addr, client_end.local_addr, 16);
}

static void begin_at(struct request *r, enum span_kind kind, uint64_t off)
{
	fill(r, kind, kind + 1, 1);
	r->conn = kind == SPAN_CLIENT ? &client_end : &server_end;
	r->conn_id = 100 + kind;
	r->place = off;
	correlate__begin(c, r);
}

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
	correlate__end(c, &in);
	correlate__end(c, &out);
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
	correlate__end(c, &in);
	correlate__end(c, &out);
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
	correlate__end(c, &in);
	correlate__end(c, &out);
}

static void test_what_is_not_the_same_connection(void **state)
{
	struct request out, in;
	int i;

	for (i = 0; i < 6; i++) {
		make_ends(i != 5);
		begin_at(&out, SPAN_CLIENT, 0);
		server_end.peer_port += i == 0;
		server_end.local_addr[15] += i == 1;
		server_end.established = i != 2; /* offsets mean nothing */
		server_end.ino += i == 3 || i == 5;
		begin_at(&in, SPAN_SERVER, i == 4);
		if (i == 5) /* no loopback: the namespace may be another */
			assert_true(is_child(&in.trace, &out));
		else
			assert_true(is_root(&in.trace));
		correlate__end(c, &in);
		correlate__end(c, &out);
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
	correlate__end(c, &out);
	correlate__end(c, &in);
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
		correlate__end(c, &in);
		correlate__end(c, &out);
		correlate__end(c, &proxied);
	}
	assert_int_equal(n_moved, 0);
}

/* ---- injection --------------------------------------------------------------------------------
 */

static void inject(uint64_t conn_id, uint64_t off, uint64_t parent_conn_id, uint64_t parent_off,
		   bool undone)
{
	struct red_ev_inject ev = { .conn_id = conn_id,
				    .off = off,
				    .parent_conn_id = parent_conn_id,
				    .parent_off = parent_off,
				    .trace_hi = 0x0102030405060708,
				    .trace_lo = 0x1112131415161718,
				    .flags = TRACE_SAMPLED | TRACE_RANDOM,
				    .undone = undone };

	correlate__injected(c, &ev);
}

static void test_what_was_injected_stands(void **state)
{
	struct request r;
	uint8_t want[8];
	uint64_t id;
	int i;

	inject(5, 100, 77, 88, false);
	inject(6, 100, 77, 88, false);
	inject(6, 100, 77, 88, true);
	for (i = 0; i < 3; i++) {
		fill(&r, SPAN_CLIENT, 1, 1);
		r.place = 100;
		r.conn_id = i == 1 ? 6 : 5;
		correlate__begin(c, &r);
		if (i) { /* undone; and taken */
			assert_int_equal(r.trace.link, TRACE_LINK_NONE);
			continue;
		}
		assert_int_equal(r.trace.link, TRACE_LINK_INJECTED);
		assert_int_equal(r.trace.trace_id[0], 1);
		assert_int_equal(r.trace.trace_id[15], 0x18);
		id = red_id(&(struct red_trace_key){ { 1, 2 } }, 77, 88, RED_ID_SPAN);
		for (int k = 0; k < 8; k++)
			want[k] = id >> (56 - 8 * k);
		assert_memory_equal(r.trace.parent_id, want, 8);
		assert_int_equal(r.trace.flags, TRACE_SAMPLED | TRACE_RANDOM);
	}
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
			correlate__end(c, &in);
			correlate__end(c, &out);
		}
}

/* A header was announced for the CONNECT; the request in the tunnel begins at 0 as well. */
static void test_an_injection_is_of_the_wire(void **state)
{
	struct request tunnel, r;

	inject(5, 0, 0, 0, false);
	fill(&r, SPAN_CLIENT, 1, 1);
	r.conn_id = 5;
	r.place = red_place(1, 0);
	correlate__begin(c, &r);
	assert_int_equal(r.trace.link, TRACE_LINK_NONE);
	assert_true(r.trace.trace_id[0] != 1);
	fill(&tunnel, SPAN_CLIENT, 1, 1);
	tunnel.conn_id = 5;
	tunnel.place = 0;
	correlate__begin(c, &tunnel);
	assert_memory_not_equal(tunnel.trace.span_id, r.trace.span_id, 8);
	correlate__end(c, &r);
	correlate__end(c, &tunnel);
}

static void test_what_was_injected_moves_the_rest(void **state)
{
	struct request out, in;
	uint64_t off;

	make_ends(true);
	inject(101, 0, 0, 0, false);
	begin_at(&out, SPAN_CLIENT, 0);
	begin_at(&in, SPAN_SERVER, 0); /* its header is left out here */
	assert_true(is_child(&in.trace, &out));
	correlate__end(c, &in);
	correlate__end(c, &out);
	for (off = 100; off < 300; off += 100) { /* the receiver has got 70 bytes more */
		begin_at(&out, SPAN_CLIENT, off);
		begin_at(&in, SPAN_SERVER, off + 70);
		assert_true(is_child(&in.trace, &out));
		correlate__end(c, &in);
		correlate__end(c, &out);
	}
}

static void test_an_injected_root_has_no_parent(void **state)
{
	struct request r;

	inject(5, 3, 0, 0, false);
	fill(&r, SPAN_CLIENT, 1, 1);
	r.place = 3;
	correlate__begin(c, &r);
	assert_int_equal(r.trace.link, TRACE_LINK_NONE);
	assert_int_equal(r.trace.trace_id[0], 1);
}

static void test_an_open_parent_may_have_moved(void **state)
{
	struct request server, r;

	serve(&server, 1, 1, true);
	inject(6, 3, server.conn_id, server.place, false);
	fill(&r, SPAN_CLIENT, 1, 9);
	r.conn_id = 6;
	r.place = 3;
	correlate__begin(c, &r);
	assert_int_equal(r.trace.link, TRACE_LINK_INJECTED);
	assert_true(is_child(&r.trace, &server));
	correlate__end(c, &server);
}

/* ---- threads ----------------------------------------------------------------------------------
 */

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
		correlate__end(c, &r[i]);
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
	correlate__end(c, &a);
	t = call(1, 1);
	assert_true(is_child(&t, &b));
	correlate__end(c, &b);
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
	correlate__end(c, &a);
	correlate__end(c, &b);
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
	correlate__end(c, &b);
	t = call(1, 1); /* a is the only one again, but that thread is shared */
	assert_true(is_root(&t));
	correlate__end(c, &a);
	t = pair(2);
	assert_true(is_root(&t));
}

/* ---- habits -------------------------------------------------------------------------------------
 */

/* Serves one alone, which sends n requests. Whether all of them were linked. */
static bool serve_and_call(int n, bool want)
{
	struct request r;
	struct trace t;
	bool linked = true;

	now_ns += SEC / 100;
	serve(&r, 1, 1, false);
	while (n--) {
		t = call(1, 1 + n); /* a pool: from any thread */
		linked &= is_child(&t, &r);
		assert_true(is_child(&t, &r) || is_root(&t));
		assert_int_equal(t.link, want ? TRACE_LINK_SOLE : TRACE_LINK_NONE);
	}
	correlate__end(c, &r);
	return linked;
}

static void learn(int n)
{
	int i;

	for (i = 0; i < 16; i++)
		assert_false(serve_and_call(n, false));
	assert_true(serve_and_call(n, true));
}

static void test_a_habit_is_learned(void **state)
{
	learn(1);
}

static void test_other_numbers_are_another_habit(void **state)
{
	learn(2);
	assert_true(serve_and_call(3, true)); /* it shows only afterwards */
	assert_false(serve_and_call(2, false));
}

static void test_a_request_that_sends_nothing_breaks_it(void **state)
{
	learn(1);
	serve_and_call(0, true);
	learn(1);
}

static void test_two_at_once_are_not_known(void **state)
{
	struct request a, b;
	struct trace t;

	learn(1);
	serve(&a, 1, 1, false);
	serve(&b, 1, 1, false);
	t = call(1, 1);
	assert_true(is_root(&t));
	correlate__end(c, &a);
	t = call(1, 1); /* it is the only one left, but what a caused may come late */
	assert_true(is_root(&t));
	correlate__end(c, &b);
}

static void test_background_traffic_forbids_it(void **state)
{
	struct trace t;

	learn(1);
	t = call(1, 3); /* nothing is being served */
	assert_true(is_root(&t));
	assert_false(serve_and_call(1, false));
	now_ns += 601 * SEC; /* not seen for long */
	assert_true(serve_and_call(1, true));
}

static void test_an_opaque_process_forbids_it(void **state)
{
	learn(1);
	correlate__opaque(c, 1);
	assert_false(serve_and_call(1, false));
	correlate__process_ended(c, 1);
	assert_true(serve_and_call(1, true));
}

static void test_the_kernel_side_hears_of_habits(void **state)
{
	int i;

	for (i = 0; i < 16; i++) {
		serve_and_call(1, false);
		assert_int_equal(n_regular, 0);
	}
	serve_and_call(1, true);
	assert_int_equal(n_regular, 1);
	serve_and_call(1, true);
	assert_int_equal(n_regular, 1);
	call(1, 1); /* in the background */
	assert_int_equal(n_regular, 0);
	correlate__process_ended(c, 1);
	assert_int_equal(n_regular, 0);
}

/* What the kernel side decides must not keep it from learning. */
static void test_habits_are_learned_from_injected_ones(void **state)
{
	struct request server, r;
	int i;

	for (i = 0; i < 17; i++) {
		assert_int_equal(n_regular, 0);
		serve(&server, 1, 1, false);
		inject(5, next_off, 0, 0, false);
		call(1, 1);
		correlate__end(c, &server);
	}
	assert_int_equal(n_regular, 1);
	fill(&r, SPAN_CLIENT, 1, 1); /* revoked, so that the next test finds none */
	correlate__begin(c, &r);
	assert_int_equal(n_regular, 0);
}

/* ---- bounds
 * ------------------------------------------------------------------------------------------ */

static void test_processes_are_bounded(void **state)
{
	static struct request r[150];
	struct trace t;
	uint32_t i;

	for (i = 0; i < 150; i++)
		serve(&r[i], 1000 + i, 1, true);
	assert_int_equal(correlate__stats(c)->processes, 100);
	for (i = 0; i < 150; i++) {
		t = call(1000 + i, 1);
		assert_true(i < 100 ? is_child(&t, &r[i]) : is_root(&t));
	}
	for (i = 0; i < 150; i++)
		correlate__end(c, &r[i]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_ids_are_those_of_the_kernel_side),
		TEST(test_ids_differ),
		TEST(test_a_server_is_the_child_of_its_header),
		TEST(test_a_proxy_passes_headers_on),
		TEST(test_a_request_id_is_passed_on),
		TEST(test_a_thread_that_waits_serves_one),
		TEST(test_a_thread_with_two_is_not_known),
		TEST(test_threads_of_their_own_are_learned),
		TEST(test_an_answer_by_another_thread_ends_it),
		TEST(test_two_on_a_thread_end_it),
		TEST(test_both_ends_are_one_request),
		TEST(test_the_receiver_may_be_heard_first),
		TEST(test_a_trace_with_children_does_not_move),
		TEST(test_what_is_not_the_same_connection),
		TEST(test_the_header_wins),
		TEST(test_a_client_that_does_not_know_of_itself),
		TEST(test_what_was_injected_stands),
		TEST(test_ends_are_of_one_layer),
		TEST(test_an_injection_is_of_the_wire),
		TEST(test_what_was_injected_moves_the_rest),
		TEST(test_an_injected_root_has_no_parent),
		TEST(test_an_open_parent_may_have_moved),
		TEST(test_a_habit_is_learned),
		TEST(test_other_numbers_are_another_habit),
		TEST(test_a_request_that_sends_nothing_breaks_it),
		TEST(test_two_at_once_are_not_known),
		TEST(test_background_traffic_forbids_it),
		TEST(test_an_opaque_process_forbids_it),
		TEST(test_the_kernel_side_hears_of_habits),
		TEST(test_habits_are_learned_from_injected_ones),
		TEST(test_processes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
