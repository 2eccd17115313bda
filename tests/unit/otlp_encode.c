// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests of spans, read back with protobuf-c; the JSON against the protobuf. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "failing.h"
#include "agent/buf.c"
#include "exporters/otlp_encode_arena.c"
#undef malloc
#undef realloc
#undef free

#include "exporters/otlp_logs_service.pb-c.h"
#include "exporters/otlp_trace_service.pb-c.h"
#include "otlp_json.h"
#include "spans.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest TraceRequest;
typedef Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest LogsRequest;
typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Logs__V1__LogRecord LogRecord;
typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;

#define unpack_traces                                                                              \
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack
#define free_traces                                                                                \
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked
#define unpack_logs opentelemetry__proto__collector__logs__v1__export_logs_service_request__unpack
#define free_logs                                                                                  \
	opentelemetry__proto__collector__logs__v1__export_logs_service_request__free_unpacked

static const struct span_attrs_config config = { .request_id_header = "X-Request-ID" };
static const struct resource_attrs extra = {
	.v = (struct resource_attr[]){ { "host.name", "box" }, { "service.name", "not this" } },
	.n = 2,
};

static struct span_batch *batch_of(const struct span *s, size_t n)
{
	struct span_batch *b = span_batch__new(512, OFFSET_NS);

	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(span_batch__add(b, &s[i]), 0);
	return b;
}

static struct buf encoded(const struct span *s, size_t n, enum otlp_encoding e, bool logs)
{
	struct span_batch *b = batch_of(s, n);
	struct buf out = { 0 };

	assert_int_equal(
		(logs ? otlp__encode_logs : otlp__encode_traces)(b, &extra, &config, e, &out), 0);
	span_batch__free(b);
	return out;
}

static TraceRequest *traces_of(const struct span *s, size_t n)
{
	struct buf out = encoded(s, n, OTLP_PROTOBUF, false);
	TraceRequest *r = unpack_traces(NULL, out.len, (uint8_t *)out.p);

	assert_non_null(r);
	buf__free(&out);
	return r;
}

static const AnyValue *attr(Opentelemetry__Proto__Common__V1__KeyValue **v, size_t n,
			    const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i]->key, key))
			return v[i]->value;
	fail_msg("no %s", key);
	return NULL;
}

static void is_id(ProtobufCBinaryData id, const uint8_t *want, size_t n)
{
	assert_int_equal(id.len, n);
	assert_memory_equal(id.data, want, n);
}

static void a_server_span(void **state)
{
	struct span s = server_span();
	TraceRequest *r = traces_of(&s, 1);
	const Span *got = r->resource_spans[0]->scope_spans[0]->spans[0];

	assert_int_equal(r->n_resource_spans, 1);
	assert_string_equal(r->resource_spans[0]->schema_url, OTLP_SCHEMA_URL);
	assert_int_equal(r->resource_spans[0]->n_scope_spans, 1);
	assert_string_equal(r->resource_spans[0]->scope_spans[0]->scope->name, "redeye");
	assert_string_equal(r->resource_spans[0]->scope_spans[0]->scope->version, REDEYE_VERSION);
	assert_int_equal(r->resource_spans[0]->scope_spans[0]->n_spans, 1);
	is_id(got->trace_id, s.trace.trace_id, 16);
	is_id(got->span_id, s.trace.span_id, 8);
	is_id(got->parent_span_id, s.trace.parent_id, 8);
	assert_string_equal(got->trace_state, "a=1,b=2");
	assert_string_equal(got->name, "GET /orders/{id}");
	assert_int_equal(got->kind, 2);
	assert_int_equal(got->start_time_unix_nano, OFFSET_NS + 1500000000);
	assert_int_equal(got->end_time_unix_nano, OFFSET_NS + 1502500000);
	assert_int_equal(got->flags, 0x303);
	assert_null(got->status);
	assert_int_equal(got->n_attributes, 16);
	assert_string_equal(
		attr(got->attributes, got->n_attributes, "server.address")->string_value,
		"shop.example");
	assert_int_equal(
		attr(got->attributes, got->n_attributes, "http.response.body.size")->int_value,
		5000000000);
	free_traces(r, NULL);
}

