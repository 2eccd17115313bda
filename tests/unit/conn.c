// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table, its bounds and its polls. What becomes of the bytes is in http1.c. */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conn.h"
#include "conn_env.h"
#include "options.h"
#include "wire.h"

#define MS     1000000ull
#define SECOND 1000000000ull
#define GET    "GET / HTTP/1.1\r\n\r\n"
#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

struct asked {
	uint64_t sk, id;
	enum red_poll_cmd cmd;
};

static struct conn_table *t;
static struct proto_env env;
static struct options options;
static struct asked asked[256];
static int n_asked, answer, n_spans, n_opaque;

static void on_request(void *arg, struct request *r)
{
}

static void on_span(void *arg, struct span *s)
{
	n_spans++;
}

static void opaque(void *arg, uint32_t tgid)
{
	n_opaque++;
}

static int poll_conn(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	if (n_asked < 256)
		asked[n_asked] = (struct asked){ c->sk, c->id, cmd };
	n_asked++;
	return answer;
}

static void start(uint32_t max_conns, bool live)
{
	struct conn_table_config cfg = { .max_conns = max_conns,
					 .env = &env,
					 .poll = live ? poll_conn : NULL };

	env = (struct proto_env){
		.ops = { .start = on_request,
			 .end = on_request,
			 .span = on_span,
			 .service = service_of,
			 .ended = process_ended,
			 .opaque = opaque },
		.options = &options,
		.max_requests = 1000,
		.max_head_bytes = 1 << 16,
	};
	n_asked = answer = n_spans = n_opaque = 0;
	t = conn_table__new(&cfg);
	assert_non_null(t);
}

static int stop(void **state)
{
	conn_table__free(t);
	t = NULL;
	nothing_held(&env);
	return 0;
}

static void connect_as(struct wire *w, uint64_t id)
{
	wire_init(w, feed, t);
	w->id = id;
}

static void in(struct wire *w, const char *s, uint64_t ts_ns)
{
	wire_call(w, RED_DIR_IN, s, strlen(s), ts_ns);
}

static void out(struct wire *w, const char *s, uint64_t ts_ns)
{
	wire_call(w, RED_DIR_OUT, s, strlen(s), ts_ns);
}

static uint64_t dropped(enum proto_drop why)
{
	return env.stat[0].dropped[why];
}

/* ---- the table ---- */

static void idle_the_longest_goes_first(void **state)
{
	static struct wire w[5];
	int i;

	start(3, true);
	for (i = 0; i < 3; i++) {
		connect_as(&w[i], i + 1);
		in(&w[i], GET, 100 + i);
	}
	out(&w[0], OK, 200);
	in(&w[0], GET, 250); /* all wait, and 2 for the longest */
	connect_as(&w[3], 4);
	in(&w[3], GET, 300);
	assert_int_equal(conn_table__stat(t)->evicted, 1);
	assert_int_equal(conn_table__stat(t)->open, 3);
	assert_int_equal(dropped(PROTO_DROP_EVICTED), 1);
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].cmd, RED_POLL_FORGET);
	assert_int_equal(asked[0].id, 2);
	assert_int_equal(asked[0].sk, 2 << 8);
	out(&w[1], OK, 400); /* not known any more */
	wire_state(&w[1], RED_EV_CLOSE, 0, 0, 500);
	assert_int_equal(conn_table__stat(t)->unknown, 2);
	out(&w[2], OK, 600);
	out(&w[3], OK, 700);
	out(&w[0], OK, 800);
	assert_int_equal(n_spans, 4);
	assert_int_equal(env.stat[0].observed, 5);
	assert_int_equal(env.stat[0].in_flight, 0);
}

/* Its answer takes its time: who waits for nothing goes first, though seen later. */
static void who_waits_for_an_answer_stays(void **state)
{
	static struct wire w[4];
	int i;

	start(3, true);
	for (i = 0; i < 4; i++)
		connect_as(&w[i], i + 1);
	for (i = 0; i < 3; i++)
		in(&w[i], GET, 100 + i);
	out(&w[1], OK, 200);
	out(&w[2], OK, 300);
	in(&w[3], GET, 400);
	assert_int_equal(asked[0].cmd, RED_POLL_FORGET);
	assert_int_equal(asked[0].id, 2);
	out(&w[0], OK, 500);
	assert_int_equal(dropped(PROTO_DROP_EVICTED), 0);
	conn_table__shrink(t, 2);
	assert_int_equal(conn_table__stat(t)->open, 1);
	out(&w[3], OK, 600);
	assert_int_equal(dropped(PROTO_DROP_EVICTED), 0);
	assert_int_equal(n_spans, 4);
}

