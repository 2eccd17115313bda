// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard.h"
#include "http1_head.h"

#define BAD  HTTP1_BAD
#define MORE HTTP1_MORE
#define ALL  1 /* a result: every byte up to the first "|" of the input, or its end */

static int parse(const char *s, size_t len, bool response, struct http1_head *h)
{
	const char *p = at_end(s, len);

	return response ? http1_head__response(p, len, h) : http1_head__request(p, len, h);
}

/* ---- start lines -------------------------------------------------------- */

/* `in` without its line end; the test adds it and a blank line. */
static const struct {
	const char *in;
	int result;
	const char *method, *target;
	int minor;
} requests[] = {
	{ "GET / HTTP/1.1", ALL, "GET", "/", 1 },
	{ "GET / HTTP/1.0", ALL, "GET", "/", 0 },
	{ "GET / HTTP/1.9", ALL, "GET", "/", 9 },
	{ "\r\nGET / HTTP/1.1", ALL, "GET", "/", 1 },
	{ "\n\r\n\nGET / HTTP/1.1", ALL, "GET", "/", 1 },
	{ "M-SEARCH * HTTP/1.1", ALL, "M-SEARCH", "*", 1 },
	{ "get /x HTTP/1.1", ALL, "get", "/x", 1 },
	{ "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1", ALL, "!#$%&'*+-.^_`|~09azAZ", "/", 1 },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1", ALL, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
	  "/", 1 },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1", .result = BAD },
	{ "GET /a b HTTP/1.1", ALL, "GET", "/a b", 1 },
	{ "GET  /a  HTTP/1.1 ", ALL, "GET", "/a", 1 },
	{ "GET /a HTTP/1.1 HTTP/1.1", ALL, "GET", "/a HTTP/1.1", 1 },
	{ "GET /\xc3\xa4\xff\x80 HTTP/1.1", ALL, "GET", "/\xc3\xa4\xff\x80", 1 },
	{ "CONNECT a.example:443 HTTP/1.1", ALL, "CONNECT", "a.example:443", 1 },
	{ "GET http://a/b?c HTTP/1.1", ALL, "GET", "http://a/b?c", 1 },
	{ "PRI * HTTP/2.0", .result = BAD },
	{ "GET / HTTP/0.9", .result = BAD },
	{ "GET / HTTP/1.", .result = BAD },
	{ "GET / HTTP/1.x", .result = BAD },
	{ "GET / HTTP/1.10", .result = BAD },
	{ "GET / HTTP/11", .result = BAD },
	{ "GET / http/1.1", .result = BAD },
	{ "GET / RTSP/1.0", .result = BAD },
	{ "GET /HTTP/1.1", .result = BAD },
	{ "GET HTTP/1.1", .result = BAD },
	{ "GET  HTTP/1.1", .result = BAD },
	{ "GET /", .result = BAD },
	{ "GET ", .result = BAD },
	{ "GET", .result = BAD },
	{ " GET / HTTP/1.1", .result = BAD },
	{ "GET\t/ HTTP/1.1", .result = BAD },
	{ "GET /\tb HTTP/1.1", .result = BAD },
	{ "GET /\x01 HTTP/1.1", .result = BAD },
	{ "GET /01234567\x1f HTTP/1.1", .result = BAD },
	{ "GET /012345678901234\x7f HTTP/1.1", .result = BAD },
	{ "GET / HTTP/1.1\r\r", .result = BAD },
	{ "GET /\rx HTTP/1.1", .result = BAD },
	{ "\rGET / HTTP/1.1", .result = BAD },
	{ "G(T / HTTP/1.1", .result = BAD },
	{ "G\xc3T / HTTP/1.1", .result = BAD },
	{ "HTTP/1.1 200 OK", .result = BAD },
	{ "*2\r\n$3\r\nGET\r\n", .result = BAD },
	{ "get key", .result = BAD },
	{ "\x16\x03\x01\x02", .result = BAD },
};

