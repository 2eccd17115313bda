// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "a_tls.h"
#include "access_log_internal.h"
#include "spans.h"

#define UNIX_MINUS_MONO 1000000000000000000

static char line[ACCESS_LOG_LINE + 1];
static bool rpc_message;

/* Without its newline. */
static const char *written(const struct span *s, bool query)
{
	const struct access_log_secrets with = { .query = query, .rpc_message = rpc_message };
	size_t n = access_log_line__write(line, s, UNIX_MINUS_MONO, &with);

	assert_in_range(n, 3, ACCESS_LOG_LINE);
	assert_int_equal(line[n - 1], '\n');
	line[n - 1] = 0;
	assert_null(strchr(line, '\n'));
	return line;
}

#define BEGIN      "{\"timestamp\":\"2001-09-09T01:46:41.502500499Z\",\"level\":"
#define IDS        "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span_id\":\"00f067aa0ba902b7\","
#define COUNTS     "\"request_bytes\":3,\"response_bytes\":5000000000,\"pid\":42"
#define SERVER_GET "\"service\":\"shop\",\"kind\":\"server\",\"method\":\"GET\","

static void whole(void **state)
{
	struct span s = server_span();
	static const char want[] =
		BEGIN "\"info\"," SERVER_GET "\"route\":\"/orders/{id}\",\"path\":\"/orders/7\","
		      "\"scheme\":\"http\",\"status_code\":200,\"duration_ms\":2.500," IDS
		      "\"client\":\"10.0.100.2\","
		      "\"request_id\":\"req-1\"," COUNTS
		      ",\"headers\":{\"user-agent\":\"curl/8\",\"x-tenant\":\"a\\\"b\"}";
	char with_query[sizeof(want) + 30];

	s.end_ns += 499; /* a duration has no decimals for it */
	s.headers[0] = (struct span_header){ "user-agent", SLICE("curl/8") };
	s.headers[1] = (struct span_header){ "x-tenant", SLICE("a\"b") };
	s.n_headers = 2;
	snprintf(with_query, sizeof(with_query), "%s,\"query\":\"q=1&sig=secret&z\"}", want);
	assert_string_equal(written(&s, true), with_query);
	snprintf(with_query, sizeof(with_query), "%s}", want);
	assert_string_equal(written(&s, false), with_query);
}

static void what_is_not_there_is_left_out(void **state)
{
	struct span s = {
		.service = &shop,
		.method = "_OTHER",
		.method_original = SLICE("BREW"),
		.start_ns = 2,
		.end_ns = 1, /* clocks of two CPUs */
		.error_type = "client_closed",
	};

	assert_string_equal(written(&s, true),
			    "{\"timestamp\":\"2001-09-09T01:46:40.000000001Z\",\"level\":\"error\","
			    "\"service\":\"shop\",\"kind\":\"server\",\"method\":\"BREW\","
			    "\"path\":\"\",\"duration_ms\":0.000,\"error\":\"client_closed\","
			    "\"request_bytes\":0,\"response_bytes\":0,\"pid\":0}");
}

static void sizes_that_are_not_known_are_left_out(void **state)
{
	struct span s = server_span();

	s.flags = SPAN_REQUEST_SIZE_UNKNOWN;
	assert_non_null(strstr(written(&s, true), "\"response_bytes\":5000000000,\"pid\":42"));
	assert_null(strstr(written(&s, true), "request_bytes"));
	s.flags = SPAN_RESPONSE_SIZE_UNKNOWN;
	assert_non_null(strstr(written(&s, true), "\"request_bytes\":3,\"pid\":42"));
}

static void handshakes(void **state)
{
	struct span s = server_span();
	struct span_tls *t = a_tls();

	s.scheme = "https";
	s.tls = t;
	assert_non_null(strstr(written(&s, false), "\"scheme\":\"https\","));
	assert_non_null(strstr(line, ",\"tls\":{\"version\":\"1.3\","
				     "\"cipher\":\"TLS_AES_128_GCM_SHA256\",\"resumed\":true,"
				     "\"next_protocol\":\"http/1.1\","
				     "\"server_name\":\"shop.example\"}}"));
	*t = (struct span_tls){ .cipher = 0xfafa, .resumed = SPAN_TLS_RESUMED_NO };
	assert_non_null(
		strstr(written(&s, false), ",\"tls\":{\"cipher\":\"0xFAFA\",\"resumed\":false}}"));
	*t = (struct span_tls){ 0 };
	assert_non_null(strstr(written(&s, true), "\"query\":\"q=1&sig=secret&z\",\"tls\":{}}"));
}

