// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "a_tls.h"
#include "correlate.h"
#include "span_attrs.h"
#include "spans.h"

static const struct span_attrs_config plain = { .request_id_header = "X-Request-ID" };
static const struct span_attrs_config with_query = { .query = true };

/* "key=value key=value", values of strings as they are. */
static const char *text_of(const struct span_attrs *a)
{
	static char text[60000];
	char *p = text;

	for (uint32_t i = 0; i < a->n; i++) {
		const struct span_attr *v = &a->v[i];

		p += sprintf(p, "%s%s=", i ? "\n" : "", v->key);
		if (v->type == SPAN_ATTR_STRING)
			p += sprintf(p, "%.*s", (int)v->str.len, v->str.p);
		else if (v->type == SPAN_ATTR_STRINGS)
			p += sprintf(p, "[%.*s]", (int)v->str.len, v->str.p);
		else if (v->type == SPAN_ATTR_DOUBLE)
			p += sprintf(p, "%g", v->real);
		else
			p += sprintf(p, v->type == SPAN_ATTR_INT ? "%ld" : "!%ld", (long)v->num);
	}
	return text;
}

static void are(const struct span *s, const struct span_attrs_config *c, const char *want)
{
	static struct span_attrs a;

	memset(&a, 0xee, sizeof(a));
	span_attrs__of(&a, s, c);
	assert_string_equal(text_of(&a), want);
}

/* The value of one attribute, "" when it is not there. */
static const char *one(const struct span *s, const struct span_attrs_config *c, const char *key)
{
	static struct span_attrs a;
	static char value[10000];

	span_attrs__of(&a, s, c);
	for (uint32_t i = 0; i < a.n; i++) {
		if (strcmp(a.v[i].key, key) != 0)
			continue;
		if (a.v[i].type == SPAN_ATTR_INT)
			snprintf(value, sizeof(value), "%ld", (long)a.v[i].num);
		else
			snprintf(value, sizeof(value), "%.*s", (int)a.v[i].str.len, a.v[i].str.p);
		return value;
	}
	return "";
}

/* -1: it is not there. */
static int resumed(const struct span *s)
{
	static struct span_attrs a;

	span_attrs__of(&a, s, &plain);
	for (uint32_t i = 0; i < a.n; i++)
		if (!strcmp(a.v[i].key, "tls.resumed"))
			return a.v[i].type == SPAN_ATTR_BOOL ? (int)a.v[i].num : -2;
	return -1;
}

static void server(void **state)
{
	struct span s = server_span();

	are(&s, &plain,
	    "client.address=10.0.100.2\nhttp.request.body.size=3\nhttp.request.method=GET\n"
	    "http.response.body.size=5000000000\nhttp.response.status_code=200\n"
	    "http.route=/orders/{id}\nnetwork.peer.address=10.0.100.2\nnetwork.peer.port=40000\n"
	    "network.protocol.version=1.1\nprocess.pid=42\nredeye.parent.evidence=header\n"
	    "server.address=shop.example\nserver.port=8080\nurl.path=/orders/7\nurl.scheme=http\n"
	    "http.request.header.x-request-id=[req-1]");
}

static void client(void **state)
{
	struct span s = client_span();

	are(&s, &with_query,
	    "error.type=404\nhttp.request.body.size=3\nhttp.request.method=GET\n"
	    "http.response.body.size=5000000000\nhttp.response.status_code=404\n"
	    "network.peer.address=10.0.100.2\nnetwork.peer.port=40000\n"
	    "network.protocol.version=1.1\nprocess.pid=42\nredeye.parent.evidence=thread\n"
	    "server.address=shop.example\nserver.port=8080\n"
	    "url.full=http://Shop.example:8080/orders/7?q=1&sig=REDACTED&z");
}

