// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections on which a proxy says first whose they are. */
#include "conn_fixture.h"

#define SIGN "\r\n\r\n\0\r\nQUIT\n"
#define V1   "PROXY TCP4 192.0.2.1 192.0.2.2 40001 443\r\n"
#define V2   SIGN "\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\x9c\x41\1\xbb"
#define V2_TLV                                                                                     \
	SIGN "\x21\x11\0\x3f\1\2\3\4\5\6\7\x08\x9c\x41\1\xbb\4\0\x30GET /no HTTP/1.1\r\n\r\nGET "  \
	     "/no HTTP/1.1\r\n\r\n12345678"
#define LOCAL SIGN "\x20\0\0\0"
#define N(a)  (sizeof(a) / sizeof((a)[0]))
#define S(s)                                                                                       \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}

static const struct slice headers[] = { S(V1), S("PROXY UNKNOWN\r\n"), S(V2), S(V2_TLV), S(LOCAL) };

/* The client sends these bytes by calls that end at each of two places. */
static void sends(int dir, const char *p, size_t len, size_t a, size_t b)
{
	const size_t ends[] = { a, b, len };
	size_t at = 0, i;

	for (i = 0; i < N(ends); i++) {
		if (ends[i] > at)
			wire_call(&w, dir, p + at, ends[i] - at, now += MS);
		at = ends[i];
	}
}

static void anew(void)
{
	tear_down(NULL);
	set_up(NULL);
}

static size_t text(char *to, struct slice header, const char *rest)
{
	memcpy(to, header.p, header.len);
	strcpy(to + header.len, rest);
	return header.len + strlen(rest);
}

static void plays(struct slice header, bool server, enum wire_mode mode, size_t a, size_t b)
{
	int dir = server ? RED_DIR_IN : RED_DIR_OUT;
	char all[400];
	size_t len = text(all, header, GET("/a"));

	anew();
	w.mode = mode;
	sends(dir, all, len, a, b);
	assert_true(established);
	assert_int_equal(place, header.len);
	wire_call(&w, !dir, OK, strlen(OK), now += MS);
	wire_call(&w, dir, GET("/b"), strlen(GET("/b")), now += MS);
	wire_call(&w, !dir, OK, strlen(OK), now += MS);
	assert_int_equal(n_seen, 2);
	assert_string_equal(seen[0].path, "/a");
	assert_string_equal(seen[1].path, "/b");
	assert_int_equal(seen[0].status, 200);
	assert_int_equal(seen[0].flags, 0);
	assert_int_equal(env.stat[0].malformed + env.stat[0].gaps + env.stat[0].unmatched, 0);
	assert_int_equal(stat()->unclassified, 0);
	assert_int_equal(n_opaque, 0);
}

static void cut_anywhere(void **state)
{
	size_t i, a, b, len;

	for (i = 0; i < N(headers); i++) {
		len = headers[i].len + strlen(GET("/a"));
		for (a = 0; a <= len; a++)
			for (b = a; b <= len; b += b == a ? 1 : 7) {
				plays(headers[i], true, WIRE_ALL, a, b);
				plays(headers[i], false, WIRE_ALL, a, b);
			}
	}
}

/* By itself, and with the request, as the kernel side copies them. */
static void as_in_life(void **state)
{
	size_t i;

	for (i = 0; i < N(headers); i++) {
		plays(headers[i], true, WIRE_AUTO, headers[i].len, headers[i].len);
		plays(headers[i], true, WIRE_AUTO, 0, 0);
		plays(headers[i], false, WIRE_AUTO, headers[i].len, headers[i].len);
	}
}

/* A header of which a record holds only the beginning. */
static void a_long_one(void **state)
{
	static char all[6000];

	memcpy(all, SIGN "\x21\x11\x14\0", 16); /* 5,120 bytes */
	memset(all + 16, 'x', 5120);
	wire_call(&w, RED_DIR_IN, all, 16 + 5120, now += MS);
	in(GET("/a"));
	out(OK);
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen[0].path, "/a");
}

/* The kernel side takes the empty line in the signature for a head's end, and copies no more
 * than its first look. */
static void with_a_request_that_is_longer(void **state)
{
	char ask[800], all[900];
	size_t len;

	snprintf(ask, sizeof(ask), "GET /a HTTP/1.1\r\nX: %0600d\r\n\r\n", 7);
	len = text(all, headers[2], ask);
	wire_call(&w, RED_DIR_IN, all, len, now += MS);
	out(OK);
	in(GET("/b"));
	out(OK);
	assert_int_equal(n_seen, 2);
	assert_string_equal(seen[0].path, "/a");
	assert_true(seen[0].flags & SPAN_HEAD_CUT);
	assert_string_equal(seen[1].path, "/b");
	assert_int_equal(seen[1].flags, 0);
}

