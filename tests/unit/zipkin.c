// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "failing.h"
#include "agent/buf.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#include "spans.h"
#include "utf8.h"
#include "zipkin.h"

static const struct span_attrs_config config = { .request_id_header = "X-Request-ID" };

static struct span_batch *batch_of(const struct span *s, size_t n)
{
	struct span_batch *b = span_batch__new(512, OFFSET_NS);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(span_batch__add(b, &s[i]), 0);
	return b;
}

static struct buf encoded(const struct span *s, size_t n)
{
	struct span_batch *b = batch_of(s, n);
	struct buf out = { 0 };

	assert_int_equal(zipkin__encode(b, &config, &out), 0);
	buf__putc(&out, 0);
	span_batch__free(b);
	return out;
}

static void is(const struct span *s, const char *want)
{
	struct buf out = encoded(s, 1);

	assert_string_equal(out.p, want);
	buf__free(&out);
}

static void server(void **state)
{
	struct span s = server_span();

	s.trace.forced = 1;
	is(&s, "[{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"id\":\"00f067aa0ba902b7\","
	       "\"parentId\":\"0102030405060708\",\"debug\":true,\"kind\":\"SERVER\","
	       "\"name\":\"GET /orders/{id}\",\"timestamp\":1700000001500000,\"duration\":2500,"
	       "\"localEndpoint\":{\"serviceName\":\"shop\",\"ipv4\":\"10.0.0.1\",\"port\":80},"
	       "\"remoteEndpoint\":{\"serviceName\":\"\",\"ipv4\":\"10.0.100.2\",\"port\":40000},"
	       "\"tags\":{\"otel.scope.name\":\"redeye\",\"client.address\":\"10.0.100.2\","
	       "\"http.request.body.size\":\"3\",\"http.request.method\":\"GET\","
	       "\"http.response.body.size\":\"5000000000\",\"http.response.status_code\":\"200\","
	       "\"http.route\":\"/orders/{id}\",\"network.peer.address\":\"10.0.100.2\","
	       "\"network.peer.port\":\"40000\",\"network.protocol.version\":\"1.1\","
	       "\"process.pid\":\"42\",\"redeye.parent.evidence\":\"header\","
	       "\"server.address\":\"shop.example\",\"server.port\":\"8080\","
	       "\"url.path\":\"/orders/7\",\"url.scheme\":\"http\","
	       "\"http.request.header.x-request-id\":\"req-1\"}}]");
}

static void client(void **state)
{
	struct span s = client_span();

	memset(s.trace.parent_id, 0, 8);
	s.end_ns = s.start_ns + 999;
	s.family = AF_INET6;
	memset(s.peer_addr, 0, 16);
	s.peer_addr[15] = 1;
	s.flags = SPAN_HEAD_CUT;
	s.local_port = 0;
	is(&s, "[{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"id\":\"00f067aa0ba902b7\","
	       "\"kind\":\"CLIENT\",\"name\":\"GET\",\"timestamp\":1700000001500000,\"duration\":1,"
	       "\"localEndpoint\":{\"serviceName\":\"shop\",\"ipv4\":\"10.0.0.1\"},"
	       "\"remoteEndpoint\":{\"serviceName\":\"shop.example\",\"ipv6\":\"::1\","
	       "\"port\":40000},\"tags\":{\"otel.scope.name\":\"redeye\","
	       "\"otel.status_code\":\"ERROR\",\"error\":\"404\",\"error.type\":\"404\","
	       "\"http.request.body.size\":\"3\",\"http.request.method\":\"GET\","
	       "\"http.response.body.size\":\"5000000000\",\"http.response.status_code\":\"404\","
	       "\"network.peer.address\":\"::1\",\"network.peer.port\":\"40000\","
	       "\"network.protocol.version\":\"1.1\",\"process.pid\":\"42\","
	       "\"redeye.head_cut\":\"true\",\"redeye.parent.evidence\":\"thread\","
	       "\"server.address\":\"shop.example\",\"server.port\":\"8080\","
	       "\"url.full\":\"http://Shop.example:8080/orders/7\"}}]");
}

