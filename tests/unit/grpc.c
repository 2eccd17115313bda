// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "failing.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is not said is zero */

#include "../../agent/grpc.c"

#include "assert_slice.h"
#include "grpc_status.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what is a call ---- */

static struct grpc_fields fields(const char *type)
{
	struct grpc_fields f = { 0 };

	grpc_fields__take(&f, SLICE("content-type"), slice_of(type));
	return f;
}

static void recognised(void **state)
{
	static const struct {
		const char *type;
		enum grpc_wire wire;
	} types[] = {
		{ "application/grpc", GRPC_WIRE_GRPC },
		{ "application/grpc+proto", GRPC_WIRE_GRPC },
		{ "application/GRPC+json; charset=utf-8", GRPC_WIRE_GRPC },
		{ "application/grpc;x", GRPC_WIRE_GRPC },
		{ "application/grpc-web", GRPC_WIRE_WEB },
		{ "application/grpc-web+proto", GRPC_WIRE_WEB },
		{ "application/grpc-web-text", GRPC_WIRE_WEB_TEXT },
		{ "application/grpc-web-text+proto", GRPC_WIRE_WEB_TEXT },
		{ "application/connect+proto", GRPC_WIRE_CONNECT },
		{ "application/connect+json", GRPC_WIRE_CONNECT },
		{ "application/grpcx", GRPC_WIRE_NONE },
		{ "application/grp", GRPC_WIRE_NONE },
		{ "application/proto", GRPC_WIRE_NONE },
		{ "application/json", GRPC_WIRE_NONE },
		{ "", GRPC_WIRE_NONE },
	};
	size_t i;

	for (i = 0; i < ARRAY(types); i++) {
		struct grpc_fields f = fields(types[i].type);

		assert_int_equal(grpc__recognise(&f, SLICE("POST"), SLICE("")), types[i].wire);
		grpc_fields__take(&f, SLICE("Connect-Protocol-Version"), SLICE("1"));
		assert_int_equal(grpc__recognise(&f, SLICE("POST"), SLICE("")),
				 types[i].wire || !types[i].type[0] ? types[i].wire
								    : GRPC_WIRE_CONNECT_UNARY);
	}
}

static void recognised_by_query(void **state)
{
	struct grpc_fields f = { 0 };

	static const struct {
		const char *query;
		enum grpc_wire wire;
	} all[] = { { "a=1&connect=v1&encoding=json&message=", GRPC_WIRE_CONNECT_UNARY },
		    { "message=%7B%7D&encoding=json&connect=v1&", GRPC_WIRE_CONNECT_UNARY },
		    { "connect=v10&encoding=json&message=", GRPC_WIRE_NONE },
		    { "connect=v1&encoding=json", GRPC_WIRE_NONE },
		    { "connect=v1&message=", GRPC_WIRE_NONE },
		    { "connect=v1&encoding&message", GRPC_WIRE_NONE },
		    { "connect=v1", GRPC_WIRE_NONE },
		    { "&&", GRPC_WIRE_NONE },
		    { "", GRPC_WIRE_NONE } };
	size_t i;

	for (i = 0; i < ARRAY(all); i++) {
		struct slice query = slice_of(all[i].query);

		assert_int_equal(grpc__recognise(&f, SLICE("GET"), query), all[i].wire);
		assert_int_equal(grpc__recognise(&f, SLICE("HEAD"), query), GRPC_WIRE_NONE);
	}
}

static void timeouts(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} all[] = { { "1H", 3600000000000 },
		    { "2M", 120000000000 },
		    { "3S", 3000000000 },
		    { "4m", 4000000 },
		    { "5u", 5000 },
		    { "6n", 6 },
		    { "99999999S", 99999999000000000 },
		    { "99999999M", 5999999940000000000 },
		    { "2562046H", 9223365600000000000 },
		    { "2562048H", INT64_MAX },
		    { "5124096H", INT64_MAX },
		    { "99999999H", INT64_MAX },
		    { "100000000n", 0 },
		    { "S", 0 },
		    { "", 0 },
		    { "-1S", 0 },
		    { "1s", 0 } };
	size_t i;

	for (i = 0; i < ARRAY(all); i++)
		assert_int_equal(timeout_ns(slice_of(all[i].text)), all[i].ns);
}