/* Of those that share its bucket too; and what is opened afterwards is another one. */
static void a_process_is_dropped(void **state)
{
	static const uint32_t tgids[] = { 42, 43, 42 + 1024, 42 };
	static struct wire w[4];
	int i;

	start(10, true);
	for (i = 0; i < 4; i++) {
		connect_as(&w[i], i + 1);
		w[i].tgid = tgids[i];
		in(&w[i], GET, 100 + i);
	}
	conn_table__drop_process(t, 4711);
	assert_int_equal(n_asked, 0);
	conn_table__drop_process(t, 42);
	assert_int_equal(n_asked, 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(asked[i].cmd, RED_POLL_FORGET);
		assert_int_equal(asked[i].id, i ? 1 : 4);
	}
	assert_int_equal(conn_table__stat(t)->open, 2);
	assert_int_equal(dropped(PROTO_DROP_NOT_SELECTED), 2);
	account(&env);
	out(&w[0], OK, 200); /* was in the ring */
	assert_int_equal(conn_table__stat(t)->unknown, 1);
	out(&w[1], OK, 300);
	out(&w[2], OK, 300);
	assert_int_equal(n_spans, 2);
	/* It answers what came before, then all is as it was. */
	connect_as(&w[0], 5);
	w[0].established = false;
	out(&w[0], OK, 400);
	assert_int_equal(env.stat[0].unmatched, 1);
	in(&w[0], GET, 500);
	out(&w[0], OK, 600);
	assert_int_equal(n_spans, 3);
	conn_table__drop_process(t, 42);
	conn_table__drop_process(t, 42);
	conn_table__drop_process(t, 43);
	conn_table__drop_process(t, 42 + 1024);
	assert_int_equal(conn_table__stat(t)->open, 0);
}

static void announced_twice(void **state)
{
	static struct wire w;

	start(3, false);
	connect_as(&w, 1);
	in(&w, GET, 100);
	wire_open(&w, 150);
	out(&w, OK, 200);
	assert_int_equal(conn_table__stat(t)->opened, 1);
	assert_int_equal(n_spans, 1);
}

static void ends_with_redeye(void **state)
{
	static struct wire w;

	start(3, false);
	connect_as(&w, 1);
	in(&w, GET GET, 100);
	conn_table__free(t);
	t = NULL;
	assert_int_equal(dropped(PROTO_DROP_ENDED), 2);
	conn_table__free(NULL);
}

static void gives_memory_back(void **state)
{
	static struct wire w[4];
	int i;

	start(10, true);
	for (i = 0; i < 4; i++) {
		connect_as(&w[i], i + 1);
		in(&w[i], GET, 100 + i);
	}
	conn_table__shrink(t, 3);
	assert_int_equal(conn_table__stat(t)->open, 1);
	assert_int_equal(dropped(PROTO_DROP_EVICTED), 3);
	out(&w[3], OK, 200); /* the youngest stayed */
	assert_int_equal(n_spans, 1);
	conn_table__shrink(t, 100);
	assert_int_equal(conn_table__stat(t)->open, 0);
}

/* Each opens, asks half a question and is closed, evicted or left alone. */
static void churn(uint64_t from, uint64_t n)
{
	static struct wire w;
	uint64_t id;

	for (id = from; id < from + n; id++) {
		connect_as(&w, id);
		in(&w, id % 3 ? GET : "GET /half HTTP/1.1\r\nHos", id);
		if (id % 3 == 1)
			out(&w, OK, id);
		if (id % 2)
			wire_state(&w, RED_EV_CLOSE, 0, RED_STATE_RESET, id);
	}
}

static void does_not_grow(void **state)
{
	struct mallinfo2 before, after;

	start(100, false);
	churn(1, 2000);
	before = mallinfo2();
	churn(2001, 100000);
	after = mallinfo2();
	assert_in_range(after.uordblks, 0, before.uordblks + 64 * 1024);
	assert_int_equal(conn_table__stat(t)->opened, 102000);
	assert_int_equal(conn_table__stat(t)->open, 100);
}

/* ---- modes ---- */