/* The pod at the other end; server.address is still what the client used. */
static void peer_with_a_name(void **state)
{
	struct span s = client_span();

	s.peer_service = SLICE("db");
	s.peer_namespace = SLICE("eu");
	are(&s, &with_query,
	    "error.type=404\nhttp.request.body.size=3\nhttp.request.method=GET\n"
	    "http.response.body.size=5000000000\nhttp.response.status_code=404\n"
	    "network.peer.address=10.0.100.2\nnetwork.peer.port=40000\n"
	    "network.protocol.version=1.1\nprocess.pid=42\nredeye.parent.evidence=thread\n"
	    "server.address=shop.example\nserver.port=8080\nservice.peer.name=db\n"
	    "service.peer.namespace=eu\n"
	    "url.full=http://Shop.example:8080/orders/7?q=1&sig=REDACTED&z");
}

static void what_is_not_there_is_left_out(void **state)
{
	struct span s = server_span();

	s.method = "_OTHER";
	s.method_original = SLICE("BREW");
	s.host = s.route = s.request_id = s.path = (struct slice){ 0 };
	s.host_port = s.status = 0;
	s.error_type = "connection_reset";
	s.trace.link = TRACE_LINK_NONE;
	s.flags = SPAN_HEAD_CUT | SPAN_LENGTH_INFERRED;
	s.family = AF_UNIX;
	are(&s, &plain,
	    "error.type=connection_reset\nhttp.request.body.size=3\nhttp.request.method=_OTHER\n"
	    "http.request.method_original=BREW\nnetwork.protocol.version=1.1\n"
	    "network.transport=unix\nprocess.pid=42\nredeye.head_cut=!1\n"
	    "redeye.length_inferred=!1\nurl.scheme=http");
}

static void sizes_that_are_not_known_are_left_out(void **state)
{
	struct span s = server_span();

	s.flags = SPAN_REQUEST_SIZE_UNKNOWN;
	assert_string_equal(one(&s, &plain, "http.request.body.size"), "");
	assert_string_equal(one(&s, &plain, "http.response.body.size"), "5000000000");
	s.flags = SPAN_RESPONSE_SIZE_UNKNOWN;
	assert_string_equal(one(&s, &plain, "http.request.body.size"), "3");
	assert_string_equal(one(&s, &plain, "http.response.body.size"), "");
}

static void calls(void **state)
{
	struct span s = rpc_server_span();
	struct span_rpc rpc = a_call;

	are(&s, &plain,
	    "network.peer.address=10.0.100.2\nnetwork.peer.port=40000\n"
	    "network.protocol.name=http\nnetwork.protocol.version=2\nprocess.pid=42\n"
	    "redeye.parent.evidence=header\nredeye.rpc.request.messages=1\n"
	    "redeye.rpc.request.size=12\nredeye.rpc.response.messages=3\n"
	    "redeye.rpc.response.size=3000\nredeye.rpc.time_to_first_message=0.0005\n"
	    "redeye.rpc.timeout=2.5\nrpc.method=shop.Orders/Watch\n"
	    "rpc.response.status_code=OK\nrpc.system.name=grpc\nserver.address=shop.example\n"
	    "server.port=8080\nrpc.request.metadata.x-request-id=[req-1]");
	rpc.counted = false;
	rpc.response_first_ns = rpc.timeout_ns = 0;
	rpc.status = NULL;
	s.rpc = &rpc;
	s.route = SLICE("_OTHER"); /* one of too many */
	s.error_type = "connection_reset";
	s.status = 503;
	s.flags = SPAN_FIELDS_UNKNOWN;
	are(&s, &with_query,
	    "error.type=connection_reset\nhttp.response.status_code=503\n"
	    "network.peer.address=10.0.100.2\nnetwork.peer.port=40000\n"
	    "network.protocol.name=http\nnetwork.protocol.version=2\nprocess.pid=42\n"
	    "redeye.fields_unknown=!1\nredeye.parent.evidence=header\nrpc.method=_OTHER\n"
	    "rpc.method_original=shop.Orders/Watch\nrpc.system.name=grpc\n"
	    "server.address=shop.example\nserver.port=8080");
	s = rpc_client_span();
	are(&s, &plain,
	    "error.type=NOT_FOUND\nnetwork.peer.address=10.0.100.2\nnetwork.peer.port=40000\n"
	    "network.protocol.name=http\nnetwork.protocol.version=2\nprocess.pid=42\n"
	    "redeye.parent.evidence=thread\nrpc.method=shop.Orders/Get\n"
	    "rpc.response.status_code=NOT_FOUND\nrpc.system.name=grpc\n"
	    "server.address=shop.example\nserver.port=8080");
	rpc.method = s.route = (struct slice){ 0 }; /* not known */
	s.rpc = &rpc;
	assert_string_equal(one(&s, &plain, "rpc.method"), "");
	assert_string_equal(one(&s, &plain, "rpc.method_original"), "");
}