static void header_values_are_lists(void **state)
{
	struct span s = server_span();
	TraceRequest *r = traces_of(&s, 1);
	const Span *got = r->resource_spans[0]->scope_spans[0]->spans[0];
	const AnyValue *v =
		attr(got->attributes, got->n_attributes, "http.request.header.x-request-id");

	assert_int_equal(v->value_case,
			 OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE);
	assert_int_equal(v->array_value->n_values, 1);
	assert_string_equal(v->array_value->values[0]->string_value, "req-1");
	free_traces(r, NULL);
}

static void a_client_span(void **state)
{
	struct span s = client_span();
	const Span *got;
	TraceRequest *r;

	memset(s.trace.parent_id, 0, 8);
	s.trace.flags = 0;
	s.flags = SPAN_HEAD_CUT;
	s.request_body_bytes = 0;
	r = traces_of(&s, 1);
	got = r->resource_spans[0]->scope_spans[0]->spans[0];
	assert_string_equal(got->name, "GET");
	assert_int_equal(got->kind, 3);
	assert_int_equal(got->flags, 0x100);
	assert_int_equal(got->parent_span_id.len, 0);
	assert_string_equal(got->trace_state, "");
	assert_int_equal(got->status->code, 2);
	assert_string_equal(got->status->message, "");
	assert_true(attr(got->attributes, got->n_attributes, "redeye.head_cut")->bool_value);
	assert_string_equal(
		attr(got->attributes, got->n_attributes, "redeye.parent.evidence")->string_value,
		"thread");
	assert_int_equal(/* nought is a value */
			 attr(got->attributes, got->n_attributes, "http.request.body.size")
				 ->value_case,
			 OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE);
	free_traces(r, NULL);
}

static void calls(void **state)
{
	struct span s[2] = { rpc_server_span(), rpc_client_span() };
	TraceRequest *r = traces_of(s, 2);
	Span **got = r->resource_spans[0]->scope_spans[0]->spans;
	const AnyValue *v;

	assert_string_equal(got[0]->name, "shop.Orders/Watch");
	assert_int_equal(got[0]->kind, 2);
	assert_null(got[0]->status);
	v = attr(got[0]->attributes, got[0]->n_attributes, "redeye.rpc.timeout");
	assert_int_equal(v->value_case,
			 OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE);
	assert_true(v->double_value == 2.5);
	assert_string_equal(got[1]->name, "shop.Orders/Get");
	assert_int_equal(got[1]->kind, 3);
	assert_int_equal(got[1]->status->code, 2);
	assert_string_equal(got[1]->status->message, ""); /* nobody asked for it */
	free_traces(r, NULL);
}

static void messages_when_asked(void **state)
{
	const struct span_attrs_config c = { .rpc_message = true };
	struct span s = rpc_client_span();
	struct span_batch *b = batch_of(&s, 1);
	struct buf out = { 0 };
	TraceRequest *r;

	assert_int_equal(otlp__encode_traces(b, &extra, &c, OTLP_PROTOBUF, &out), 0);
	r = unpack_traces(NULL, out.len, (uint8_t *)out.p);
	assert_string_equal(r->resource_spans[0]->scope_spans[0]->spans[0]->status->message,
			    "no order 7");
	free_traces(r, NULL);
	buf__free(&out);
	span_batch__free(b);
}

static void groups_by_service(void **state)
{
	struct span s[7];
	TraceRequest *r;
	size_t i;

	for (i = 0; i < 7; i++) {
		s[i] = server_span();
		s[i].service = i % 3 ? &cart : &shop;
		s[i].tgid = (uint32_t)i;
	}
	r = traces_of(s, 7);
	assert_int_equal(r->n_resource_spans, 2);
	assert_int_equal(r->resource_spans[0]->scope_spans[0]->n_spans, 3);
	assert_int_equal(r->resource_spans[1]->scope_spans[0]->n_spans, 4);
	for (i = 0; i < 2; i++) {
		Opentelemetry__Proto__Resource__V1__Resource *res = r->resource_spans[i]->resource;

		assert_string_equal(
			attr(res->attributes, res->n_attributes, "service.name")->string_value,
			i ? "cart" : "shop");
		assert_string_equal(
			attr(res->attributes, res->n_attributes, "host.name")->string_value, "box");
		assert_int_equal(res->n_attributes, i ? 2 : 4);
	}
	free_traces(r, NULL);
}

