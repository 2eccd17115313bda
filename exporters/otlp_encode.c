// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "otlp_encode_internal.h"

#include "exporters/otlp_logs_service.pb-c.h"
#include "exporters/otlp_trace_service.pb-c.h"

typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Trace__V1__Status Status;
typedef Opentelemetry__Proto__Logs__V1__LogRecord LogRecord;

#define TRACE(name) OPENTELEMETRY__PROTO__TRACE__V1__##name
#define LOGS(name)  OPENTELEMETRY__PROTO__LOGS__V1__##name

enum { NAME_MAX_BYTES = 1024 };

static const uint8_t no_id[16];

/* Ids of nought are not there. The bytes stay the span's. */
static ProtobufCBinaryData id_of(const uint8_t *id, size_t n)
{
	bool there = memcmp(id, no_id, n) != 0;

	return (ProtobufCBinaryData){ there ? n : 0, there ? (uint8_t *)id : NULL };
}

static uint64_t to_unix(uint64_t mono_ns, int64_t unix_minus_mono_ns)
{
	return mono_ns + (uint64_t)unix_minus_mono_ns;
}

/* ---- traces --------------------------------------------------------------- */

struct span_slot {
	Span span;
	Status status;
};

static void set_status(struct span_slot *slot, struct arena *a, const struct span *s,
		       const struct span_attrs *attrs)
{
	if (!s->error_type)
		return;
	if (attrs->message.len)
		slot->status.message = arena__text(a, attrs->message);
	slot->status.code = TRACE(STATUS__STATUS_CODE__STATUS_CODE_ERROR);
	slot->span.status = &slot->status;
}

static uint32_t span_flags_of(const struct trace *t)
{
	return t->flags | TRACE(SPAN_FLAGS__SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK) |
	       (t->remote ? TRACE(SPAN_FLAGS__SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK) : 0);
}

static void set_context(Span *to, const struct span *s)
{
	to->trace_id = id_of(s->trace.trace_id, sizeof(s->trace.trace_id));
	to->span_id = id_of(s->trace.span_id, sizeof(s->trace.span_id));
	to->parent_span_id = id_of(s->trace.parent_id, sizeof(s->trace.parent_id));
	to->flags = span_flags_of(&s->trace);
}

static ProtobufCMessage *span_record(struct arena *a, const struct span *s, int64_t offset,
				     const struct span_attrs *attrs)
{
	struct span_slot *slot = arena__alloc(a, sizeof(*slot));
	char name[NAME_MAX_BYTES];
	struct attr_list list;

	if (!slot)
		return NULL;
	slot->span = (Span)TRACE(SPAN__INIT);
	slot->status = (Status)TRACE(STATUS__INIT);
	attr_list__of_span(&list, a, attrs);
	slot->span.attributes = list.v;
	slot->span.n_attributes = list.n;
	slot->span.name = arena__text(a, span_attrs__name(s, name, sizeof(name)));
	slot->span.trace_state = arena__text(a, s->tracestate);
	slot->span.kind = s->kind == SPAN_SERVER ? TRACE(SPAN__SPAN_KIND__SPAN_KIND_SERVER)
						 : TRACE(SPAN__SPAN_KIND__SPAN_KIND_CLIENT);
	slot->span.start_time_unix_nano = to_unix(s->start_ns, offset);
	slot->span.end_time_unix_nano = to_unix(s->end_ns, offset);
	set_context(&slot->span, s);
	set_status(slot, a, s, attrs);
	return &slot->span.base;
}

int otlp__encode_traces(const struct span_batch *b, const struct resource_attrs *extra,
			const struct span_attrs_config *c, enum otlp_encoding e, struct buf *out)
{
	static const struct otlp_signal traces = {
		&opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
		"resource_spans", "scope_spans", "spans", span_record
	};

	return otlp_batch__encode(&traces, b, extra, c, e, out);
}

/* ---- logs ----------------------------------------------------------------- */

struct log_slot {
	LogRecord record;
	PB_COMMON(AnyValue) body;
};

/* "GET /orders/{id} 200", "GET connection_reset", "shop.Orders/Get NOT_FOUND" */
static struct slice log_line(const struct span *s, char *room, size_t size)
{
	struct slice line = span_attrs__name(s, room, size - 32);
	char number[8], *p = room + line.len;
	const char *status = span__status(s, number);

	*p++ = ' ';
	p = stpncpy(p, status ? status : s->error_type ? s->error_type : "-", 30);
	return (struct slice){ room, (size_t)(p - room) };
}

static void set_severity(LogRecord *r, const struct span *s)
{
	r->severity_number = s->error_type ? LOGS(SEVERITY_NUMBER__SEVERITY_NUMBER_ERROR)
					   : LOGS(SEVERITY_NUMBER__SEVERITY_NUMBER_INFO);
	r->severity_text = s->error_type ? "ERROR" : "INFO";
}

static void set_body(struct log_slot *slot, struct arena *a, const struct span *s)
{
	char line[NAME_MAX_BYTES];

	slot->body.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
	slot->body.string_value = arena__text(a, log_line(s, line, sizeof(line)));
	slot->record.body = &slot->body;
}

static ProtobufCMessage *log_record(struct arena *a, const struct span *s, int64_t offset,
				    const struct span_attrs *attrs)
{
	struct log_slot *slot = arena__alloc(a, sizeof(*slot));
	struct attr_list list;

	if (!slot)
		return NULL;
	slot->record = (LogRecord)LOGS(LOG_RECORD__INIT);
	slot->body = (PB_COMMON(AnyValue))OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
	attr_list__of_span(&list, a, attrs);
	slot->record.attributes = list.v;
	slot->record.n_attributes = list.n;
	slot->record.time_unix_nano = to_unix(s->end_ns, offset);
	slot->record.observed_time_unix_nano = slot->record.time_unix_nano;
	slot->record.trace_id = id_of(s->trace.trace_id, sizeof(s->trace.trace_id));
	slot->record.span_id = id_of(s->trace.span_id, sizeof(s->trace.span_id));
	slot->record.flags = s->trace.flags;
	set_severity(&slot->record, s);
	set_body(slot, a, s);
	return &slot->record.base;
}

int otlp__encode_logs(const struct span_batch *b, const struct resource_attrs *extra,
		      const struct span_attrs_config *c, enum otlp_encoding e, struct buf *out)
{
	static const struct otlp_signal logs = {
		&opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor,
		"resource_logs", "scope_logs", "log_records", log_record
	};

	return otlp_batch__encode(&logs, b, extra, c, e, out);
}