static void another_protocol_is_given_up(void **state)
{
	static struct wire w;
	int i;

	start(3, true);
	connect_as(&w, 1);
	for (i = 0; i < 4; i++) {
		assert_int_equal(n_asked, 0);
		in(&w, "\x01\x02\x03", 100 + i);
		out(&w, "\x04\x05\x06", 100 + i);
	}
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].cmd, RED_POLL_MODE_NONE);
	assert_int_equal(conn_table__stat(t)->unclassified, 1);
	assert_int_equal(n_opaque, 1);
	for (i = 0; i < 600; i++) /* what is still in the ring */
		in(&w, i % 2 ? "\x01" : GET, 200);
	assert_int_equal(n_asked, 1);
	assert_int_equal(conn_table__stat(t)->unclassified, 1);
	assert_int_equal(env.stat[0].observed, 0);
}

/* Text without line ends can be the beginning of a request for long. */
static void text_is_given_up_too(void **state)
{
	static struct wire w;
	int i;

	start(3, true);
	connect_as(&w, 1);
	for (i = 0; i < 9; i++) {
		in(&w, "hello world", 100 + i);
		out(&w, "hi", 100 + i);
	}
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].cmd, RED_POLL_MODE_NONE);
	assert_int_equal(env.stat[0].observed, 0);
	assert_int_equal(env.head_bytes, 0);
}

static void an_upgrade_ends_it(void **state)
{
	static struct wire w;

	start(3, true);
	connect_as(&w, 1);
	in(&w, "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 100);
	assert_int_equal(n_asked, 0);
	out(&w, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 200);
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].cmd, RED_POLL_MODE_NONE);
	in(&w, "\x01\x02", 300);
	out(&w, "\x01\x02", 400);
	assert_int_equal(n_asked, 1);
	assert_int_equal(conn_table__tick(t, 50 * SECOND), 400 + 60 * SECOND); /* idle */
	assert_int_equal(n_asked, 1);
	assert_int_equal(n_spans, 1);
}

/* ---- polls ---- */

static void only_who_waits_is_polled(void **state)
{
	static struct wire w[3];
	int i;

	start(10, true);
	for (i = 0; i < 3; i++)
		connect_as(&w[i], i + 1);
	in(&w[0], GET, 1000 * MS);
	in(&w[1], GET, 1030 * MS);
	in(&w[2], GET, 1040 * MS);
	out(&w[2], OK, 1050 * MS);
	assert_int_equal(conn_table__tick(t, 1060 * MS), 1100 * MS);
	assert_int_equal(n_asked, 0);
	assert_int_equal(conn_table__tick(t, 1100 * MS), 1130 * MS);
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].id, 1);
	assert_int_equal(asked[0].cmd, RED_POLL_REPORT);
	assert_int_equal(conn_table__tick(t, 1135 * MS), 1300 * MS);
	assert_int_equal(n_asked, 2);
	assert_int_equal(asked[1].id, 2);
	out(&w[0], OK, 1140 * MS);
	assert_int_equal(conn_table__tick(t, 1200 * MS), 1335 * MS);
	assert_int_equal(conn_table__stat(t)->polls, 2);
}

static void polls_slow_down(void **state)
{
	static const unsigned int wait_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000 };
	static struct wire w;
	uint64_t now = 1000 * MS, next;
	int i;

	start(10, true);
	connect_as(&w, 1);
	in(&w, GET, now);
	for (i = 0; i < 9; i++) {
		next = conn_table__tick(t, now);
		assert_int_equal(n_asked, i);
		assert_int_equal(next, now + wait_ms[i] * MS);
		now = next;
		wire_state(&w, RED_EV_PROGRESS, 0, 0, now); /* nothing new */
	}
	out(&w, "HTTP/1.1 100 Continue\r\n\r\n", now); /* something new: soon again */
	assert_int_equal(conn_table__tick(t, now), now + 100 * MS);
}

/* Found by fuzzing: what was polled was due again at once, for ever. */
static void polls_at_the_end_of_time(void **state)
{
	static struct wire w[3];

	start(10, true);
	for (int i = 0; i < 3; i++) {
		connect_as(&w[i], i + 1);
		in(&w[i], GET, 1000 * MS);
	}
	conn_table__tick(t, UINT64_MAX);
	conn_table__tick(t, UINT64_MAX);
	assert_int_equal(n_asked, 6);
}

