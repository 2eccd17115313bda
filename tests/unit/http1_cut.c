// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Heads of which a call holds more than a record does: what is behind the record is not
 * there, so where the body begins is not known, nor how long it is. */
#include "conn_fixture.h"

#define A50    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A500   A50 A50 A50 A50 A50 A50 A50 A50 A50 A50
#define A2000  A500 A500 A500 A500
#define HALF   "X: " A2000 A500 "\r\n"
#define LONG   HALF HALF
#define GIVEN  "HTTP/1.1 200 OK\r\n"
#define LEN(n) "Content-Length: " #n "\r\n\r\n"
#define CUT    (SPAN_HEAD_CUT | SPAN_REQUEST_SIZE_UNKNOWN | SPAN_RESPONSE_SIZE_UNKNOWN)

static uint64_t request_bytes, response_bytes;

static void on_sizes(void *arg, struct span *s)
{
	request_bytes = s->request_body_bytes;
	response_bytes = s->response_body_bytes;
	on_span(arg, s);
}

static void flags_are(uint32_t flags)
{
	in(GET("/next")); /* what has no known end is over */
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].flags & CUT, flags);
	out(OK);
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[1].flags, 0);
}

static void start(void)
{
	env.ops.span = on_sizes;
}

static void an_answer(void **state)
{
	start();
	in(GET("/a"));
	out(GIVEN LONG LEN(2) "ok");
	flags_are(SPAN_HEAD_CUT | SPAN_RESPONSE_SIZE_UNKNOWN);
}

static void an_answer_whose_body_comes_later(void **state)
{
	start();
	in(GET("/a"));
	out(GIVEN LONG LEN(2));
	out("ok");
	flags_are(SPAN_HEAD_CUT | SPAN_RESPONSE_SIZE_UNKNOWN);
}

static void a_request(void **state)
{
	start();
	in("PUT /a HTTP/1.1\r\n" LONG LEN(2) "ok");
	out(GIVEN LEN(3) "yes");
	assert_int_equal(response_bytes, 3);
	flags_are(SPAN_HEAD_CUT | SPAN_REQUEST_SIZE_UNKNOWN);
}

/* Its answer has no body, whatever its head says. */
static void an_answer_to_a_head(void **state)
{
	start();
	in("HEAD /a HTTP/1.1\r\n\r\n");
	out(GIVEN LONG LEN(20));
	assert_int_equal(response_bytes, 0);
	flags_are(SPAN_HEAD_CUT);
}

static void calls_that_records_hold(void **state)
{
	start();
	in("PUT /a HTTP/1.1\r\n" HALF);
	in(HALF LEN(2) "ok");
	out(GIVEN HALF);
	out(HALF LEN(3) "yes");
	assert_int_equal(request_bytes, 2);
	assert_int_equal(response_bytes, 3);
	flags_are(0);
}

static void more_than_is_kept_of_any(void **state)
{
	int i;

	start();
	in(GET("/a"));
	out(GIVEN HALF);
	for (i = 0; i < 6; i++)
		out(HALF);
	out(LEN(3) "yes");
	flags_are(SPAN_HEAD_CUT | SPAN_RESPONSE_SIZE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer),
		TEST(an_answer_whose_body_comes_later),
		TEST(a_request),
		TEST(an_answer_to_a_head),
		TEST(calls_that_records_hold),
		TEST(more_than_is_kept_of_any),
	};

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
