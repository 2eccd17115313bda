// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "assert_slice.h"
#include "guard.h"
#include "proxy_header.h"

#define SIGN "\r\n\r\n\0\r\nQUIT\n"
#define N(a) (sizeof(a) / sizeof((a)[0]))
#define S(s)                                                                                       \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A12 "aaaaaaaaaaaa"

static const struct slice headers[] = {
	S("PROXY TCP4 10.0.0.1 10.0.0.2 40000 80\r\n"),
	S("PROXY TCP6 ::1 ::2 40000 80\r\n"),
	S("PROXY UNKNOWN\r\n"),
	S("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"),
	S("PROXY TCP4 \n"),
	S("PROXY TCP4 " A50 A12 A12 A12 "aaaaaaaa\r\n"), /* 107 bytes */
	S(SIGN "\x20\0\0\0"),
	S(SIGN "\x21\x11\0\x0c"
	       "abcdefghijkl"),
	S(SIGN "\x21\x21\0\x24" A12 A12 A12),
	S(SIGN "\x21\x11\1\2" A50 A50 A50 A50 A50 "aaaaaaaa"),
};

/* However it is cut, and whatever follows it. */
static void whole(void **state)
{
	char all[400];
	size_t i, a, b;

	for (i = 0; i < N(headers); i++) {
		size_t len = headers[i].len;

		memcpy(all, headers[i].p, len);
		memcpy(all + len, "GET", 3);
		for (a = 0; a <= len; a++)
			for (b = a; b <= len; b++) {
				struct proxy_header h = { 0 };

				assert_int_equal(proxy_header__feed(&h, at_end(all, a), a), a);
				assert_true(h.at < PROXY_BEHIND || a == len);
				assert_int_equal(
					proxy_header__feed(&h, at_end(all + a, b - a), b - a),
					b - a);
				assert_true(h.at < PROXY_BEHIND || b == len);
				assert_int_equal(proxy_header__feed(&h, all + b, len + 3 - b),
						 len - b);
				assert_int_equal(h.at, PROXY_BEHIND);
				assert_int_equal(proxy_header__held(&h).len, 0);
				assert_int_equal(proxy_header__feed(&h, "x", 1), 0);
			}
	}
}

static const struct {
	struct slice text;
	size_t begin; /* bytes that could begin one */
} others[] = {
	{ S("GET / HTTP/1.1\r\n"), 0 },
	{ S("POST / HTTP/1.1\r\n"), 1 },
	{ S("PRI * HTTP/2.0\r\n"), 2 },
	{ S("PROPFIND / HTTP/1.1\r\n"), 3 },
	{ S("PROXY / HTTP/1.1\r\n"), 6 },
	{ S("PROXY TCP5 "), 9 },
	{ S("PROXY TCP4\r\n"), 10 },
	{ S("PROXY UNKNOWS"), 12 },
	{ S("\r\nGET / HTTP/1.1\r\n"), 2 },
	{ S("\r\n\r\nGET / HTTP/1.1\r\n"), 4 },
	{ S(SIGN "\x11"), 12 },
	{ S(SIGN "\x22"), 12 },
	{ S("\0"), 0 },
};

/* What was held is told, whenever it shows; what came in the same piece never was. */
static void check_none(struct slice text, size_t begin, size_t cut)
{
	struct slice rest = slice_skip(text, cut), held;
	struct proxy_header h = { 0 };
	size_t had = cut <= begin ? cut : 0;

	assert_int_equal(proxy_header__feed(&h, at_end(text.p, cut), cut), had);
	assert_int_equal(h.at, cut <= begin ? PROXY_SIGNATURE : PROXY_NONE);
	assert_int_equal(proxy_header__feed(&h, at_end(rest.p, rest.len), rest.len), 0);
	assert_int_equal(h.at, PROXY_NONE);
	held = proxy_header__held(&h);
	assert_int_equal(held.len, had);
	assert_memory_equal(held.p, text.p, had);
}

static void none(void **state)
{
	size_t i, cut;

	for (i = 0; i < N(others); i++)
		for (cut = 0; cut < others[i].text.len; cut++)
			check_none(others[i].text, others[i].begin, cut);
}

/* A line without an end is not followed for ever. */
static void a_long_line(void **state)
{
	struct proxy_header h = { 0 };
	char text[200];

	memset(text, 'a', sizeof(text));
	memcpy(text, "PROXY TCP4 ", 11);
	assert_int_equal(proxy_header__feed(&h, text, sizeof(text)), PROXY_LINE_MAX);
	assert_int_equal(h.at, PROXY_BEHIND);
}

static void unseen(void **state)
{
	const struct slice two = headers[N(headers) - 1];
	struct proxy_header h = { 0 };

	proxy_header__feed(&h, two.p, 20);
	assert_int_equal(proxy_header__skip(&h, 200), 200);
	assert_int_equal(h.at, PROXY_REST);
	assert_int_equal(proxy_header__skip(&h, 100), two.len - 220);
	assert_int_equal(h.at, PROXY_BEHIND);
	assert_int_equal(proxy_header__skip(&h, 9), 0);
	assert_int_equal(h.at, PROXY_NONE);

	h = (struct proxy_header){ 0 };
	proxy_header__feed(&h, "PROX", 4);
	assert_int_equal(proxy_header__skip(&h, 9), 0);
	assert_int_equal(h.at, PROXY_NONE);
	assert_slice(proxy_header__held(&h), "PROX");

	h = (struct proxy_header){ 0 };
	proxy_header__feed(&h, two.p, 15); /* how long it is will not be known */
	assert_int_equal(proxy_header__skip(&h, 9), 0);
	assert_int_equal(h.at, PROXY_NONE);
	assert_int_equal(proxy_header__held(&h).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(none),
		cmocka_unit_test(a_long_line),
		cmocka_unit_test(unseen),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