static void test_request_line(void **state)
{
	static const char *const ends[] = { "\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n" };
	char in[256];
	size_t i, e;

	for (i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		for (e = 0; e < 4; e++) {
			struct http1_head h;
			int n = snprintf(in, sizeof(in), "%s%s", requests[i].in, ends[e]);
			int r = parse(in, n, false, &h);

			if (r != (requests[i].result == ALL ? n : requests[i].result))
				fail_msg("'%s': %d", in, r);
			if (r < 0)
				continue;
			assert_slice(h.method, requests[i].method);
			assert_slice(h.target, requests[i].target);
			assert_int_equal(h.minor, requests[i].minor);
			assert_int_equal(h.framing, HTTP1_BODY_NONE);
			assert_true(h.complete && !h.is_response && !h.target_cut);
			assert_int_equal(h.fields.len, 0);
		}
	}
}

static const struct {
	const char *in;
	int status, minor; /* status BAD: the line is */
} responses[] = {
	{ "HTTP/1.1 200 OK", 200, 1 },
	{ "HTTP/1.0 404 Not Found", 404, 0 },
	{ "HTTP/1.1 204", 204, 1 },
	{ "HTTP/1.1 204 ", 204, 1 },
	{ "HTTP/1.1 999 \tr\xc3\xa4son", 999, 1 },
	{ "\r\nHTTP/1.1 100 Continue", 100, 1 },
	{ "HTTP/1.1 099 x", .status = BAD },
	{ "HTTP/1.1 2000", .status = BAD },
	{ "HTTP/1.1 200OK", .status = BAD },
	{ "HTTP/1.1 20", .status = BAD },
	{ "HTTP/1.1 2 0 OK", .status = BAD },
	{ "HTTP/1.1  200 OK", .status = BAD },
	{ "HTTP/1.1", .status = BAD },
	{ "HTTP/2 200", .status = BAD },
	{ "HTTP/2.0 200 OK", .status = BAD },
	{ "http/1.1 200 OK", .status = BAD },
	{ "HTTP/1.1 200 a\x01", .status = BAD },
	{ "HTTP/1.1 200 a\rb", .status = BAD },
	{ "HTTP/1.1 200 a\x7f", .status = BAD },
	{ "ICY 200 OK", .status = BAD },
	{ "GET / HTTP/1.1", .status = BAD },
};

static void test_status_line(void **state)
{
	char in[256];
	size_t i;

	for (i = 0; i < sizeof(responses) / sizeof(*responses); i++) {
		struct http1_head h;
		int n = snprintf(in, sizeof(in), "%s\r\n\r\n", responses[i].in);
		int r = parse(in, n, true, &h);

		if (r != (responses[i].status == BAD ? BAD : n))
			fail_msg("'%s': %d", in, r);
		if (r < 0)
			continue;
		assert_int_equal(h.status, responses[i].status);
		assert_int_equal(h.minor, responses[i].minor);
		assert_int_equal(h.framing, HTTP1_BODY_UNTIL_CLOSE);
		assert_true(h.is_response);
	}
}

static void test_nul_in_start_line(void **state)
{
	static const char line[] = "GET /abcdefghijklmno HTTP/1.1\r\n\r\n";
	struct http1_head h;
	char in[sizeof(line)];
	size_t i;

	for (i = 0; i < sizeof(line) - 5; i++) {
		memcpy(in, line, sizeof(line));
		in[i] = 0;
		assert_int_equal(parse(in, sizeof(line) - 1, false, &h), BAD);
	}
	assert_int_equal(parse("HTTP/1.1 200 \0\r\n\r\n", 18, true, &h), BAD);
}

/* ---- fields ------------------------------------------------------------- */

#define NONE    HTTP1_BODY_NONE
#define LENGTH  HTTP1_BODY_LENGTH
#define CHUNKED HTTP1_BODY_CHUNKED
#define CLOSE   HTTP1_BODY_UNTIL_CLOSE
#define Q       "GET / HTTP/1.1\r\n"
#define Q0      "GET / HTTP/1.0\r\n"
#define A       "HTTP/1.1 200 OK\r\n"
#define A0      "HTTP/1.0 200 OK\r\n"
#define END     "\r\n\r\n"