static void log_records(void **state)
{
	struct span s[5] = { server_span(), client_span(), server_span(), rpc_server_span(),
			     rpc_client_span() };
	struct span_rpc silent = { .system = "grpc" };
	struct buf out;
	LogRecord **got;
	LogsRequest *r;

	s[1].start_ns = 1;
	s[2].status = 0;
	s[2].error_type = "connection_reset";
	s[2].trace = (struct trace){ 0 };
	s[4].rpc = &silent;
	s[4].error_type = "connection_reset";
	out = encoded(s, 5, OTLP_PROTOBUF, true);
	r = unpack_logs(NULL, out.len, (uint8_t *)out.p);
	assert_non_null(r);
	got = r->resource_logs[0]->scope_logs[0]->log_records;
	assert_int_equal(r->resource_logs[0]->scope_logs[0]->n_log_records, 5);
	assert_string_equal(got[0]->body->string_value, "GET /orders/{id} 200");
	assert_int_equal(got[0]->severity_number, 9);
	assert_string_equal(got[0]->severity_text, "INFO");
	assert_int_equal(got[0]->time_unix_nano, OFFSET_NS + 1502500000);
	assert_int_equal(got[0]->observed_time_unix_nano, OFFSET_NS + 1502500000);
	assert_int_equal(got[0]->flags, 3);
	is_id(got[0]->trace_id, s[0].trace.trace_id, 16);
	is_id(got[0]->span_id, s[0].trace.span_id, 8);
	assert_string_equal(got[1]->body->string_value, "GET 404");
	assert_int_equal(got[1]->severity_number, 17);
	assert_string_equal(got[1]->severity_text, "ERROR");
	assert_string_equal(got[2]->body->string_value, "GET /orders/{id} connection_reset");
	assert_int_equal(got[2]->trace_id.len + got[2]->span_id.len, 0);
	assert_string_equal(
		attr(got[2]->attributes, got[2]->n_attributes, "error.type")->string_value,
		"connection_reset");
	assert_string_equal(got[3]->body->string_value, "shop.Orders/Watch OK");
	assert_string_equal(got[4]->body->string_value, "shop.Orders/Get connection_reset");
	free_logs(r, NULL);
	buf__free(&out);
}

/* ---- JSON ----------------------------------------------------------------- */

static const cJSON *at(const cJSON *j, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, key);

	if (!v)
		fail_msg("no %s", key);
	return v;
}

static void is_text(const cJSON *j, const char *key, const char *want)
{
	assert_string_equal(cJSON_GetStringValue(at(j, key)), want);
}

static cJSON *parsed(struct buf *out)
{
	cJSON *j;

	buf__putc(out, 0);
	j = cJSON_ParseWithOpts(out->p, NULL, true);
	if (!j)
		fail_msg("no JSON: %s", out->p);
	buf__free(out);
	return j;
}

static void json_spans(void **state)
{
	struct span s[2] = { server_span(), client_span() };
	struct buf out = encoded(s, 2, OTLP_JSON, false);
	cJSON *j = parsed(&out);
	const cJSON *group = cJSON_GetArrayItem(at(j, "resourceSpans"), 0);
	const cJSON *scope = cJSON_GetArrayItem(at(group, "scopeSpans"), 0);
	const cJSON *one = cJSON_GetArrayItem(at(scope, "spans"), 0);
	const cJSON *two = cJSON_GetArrayItem(at(scope, "spans"), 1), *a;

	is_text(group, "schemaUrl", OTLP_SCHEMA_URL);
	is_text(at(scope, "scope"), "name", "redeye");
	is_text(one, "traceId", "4bf92f3577b34da6a3ce929d0e0e4736");
	is_text(one, "spanId", "00f067aa0ba902b7");
	is_text(one, "parentSpanId", "0102030405060708");
	is_text(one, "startTimeUnixNano", "1700000001500000000");
	is_text(one, "name", "GET /orders/{id}");
	is_text(one, "traceState", "a=1,b=2");
	assert_int_equal(at(one, "kind")->valueint, 2);
	assert_int_equal(at(one, "flags")->valueint, 0x303);
	assert_null(cJSON_GetObjectItem(one, "status"));
	assert_int_equal(at(at(two, "status"), "code")->valueint, 2);
	assert_null(cJSON_GetObjectItem(at(two, "status"), "message"));
	a = cJSON_GetArrayItem(at(one, "attributes"), 1);
	is_text(a, "key", "http.request.body.size");
	is_text(at(a, "value"), "intValue", "3");
	a = cJSON_GetArrayItem(at(one, "attributes"), 15);
	is_text(cJSON_GetArrayItem(at(at(at(a, "value"), "arrayValue"), "values"), 0),
		"stringValue", "req-1");
	cJSON_Delete(j);
}

