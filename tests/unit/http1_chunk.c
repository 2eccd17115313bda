// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard.h"
#include "http1_chunk.h"

/* Feeds a piece that ends where memory ends. */
static int feed(struct http1_chunk *c, const char *s, size_t len, size_t *used)
{
	return http1_chunk__feed(c, at_end(s, len), len, used);
}

/* What stands behind '|' does not belong to the body; in a bad one it starts
 * behind the byte that is wrong. */
static const struct {
	const char *in;
	int result;
	uint64_t body;
} rows[] = {
	{ "0\r\n\r\n", 1, 0 },
	{ "0\n\n", 1, 0 },
	{ "0\r\n\n|x", 1, 0 },
	{ "0\n\r\n|GET / HTTP/1.1\r\n", 1, 0 },
	{ "000\r\n\r\n", 1, 0 },
	{ "5\r\nhello\r\n0\r\n\r\n|5\r\n", 1, 5 },
	{ "5\nhello\n0\n\n", 1, 5 },
	{ "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", 1, 20 },
	{ "0000000000000000000000010\r\n0123456789abcdef\r\n0\r\n\r\n", 1, 16 },
	{ "1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n", 1, 2 },
	{ "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", 1, 7 },
	{ "2 \r\nab\r\n0\t\r\n\r\n", 1, 2 },
	{ "2;a\r\nab\r\n0;b=c\r\n\r\n", 1, 2 },
	{ "2 ; a=\";\r0\"\r\nab\r\n0\r\n\r\n", 1, 2 },
	{ "2;a\nab\n0;b\n\n", 1, 2 },
	{ "0\r\nX: 1\r\n\r\n|\r\n", 1, 0 },
	{ "0\r\nX: 1\r\n Y\nZ\r\n\r\n", 1, 0 },
	{ "1\r\na\r\n0\r\n\r\n|\r\n", 1, 1 },
	{ "", 0, 0 },
	{ "0", 0, 0 },
	{ "5\r\nhel", 0, 3 },
	{ "5\r\nhello\r\n", 0, 5 },
	{ "0\r\nX: 1\r\n", 0, 0 },
	{ "0;never", 0, 0 },
	{ "7fffffffffffffff\r\nabc", 0, 3 },
	{ "8000000000000000|\r\n", -1, 0 },
	{ "10000000000000000|", -1, 0 },
	{ "\r|\n", -1, 0 },
	{ "\n|", -1, 0 },
	{ ";|a", -1, 0 },
	{ " |1\r\n", -1, 0 },
	{ "-|1\r\n", -1, 0 },
	{ "g|\r\n", -1, 0 },
	{ "G|\r\n", -1, 0 },
	{ "0x|5\r\n", -1, 0 },
	{ "1g|", -1, 0 },
	{ "1 2|\r\n", -1, 0 },
	{ "1\rx|", -1, 0 },
	{ "1\r\nab|c\r\n", -1, 1 },
	{ "1\r\na\rx|", -1, 1 },
	{ "1\r\na\r\n\r|\n", -1, 1 },
	{ "0\r\n\rx|", -1, 0 },
	{ "\x81|\x7e", -1, 0 },
};

/* Feeds s in pieces that end at a and b; pieces behind the end are not fed. */
static int feed_pieces(struct http1_chunk *c, const char *s, size_t len, size_t a, size_t b,
		       size_t *total)
{
	const size_t ends[] = { a, b, len };
	size_t i, used;
	int r = 0;

	*total = 0;
	http1_chunk__init(c);
	for (i = 0; i < 3 && r == 0; i++) {
		r = feed(c, s + *total, ends[i] - *total, &used);
		*total += used;
		if (r == 0)
			assert_int_equal(*total, ends[i]);
	}
	return r;
}

static void test_every_split(void **state)
{
	char in[128];
	size_t i, a, b, len, end;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool bar;

		end = strcspn(rows[i].in, "|");
		bar = rows[i].in[end];
		len = snprintf(in, sizeof(in), "%.*s%s", (int)end, rows[i].in,
			       bar ? rows[i].in + end + 1 : "");
		for (a = 0; a <= len; a++) {
			for (b = a; b <= len; b++) {
				struct http1_chunk c;
				size_t total;
				int r = feed_pieces(&c, in, len, a, b, &total);

				if (r != rows[i].result || total != end ||
				    c.body_bytes != rows[i].body)
					fail_msg("'%s' cut at %zu, %zu: %d, %zu used, %lu body", in,
						 a, b, r, total, (unsigned long)c.body_bytes);
			}
		}
	}
}

