// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "a_tls.h"
#include "json.h"
#include "spans.h"

/* The line, which must be one; to be freed. */
static char *line(const struct span *s, int64_t offset)
{
	char *text = NULL, *nl;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(json__span(f, s, offset), 0);
	fclose(f);
	nl = strchr(text, '\n');
	assert_ptr_equal(nl, text + size - 1);
	*nl = 0;
	return text;
}

static void is(const struct span *s, const char *want)
{
	char *got = line(s, 1000000000000000000);

	assert_string_equal(got, want);
	free(got);
}

#define HEAD "{\"start\":\"2001-09-09T01:46:41.500000000Z\",\"duration_ms\":2.5,"
#define NET                                                                                        \
	"\"network.transport\":\"tcp\",\"network.peer.address\":\"10.0.100.2\","                   \
	"\"network.peer.port\":40000,\"network.local.address\":\"10.0.0.1\","                      \
	"\"network.local.port\":80"

static void whole(void **state)
{
	struct span s = server_span();

	is(&s,
	   HEAD "\"kind\":\"server\",\"service.name\":\"shop\",\"process.pid\":42,"
		"\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
		"\"span_id\":\"00f067aa0ba902b7\",\"parent_span_id\":\"0102030405060708\","
		"\"trace_flags\":3,\"redeye.parent.evidence\":\"header\","
		"\"http.request.method\":\"GET\",\"url.path\":\"/orders/7\","
		"\"url.query\":\"q=1&sig=secret&z\",\"http.route\":\"/orders/{id}\","
		"\"url.scheme\":\"http\",\"server.address\":\"Shop.example\",\"server.port\":8080,"
		"\"network.protocol.version\":\"1.1\",\"http.response.status_code\":200,"
		"\"http.request.body.size\":3,\"http.response.body.size\":5000000000," NET "}");
}

static void what_is_not_there_is_left_out(void **state)
{
	struct span s = server_span();

	s.kind = SPAN_CLIENT;
	s.method = "_OTHER";
	s.method_original = SLICE("BREW");
	s.trace = (struct trace){ 0 };
	s.query = s.route = s.host = (struct slice){ 0 };
	s.host_port = s.status = 0;
	s.error_type = "connection_reset";
	s.flags = SPAN_HEAD_CUT | SPAN_LENGTH_INFERRED;
	s.family = AF_UNIX;
	is(&s, HEAD "\"kind\":\"client\",\"service.name\":\"shop\",\"process.pid\":42,"
		    "\"http.request.method\":\"_OTHER\",\"http.request.method_original\":\"BREW\","
		    "\"url.path\":\"/orders/7\",\"url.scheme\":\"http\","
		    "\"network.protocol.version\":\"1.1\","
		    "\"error.type\":\"connection_reset\",\"http.request.body.size\":3,"
		    "\"http.response.body.size\":5000000000,\"network.transport\":\"unix\","
		    "\"redeye.head_cut\":true,\"redeye.length_inferred\":true}");
}

static void sizes_that_are_not_known_are_left_out(void **state)
{
	struct span s = server_span();
	char *got;

	s.flags = SPAN_REQUEST_SIZE_UNKNOWN | SPAN_RESPONSE_SIZE_UNKNOWN;
	got = line(&s, 0);
	assert_null(strstr(got, "body.size"));
	free(got);
}

static void handshakes(void **state)
{
	struct span s = server_span();
	struct span_tls *t = a_tls();
	char *got;

	s.tls = t;
	got = line(&s, 0);
	assert_non_null(strstr(got, NET ",\"tls.protocol.name\":\"tls\","
					"\"tls.protocol.version\":\"1.3\","
					"\"tls.cipher\":\"TLS_AES_128_GCM_SHA256\","
					"\"tls.resumed\":true,"
					"\"tls.next_protocol\":\"http/1.1\","
					"\"tls.client.server_name\":\"shop.example\"}"));
	free(got);
	*t = (struct span_tls){ .version = 0x0300 };
	got = line(&s, 0);
	assert_non_null(
		strstr(got, NET ",\"tls.protocol.name\":\"ssl\",\"tls.protocol.version\":\"3\"}"));
	free(got);
}

#define IDS                                                                                        \
	"\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span_id\":\"00f067aa0ba902b7\","      \
	"\"parent_span_id\":\"0102030405060708\",\"trace_flags\":3,"