static void json_logs(void **state)
{
	struct span s[2] = { server_span(), server_span() };
	const cJSON *groups, *r;
	struct buf out;
	cJSON *j;

	s[1].service = &cart;
	out = encoded(s, 2, OTLP_JSON, true);
	j = parsed(&out);
	groups = at(j, "resourceLogs");
	assert_int_equal(cJSON_GetArraySize(groups), 2);
	r = cJSON_GetArrayItem(at(cJSON_GetArrayItem(groups, 1), "scopeLogs"), 0);
	r = cJSON_GetArrayItem(at(r, "logRecords"), 0);
	is_text(at(r, "body"), "stringValue", "GET /orders/{id} 200");
	is_text(r, "severityText", "INFO");
	is_text(r, "timeUnixNano", "1700000001502500000");
	assert_int_equal(at(r, "severityNumber")->valueint, 9);
	cJSON_Delete(j);
}

/* ---- hostile and out of memory -------------------------------------------- */

/* Both encodings say the same, and it is UTF-8. */
static void says(struct slice path, const char *want)
{
	struct span s = server_span();
	struct buf out;
	TraceRequest *r;
	const Span *got;
	const cJSON *a;
	cJSON *j;

	s.path = path;
	r = traces_of(&s, 1);
	got = r->resource_spans[0]->scope_spans[0]->spans[0];
	assert_string_equal(attr(got->attributes, got->n_attributes, "url.path")->string_value,
			    want);
	free_traces(r, NULL);
	out = encoded(&s, 1, OTLP_JSON, false);
	assert_true(utf8_valid(out.p, out.len));
	j = parsed(&out);
	a = cJSON_GetArrayItem(at(j, "resourceSpans"), 0);
	a = cJSON_GetArrayItem(at(cJSON_GetArrayItem(at(a, "scopeSpans"), 0), "spans"), 0);
	a = cJSON_GetArrayItem(at(a, "attributes"), 13);
	is_text(a, "key", "url.path");
	is_text(at(a, "value"), "stringValue", want);
	cJSON_Delete(j);
}

#define FFFD "\xef\xbf\xbd"

static void hostile_text(void **state)
{
	static const char text[] = "/abcdefg\xf0\x9f\x98\x80\xc3\xa4\xff\xed\xa0\x80\"\\\n\x01\x7f";
	char want[200];

	says(SLICE("/a\0b"), "/a" FFFD "b");
	says(SLICE("/\xc0\xaf"), "/" FFFD FFFD);
	says(SLICE("/12345678\xff"), "/12345678" FFFD);
	for (size_t n = 1; n < sizeof(text); n++) {
		char *w = want;

		for (size_t i = 0; i < n;) {
			uint32_t cp;
			size_t len = utf8_next(text + i, n - i, &cp);

			w = mempcpy(w, len ? text + i : FFFD, len ? len : 3);
			i += len ? len : 1;
		}
		*w = 0;
		says((struct slice){ text, n }, want);
	}
}

/* What the protobuf says, as JSON. */
static cJSON *json_of(const ProtobufCMessage *msg)
{
	struct buf out = { 0 };

	assert_non_null(msg);
	otlp_json__message(&out, msg);
	return parsed(&out);
}