/* ---- how it ended ---- */

struct ended {
	enum grpc_wire wire;
	uint16_t http;
	const char *status, *message; /* headers or trailers */
	const char *body;
	size_t body_len;
	const char *failure;
	const char *want, *server_error, *client_error;
};

#define FRAME(flag, len, text) flag "\0\0\0" len text, sizeof(flag "\0\0\0" len text) - 1

#define LETTERS50                   "llllllllllllllllllllllllllllllllllllllllllllllllll"
#define LETTERS                     LETTERS50 LETTERS50 LETTERS50 LETTERS50 LETTERS50 LETTERS50
#define LONG_FRAME(flag, len, text) flag "\0\0\x01" len text, sizeof(flag "\0\0\x01" len text) - 1

static const struct ended ends[] = {
	{ GRPC_WIRE_GRPC, 200, "0", .want = "OK" },
	{ GRPC_WIRE_GRPC, 200, "5", .want = "NOT_FOUND", .client_error = "NOT_FOUND" },
	{ GRPC_WIRE_GRPC, 200, "14", .want = "UNAVAILABLE", .server_error = "UNAVAILABLE",
	  .client_error = "UNAVAILABLE" },
	{ GRPC_WIRE_GRPC, 200, "oops", .want = "UNKNOWN", .server_error = "UNKNOWN",
	  .client_error = "UNKNOWN" },
	{ GRPC_WIRE_GRPC, 200, .want = "UNKNOWN", .server_error = "UNKNOWN",
	  .client_error = "UNKNOWN" },
	{ GRPC_WIRE_GRPC, 401, .want = "UNAUTHENTICATED", .client_error = "UNAUTHENTICATED" },
	{ GRPC_WIRE_GRPC, 200, .failure = "timeout", .server_error = "timeout",
	  .client_error = "timeout" },
	{ GRPC_WIRE_WEB, 200, "3", .want = "INVALID_ARGUMENT", .client_error = "INVALID_ARGUMENT" },
	{ GRPC_WIRE_WEB, 200, NULL, NULL, FRAME("\x80", "\x10", "grpc-status: 5\r\n"),
	  .want = "NOT_FOUND", .client_error = "NOT_FOUND" },
	{ GRPC_WIRE_WEB, 200, NULL, NULL, FRAME("\x80", "\x0e", "grpc-status: 5") },
	{ GRPC_WIRE_WEB, 200, NULL, NULL,
	  LONG_FRAME("\x80", "\x4c", "grpc-message: " LETTERS "\r\ngrpc-status: 5\r\n"),
	  .want = "NOT_FOUND", .client_error = "NOT_FOUND" },
	{ GRPC_WIRE_WEB, 200, NULL, NULL,
	  FRAME("\x80", "\x3d",
		"grpc-message: upstream said grpc-status: 0\r\n"
		"grpc-status: 14\r\n"),
	  .want = "UNAVAILABLE", .server_error = "UNAVAILABLE", .client_error = "UNAVAILABLE" },
	{ GRPC_WIRE_WEB, 200 },
	{ GRPC_WIRE_WEB, 503, .want = "UNAVAILABLE", .server_error = "UNAVAILABLE",
	  .client_error = "UNAVAILABLE" },
	{ GRPC_WIRE_WEB_TEXT, 200, NULL, NULL, FRAME("\x80", "\x10", "grpc-status: 5\r\n") },
	{ GRPC_WIRE_CONNECT, 200, NULL, NULL, FRAME("\x02", "\x02", "{}") },
	{ GRPC_WIRE_CONNECT, 200, NULL, NULL,
	  FRAME("\x02", "\x22", "{\"error\": {\"code\" : \"not_found\"}  }"), .want = "not_found",
	  .client_error = "not_found" },
	{ GRPC_WIRE_CONNECT, 200, NULL, NULL, FRAME("\x03", "\x06", "\x1f\x8b\x08zip"), "timeout",
	  .server_error = "timeout", .client_error = "timeout" },
	{ GRPC_WIRE_CONNECT, 200 },
	{ GRPC_WIRE_CONNECT_UNARY, 200, NULL, NULL, "{}", 2 },
	{ GRPC_WIRE_CONNECT_UNARY, 200, NULL, NULL, "{}", 2, "timeout", .server_error = "timeout",
	  .client_error = "timeout" },
	{ GRPC_WIRE_CONNECT_UNARY, 404, NULL, NULL, "{\"code\":\"not_found\"}", 20,
	  .want = "not_found", .client_error = "not_found" },
	{ GRPC_WIRE_CONNECT_UNARY, 500, NULL, NULL, "{\"code\":\"data_loss\",\"me", 24,
	  .want = "data_loss", .server_error = "data_loss", .client_error = "data_loss" },
	{ GRPC_WIRE_CONNECT_UNARY, 500, NULL, NULL, "{\"code\":\"data_l", 15, "timeout",
	  .server_error = "timeout", .client_error = "timeout" },
	{ GRPC_WIRE_CONNECT_UNARY, 500, NULL, NULL, "<html>", 6, .server_error = "500",
	  .client_error = "500" },
};