static void calls(void **state)
{
	struct span s = rpc_server_span();
	struct span_rpc rpc = a_failed_call;

	is(&s,
	   HEAD "\"kind\":\"server\",\"service.name\":\"shop\",\"process.pid\":42," IDS
		"\"redeye.parent.evidence\":\"header\",\"http.request.method\":\"POST\","
		"\"url.path\":\"/shop.Orders/Watch\",\"url.scheme\":\"http\","
		"\"server.address\":\"Shop.example\",\"server.port\":8080,"
		"\"network.protocol.version\":\"2\",\"http.response.status_code\":200,"
		"\"http.request.body.size\":3,\"http.response.body.size\":5000000000,"
		"\"rpc.system.name\":\"grpc\",\"rpc.method\":\"shop.Orders/Watch\","
		"\"rpc.response.status_code\":\"OK\",\"redeye.rpc.request.messages\":1,"
		"\"redeye.rpc.request.size\":12,\"redeye.rpc.response.messages\":3,"
		"\"redeye.rpc.response.size\":3000,"
		"\"redeye.rpc.time_to_first_message\":0.0005,\"redeye.rpc.timeout\":2.5," NET "}");
	s.rpc = &rpc;
	s.method = "_OTHER";
	s.method_original = (struct slice){ 0 };
	s.route = SLICE("_OTHER");
	s.flags = SPAN_FIELDS_UNKNOWN;
	is(&s,
	   HEAD "\"kind\":\"server\",\"service.name\":\"shop\",\"process.pid\":42," IDS
		"\"redeye.parent.evidence\":\"header\",\"http.request.method\":\"_OTHER\","
		"\"url.path\":\"/shop.Orders/Watch\",\"url.scheme\":\"http\","
		"\"server.address\":\"Shop.example\",\"server.port\":8080,"
		"\"network.protocol.version\":\"2\",\"http.response.status_code\":200,"
		"\"http.request.body.size\":3,\"http.response.body.size\":5000000000,"
		"\"rpc.system.name\":\"grpc\",\"rpc.method\":\"_OTHER\","
		"\"rpc.method_original\":\"shop.Orders/Get\","
		"\"rpc.response.status_code\":\"NOT_FOUND\","
		"\"redeye.rpc.message\":\"no order 7\"," NET ",\"redeye.fields_unknown\":true}");
}

static const char *member(const struct span *s, const char *key)
{
	static char value[30000];
	char *text = line(s, 0);
	cJSON *j = cJSON_Parse(text);
	const char *got = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, key));

	assert_non_null(got);
	snprintf(value, sizeof(value), "%s", got);
	cJSON_Delete(j);
	free(text);
	return value;
}

static void hostile_bytes(void **state)
{
	static const struct {
		struct slice in;
		const char *out;
	} cases[] = {
		{ SLICE("/\"\\\n\t\x01"), "/\"\\\n\t\x01" },
		{ SLICE("/a\0b"), "/a\xef\xbf\xbd"
				  "b" },
		{ SLICE("/\xff\xc3"), "/\xef\xbf\xbd\xef\xbf\xbd" },
		{ SLICE("/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		  "/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ SLICE("/\xed\xa0\x80"), "/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ SLICE(""), "" },
	};
	struct span s = server_span();
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.path = cases[i].in;
		assert_string_equal(member(&s, "url.path"), cases[i].out);
	}
}

static void long_values_are_cut(void **state)
{
	static char path[20000];
	struct span s = server_span();

	s.path = (struct slice){ memset(path, 'p', sizeof(path)), sizeof(path) };
	assert_int_equal(strlen(member(&s, "url.path")), 8192);
}

static void addresses(void **state)
{
	struct span s = server_span();

	s.family = AF_INET6;
	memset(s.peer_addr, 0, 16);
	s.peer_addr[15] = 1;
	assert_string_equal(member(&s, "network.peer.address"), "::1");
	assert_string_equal(member(&s, "network.local.address"), "10.0.0.1");
}

/* A recording is hostile, its clock too. */
static void any_date(void **state)
{
	static const int64_t offsets[] = { 0, INT64_MIN, INT64_MAX, -1500000001,
					   INT64_MAX - 1500000000 };
	struct span s = server_span();
	size_t i;

	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		char *text = line(&s, offsets[i]);
		cJSON *j = cJSON_Parse(text);
		const char *start = cJSON_GetStringValue(cJSON_GetObjectItem(j, "start"));

		assert_non_null(start);
		assert_int_equal(start[strlen(start) - 1], 'Z');
		assert_int_equal(start[strlen(start) - 11], '.');
		assert_int_equal(strspn(start + strlen(start) - 10, "0123456789"), 9);
		cJSON_Delete(j);
		free(text);
	}
	s.start_ns = UINT64_MAX;
	free(line(&s, 1));
}

static void full_disk(void **state)
{
	FILE *f = fopen("/dev/full", "w");
	struct span s = server_span();
	int err = 0, i;

	if (!f) {
		print_message("skipped: no /dev/full here\n");
		skip();
	}
	for (i = 0; i < 100 && !err; i++)
		err = json__span(f, &s, 0);
	assert_int_equal(err, -EIO);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(what_is_not_there_is_left_out),
		cmocka_unit_test(sizes_that_are_not_known_are_left_out),
		cmocka_unit_test(handshakes),
		cmocka_unit_test(calls),
		cmocka_unit_test(hostile_bytes),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(addresses),
		cmocka_unit_test(any_date),
		cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