/* What stands behind '|' is body. */
static const struct {
	const char *in;
	int framing; /* BAD: the head is */
	uint64_t length;
	const char *host;
} heads[] = {
	/* where the body ends: RFC 9112 §6.3 */
	{ Q "Host: a" END "|", NONE, 0, "a" },
	{ A "Host: a" END "|", CLOSE, 0, "a" },
	{ Q "Content-Length: 5" END "|hello", LENGTH, 5, "" },
	{ Q "Content-Length: 0" END, LENGTH, 0, "" },
	{ Q "Content-Length: 00042" END, LENGTH, 42, "" },
	{ Q "content-LENGTH:5\n\n", LENGTH, 5, "" },
	{ Q "Content-Length: \t5 \t " END, LENGTH, 5, "" },
	{ Q "Content-Length : 5" END, LENGTH, 5, "" },
	{ Q "Content-Length: 5\r\nContent-Length: 5" END, LENGTH, 5, "" },
	{ Q "Content-Length: 5, 5,5" END, LENGTH, 5, "" },
	{ Q "Content-Length: 9223372036854775807" END, LENGTH, INT64_MAX, "" },
	{ Q "Content-Length: 9223372036854775808" END, .framing = BAD },
	{ Q "Content-Length: 18446744073709551616" END, .framing = BAD },
	{ Q "Content-Length: 18446744073709551621" END, .framing = BAD },
	{ Q "Content-Length: 99999999999999999999999999" END, .framing = BAD },
	{ Q "Content-Length: 5\r\nContent-Length: 6" END, .framing = BAD },
	{ Q "Content-Length: 5, 6" END, .framing = BAD },
	{ Q "Content-Length: 5\r\nContent-Length: x" END, .framing = BAD },
	{ Q "Content-Length: 5," END, .framing = BAD },
	{ Q "Content-Length: ,0" END, .framing = BAD },
	{ Q "Content-Length: 0,,0" END, .framing = BAD },
	{ Q "Content-Length:" END, .framing = BAD },
	{ Q "Content-Length: +5" END, .framing = BAD },
	{ Q "Content-Length: -5" END, .framing = BAD },
	{ Q "Content-Length: 0x5" END, .framing = BAD },
	{ Q "Content-Length: 5 5" END, .framing = BAD },
	{ Q "Content-Length: 5;" END, .framing = BAD },
	{ A "Content-Length: 5" END, LENGTH, 5, "" },
	{ A "Content-Length: x" END, .framing = BAD },
	{ Q "Content-Length\r\nContent-Lengths: 3\r\nContent-Lengt: 4" END, NONE, 0, "" },
	{ Q "Transfer-Encoding: chunked" END "|5\r\nhello", CHUNKED, 0, "" },
	{ Q "Transfer-Encoding: CHUNKED " END, CHUNKED, 0, "" },
	{ Q "Transfer-Encoding: gzip, chunked" END, CHUNKED, 0, "" },
	{ Q "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked" END, CHUNKED, 0, "" },
	{ Q "Transfer-Encoding: chunked, gzip" END, .framing = BAD },
	{ Q "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip" END, .framing = BAD },
	{ Q "Transfer-Encoding: gzip" END, .framing = BAD },
	{ Q "Transfer-Encoding: xchunked" END, .framing = BAD },
	{ Q "Transfer-Encoding: chunkedx" END, .framing = BAD },
	{ Q "Transfer-Encoding: \vchunked" END, .framing = BAD },
	{ Q "Transfer-Encoding: chunked;a=b" END, .framing = BAD },
	{ Q "Transfer-Encoding:" END, .framing = BAD },
	{ A "Transfer-Encoding: chunked" END, CHUNKED, 0, "" },
	{ A "Transfer-Encoding: gzip" END, CLOSE, 0, "" },
	{ A "Transfer-Encoding: chunked, gzip" END, CLOSE, 0, "" },
	{ A "Transfer-Encoding: gzip\r\nContent-Length: 5" END, CLOSE, 0, "" },
	{ Q "Transfer-Encoding: chunked\r\nContent-Length: 5" END, CHUNKED, 0, "" },
	{ Q "Content-Length: 5\r\nTransfer-Encoding: chunked" END, CHUNKED, 0, "" },
	{ Q "Content-Length: x\r\nTransfer-Encoding: chunked" END, CHUNKED, 0, "" },
	{ Q0 "Transfer-Encoding: chunked" END, CHUNKED, 0, "" },

	{ Q "Connection: Upgrade\r\nUpgrade: websocket" END, NONE, 0, "" },
	{ Q "Expect: 100-Continue\r\nContent-Length: 2" END, LENGTH, 2, "" },
	{ A0 "Connection: keep-alive\r\nContent-Length: 1" END, LENGTH, 1, "" },

	/* lines that are not right, RFC 9112 §5 */
	{ Q "Host: a\r\nHost: b" END, NONE, 0, "a" },
	{ Q "Host:\r\nHost: b" END, NONE, 0, "" },
	{ Q "garbage\r\n: x\r\n\x01\x02:\xff\r\n:\r\nHost: a" END, NONE, 0, "a" },
	{ Q "Host: a\r" END, NONE, 0, "a" },
	{ Q "X: a\rContent-Length: 3" END, NONE, 0, "" },
	{ Q "X: a\r\n Content-Length: 3" END, NONE, 0, "" },
	{ Q " Content-Length: 3\r\nHost: a" END, NONE, 0, "a" },
	{ Q "Content-Length:\r\n 3" END, LENGTH, 3, "" },
	{ Q "Transfer-Encoding: gzip,\r\n\tchunked" END, CHUNKED, 0, "" },
	{ Q "X: 1\r\n \r\nHost: a" END, NONE, 0, "a" },
	{ Q "\r\n| Content-Length: 3" END, NONE, 0, "" },
	{ Q "Host: a" END "|\r\n\r\n", NONE, 0, "a" },
};