static void calls(void **state)
{
	struct span s = rpc_server_span();

	s.request_id = (struct slice){ 0 };
	assert_string_equal(
		written(&s, true),
		"{\"timestamp\":\"2001-09-09T01:46:41.502500000Z\",\"level\":\"info\","
		"\"service\":\"shop\",\"kind\":\"server\",\"method\":\"POST\","
		"\"path\":\"/shop.Orders/Watch\",\"scheme\":\"http\",\"status_code\":200,"
		"\"duration_ms\":2.500," IDS "\"client\":\"10.0.100.2\"," COUNTS
		",\"rpc\":{\"system\":\"grpc\",\"method\":\"shop.Orders/Watch\","
		"\"status\":\"OK\",\"request_messages\":1,\"response_messages\":3,"
		"\"first_message_ms\":0.500,\"timeout_ms\":2500.000}}");
	s = rpc_client_span();
	s.route = SLICE("_OTHER"); /* a line is no series */
	assert_non_null(strstr(written(&s, true),
			       ",\"rpc\":{\"system\":\"grpc\",\"method\":\"shop.Orders/Get\","
			       "\"status\":\"NOT_FOUND\"}}"));
	rpc_message = true;
	assert_non_null(strstr(written(&s, true), "\"status\":\"NOT_FOUND\","
						  "\"message\":\"no order 7\"}}"));
	rpc_message = false;
}

static void levels_of_calls(void **state)
{
	static const struct {
		const char *status, *error_type;
		enum access_log_level want;
	} cases[] = {
		{ "OK", NULL, ACCESS_LOG_INFO },
		{ "OK", "connection_closed", ACCESS_LOG_WARN },
		{ "NOT_FOUND", NULL, ACCESS_LOG_WARN },
		{ "CANCELLED", "CANCELLED", ACCESS_LOG_WARN },
		{ "UNKNOWN", "UNKNOWN", ACCESS_LOG_ERROR },
		{ "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", ACCESS_LOG_ERROR },
		{ "UNIMPLEMENTED", "UNIMPLEMENTED", ACCESS_LOG_ERROR },
		{ "INTERNAL", "INTERNAL", ACCESS_LOG_ERROR },
		{ "UNAVAILABLE", "UNAVAILABLE", ACCESS_LOG_ERROR },
		{ "DATA_LOSS", "DATA_LOSS", ACCESS_LOG_ERROR },
		{ "not_found", NULL, ACCESS_LOG_WARN },
		{ "canceled", "canceled", ACCESS_LOG_WARN },
		{ "internal", "internal", ACCESS_LOG_ERROR },
		{ "deadline_exceeded", "deadline_exceeded", ACCESS_LOG_ERROR },
	};
	struct span s = rpc_server_span();
	struct span_rpc rpc = a_call;

	s.rpc = &rpc;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rpc.status = cases[i].status;
		s.error_type = cases[i].error_type;
		assert_int_equal(access_log_line__level(&s), cases[i].want);
	}
}

/* None was seen, or it is success in Connect. */
static void levels_without_a_status(void **state)
{
	static const struct {
		uint16_t http;
		const char *error_type;
		enum access_log_level want;
	} cases[] = {
		{ 200, NULL, ACCESS_LOG_INFO },   { 200, "connection_reset", ACCESS_LOG_ERROR },
		{ 0, NULL, ACCESS_LOG_INFO },     { 0, "connection_reset", ACCESS_LOG_ERROR },
		{ 404, NULL, ACCESS_LOG_WARN },   { 404, "404", ACCESS_LOG_WARN },
		{ 503, "503", ACCESS_LOG_ERROR },
	};
	struct span s = rpc_server_span();
	struct span_rpc rpc = a_call;

	rpc.status = NULL;
	s.rpc = &rpc;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.status = cases[i].http;
		s.error_type = cases[i].error_type;
		assert_int_equal(access_log_line__level(&s), cases[i].want);
	}
}

static const char *member(const struct span *s, const char *key)
{
	static char value[ACCESS_LOG_LINE];
	cJSON *j = cJSON_Parse(written(s, true));
	const char *got = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, key));

	assert_non_null(j);
	snprintf(value, sizeof(value), "%s", got ? got : "(none)");
	cJSON_Delete(j);
	return value;
}