static void assert_word(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got ? got : "(none)", want);
}

static void check_end(const struct ended *e, enum span_kind kind, size_t cut)
{
	struct grpc_fields f = fields("application/grpc"), answer = { 0 };
	struct grpc_call *c = grpc_call__new(e->wire, &f);
	struct span s = { .kind = kind, .status = e->http, .path = SLICE("/p.S/M") };
	struct span_rpc rpc;

	answer.status = slice_of(e->status);
	answer.message = slice_of(e->message);
	grpc_call__answer(c, &answer, false);
	grpc_call__bytes(c, true, e->body, cut, 100);
	grpc_call__bytes(c, true, e->body + cut, e->body_len - cut, 200);
	s.error_type = e->failure                                     ? e->failure
		       : e->http >= (kind == SPAN_CLIENT ? 400 : 500) ? "500"
								      : NULL;
	grpc_call__span(c, &s, e->failure, &rpc);
	assert_ptr_equal(s.rpc, &rpc);
	assert_slice(rpc.method, "p.S/M");
	assert_string_equal(rpc.system, e->wire >= GRPC_WIRE_CONNECT ? "connectrpc" : "grpc");
	assert_word(rpc.status, e->want);
	assert_word(s.error_type, kind == SPAN_SERVER ? e->server_error : e->client_error);
	assert_int_equal(rpc.counted, e->wire != GRPC_WIRE_WEB_TEXT);
	grpc_call__free(c);
}

static void all_ends(void **state)
{
	size_t i, cut;

	for (i = 0; i < ARRAY(ends); i++)
		for (cut = 0; cut <= ends[i].body_len; cut++) {
			check_end(&ends[i], SPAN_SERVER, cut);
			check_end(&ends[i], SPAN_CLIENT, cut);
		}
}

static void messages_are_decoded(void **state)
{
	struct grpc_fields f = { .status = SLICE("3"), .message = SLICE("a%20b%e2%82%ac%zz") };
	struct grpc_call *c = grpc_call__new(GRPC_WIRE_GRPC, &f);

	grpc_call__answer(c, &f, false);
	assert_slice(((struct slice){ c->message, c->message_len }), "a b\xe2\x82\xac%zz");
	grpc_call__free(c);
}

static void unknown_fields(void **state)
{
	struct grpc_fields f = { 0 };
	struct grpc_call *c = grpc_call__new(GRPC_WIRE_GRPC, NULL);
	struct span s = { .status = 200 };
	struct span_rpc rpc;

	grpc_call__answer(c, &f, true);
	grpc_call__span(c, &s, NULL, &rpc);
	assert_null(rpc.status);
	assert_null(s.error_type);
	assert_false(rpc.counted);
	assert_int_equal(rpc.method.len, 0);
	grpc_call__free(c);
}