/* One row, cut to `len` bytes, as a head that is still arriving and as one
 * whose rest was not captured. */
static void check_prefix(const char *in, size_t len, bool response)
{
	struct http1_head h;
	int r = parse(in, len, response, &h);

	if (r != MORE)
		fail_msg("%zu bytes of '%s': %d", len, in, r);
	assert_true(http1_head__looks_like(at_end(in, len), len, response));
	r = http1_head__truncated(at_end(in, len), len, response, &h);
	if (r == MORE)
		return;
	assert_int_equal(r, len);
	assert_false(h.complete);
	assert_true(h.framing != HTTP1_BODY_NONE);
	assert_true(h.fields.p + h.fields.len <= guard_end);
}

static void test_fields(void **state)
{
	char in[256];
	size_t i, len, head;

	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const char *bar = strchr(heads[i].in, '|');
		bool response = heads[i].in[0] == 'H';
		struct http1_head h;
		int r;

		head = bar ? (size_t)(bar - heads[i].in) : strlen(heads[i].in);
		len = snprintf(in, sizeof(in), "%.*s%s", (int)head, heads[i].in,
			       bar ? bar + 1 : "");
		r = parse(in, len, response, &h);
		if (r != (heads[i].framing == BAD ? BAD : (int)head))
			fail_msg("'%s': %d", in, r);
		assert_int_equal(r, http1_head__truncated(guard_end - len, len, response, &h));
		assert_true(http1_head__looks_like(in, len, response));
		if (r > 0 &&
		    ((int)h.framing != heads[i].framing || h.content_length != heads[i].length))
			fail_msg("'%s': framing %d, %lu bytes", in, h.framing,
				 (unsigned long)h.content_length);
		if (r > 0)
			assert_slice(h.host, heads[i].host);
		for (len = 0; len < head; len++)
			check_prefix(in, len, response);
	}
}

