// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls over HTTP/1: gRPC-Web and Connect. Their bodies are not captured. */
#include "conn_fixture.h"

static struct span_rpc rpc;
static char method[64], error[32];
static bool is_call;

static void on_call(void *arg, struct span *s)
{
	is_call = s->rpc;
	rpc = s->rpc ? *s->rpc : (struct span_rpc){ 0 };
	snprintf(method, sizeof(method), "%.*s", (int)rpc.method.len,
		 rpc.method.p ? rpc.method.p : "");
	snprintf(error, sizeof(error), "%s", s->error_type ? s->error_type : "-");
}

#define ASK(fields)          "POST /p.S/M HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" fields "\r\n"
#define GIVE(status, fields) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n" fields "\r\n"
#define WEB                  "Content-Type: application/grpc-web+proto\r\n"
#define CONNECT              "Content-Type: application/json\r\nConnect-Protocol-Version: 1\r\n"

static void plays(const char *ask, const char *give)
{
	env.ops.span = on_call;
	in(ask);
	out(give);
}

static void says_of(const char *system, const char *status, const char *err)
{
	assert_true(is_call);
	assert_string_equal(rpc.system, system);
	assert_string_equal(method, "p.S/M");
	assert_string_equal(rpc.status ? rpc.status : "-", status);
	assert_string_equal(error, err);
	assert_false(rpc.counted);
}

static void web(void **state)
{
	plays(ASK(WEB "grpc-timeout: 3S\r\n"), GIVE("200 OK", WEB "grpc-status: 13\r\n"));
	says_of("grpc", "INTERNAL", "INTERNAL");
	assert_int_equal(rpc.timeout_ns, 3000000000);
	plays(ASK(WEB), GIVE("200 OK", WEB)); /* it is in the body */
	says_of("grpc", "-", "-");
	plays(ASK(WEB), GIVE("503 Busy", ""));
	says_of("grpc", "UNAVAILABLE", "UNAVAILABLE");
	plays(ASK("Content-Type: application/grpc-web-text\r\n"),
	      GIVE("200 OK", "GRPC-Status: 5\r\n"));
	says_of("grpc", "NOT_FOUND", "-");
}

static void connect_rpc(void **state)
{
	plays(ASK(CONNECT "Connect-Timeout-Ms: 20\r\n"), GIVE("200 OK", ""));
	says_of("connectrpc", "-", "-");
	assert_int_equal(rpc.timeout_ns, 20000000);
	plays(ASK(CONNECT), GIVE("404 Not Found", "")); /* not_found, or unimplemented */
	says_of("connectrpc", "-", "-");
	plays(ASK(CONNECT), GIVE("500 Oops", ""));
	says_of("connectrpc", "-", "500");
	plays("GET /p.S/M?connect=v1&encoding=json&message= HTTP/1.1\r\nHost: a\r\n\r\n",
	      GIVE("200 OK", ""));
	says_of("connectrpc", "-", "-");
}

static void neither(void **state)
{
	plays(ASK("Content-Type: application/json\r\n"), GIVE("200 OK", "grpc-status: 0\r\n"));
	assert_false(is_call);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(web), TEST(connect_rpc), TEST(neither) };

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
