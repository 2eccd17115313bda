// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "otlp_client_answer.h"
#include "otlp_client_pb.h"

#define S   1000000000ull
#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static void reads_retry_after(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} cases[] = {
		{ "", 0 },
		{ "0", 0 },
		{ "1", 1 },
		{ "120", 120 },
		{ "86400", 86400 },
		{ "86401", 86400 },
		{ "99999999999999999999", 86400 },
		{ "-1", 0 },
		{ "1.5", 0 },
		{ "1 s", 0 },
		{ "soon", 0 },
		{ "Sun, 06 Nov 1994 08:49:38 GMT", 1 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "Sat, 05 Nov 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 09:49:37 GMT", 3600 },
		{ "Sunday, 06-Nov-94 08:49:47 GMT", 10 },
		{ "Sun Nov  6 08:49:47 1994", 10 },
		{ "Sun, 06 Nov 2994 08:49:37 GMT", 86400 },
		{ "Sun, 06 Nov 1994 08:49:38 GMT+1", 0 },
		{ "Sun, 06 Nov 1994 08:49:38 CET", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t got = otlp_retry_after(cases[i].text, NOW);

		if (got != cases[i].seconds * S)
			fail_msg("'%s' gave %lu ns", cases[i].text, got);
	}
}

/* ---- RetryInfo: base64 of google.rpc.Status ---- */

#define TYPE "type.googleapis.com/google.rpc.RetryInfo"

static size_t put_bytes(char *to, int number, const void *p, size_t len)
{
	to[0] = number << 3 | PB_BYTES;
	to[1] = (char)len;
	memcpy(to + 2, p, len);
	return len + 2;
}

static void to_base64(const char *p, size_t len, char *to)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint8_t)p[i] << 16;

		v |= i + 1 < len ? (uint8_t)p[i + 1] << 8 : 0;
		v |= i + 2 < len ? (uint8_t)p[i + 2] : 0;
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		if (i + 1 < len)
			*to++ = digits[v >> 6 & 63];
		if (i + 2 < len)
			*to++ = digits[v & 63];
	}
	*to = '\0';
}

/* Status{code=8, details=[other, Any{type, RetryInfo{Duration}}]} as base64. */
static void make_details(const char *type, const char *duration, size_t len, char *base64)
{
	char info[64], any[128], status[200] = { 1 << 3, 8 };
	size_t n, at = 2;

	at += put_bytes(status + at, 3, "\x0a\x05other", 7);
	n = put_bytes(info, 1, duration, len);
	len = put_bytes(any, 1, type, strlen(type));
	len += put_bytes(any + len, 2, info, n);
	at += put_bytes(status + at, 3, any, len);
	to_base64(status, at, base64);
}

static void check_retry_info(const char *type, const char *duration, size_t len, bool want,
			     uint64_t want_ns)
{
	char base64[400];
	uint64_t ns = 1;

	make_details(type, duration, len, base64);
	assert_int_equal(otlp_retry_info(slice_of(base64), &ns), want);
	assert_int_equal(ns, want_ns);
	for (size_t cut = 0; cut < strlen(base64); cut++)
		otlp_retry_info((struct slice){ at_end(base64, cut), cut }, &ns);
}