static void test_trailer_is_announced(void **state)
{
	const char *with = A "trailer: X-Sum\r\nTransfer-Encoding: chunked" END;
	const char *without = A "Trailers: X-Sum\r\nTransfer-Encoding: chunked" END;
	struct http1_head h;

	assert_int_equal(parse(with, strlen(with), true, &h), strlen(with));
	assert_true(h.has_trailer && h.framing == HTTP1_BODY_CHUNKED);
	assert_int_equal(parse(without, strlen(without), true, &h), strlen(without));
	assert_true(!h.has_trailer && h.framing == HTTP1_BODY_CHUNKED);
}

static void test_field(void **state)
{
	static const char in[] = Q "A: 1\r\nnonsense\r\nB-long:\t two words \r\nb: \r\n"
				   "a: 2\r\nC: x\r\n  y\r\nD : z\r\nE F: g\r\n\r\nbody: 1\r\n";
	static const struct {
		const char *name, *value; /* NULL: not there */
	} rows[] = {
		{ "a", "1" },
		{ "A", "1" },
		{ "b-LONG", "two words" },
		{ "B", "" },
		{ "c", "x\r\n  y" },
		{ "d", "z" },
		{ "e", NULL },
		{ "E F", "g" },
		{ "nonsense", NULL },
		{ "body", NULL },
		{ "get / http/1.1", NULL },
	};
	struct http1_head h;
	struct slice value;
	size_t i;

	assert_true(parse(in, sizeof(in) - 1, false, &h) > 0);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool found = http1_head__field(&h, slice_of(rows[i].name), &value);

		if (found != !!rows[i].value)
			fail_msg("%s: found %d", rows[i].name, found);
		if (found)
			assert_slice(value, rows[i].value);
	}
}

static void test_body_rules(void **state)
{
	static const struct {
		int status;
		bool head, connect;
		int framing;
	} rows[] = {
		{ 200, false, false, LENGTH }, { 200, true, false, NONE },
		{ 404, true, false, NONE },    { 100, false, false, NONE },
		{ 101, false, false, NONE },   { 199, false, false, NONE },
		{ 204, false, false, NONE },   { 205, false, false, LENGTH },
		{ 304, false, false, NONE },   { 303, false, false, LENGTH },
		{ 200, false, true, NONE },    { 299, false, true, NONE },
		{ 300, false, true, LENGTH },  { 407, false, true, LENGTH },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http1_head h = { .status = rows[i].status,
					.framing = LENGTH,
					.content_length = 3 };

		http1_head__body_rules(&h, rows[i].head, rows[i].connect);
		assert_int_equal(h.framing, rows[i].framing);
		assert_int_equal(h.content_length, rows[i].framing == LENGTH ? 3 : 0);
	}
}

/* ---- heads without their end -------------------------------------------- */

#define UNKNOWN HTTP1_BODY_UNKNOWN