static bool message_is(const struct span *s, bool asked, const char *want)
{
	const struct span_attrs_config c = { .rpc_message = asked };
	static struct span_attrs a;

	span_attrs__of(&a, s, &c);
	return slice_eq(a.message, slice_of(want));
}

static void messages_only_when_asked(void **state)
{
	struct span s = rpc_client_span(), http = client_span();

	assert_true(message_is(&s, false, ""));
	assert_true(message_is(&s, true, "no order 7"));
	s.error_type = NULL; /* of a server: no error, no word about it */
	assert_true(message_is(&s, true, ""));
	assert_true(message_is(&http, true, ""));
}

/* A request of a connection that was open before redeye, of which no field was known. */
static void unknown_fields(void **state)
{
	struct span s = client_span();

	s.method = "_OTHER";
	s.method_original = s.path = s.query = s.host = (struct slice){ 0 };
	s.protocol_version = "2";
	s.host_port = 0;
	s.flags = SPAN_FIELDS_UNKNOWN;
	are(&s, &with_query,
	    "error.type=404\nhttp.request.body.size=3\nhttp.request.method=_OTHER\n"
	    "http.response.body.size=5000000000\nhttp.response.status_code=404\n"
	    "network.peer.address=10.0.100.2\nnetwork.peer.port=40000\n"
	    "network.protocol.version=2\nprocess.pid=42\nredeye.fields_unknown=!1\n"
	    "redeye.parent.evidence=thread\nserver.address=10.0.100.2\nserver.port=40000");
}

static void handshakes(void **state)
{
	static const char *const keys[] = { "tls.cipher", "tls.client.server_name",
					    "tls.next_protocol", "tls.protocol.name",
					    "tls.protocol.version" };
	static const char *const want[] = { "TLS_AES_128_GCM_SHA256", "shop.example", "http/1.1",
					    "tls", "1.3" };
	struct span s = server_span();
	struct span_tls *t = a_tls();
	size_t i;

	s.tls = t;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_string_equal(one(&s, &plain, keys[i]), want[i]);
	assert_true(resumed(&s));
	t->resumed = SPAN_TLS_RESUMED_NO;
	assert_false(resumed(&s));
	*t = (struct span_tls){ .cipher = 0x0a0a };
	assert_int_equal(resumed(&s), -1);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_string_equal(one(&s, &plain, keys[i]), i == 0   ? "0x0A0A"
							      : i == 3 ? "tls"
								       : "");
	s.kind = SPAN_CLIENT;
	assert_string_equal(one(&s, &plain, "tls.protocol.name"), "tls");
}

static void queries_only_when_asked(void **state)
{
	struct span s = server_span();

	assert_string_equal(one(&s, &plain, "url.query"), "");
	assert_string_equal(one(&s, &with_query, "url.query"), "q=1&sig=REDACTED&z");
	s.query = SLICE("sig&X-Amz-Signature=&sig=a=b&&SIG=1&");
	assert_string_equal(one(&s, &with_query, "url.query"),
			    "sig&X-Amz-Signature=REDACTED&sig=REDACTED&&SIG=1&");
	s.kind = SPAN_CLIENT;
	assert_string_equal(one(&s, &plain, "url.full"), "http://Shop.example:8080/orders/7");
	assert_string_equal(one(&s, &plain, "url.query"), "");
}