static void a_poll_ends_what_was_only_counted(void **state)
{
	static struct wire w;
	static char body[5000];

	start(10, true);
	connect_as(&w, 1);
	in(&w, GET, 1000 * MS);
	out(&w, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 1001 * MS);
	wire_call(&w, RED_DIR_OUT, body, 5000, 1002 * MS);
	assert_int_equal(n_spans, 0);
	conn_table__tick(t, 1102 * MS);
	assert_int_equal(n_asked, 1);
	wire_state(&w, RED_EV_PROGRESS, 0, 0, 1102 * MS);
	assert_int_equal(n_spans, 1);
	assert_int_equal(conn_table__tick(t, 9000 * MS), 61102 * MS); /* idle */
	assert_int_equal(n_asked, 1);
}

/* No hook sees that the process closes then. */
static void over_is_polled(void **state)
{
	static struct wire w;

	start(10, true);
	connect_as(&w, 1);
	in(&w, GET, 1000 * MS);
	out(&w, OK, 1001 * MS);
	assert_int_equal(conn_table__tick(t, 1002 * MS), 61001 * MS);
	wire_state(&w, RED_EV_PROGRESS, 0, RED_STATE_OVER, 1002 * MS);
	assert_int_equal(conn_table__tick(t, 1003 * MS), 1101 * MS);
	assert_int_equal(conn_table__tick(t, 1101 * MS), 1301 * MS);
	assert_int_equal(n_asked, 1);
	wire_state(&w, RED_EV_PROGRESS, 0, RED_STATE_OVER, 1101 * MS);
	wire_state(&w, RED_EV_CLOSE, 0, RED_STATE_LOCAL, 1301 * MS);
	assert_int_equal(conn_table__stat(t)->open, 0);
}

static void unknown_to_the_kernel_twice(void **state)
{
	static struct wire w;

	start(10, true);
	connect_as(&w, 1);
	in(&w, GET, 1000 * MS);
	answer = -ENOENT;
	conn_table__tick(t, 1100 * MS); /* its end may still be in the ring */
	assert_int_equal(conn_table__stat(t)->open, 1);
	answer = 0;
	conn_table__tick(t, 1300 * MS);
	answer = -ENOENT;
	conn_table__tick(t, 1700 * MS);
	assert_int_equal(conn_table__stat(t)->open, 1);
	conn_table__tick(t, 2500 * MS);
	assert_int_equal(conn_table__stat(t)->open, 0);
	assert_int_equal(dropped(PROTO_DROP_LOST), 1);
	assert_int_equal(conn_table__tick(t, 9000 * MS), UINT64_MAX);
}

/* ---- room for heads ---- */

/* Used to loop for ever. */
static void no_room_for_a_head(void **state)
{
	static struct wire w[3];
	int i;

	start(10, false);
	env.max_head_bytes = 1024;
	for (i = 0; i < 3; i++) {
		connect_as(&w[i], i + 1);
		in(&w[i], "GET /x HTTP/1.1\r\nHost: ", 100);
	}
	assert_int_equal(env.head_bytes, 1024);
	for (i = 0; i < 3; i++) {
		in(&w[i], "h\r\n\r\n", 200);
		out(&w[i], OK, 300);
	}
	assert_int_equal(n_spans, 3); /* one with its head cut */
	assert_int_equal(env.stat[0].heads_cut, 1);
	assert_int_equal(env.head_bytes, 0);
}

/* However many wait with half a head: who sends one in two pieces is read whole. */
static void who_waits_gives_way(void **state)
{
	static struct wire w[8];
	int i;

	start(10, false);
	env.max_head_bytes = 2048;
	for (i = 0; i < 8; i++) {
		connect_as(&w[i], i + 1);
		in(&w[i], "GET /x HTTP/1.1\r\nHost: ", 100 + i);
	}
	assert_int_equal(env.head_bytes, 2048);
	assert_int_equal(env.stat[0].heads_gone, 4);
	for (i = 7; i >= 0; i--) {
		in(&w[i], "h\r\n\r\n", 200);
		assert_int_equal(env.stat[0].heads_cut, 4); /* not this one */
		out(&w[i], OK, 300);
	}
	assert_int_equal(n_spans, 8);
	assert_int_equal(env.stat[0].gaps, 0);
}

/* Half a request waits behind another one's half answer, which has to have room. */
static void not_its_own_other_half(void **state)
{
	static struct wire w, other;

	start(10, false);
	env.max_head_bytes = 1024;
	connect_as(&w, 1);
	connect_as(&other, 2);
	in(&w, GET "GET /y HT", 100);
	in(&other, "GET /x HTTP/1.1\r\nHost: ", 110);
	assert_int_equal(env.head_bytes, 1024);
	out(&w, "HTTP/1.1 200 OK\r\nContent-", 120);
	assert_int_equal(env.stat[0].heads_gone, 1);
	out(&w, "Length: 0\r\n\r\n", 130);
	in(&w, "TP/1.1\r\n\r\n", 140);
	out(&w, OK, 150);
	assert_int_equal(n_spans, 2);
	assert_int_equal(env.stat[0].heads_cut, 1);
}