static const struct {
	const char *in;
	int result;         /* ALL: the length of `in` */
	const char *target; /* of a request */
	int status;         /* of a response */
	bool cut;
	int framing;
	const char *host;
} cuts[] = {
	{ "", .result = MORE },
	{ "\r\n", .result = MORE },
	{ "GET", .result = MORE },
	{ "GET ", .result = MORE },
	{ "G(", .result = BAD },
	{ "GET /\x01", .result = BAD },
	{ "GET /", ALL, "/", 0, true, UNKNOWN, "" },
	{ "GET /foo", ALL, "/foo", 0, true, UNKNOWN, "" },
	{ "GET /foo ", ALL, "/foo", 0, false, UNKNOWN, "" },
	{ "GET /foo HT", ALL, "/foo", 0, false, UNKNOWN, "" },
	{ "GET /foo HTTP/1.", ALL, "/foo", 0, false, UNKNOWN, "" },
	{ "GET /foo HTTP/1.1", ALL, "/foo", 0, false, UNKNOWN, "" },
	{ "GET /foo HTTP/1.1\r", ALL, "/foo", 0, false, UNKNOWN, "" },
	{ "GET /foo bar", ALL, "/foo bar", 0, true, UNKNOWN, "" },
	{ "GET /foo 1234567x", ALL, "/foo 1234567x", 0, true, UNKNOWN, "" },
	{ "GET /foo bar\r\n", .result = BAD },
	{ Q, ALL, "/", 0, false, UNKNOWN, "" },
	{ Q "Host: exam", ALL, "/", 0, false, UNKNOWN, "" },
	{ Q "Host: a\r", ALL, "/", 0, false, UNKNOWN, "" },
	{ Q "Host: a\r\n", ALL, "/", 0, false, UNKNOWN, "a" },
	{ Q "Host: a\r\nContent-Length: 12", ALL, "/", 0, false, UNKNOWN, "a" },
	{ Q "Content-Length: 12\r\nX", ALL, "/", 0, false, LENGTH, "" },
	{ Q "Transfer-Encoding: chunked\r\nX", ALL, "/", 0, false, CHUNKED, "" },
	{ Q "Transfer-Encoding: gzip,\r\n chun", ALL, "/", 0, false, UNKNOWN, "" },
	{ Q "Content-Length: x\r\n", ALL, "/", 0, false, UNKNOWN, "" },
	{ Q "Content-Length: 1\r\nContent-Length: 2\r\n", ALL, "/", 0, false, UNKNOWN, "" },
	{ Q "Transfer-Encoding: gzip\r\nX", ALL, "/", 0, false, UNKNOWN, "" },
	{ "HTTP/1.1 20", .result = MORE },
	{ "HTTP/1.1 200", ALL, "", 200, false, UNKNOWN, "" },
	{ "HTTP/1.1 200 O", ALL, "", 200, false, UNKNOWN, "" },
	{ "HTTP/1.1 20x", .result = BAD },
	{ A "Content-Length: 7\r\nServer", ALL, "", 200, false, LENGTH, "" },
	{ A "Transfer-Encoding: gzip\r\nServer", ALL, "", 200, false, UNKNOWN, "" },
};

static void test_truncated(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		bool response = cuts[i].in[0] == 'H';
		size_t len = strlen(cuts[i].in);
		struct http1_head h;
		int r = http1_head__truncated(at_end(cuts[i].in, len), len, response, &h);

		if (r != (cuts[i].result == ALL ? (int)len : cuts[i].result))
			fail_msg("'%s': %d", cuts[i].in, r);
		if (r <= 0)
			continue;
		if ((int)h.framing != cuts[i].framing || h.target_cut != cuts[i].cut)
			fail_msg("'%s': framing %d, cut %d", cuts[i].in, h.framing, h.target_cut);
		assert_slice(h.target, cuts[i].target);
		assert_slice(h.host, cuts[i].host);
		assert_int_equal(h.status, cuts[i].status);
		assert_int_equal(h.minor, 1);
		assert_false(h.complete);
	}
}

static void test_looks_like(void **state)
{
	static const struct {
		const char *in;
		bool request, response;
	} rows[] = {
		{ "", true, true },
		{ "\r\n", true, true },
		{ "H", true, true },
		{ "HTTP", true, true },
		{ "HTTP/", false, true },
		{ "HTTP/1.1 2", false, true },
		{ "HTTP/2", false, false },
		{ "G", true, false },
		{ "GET /", true, false },
		{ "GET / HTTP/1.1\r\n\x01\x02", true, false },
		{ "GET / HTTP/2.0\r\n", false, false },
		{ "{\"a\":1}", false, false },
		{ "<html>", false, false },
		{ "\x16\x03\x01", false, false },
		{ "$3\r\nfoo", false, false },
		{ "PING\r\n", false, false },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t len = strlen(rows[i].in);
		const char *p = at_end(rows[i].in, len);

		if (http1_head__looks_like(p, len, false) != rows[i].request ||
		    http1_head__looks_like(p, len, true) != rows[i].response)
			fail_msg("'%s'", rows[i].in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_line),         cmocka_unit_test(test_status_line),
		cmocka_unit_test(test_nul_in_start_line),    cmocka_unit_test(test_fields),
		cmocka_unit_test(test_trailer_is_announced), cmocka_unit_test(test_field),
		cmocka_unit_test(test_body_rules),           cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_looks_like),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
