// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a process does each time: who is served alone is the parent of what it sends. */
#include "correlate_fixture.h"

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
	correlate__end(c, &r, now_ns);
	return linked;
}

static void learn(int n)
{
	int i;

	for (i = 0; i < 16; i++)
		assert_false(serve_and_call(n, false));
	assert_true(serve_and_call(n, true));
}

/* As many processes, kinds of requests and peers. Where a newcomer takes the place that it comes
 * upon, some of them take each other's. */
#define MANY 997

static void serve_each_and_call(bool known)
{
	static struct conn peers[MANY];
	char path[] = "/kind-aa/a";
	struct request server, r;
	int i;

	for (i = 0; i < MANY; i++) {
		peers[i] = (struct conn){ .family = AF_INET, .peer_port = 80 + i };
		path[6] = 'a' + i / 26 % 26;
		path[7] = 'a' + i % 26;
		path[9] = 'a' + i / 676;
		fill(&server, SPAN_SERVER, 1 + i, 1);
		server.path = slice_of(path);
		correlate__begin(c, &server);
		fill(&r, SPAN_CLIENT, 1 + i, 1);
		r.conn = &peers[i];
		correlate__begin(c, &r);
		assert_int_equal(r.trace.link, known ? TRACE_LINK_SOLE : TRACE_LINK_NONE);
		correlate__end(c, &r, now_ns);
		correlate__end(c, &server, now_ns);
	}
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
	correlate__end(c, &a, now_ns);
	t = call(1, 1); /* it is the only one left, but what a caused may come late */
	assert_true(is_root(&t));
	correlate__end(c, &b, now_ns);
}

/* Their handlers may go on: what these send is not what the next one sends. */
static void test_who_was_cut_short_may_go_on(void **state)
{
	struct request a, b, next;
	struct trace t;

	learn(1);
	serve(&a, 1, 1, false);
	serve(&b, 1, 1, false);
	a.cut = b.cut = true;
	now_ns += SEC;
	correlate__end(c, &a, now_ns);
	assert_int_equal(n_regular, 0);
	correlate__end(c, &b, now_ns);
	now_ns += 30 * SEC - 1;
	serve(&next, 1, 1, false);
	t = call(1, 1);
	assert_true(is_root(&t));
	correlate__end(c, &next, now_ns);
	assert_int_equal(n_regular, 0);
	now_ns += SEC;
	assert_true(serve_and_call(1, true));
	assert_int_equal(n_regular, 1);
}

/* What its handler sends then is no background. */
static void test_what_goes_on_is_no_background(void **state)
{
	struct request a;
	struct trace t;

	learn(1);
	serve(&a, 1, 1, false);
	a.cut = true;
	correlate__end(c, &a, now_ns);
	t = call(1, 1);
	assert_true(is_root(&t));
	now_ns += 30 * SEC;
	assert_true(serve_and_call(1, true));
}

/* Its service gets another name, and sends to the same peer in the background. */
static void test_a_habit_is_revoked_by_another_name(void **state)
{
	learn(1);
	assert_int_equal(n_regular, 1);
	shop.id = 8;
	call(1, 1);
	shop.id = 7;
	assert_int_equal(n_regular, 0);
}

/* Whoever serves nothing, ever, is taken for nobody's background. */
static void test_clients_are_no_background(void **state)
{
	static struct conn peers[3001];
	struct request r;
	int i;

	for (i = 0; i < 3001; i++) {
		peers[i] = (struct conn){ .family = AF_INET, .peer_port = 100 + i };
		fill(&r, SPAN_CLIENT, 50, 1);
		r.conn = &peers[i];
		correlate__begin(c, &r);
		correlate__end(c, &r, now_ns);
	}
	assert_int_equal(correlate__stats(c)->background, 3001);
	for (i = 0; i < 16; i++)
		serve_each_and_call(false);
	serve_each_and_call(true);
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

static void test_habits_of_many_do_not_push_each_other_out(void **state)
{
	int i;

	for (i = 0; i < 16; i++)
		serve_each_and_call(false);
	for (i = 0; i < 3; i++) {
		serve_each_and_call(true);
		assert_int_equal(n_regular, MANY);
		assert_int_equal(n_told, MANY);
	}
}

/* Who has to make room for others is told of no more. */
static void test_habits_of_the_forgotten_are_revoked(void **state)
{
	struct request r;
	int i;

	learn(1);
	assert_int_equal(n_regular, 1);
	for (i = 0; i < 2000; i++) {
		serve(&r, 2 + i, 1, false);
		correlate__end(c, &r, now_ns);
	}
	assert_int_equal(n_regular, 0);
	learn(1);
	assert_int_equal(n_regular, 1);
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
		correlate__end(c, &server, now_ns);
	}
	assert_int_equal(n_regular, 1);
	fill(&r, SPAN_CLIENT, 1, 1); /* revoked, so that the next test finds none */
	correlate__begin(c, &r);
	assert_int_equal(n_regular, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_habit_is_learned),
		TEST(test_other_numbers_are_another_habit),
		TEST(test_a_request_that_sends_nothing_breaks_it),
		TEST(test_two_at_once_are_not_known),
		TEST(test_who_was_cut_short_may_go_on),
		TEST(test_what_goes_on_is_no_background),
		TEST(test_a_habit_is_revoked_by_another_name),
		TEST(test_clients_are_no_background),
		TEST(test_background_traffic_forbids_it),
		TEST(test_an_opaque_process_forbids_it),
		TEST(test_the_kernel_side_hears_of_habits),
		TEST(test_habits_of_many_do_not_push_each_other_out),
		TEST(test_habits_of_the_forgotten_are_revoked),
		TEST(test_habits_are_learned_from_injected_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