static void levels(void **state)
{
	static const struct {
		uint16_t status;
		const char *error_type, *want;
	} cases[] = {
		{ 101, NULL, "info" },
		{ 200, NULL, "info" },
		{ 399, NULL, "info" },
		{ 400, NULL, "warn" },
		{ 499, "499", "warn" },
		{ 500, "500", "error" },
		{ 599, "599", "error" },
		{ 0, "connection_reset", "error" },
		{ 0, NULL, "info" }, /* there was one, in a field that was not seen */
		{ 200, "connection_closed", "warn" }, /* the answer was not whole */
	};
	struct span s = server_span();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.status = cases[i].status;
		s.error_type = cases[i].error_type;
		assert_string_equal(member(&s, "level"), cases[i].want);
		assert_string_equal(member(&s, "error"), s.error_type ? s.error_type : "(none)");
	}
}

static void peers(void **state)
{
	struct span s = server_span();

	s.family = AF_INET6;
	memset(s.peer_addr, 0, 16);
	s.peer_addr[15] = 1;
	assert_string_equal(member(&s, "client"), "::1");
	s.kind = SPAN_CLIENT;
	assert_string_equal(member(&s, "kind"), "client");
	assert_string_equal(member(&s, "client"), "(none)");
	assert_string_equal(member(&s, "server"), "Shop.example:8080");
	s.host_port = 0;
	assert_string_equal(member(&s, "server"), "Shop.example");
	s.host = (struct slice){ 0 };
	assert_string_equal(member(&s, "server"), "[::1]:40000");
	s.family = AF_UNIX;
	assert_string_equal(member(&s, "server"), "unix");
	s.kind = SPAN_SERVER;
	assert_string_equal(member(&s, "client"), "unix");
	s.family = 0;
	assert_string_equal(member(&s, "client"), "(none)");
}

/* Every string at once as long and as hostile as can be: all keys are there, and no byte
 * that a terminal would obey. */
static void hostile_and_long(void **state)
{
	static const char *const bytes[] = {
		"\x1b", "\xff", "\"", "\xc2\x9b", "\xe2\x80\xae", "p", "\xf0\x9f\xbf\xbf"
	};
	static const char *const keys[] = { "timestamp",  "service", "route", "path",
					    "request_id", "client",  "pid",   "response_bytes",
					    "query",      "headers", "error" };
	static char text[60000];

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct service named = shop;
		struct span s = server_span();
		struct span_rpc rpc = a_call;
		struct slice all = { text, 0 };
		cJSON *j;

		while (all.len + 5 < sizeof(text))
			all.len += (size_t)sprintf(text + all.len, "%s", bytes[i]);
		named.name = text;
		s.service = &named;
		s.method = "_OTHER";
		s.error_type = "connection_reset";
		s.method_original = s.path = s.query = s.route = s.request_id = s.host = all;
		for (s.n_headers = 0; s.n_headers < SPAN_HEADERS_MAX; s.n_headers++)
			s.headers[s.n_headers] = (struct span_header){ "x-some-header", all };
		j = cJSON_Parse(written(&s, true));
		assert_non_null(j);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			assert_non_null(cJSON_GetObjectItem(j, keys[k]));
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "headers")),
				 SPAN_HEADERS_MAX);
		cJSON_Delete(j);
		for (const char *p = line; *p; p++)
			assert_true((uint8_t)*p >= ' ' && *p != 0x7f);
		assert_null(strstr(line, "\xff"));
		assert_null(strstr(line, "\xc2\x9b"));
		assert_null(strstr(line, "\xe2\x80\xae"));
		s.kind = SPAN_CLIENT;
		cJSON_Delete(j = cJSON_Parse(written(&s, true)));
		assert_non_null(j);
		rpc.method = rpc.message = all;
		s.rpc = &rpc;
		s.tls = a_tls();
		rpc_message = true;
		j = cJSON_Parse(written(&s, true));
		rpc_message = false;
		assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "rpc"), "message"));
		cJSON_Delete(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(what_is_not_there_is_left_out),
		cmocka_unit_test(sizes_that_are_not_known_are_left_out),
		cmocka_unit_test(handshakes),
		cmocka_unit_test(calls),
		cmocka_unit_test(levels_of_calls),
		cmocka_unit_test(levels_without_a_status),
		cmocka_unit_test(levels),
		cmocka_unit_test(peers),
		cmocka_unit_test(hostile_and_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