static void memory_runs_out(void **state)
{
	struct grpc_fields f = { 0 };

	failing_after = 0;
	assert_null(grpc_call__new(GRPC_WIRE_GRPC, &f));
	failing_after = -1;
	assert_int_equal(failing_live, 0);
}

/* ---- messages ---- */

static void messages(void **state)
{
	static const char stream[] = "\0\0\0\0\3abc"
				     "\1\0\0\0\0"
				     "\0\0\0\0\x14"
				     "12345678901234567890";
	size_t len = sizeof(stream) - 1, a, b;
	struct grpc_messages m;

	for (a = 0; a <= len; a++)
		for (b = a; b <= len; b++) {
			bool hole = a < b && !((a >= 5 && b <= 8) || a >= 18);

			grpc_messages__init(&m, GRPC_LAST_NONE, NULL);
			grpc_messages__bytes(&m, stream, a, 1);
			grpc_messages__bytes(&m, stream + a, b - a, 2);
			grpc_messages__bytes(&m, stream + b, len - b, 3);
			assert_int_equal(m.n, 3);
			assert_int_equal(m.bytes, 23);
			assert_int_equal(m.first_ns, a ? 1 : b ? 2 : 3);
			grpc_messages__init(&m, GRPC_LAST_NONE, NULL);
			grpc_messages__bytes(&m, stream, a, 1);
			grpc_messages__skip(&m, b - a);
			grpc_messages__bytes(&m, stream + b, len - b, 3);
			assert_int_equal(m.lost, hole);
			assert_true(hole || m.n == 3);
		}
}

/* With a message of so many bytes each way, of which none of the bodies may be seen. */
static void check_unary(struct slice method, struct slice query, size_t len, bool seen,
			uint16_t http, int asked, int answered)
{
	static const char zeros[9];
	struct grpc_fields f = fields("application/proto");
	struct span s = { .status = http };
	struct grpc_call *c;
	struct span_rpc rpc;
	int i;

	f.connect_version = SLICE("1");
	c = grpc_call__new(grpc__recognise(&f, method, query), &f);
	for (i = 0; i < 2; i++) {
		if (len && seen)
			grpc_call__bytes(c, i, zeros, len, 7 + i);
		else if (len)
			grpc_call__skip(c, i, len, 7 + i);
		grpc_call__ended(c, i, i ? http : 0);
	}
	grpc_call__span(c, &s, NULL, &rpc);
	assert_string_equal(rpc.system, "connectrpc");
	assert_true(rpc.counted);
	assert_int_equal(rpc.request_messages, asked);
	assert_int_equal(rpc.response_messages, answered);
	assert_int_equal(rpc.request_message_bytes, len);
	assert_int_equal(rpc.response_message_bytes, len);
	assert_int_equal(rpc.response_first_ns, len ? 8 : 0);
	grpc_call__free(c);
}

static void unary(void **state)
{
	struct slice get = SLICE("connect=v1&encoding=proto&message="), none = SLICE("");

	check_unary(SLICE("POST"), none, 9, true, 200, 1, 1);
	check_unary(SLICE("POST"), none, 9, false, 200, 1, 1);
	check_unary(SLICE("POST"), none, 0, true, 200, 1, 1);
	check_unary(SLICE("GET"), get, 0, true, 200, 1, 1);
	check_unary(SLICE("POST"), none, 0, true, 404, 1, 0);
	check_unary(SLICE("GET"), get, 0, true, 503, 1, 0);
}

/* A stream's messages are counted by their prefixes. */
static void a_stream_without_messages(void **state)
{
	struct grpc_fields f = fields("application/connect+proto");
	struct grpc_call *c = grpc_call__new(GRPC_WIRE_CONNECT, &f);

	grpc_call__ended(c, false, 0);
	grpc_call__ended(c, true, 200);
	assert_int_equal(c->request.n + c->answer.n, 0);
	grpc_call__free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recognised),
		cmocka_unit_test(recognised_by_query),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(all_ends),
		cmocka_unit_test(messages_are_decoded),
		cmocka_unit_test(unknown_fields),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(messages),
		cmocka_unit_test(unary),
		cmocka_unit_test(a_stream_without_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