static void urls(void **state)
{
	static const struct {
		const char *host, *path, *scheme;
		uint16_t port, family;
		const char *full, *address, *server_port;
	} rows[] = {
		{ "a", "/p", "http", 0, AF_INET, "http://a/p", "a", "80" },
		{ "a", "/p", "http", 80, AF_INET, "http://a/p", "a", "80" },
		{ "a", "/p", "https", 0, AF_INET, "https://a/p", "a", "443" },
		{ "a", "/p", "https", 80, AF_INET, "https://a:80/p", "a", "80" },
		{ "me:pw@a", "/p", "http", 0, AF_INET, "http://a/p", "a", "80" },
		{ "me@you:pw@a", "/p", "http", 0, AF_INET, "http://a/p", "a", "80" },
		{ "::1", "/", "http", 65535, AF_INET6, "http://[::1]:65535/", "::1", "65535" },
		{ "", "/p", "http", 0, AF_INET, "http://10.0.100.2:40000/p", "10.0.100.2",
		  "40000" },
		{ "me@", "/p", "http", 0, AF_INET, "http://10.0.100.2:40000/p", "10.0.100.2",
		  "40000" },
		{ "", "/p", "http", 0, AF_UNIX, "", "", "" },
		{ "a", "", "http", 443, AF_INET, "http://a:443", "a", "443" },
		{ "a", "/p", "http", 0, AF_UNIX, "http://a/p", "a", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct span s = client_span();

		s.host = slice_of(rows[i].host);
		s.path = slice_of(rows[i].path);
		s.scheme = rows[i].scheme;
		s.host_port = rows[i].port;
		s.family = rows[i].family;
		assert_string_equal(one(&s, &plain, "url.full"), rows[i].full);
		assert_string_equal(one(&s, &plain, "server.address"), rows[i].address);
		assert_string_equal(one(&s, &plain, "server.port"), rows[i].server_port);
	}
}

/* A server that nobody named has no address of ours. */
static void server_without_host(void **state)
{
	struct span s = server_span();

	s.host = (struct slice){ 0 };
	s.host_port = 0;
	assert_string_equal(one(&s, &plain, "server.address"), "");
	assert_string_equal(one(&s, &plain, "server.port"), "");
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		uint8_t a[16];
	} rows[] = {
		{ "0.0.0.0", MAPPED(0, 0, 0, 0) },
		{ "255.255.255.255", MAPPED(255, 255, 255, 255) },
		{ "1.20.100.9", MAPPED(1, 20, 100, 9) },
		{ "109.90.10.99", MAPPED(109, 90, 10, 99) },
		{ "::1", { [15] = 1 } },
		{ "2001:db8::5", { 0x20, 1, 0x0d, 0xb8, [15] = 5 } },
	};
	char room[SPAN_ADDRESS_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(slice_eq(span_attrs__address(rows[i].a, room), slice_of(rows[i].text)));
}

static void headers(void **state)
{
	struct span s = server_span();

	s.headers[s.n_headers++] = (struct span_header){ "user-agent", SLICE("curl/8") };
	s.headers[s.n_headers++] = (struct span_header){ "x-request-id", SLICE("again") };
	s.headers[s.n_headers++] = (struct span_header){ "x-tenant", SLICE("t1") };
	s.headers[s.n_headers++] = (struct span_header){ "x-tenant", SLICE("t2") };
	assert_string_equal(one(&s, &plain, "user_agent.original"), "curl/8");
	assert_string_equal(one(&s, &plain, "http.request.header.user-agent"), "");
	assert_string_equal(one(&s, &plain, "http.request.header.x-request-id"), "req-1");
	assert_string_equal(one(&s, &with_query, "http.request.header.x-request-id"), "again");
	assert_string_equal(one(&s, &plain, "http.request.header.x-tenant"), "t1");
}

/* Everything at its longest: nothing is written behind the room, keys stay unique. */
static void long_ones(void **state)
{
	static char big[70000], names[SPAN_HEADERS_MAX][700];
	static const struct span_attrs_config everything = { true, "X-Request-ID", true };
	struct span s = client_span();
	struct span_rpc rpc = a_call;
	static struct span_attrs a;

	memset(big, 'b', sizeof(big));
	s.host = s.path = s.query = s.method_original = s.route = s.request_id =
		(struct slice){ big, sizeof(big) };
	for (int i = 0; i < SPAN_HEADERS_MAX; i++) {
		memset(names[i], 'h', sizeof(names[i]) - 2);
		names[i][0] = (char)('a' + i);
		s.headers[i] = (struct span_header){ names[i], { big, sizeof(big) } };
	}
	s.n_headers = SPAN_HEADERS_MAX;
	s.tls = a_tls();
	rpc.method = rpc.message = s.path;
	s.status = 500;
	s.flags = UINT32_MAX;
	for (int form = 0; form < 4; form++) {
		s.kind = form & 1 ? SPAN_CLIENT : SPAN_SERVER;
		s.rpc = form & 2 ? &rpc : NULL;
		assert_int_equal(span__class(&s),
				 2 * (form & 2 ? SEMCONV_RPC : SEMCONV_HTTP) + s.kind);
		span_attrs__of(&a, &s, &everything);
		assert_true(a.message.len <= SPAN_ATTR_VALUE_MAX);
		assert_true(a.n <= SPAN_ATTRS_MAX && a.used <= sizeof(a.text));
		for (uint32_t i = 0; i < a.n; i++) {
			assert_true((a.v[i].type != SPAN_ATTR_STRING &&
				     a.v[i].type != SPAN_ATTR_STRINGS) ||
				    a.v[i].str.len <= SPAN_ATTR_VALUE_MAX);
			for (uint32_t k = 0; k < i; k++)
				assert_string_not_equal(a.v[i].key, a.v[k].key);
		}
	}
}

static void long_text_is_cut_between_characters(void **state)
{
	static char text[SPAN_ATTR_VALUE_MAX + 8];
	struct span s = server_span();
	static struct span_attrs a;

	for (int lead = 0; lead < 4; lead++) {
		memset(text, 'a', sizeof(text));
		memcpy(text + SPAN_ATTR_VALUE_MAX - lead, "\xf0\x9f\x98\x80", 4);
		s.path = (struct slice){ text, sizeof(text) };
		span_attrs__of(&a, &s, &plain);
		for (uint32_t i = 0; i < a.n; i++)
			if (!strcmp(a.v[i].key, "url.path"))
				assert_int_equal(a.v[i].str.len, SPAN_ATTR_VALUE_MAX - lead);
	}
}

static void names(void **state)
{
	struct span s = server_span();
	char room[64];

	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("GET /orders/{id}")));
	assert_true(slice_eq(span_attrs__name(&s, room, 7), SLICE("GET /or")));
	assert_true(slice_eq(span_attrs__name(&s, room, 3), SLICE("GET")));
	s.method = "_OTHER";
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("HTTP /orders/{id}")));
	s.kind = SPAN_CLIENT;
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("HTTP")));
	s.method = "GET";
	s.kind = SPAN_SERVER;
	s.route = (struct slice){ 0 };
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("GET")));
	s.method = "_OTHER";
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("HTTP")));
	s = rpc_server_span();
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("shop.Orders/Watch")));
	assert_true(slice_eq(span_attrs__name(&s, room, 4), SLICE("shop")));
	s.kind = SPAN_CLIENT;
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("shop.Orders/Watch")));
	s.route = SLICE("_OTHER");
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("grpc")));
	s.route = (struct slice){ 0 };
	assert_true(slice_eq(span_attrs__name(&s, room, 64), SLICE("grpc")));
	for (int link = 0; link < TRACE_LINK__CNT; link++)
		assert_non_null(trace_link_names[link]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server),
		cmocka_unit_test(client),
		cmocka_unit_test(peer_with_a_name),
		cmocka_unit_test(what_is_not_there_is_left_out),
		cmocka_unit_test(sizes_that_are_not_known_are_left_out),
		cmocka_unit_test(calls),
		cmocka_unit_test(messages_only_when_asked),
		cmocka_unit_test(unknown_fields),
		cmocka_unit_test(handshakes),
		cmocka_unit_test(queries_only_when_asked),
		cmocka_unit_test(urls),
		cmocka_unit_test(server_without_host),
		cmocka_unit_test(addresses),
		cmocka_unit_test(headers),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