static void reads_retry_info(void **state)
{
	uint64_t ns;

	check_retry_info(TYPE, "\x08\x05", 2, true, 5 * S);
	check_retry_info(TYPE, "\x08\x05\x10\x80\x94\xeb\xdc\x03", 8, true, 5 * S);
	check_retry_info(TYPE, "\x08\x05\x10\x07", 4, true, 5 * S + 7);
	check_retry_info(TYPE, "\x10\x07", 2, true, 7);
	check_retry_info(TYPE, "", 0, true, 0);
	check_retry_info(TYPE, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x07", 13, true, 0);
	check_retry_info(TYPE, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, true, 86400 * S);
	check_retry_info("google.rpc.RetryInfo", "\x08\x05", 2, false, 0);
	check_retry_info("x/google.rpc.RetryInfos", "\x08\x05", 2, false, 0);
	assert_false(otlp_retry_info((struct slice){ NULL, 0 }, &ns));
	assert_false(otlp_retry_info(SLICE("!!!"), &ns));
}

/* ---- whole answers ---- */

struct answer_case {
	int line;
	enum otlp_protocol protocol;
	const char *head; /* lines, with '|' between them */
	struct slice body;
	const char *broken;
	enum otlp_result result;
	uint64_t rejected, retry_after_s;
	const char *reason; /* a part of it */
};

#define A(...)                                                                                     \
	{                                                                                          \
		__LINE__, __VA_ARGS__                                                              \
	}
#define NO                                                                                         \
	{                                                                                          \
		NULL, 0                                                                            \
	}
#define B(lit)                                                                                     \
	{                                                                                          \
		(lit), sizeof(lit) - 1                                                             \
	}
#define PB   OTLP_HTTP_PROTOBUF
#define JS   OTLP_HTTP_JSON
#define GR   OTLP_GRPC
#define ZI   OTLP_ZIPKIN
#define OK_  "HTTP/2 200 |content-type: application/grpc|"
#define JSON "HTTP/1.1 200 OK|Content-Type: application/json; charset=utf-8|"
#define THREE                                                                                      \
	"\x0a\x07\x08\x03\x12\x03"                                                                 \
	"bad"
#define INFO                                                                                       \
	"grpc-status-details-bin: "                                                                \
	"GjEKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SBQoDCNgE"

/* clang-format off */
static const struct answer_case answers[] = {
	A(PB, "HTTP/1.1 200 OK", NO, NULL, OTLP_DELIVERED, 0, 0, ""),
	A(PB, "HTTP/1.1 202 Accepted", NO, NULL, OTLP_DELIVERED, 0, 0, ""),
	A(PB, "HTTP/1.1 200 OK", B(THREE), NULL, OTLP_PARTIAL, 3, 0, "bad"),
	A(PB, "HTTP/1.1 200 OK", B("\x0a\x02\x08\x03"), NULL, OTLP_PARTIAL, 3, 0, "no reason"),
	A(PB, "HTTP/1.1 200 OK", B("\x0a\x05\x12\x03odd"), NULL, OTLP_PARTIAL, 0, 0, "odd"),
	A(PB, "HTTP/1.1 200 OK", B("\x0a\x00"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(PB, "HTTP/1.1 200 OK", B("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(PB, "HTTP/1.1 200 OK", B("<html>"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(PB, "HTTP/1.1 200 OK||", B("\x0a\x07\x08"), "connection reset", OTLP_DELIVERED, 0, 0, ""),
	A(PB, "HTTP/1.1 100 Continue|Retry-After: 7||HTTP/1.1 503 No|", NO, NULL, OTLP_RETRY, 0, 0, "503"),
	A(PB, "HTTP/1.1 100 Continue", NO, "connection reset", OTLP_RETRY, 0, 0, "connection reset"),
	A(PB, "", NO, "Connection refused", OTLP_RETRY, 0, 0, "Connection refused"),
	A(PB, "HTTP/1.1 200 OK|Content-Le", NO, "connection reset", OTLP_RETRY, 0, 0, "connection reset"),
	A(PB, "HTTP/1.1 429 Slow|retry-after:  30 ", NO, NULL, OTLP_RETRY, 0, 30, "429"),
	A(PB, "HTTP/1.1 502 x", B("bad gateway\nmore"), NULL, OTLP_RETRY, 0, 0, "HTTP status 502: bad gateway"),
	A(PB, "HTTP/1.1 503 x|Retry-After: Sun, 06 Nov 1994 08:50:37 GMT", NO, NULL, OTLP_RETRY, 0, 60, "503"),
	A(PB, "HTTP/1.1 504", NO, NULL, OTLP_RETRY, 0, 0, "504"),
	A(PB, "HTTP/1.1 503 x||", NO, "connection reset", OTLP_RETRY, 0, 0, "503"),
	A(PB, "HTTP/1.1 400 Bad|Retry-After: 30", B("\x08\x03\x12\x07no such"), NULL, OTLP_PERMANENT, 0, 0, "HTTP status 400: no such"),
	A(PB, "HTTP/1.1 400 Bad||", NO, "connection reset", OTLP_PERMANENT, 0, 0, "400"),
	A(PB, "HTTP/1.1 301 Moved|Location: /", NO, NULL, OTLP_PERMANENT, 0, 0, "301"),
	A(PB, "HTTP/1.1 404 x", NO, NULL, OTLP_PERMANENT, 0, 0, "404"),
	A(PB, "HTTP/1.1 408 x", NO, NULL, OTLP_PERMANENT, 0, 0, "408"),
	A(PB, "HTTP/1.1 413 x", NO, NULL, OTLP_PERMANENT, 0, 0, "413"),
	A(PB, "HTTP/1.1 500 x", NO, NULL, OTLP_PERMANENT, 0, 0, "500"),
	A(PB, "HTTP/1.1 501 x", NO, NULL, OTLP_PERMANENT, 0, 0, "501"),
	A(PB, "HTTP/1.1 x", NO, NULL, OTLP_PERMANENT, 0, 0, "status 0"),
	A(JS, JSON, B("{}"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(JS, JSON, NO, NULL, OTLP_DELIVERED, 0, 0, ""),
	A(JS, JSON, B("{\"partialSuccess\":{}}"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(JS, JSON, B("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"bad\"}}"), NULL, OTLP_PARTIAL, 3, 0, "bad"),
	A(JS, JSON, B("{\"partialSuccess\":{\"rejectedLogRecords\":3}}"), NULL, OTLP_PARTIAL, 3, 0, "no reason"),
	A(JS, JSON, B("{\"partialSuccess\":{\"rejectedDataPoints\":\"-3\"}}"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(JS, JSON, B("{\"partialSuccess\":{\"rejectedDataPoints\":-3}}"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(JS, JSON, B("{\"partialSuccess\":[[[["), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(JS, JSON, B("{\"partialSuccess\":7}"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(JS, "HTTP/1.1 400 x|content-type: application/json", B("{\"code\":3,\"message\":\"no such\"}"), NULL, OTLP_PERMANENT, 0, 0, "400: no such"),
	A(ZI, "HTTP/1.1 202 Accepted", B(THREE), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(ZI, "HTTP/1.1 503 x", NO, NULL, OTLP_RETRY, 0, 0, "503"),
	A(GR, OK_ "grpc-status: 0", B("\0\0\0\0\0"), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(GR, OK_ "grpc-status: 0", NO, NULL, OTLP_DELIVERED, 0, 0, ""),
	A(GR, OK_ "grpc-status: 0", B("\0\0\0\0\x09" THREE), NULL, OTLP_PARTIAL, 3, 0, "bad"),
	A(GR, OK_ "grpc-status: 0", B("\1\0\0\0\x09" THREE), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(GR, OK_ "grpc-status: 0", B("\0\0\0\0\x0a" THREE), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(GR, OK_ "grpc-status: 0", B("\0\xff\xff\xff\xff" THREE), NULL, OTLP_DELIVERED, 0, 0, ""),
	A(GR, OK_ "grpc-status: 14|grpc-message: go%20away%2c%zz", NO, NULL, OTLP_RETRY, 0, 0, "gRPC status UNAVAILABLE: go away,%zz"),
	A(GR, OK_ "grpc-status: 1", NO, NULL, OTLP_RETRY, 0, 0, "CANCELLED"),
	A(GR, OK_ "grpc-status: 2", NO, NULL, OTLP_PERMANENT, 0, 0, "UNKNOWN"),
	A(GR, OK_ "grpc-status: 3", NO, NULL, OTLP_PERMANENT, 0, 0, "INVALID_ARGUMENT"),
	A(GR, OK_ "grpc-status: 4", NO, NULL, OTLP_RETRY, 0, 0, "DEADLINE_EXCEEDED"),
	A(GR, OK_ "grpc-status: 5", NO, NULL, OTLP_PERMANENT, 0, 0, "NOT_FOUND"),
	A(GR, OK_ "grpc-status: 7", NO, NULL, OTLP_PERMANENT, 0, 0, "PERMISSION_DENIED"),
	A(GR, OK_ "grpc-status: 8", NO, NULL, OTLP_PERMANENT, 0, 0, "RESOURCE_EXHAUSTED"),
	A(GR, OK_ "grpc-status: 8|" INFO, NO, NULL, OTLP_RETRY, 0, 600, "RESOURCE_EXHAUSTED"),
	A(GR, OK_ "grpc-status: 14|" INFO, NO, NULL, OTLP_RETRY, 0, 600, "UNAVAILABLE"),
	A(GR, OK_ "grpc-status: 3|" INFO, NO, NULL, OTLP_PERMANENT, 0, 0, "INVALID_ARGUMENT"),
	A(GR, OK_ "grpc-status: 10", NO, NULL, OTLP_RETRY, 0, 0, "ABORTED"),
	A(GR, OK_ "grpc-status: 11", NO, NULL, OTLP_RETRY, 0, 0, "OUT_OF_RANGE"),
	A(GR, OK_ "grpc-status: 12", NO, NULL, OTLP_PERMANENT, 0, 0, "UNIMPLEMENTED"),
	A(GR, OK_ "grpc-status: 13", NO, NULL, OTLP_PERMANENT, 0, 0, "INTERNAL"),
	A(GR, OK_ "grpc-status: 15", NO, NULL, OTLP_RETRY, 0, 0, "DATA_LOSS"),
	A(GR, OK_ "grpc-status: 16", NO, NULL, OTLP_PERMANENT, 0, 0, "UNAUTHENTICATED"),
	A(GR, OK_ "grpc-status: 17", NO, NULL, OTLP_PERMANENT, 0, 0, "UNKNOWN"),
	A(GR, OK_ "grpc-status: x", NO, NULL, OTLP_PERMANENT, 0, 0, "UNKNOWN"),
	A(GR, OK_ "grpc-status: -1", NO, NULL, OTLP_PERMANENT, 0, 0, "UNKNOWN"),
	A(GR, OK_ "grpc-status: 99999999999", NO, NULL, OTLP_PERMANENT, 0, 0, "UNKNOWN"),
	A(GR, OK_, NO, "stream was reset", OTLP_RETRY, 0, 0, "stream was reset"),
	A(GR, OK_, NO, NULL, OTLP_PERMANENT, 0, 0, "no gRPC status"),
	A(GR, OK_ "grpc-status: 0", NO, "late reset", OTLP_DELIVERED, 0, 0, ""),
	A(GR, "HTTP/2 503 |retry-after: 9", NO, NULL, OTLP_RETRY, 0, 9, "HTTP status 503"),
	A(GR, "HTTP/2 429 ", NO, NULL, OTLP_RETRY, 0, 0, "429"),
	A(GR, "HTTP/2 404 ", NO, NULL, OTLP_PERMANENT, 0, 0, "404"),
	A(GR, "HTTP/2 401 ", NO, NULL, OTLP_PERMANENT, 0, 0, "401"),
};
/* clang-format on */

static void feed_head(struct otlp_answer *a, const char *head)
{
	while (*head) {
		size_t len = strcspn(head, "|");

		otlp_answer__header(a, (struct slice){ at_end(head, len), len });
		head += head[len] ? len + 1 : len;
	}
}

static void half_a_head(void **state)
{
	struct otlp_outcome out = { 0 };
	struct otlp_answer a;

	otlp_answer__init(&a, PB);
	feed_head(&a, "HTTP/1.1 200 OK|Content-Le");
	otlp_answer__outcome(&a, NULL, NOW, &out);
	assert_int_equal(out.result, OTLP_RETRY);
	otlp_answer__free(&a);
}

static void check_answer(struct otlp_answer *a, const struct answer_case *c)
{
	struct otlp_outcome out = { .sent_bytes = 77, .rejected = 1 };

	a->protocol = c->protocol;
	otlp_answer__reset(a);
	feed_head(a, c->head);
	if (!c->broken)
		otlp_answer__header(a, SLICE("\r\n"));
	assert_true(otlp_answer__body(a, c->body.p, c->body.len));
	otlp_answer__outcome(a, c->broken, NOW, &out);
	if (out.result != c->result || out.rejected != c->rejected ||
	    out.retry_after_ns != c->retry_after_s * S || !strstr(out.reason, c->reason) ||
	    (!*c->reason && *out.reason) || out.sent_bytes != 77)
		fail_msg("line %d: %d %lu %lu '%s'", c->line, out.result, out.rejected,
			 out.retry_after_ns, out.reason);
}

static void understands_answers(void **state)
{
	struct otlp_answer a;

	otlp_answer__init(&a, PB);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		check_answer(&a, &answers[i]);
	otlp_answer__free(&a);
}

static void large_answers(void **state)
{
	static char mib[1 << 20];
	struct otlp_outcome out = { 0 };
	struct otlp_answer a;

	otlp_answer__init(&a, PB);
	otlp_answer__header(&a, SLICE("HTTP/1.1 200 OK\r\n"));
	for (int i = 0; i < 4; i++)
		assert_true(otlp_answer__body(&a, mib, sizeof(mib)));
	assert_false(otlp_answer__body(&a, mib, 1));
	assert_false(otlp_answer__body(&a, mib, 1));
	otlp_answer__outcome(&a, "write error", NOW, &out);
	assert_int_equal(out.result, OTLP_PERMANENT);
	otlp_answer__reset(&a);
	assert_true(otlp_answer__body(&a, mib, 1));
	otlp_answer__free(&a);
}

/* What does not fit is cut, and a long grpc-status-details-bin is none. */
static void long_headers(void **state)
{
	static char line[40000];
	struct otlp_outcome out = { 0 };
	struct otlp_answer a;

	otlp_answer__init(&a, GR);
	otlp_answer__header(&a, SLICE("HTTP/2 200"));
	otlp_answer__header(&a, SLICE("\r\n"));
	otlp_answer__header(&a, SLICE("grpc-status: 8"));
	memset(line, 'A', sizeof(line));
	memcpy(line, "grpc-message: ", 14);
	otlp_answer__header(&a, (struct slice){ line, sizeof(line) });
	memcpy(line, "grpc-status-details-bin: ", 25);
	otlp_answer__header(&a, (struct slice){ line, sizeof(line) });
	otlp_answer__outcome(&a, NULL, NOW, &out);
	assert_int_equal(out.result, OTLP_PERMANENT);
	assert_true(strlen(out.reason) > 200);
	otlp_answer__free(&a);
}

/* Every prefix and every single byte changed, at the end of memory. */
static void damaged_messages(void **state)
{
	static const char message[] = THREE;
	char text[40], copy[sizeof(message)];
	uint64_t rejected;

	for (size_t len = 0; len < sizeof(message) - 1; len++) {
		otlp_partial_success((struct slice){ at_end(message, len), len }, false, &rejected,
				     text, sizeof(text));
		for (int byte = 0; byte < 256; byte++) {
			memcpy(copy, message, sizeof(message));
			copy[len] = (char)byte;
			otlp_partial_success(
				(struct slice){ at_end(copy, sizeof(copy) - 1), sizeof(copy) - 1 },
				false, &rejected, text, sizeof(text));
			assert_true(rejected <= INT64_MAX && strlen(text) < sizeof(text));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_retry_after),   cmocka_unit_test(reads_retry_info),
		cmocka_unit_test(understands_answers), cmocka_unit_test(half_a_head),
		cmocka_unit_test(large_answers),       cmocka_unit_test(long_headers),
		cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