static void are_same(const struct span *s, size_t n, bool logs)
{
	struct buf proto = encoded(s, n, OTLP_PROTOBUF, logs);
	struct buf json = encoded(s, n, OTLP_JSON, logs);
	ProtobufCMessage *msg = protobuf_c_message_unpack(
		logs ? &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor
		     : &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
		NULL, proto.len, (uint8_t *)proto.p);
	cJSON *a = json_of(msg), *b;

	assert_true(utf8_valid(json.p, json.len));
	b = parsed(&json);
	assert_true(cJSON_Compare(a, b, true));
	cJSON_Delete(a);
	cJSON_Delete(b);
	protobuf_c_message_free_unpacked(msg, NULL);
	buf__free(&proto);
}

/* Any bytes of any length wherever a span has bytes. */
static void random_spans(void **state)
{
	static char noise[4096];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)(x >> 24 & (i / 512 % 2 ? 0xff : 0x7f));
	}
	for (int round = 0; round < 300; round++) {
		struct span s[3] = { server_span(), client_span(), server_span() };

		for (int i = 0; i < 3; i++) {
			struct slice *all[] = { &s[i].tracestate, &s[i].method_original, &s[i].path,
						&s[i].query,      &s[i].route,           &s[i].host,
						&s[i].request_id, &s[i].headers[0].value };

			for (size_t k = 0; k < 8; k++) {
				x = x * 1664525 + 1013904223;
				*all[k] = (struct slice){ noise + x % 4000, (x >> 16) % 96 };
			}
			s[i].n_headers = 1;
			s[i].headers[0].name = "x-noise";
			s[i].service = x & 1 << 20 ? &shop : &cart;
			s[i].method = x & 1 << 21 ? "GET" : "_OTHER";
			s[i].kind = x >> 22 & 1;
		}
		are_same(s, 3, round & 1);
	}
}

static void empty_is_nothing(void **state)
{
	struct span_batch *b = batch_of(NULL, 0);
	struct buf out = { 0 };

	assert_int_equal(otlp__encode_traces(b, &extra, &config, OTLP_JSON, &out), 0);
	assert_int_equal(out.len, 0);
	span_batch__free(b);
}

/* It is appended whole or not at all, and every allocation may be the one that fails. */
static void out_of_memory(void **state)
{
	struct span s[3] = { server_span(), client_span(), server_span() };
	static char big[30000];
	struct span_batch *b;
	long live, n;
	int err;

	memset(big, 0xff, sizeof(big));
	s[1].path = (struct slice){ big, sizeof(big) };
	s[2].service = &cart;
	b = batch_of(s, 3);
	for (int e = OTLP_PROTOBUF; e <= OTLP_JSON; e++) {
		for (n = 0, err = -ENOMEM; err; n++) {
			struct buf out = { 0 };

			buf__puts(&out, "before");
			live = failing_live;
			failing_after = n;
			err = otlp__encode_traces(b, &extra, &config, e, &out);
			failing_after = -1;
			assert_true(err == 0 || err == -ENOMEM);
			assert_int_equal(failing_live, live);
			assert_memory_equal(out.p, "before", 6);
			assert_true(err ? out.len == 6 && !out.err : out.len > 24000);
			buf__free(&out);
		}
		assert_true(n > 4);
	}
	span_batch__free(b);
}

static void too_big(void **state)
{
	struct span s = server_span();
	struct span_batch *b = batch_of(&s, 1);
	struct buf out = { .max = 300 };

	for (int e = OTLP_PROTOBUF; e <= OTLP_JSON; e++) {
		assert_int_equal(otlp__encode_logs(b, NULL, &config, e, &out), -EMSGSIZE);
		assert_int_equal(out.len, 0);
		assert_int_equal(out.err, 0);
	}
	buf__free(&out);
	span_batch__free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_span), cmocka_unit_test(header_values_are_lists),
		cmocka_unit_test(a_client_span), cmocka_unit_test(groups_by_service),
		cmocka_unit_test(calls),         cmocka_unit_test(messages_when_asked),
		cmocka_unit_test(log_records),   cmocka_unit_test(json_spans),
		cmocka_unit_test(json_logs),     cmocka_unit_test(hostile_text),
		cmocka_unit_test(random_spans),  cmocka_unit_test(empty_is_nothing),
		cmocka_unit_test(out_of_memory), cmocka_unit_test(too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