/* The body came in a way that no hook sees; the next answer is an answer all the same. */
static void unseen_body(void **state)
{
	static struct wire w;

	start(10, false);
	connect_as(&w, 1);
	in(&w, GET, 100);
	out(&w, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 200);
	in(&w, GET, 300);
	out(&w, OK, 400);
	assert_int_equal(n_spans, 2);
	in(&w, GET, 500);
	out(&w, OK, 600);
	assert_int_equal(n_spans, 3);
}

/* ---- two processors ---- */

static void told(struct wire *w, int dir, const char *s, bool first, const uint64_t off[2],
		 uint64_t ts_ns)
{
	memcpy(w->d[dir].data, s, strlen(s));
	wire_record(w, dir, first ? RED_DATA_FIRST : 0, 0, 0, off, strlen(s), strlen(s), ts_ns);
}

/* A server reads the first byte of the next request while its last answer's call is not
 * over. Which of the two is told first, which of them turns the traffic, and whether the
 * second one knows what the first one moved: nothing of it may matter. */
static void calls_that_end_at_once(void **state)
{
	static struct wire w;
	uint64_t off[2], then[2];
	int k, round;

	for (k = 0; k < 8; k++) {
		bool byte_first = k & 1, byte_turns = k & 2, known = k & 4;

		start(10, false);
		connect_as(&w, k + 1);
		in(&w, GET, 100);
		off[RED_DIR_IN] = strlen(GET);
		off[RED_DIR_OUT] = 0;
		for (round = 1; round <= 7; round++) {
			memcpy(then, off, sizeof(off));
			then[byte_first ? RED_DIR_IN : RED_DIR_OUT] +=
				known ? byte_first ? 1 : strlen(OK) : 0;
			if (byte_first)
				told(&w, RED_DIR_IN, "G", byte_turns, off, round * 1000);
			told(&w, RED_DIR_OUT, OK, true, byte_first ? then : off, round * 1000 + 1);
			if (!byte_first)
				told(&w, RED_DIR_IN, "G", byte_turns, then, round * 1000 + 2);
			off[RED_DIR_OUT] += strlen(OK);
			off[RED_DIR_IN]++;
			told(&w, RED_DIR_IN, &GET[1], !byte_turns, off, round * 1000 + 3);
			off[RED_DIR_IN] += strlen(GET) - 1;
			assert_int_equal(n_spans, round);
		}
		told(&w, RED_DIR_OUT, OK, true, off, 9000);
		assert_int_equal(n_spans, 8);
		assert_int_equal(dropped(PROTO_DROP_LOST), 0);
		if (k < 7)
			stop(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(idle_the_longest_goes_first, stop),
		cmocka_unit_test_teardown(who_waits_for_an_answer_stays, stop),
		cmocka_unit_test_teardown(a_process_is_dropped, stop),
		cmocka_unit_test_teardown(announced_twice, stop),
		cmocka_unit_test_teardown(ends_with_redeye, stop),
		cmocka_unit_test_teardown(gives_memory_back, stop),
		cmocka_unit_test_teardown(does_not_grow, stop),
		cmocka_unit_test_teardown(another_protocol_is_given_up, stop),
		cmocka_unit_test_teardown(text_is_given_up_too, stop),
		cmocka_unit_test_teardown(an_upgrade_ends_it, stop),
		cmocka_unit_test_teardown(only_who_waits_is_polled, stop),
		cmocka_unit_test_teardown(polls_slow_down, stop),
		cmocka_unit_test_teardown(polls_at_the_end_of_time, stop),
		cmocka_unit_test_teardown(a_poll_ends_what_was_only_counted, stop),
		cmocka_unit_test_teardown(over_is_polled, stop),
		cmocka_unit_test_teardown(unknown_to_the_kernel_twice, stop),
		cmocka_unit_test_teardown(no_room_for_a_head, stop),
		cmocka_unit_test_teardown(who_waits_gives_way, stop),
		cmocka_unit_test_teardown(not_its_own_other_half, stop),
		cmocka_unit_test_teardown(unseen_body, stop),
		cmocka_unit_test_teardown(calls_that_end_at_once, stop),
	};

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