static void every_unix_socket(void **state)
{
	struct red_ev_open ev = {
		.h = { .len = sizeof(ev), .kind = RED_EV_OPEN, .ts_ns = 1 },
		.conn_id = 1,
		.tgid = 42,
		.family = AF_UNIX,
		.type = SOCK_STREAM,
	};

	feed(t, &ev, sizeof(ev));
	w.opened = true;
	in(V1);
	in(GET("/a"));
	out(OK);
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen[0].path, "/a");
}

/* ---- HTTP/2 ---- */

#define PREFACE  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* GET http://a/a */
#define ASKS    "\0\0\x09\1\5\0\0\0\1\x82\x86\x04\2/a\x01\1a"
#define ANSWERS "\0\0\1\1\5\0\0\0\1\x88"

static void plays_h2(struct slice header, size_t cut)
{
	static const char rest[] = PREFACE SETTINGS ASKS, answer[] = SETTINGS ANSWERS;
	char all[400];
	size_t len = header.len + sizeof(rest) - 1;

	anew();
	memcpy(all, header.p, header.len);
	memcpy(all + header.len, rest, sizeof(rest));
	w.mode = WIRE_ALL;
	sends(RED_DIR_IN, all, len, cut, cut);
	wire_call(&w, RED_DIR_OUT, answer, sizeof(answer) - 1, now += MS);
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen[0].path, "/a");
	assert_int_equal(seen[0].status, 200);
	assert_int_equal(seen[0].flags, 0);
	assert_int_equal(env.stat[0].malformed + env.stat[1].malformed + env.stat[1].gaps, 0);
}

static void http2(void **state)
{
	size_t i, cut;

	for (i = 0; i < N(headers); i++)
		for (cut = 0; cut <= headers[i].len + 24; cut++)
			plays_h2(headers[i], cut);
}

/* The kernel side knows the preface only where a call begins with it. */
static void the_kernel_side_is_told_of_frames(void **state)
{
	static const char all[] = V1 PREFACE SETTINGS ASKS;

	wire_call(&w, RED_DIR_IN, all, sizeof(all) - 1, now += MS);
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0], RED_POLL_MODE_FRAMES);
}

/* ---- what is none ---- */

/* It is given back, with the time of its own first byte. */
static uint64_t began;

static void on_first(void *arg, struct request *r)
{
	began = r->start_ns;
	on_start(arg, r);
}

static void not_one(const char *ask, size_t cut, int n)
{
	uint64_t first;

	anew();
	env.ops.start = on_first;
	w.mode = WIRE_ALL;
	first = now + MS;
	sends(RED_DIR_IN, ask, strlen(ask), cut, cut);
	out(OK);
	assert_int_equal(n_seen, n);
	assert_int_equal(place, ask[0] == '\r' ? 2 : 0);
	assert_true(ask[0] == '\r' || began == first);
	assert_int_equal(env.stat[0].malformed, 0);
}

static void what_is_none(void **state)
{
	static const char *const asks[] = {
		"POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"PRO /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"PROXY /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"\r\nGET /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
	};
	size_t i, cut;

	for (i = 0; i < N(asks); i++)
		for (cut = 0; cut < 20; cut++)
			not_one(asks[i], cut, 1);
}

/* The server does not wait for the rest. */
static void half_of_one(void **state)
{
	w.mode = WIRE_ALL;
	in("PRO");
	out("HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].status, 408);
}

/* Only the first bytes of a connection that is new, from who speaks first. */
static void elsewhere(void **state)
{
	in(GET("/a"));
	out(OK);
	in(V1);
	out("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[1].status, 400);
	assert_string_equal(seen[1].path, "");
}

static void twice(void **state)
{
	in(V1 V1);
	out("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen[0].path, "");
}

static void lost_within(void **state)
{
	w.mode = WIRE_ALL;
	in("PROXY TCP4 192.0");
	w.d[RED_DIR_OUT].off += 10; /* of a record that did not come */
	out("x");
	in(GET("/a"));
	out(OK);
	in(GET("/b"));
	out(OK);
	assert_true(n_seen > 0);
	assert_string_equal(seen[n_seen - 1].path, "/b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cut_anywhere),
		TEST(as_in_life),
		TEST(a_long_one),
		TEST(with_a_request_that_is_longer),
		TEST(every_unix_socket),
		TEST(http2),
		TEST(the_kernel_side_is_told_of_frames),
		TEST(what_is_none),
		TEST(half_of_one),
		TEST(elsewhere),
		TEST(twice),
		TEST(lost_within),
	};

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