static void call(void **state)
{
	const struct span_attrs_config with_message = { .rpc_message = true };
	struct span s = rpc_server_span(), failed = rpc_client_span();
	struct span_batch *b = batch_of(&failed, 1);
	struct buf out;

	is(&s, "[{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"id\":\"00f067aa0ba902b7\","
	       "\"parentId\":\"0102030405060708\",\"kind\":\"SERVER\","
	       "\"name\":\"shop.Orders/Watch\",\"timestamp\":1700000001500000,\"duration\":2500,"
	       "\"localEndpoint\":{\"serviceName\":\"shop\",\"ipv4\":\"10.0.0.1\",\"port\":80},"
	       "\"remoteEndpoint\":{\"serviceName\":\"\",\"ipv4\":\"10.0.100.2\",\"port\":40000},"
	       "\"tags\":{\"otel.scope.name\":\"redeye\",\"network.peer.address\":\"10.0.100.2\","
	       "\"network.peer.port\":\"40000\",\"network.protocol.name\":\"http\","
	       "\"network.protocol.version\":\"2\",\"process.pid\":\"42\","
	       "\"redeye.parent.evidence\":\"header\",\"redeye.rpc.request.messages\":\"1\","
	       "\"redeye.rpc.request.size\":\"12\",\"redeye.rpc.response.messages\":\"3\","
	       "\"redeye.rpc.response.size\":\"3000\","
	       "\"redeye.rpc.time_to_first_message\":\"0.0005\",\"redeye.rpc.timeout\":\"2.5\","
	       "\"rpc.method\":\"shop.Orders/Watch\",\"rpc.response.status_code\":\"OK\","
	       "\"rpc.system.name\":\"grpc\",\"server.address\":\"shop.example\","
	       "\"server.port\":\"8080\",\"rpc.request.metadata.x-request-id\":\"req-1\"}}]");
	out = encoded(&failed, 1);
	assert_non_null(strstr(out.p, "\"otel.status_code\":\"ERROR\",\"error\":\"NOT_FOUND\","));
	buf__free(&out);
	assert_int_equal(zipkin__encode(b, &with_message, &out), 0);
	buf__putc(&out, 0);
	assert_non_null(strstr(out.p, "\"error\":\"no order 7\",\"error.type\":\"NOT_FOUND\","));
	buf__free(&out);
	span_batch__free(b);
}

static void unix_socket(void **state)
{
	struct span s = server_span();
	struct buf out;

	s.family = AF_UNIX;
	out = encoded(&s, 1);
	assert_non_null(strstr(out.p, "\"localEndpoint\":{\"serviceName\":\"shop\"},\"tags\""));
	buf__free(&out);
}

static void hostile_text(void **state)
{
	static const char text[] = "/\xf0\x9f\x98\x80\xff\xed\xa0\x80\"\\\n\0\x01";
	struct span s[2] = { server_span(), server_span() };

	for (size_t n = 1; n <= sizeof(text); n++) {
		struct buf out;
		cJSON *j;

		s[1].path = s[1].route = (struct slice){ text, n };
		out = encoded(s, 2);
		assert_true(utf8_valid(out.p, out.len));
		j = cJSON_ParseWithOpts(out.p, NULL, true);
		assert_int_equal(cJSON_GetArraySize(j), 2);
		cJSON_Delete(j);
		buf__free(&out);
	}
}

static void all_or_nothing(void **state)
{
	struct span s[2] = { server_span(), client_span() };
	struct span_batch *b = batch_of(s, 2), *none = batch_of(NULL, 0);
	struct buf out = { .max = 900 };
	int err = -ENOMEM;

	assert_int_equal(zipkin__encode(none, &config, &out), 0);
	assert_int_equal(zipkin__encode(b, &config, &out), -ENOSPC);
	assert_int_equal(out.len + (size_t)out.err, 0);
	buf__free(&out);
	out.max = 0;
	for (long n = 0; err; n++) {
		failing_after = n;
		err = zipkin__encode(b, &config, &out);
		failing_after = -1;
		assert_true(err == 0 || (err == -ENOMEM && !out.len && !out.err));
		buf__free(&out);
	}
	assert_int_equal(failing_live, 0);
	span_batch__free(b);
	span_batch__free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server),         cmocka_unit_test(client),
		cmocka_unit_test(unix_socket),    cmocka_unit_test(hostile_text),
		cmocka_unit_test(all_or_nothing), cmocka_unit_test(call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
