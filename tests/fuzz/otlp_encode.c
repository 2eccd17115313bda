// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes in a span: protobuf that protobuf-c takes apart and whose strings are UTF-8, and as
 * many attributes in JSON. */
#include <cjson/cJSON.h>

#include "exporters/otlp_trace_service.pb-c.h"
#include "otlp_encode.h"
#include "span_input.h"

#define SERVICE(what)                                                                              \
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__##what
typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request_t;

static void check_text(const char *s)
{
	assert(utf8_valid(s, strlen(s)));
}

static size_t check_protobuf(const struct buf *b)
{
	request_t *r = SERVICE(unpack)(NULL, b->len, (uint8_t *)b->p);
	Opentelemetry__Proto__Trace__V1__Span *s;
	size_t n;

	assert(r && r->n_resource_spans == 1);
	s = r->resource_spans[0]->scope_spans[0]->spans[0];
	check_text(s->name);
	check_text(s->trace_state);
	n = s->n_attributes;
	for (size_t i = 0; i < n; i++)
		if (s->attributes[i]->value->value_case ==
		    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
			check_text(s->attributes[i]->value->string_value);
	SERVICE(free_unpacked)(r, NULL);
	return n;
}

static size_t check_json(const struct buf *b)
{
	cJSON *j = cJSON_ParseWithLength(b->p, b->len), *s = j;
	static const char *const way[] = { "resourceSpans", "scopeSpans", "spans" };
	size_t n;

	assert(j && utf8_valid(b->p, b->len));
	for (int i = 0; i < 3; i++)
		s = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(s, way[i]), 0);
	n = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(s, "attributes"));
	cJSON_Delete(j);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span_attrs_config c = { .query = true, .rpc_message = true };
	struct buf pb = { 0 }, json = { 0 };
	struct span_batch *b;
	struct span_rpc rpc;
	struct span s;

	if (!len)
		return 0;
	s = span_of(data, len, &rpc);
	b = span_batch__new(2, OFFSET_NS);
	assert(!span_batch__add(b, &s));
	assert(!otlp__encode_traces(b, NULL, &c, OTLP_PROTOBUF, &pb));
	assert(!otlp__encode_traces(b, NULL, &c, OTLP_JSON, &json));
	assert(check_protobuf(&pb) == check_json(&json));
	span_batch__free(b);
	buf__free(&pb);
	buf__free(&json);
	return 0;
}