static void test_every_prefix(void **state)
{
	size_t i, n, used;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t end = strcspn(rows[i].in, "|");

		for (n = 0; n < end; n++) {
			struct http1_chunk c;

			http1_chunk__init(&c);
			if (feed(&c, rows[i].in, n, &used) || used != n)
				fail_msg("%zu bytes of '%s'", n, rows[i].in);
		}
	}
}

/* A finished or failed decoder stays so and takes nothing. */
static void test_after_the_end(void **state)
{
	struct http1_chunk c;
	size_t used;

	http1_chunk__init(&c);
	assert_int_equal(feed(&c, "0\r\n\r\n", 5, &used), 1);
	assert_int_equal(feed(&c, "0\r\n\r\n", 5, &used), 1);
	assert_int_equal(used, 0);
	http1_chunk__init(&c);
	assert_int_equal(feed(&c, "x", 1, &used), -1);
	assert_int_equal(feed(&c, "0\r\n\r\n", 5, &used), -1);
	assert_int_equal(used, 0);
	assert_false(http1_chunk__skip(&c, 0));
}

/* Every run of bytes that is hidden: either all of it is data, with up to the
 * whole CRLF behind, and the result is that of seeing it, or it is lost. */
static void test_skip(void **state)
{
	static const char in[] = "5\r\nhello\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n";
	static const char map[] = "...DDDDDee.....DDDee...........";
	size_t from, n, used, len = sizeof(in) - 1;

	assert_int_equal(len, sizeof(map) - 1);
	for (from = 0; from < len; from++) {
		for (n = 0; from + n <= len; n++) {
			size_t same = strspn(map + from, "D");
			struct http1_chunk c;
			bool ok, want;

			same += strspn(map + from + same, "e");
			want = n <= same;
			http1_chunk__init(&c);
			assert_int_equal(feed(&c, in, from, &used), 0);
			ok = http1_chunk__skip(&c, n);
			if (ok != want)
				fail_msg("%zu bytes from %zu: %d", n, from, ok);
			assert_int_equal(feed(&c, in + from + n, len - from - n, &used),
					 ok ? 1 : -1);
			assert_int_equal(used, ok ? len - from - n : 0);
			if (ok)
				assert_int_equal(c.body_bytes, 8);
		}
	}
}

static void test_skip_far(void **state)
{
	struct http1_chunk c;
	size_t used;

	http1_chunk__init(&c);
	assert_int_equal(feed(&c, "7fffffffffffffff\r\n", 18, &used), 0);
	assert_true(http1_chunk__skip(&c, 0x7ffffffffffffffe));
	assert_int_equal(feed(&c, "x\r\n0\r\n\r\n", 8, &used), 1);
	assert_int_equal(c.body_bytes, INT64_MAX);
	assert_true(http1_chunk__skip(&c, 0));
	assert_false(http1_chunk__skip(&c, UINT64_MAX));
	http1_chunk__init(&c);
	assert_false(http1_chunk__skip(&c, UINT64_MAX));
	assert_int_equal(c.state, HTTP1_CHUNK_LOST);
}

static void test_tail(void **state)
{
	assert_true(http1_chunk__tail_is_end((const uint8_t *)"x\r\n0\r\n\r\n"));
	assert_true(http1_chunk__tail_is_end((const uint8_t *)"\n\r\n0\r\n\r\n"));
	assert_false(http1_chunk__tail_is_end((const uint8_t *)"\r\n10\r\n\r\n"));
	assert_false(http1_chunk__tail_is_end((const uint8_t *)"\r\n0\r\n\r\nx"));
	assert_false(http1_chunk__tail_is_end((const uint8_t *)"\0\0\0\0\0\0\0\0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),   cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_after_the_end), cmocka_unit_test(test_skip),
		cmocka_unit_test(test_skip_far),      cmocka_unit_test(test_tail),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
