// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What user space and the kernel side must agree on: ids, and the headers that it wrote. */
#include "correlate_fixture.h"

/* ---- ids ---- */

static void test_ids_are_those_of_the_kernel_side(void **state)
{
	uint64_t id;
	struct request r;
	int i;

	next_off = 4711;
	serve(&r, 1, 1, true);
	for (id = 0, i = 0; i < 8; i++)
		id = id << 8 | r.trace.span_id[i];
	assert_true(id == red_id(&the_key, 5, 4711, RED_ID_SPAN));
	for (id = 0, i = 8; i < 16; i++)
		id = id << 8 | r.trace.trace_id[i];
	assert_true(id == red_id(&the_key, 5, 4711, RED_ID_TRACE_LO));
	correlate__end(c, &r, now_ns);
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

/* ---- injection ---- */

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
		id = red_id(&the_key, 77, 88, RED_ID_SPAN);
		for (int k = 0; k < 8; k++)
			want[k] = id >> (56 - 8 * k);
		assert_memory_equal(r.trace.parent_id, want, 8);
		assert_int_equal(r.trace.flags, TRACE_SAMPLED | TRACE_RANDOM);
	}
}

/* As many sends on their way at once, each between its announcement and its record. */
static void test_injections_do_not_push_each_other_out(void **state)
{
	struct request r;
	uint64_t i;

	for (i = 1; i <= 97; i++)
		inject(i << 40 | 4711, 100, 77, 88, false);
	for (i = 1; i <= 97; i++) {
		fill(&r, SPAN_CLIENT, 1, 1);
		r.place = 100;
		r.conn_id = i << 40 | 4711;
		correlate__begin(c, &r);
		assert_int_equal(r.trace.link, TRACE_LINK_INJECTED);
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
	correlate__end(c, &r, now_ns);
	correlate__end(c, &tunnel, now_ns);
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
	correlate__end(c, &in, now_ns);
	correlate__end(c, &out, now_ns);
	for (off = 100; off < 300; off += 100) { /* the receiver has got 70 bytes more */
		begin_at(&out, SPAN_CLIENT, off);
		begin_at(&in, SPAN_SERVER, off + 70);
		assert_true(is_child(&in.trace, &out));
		correlate__end(c, &in, now_ns);
		correlate__end(c, &out, now_ns);
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
	correlate__end(c, &server, now_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ids_are_those_of_the_kernel_side),
		TEST(test_ids_differ),
		TEST(test_what_was_injected_stands),
		TEST(test_injections_do_not_push_each_other_out),
		TEST(test_an_injection_is_of_the_wire),
		TEST(test_what_was_injected_moves_the_rest),
		TEST(test_an_injected_root_has_no_parent),
		TEST(test_an_open_parent_may_have_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
