// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "otlp_json.h"

#include <stdint.h>
#include <string.h>

#include "json_text.h"

/* ---- where a field is, and whether it is there ---------------------------- */

static const void *member(const ProtobufCMessage *msg, size_t offset)
{
	return (const char *)msg + offset;
}

static bool is_oneof(const ProtobufCFieldDescriptor *f)
{
	return f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

static size_t size_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

/* proto3: a value that is nought is not there, but for a oneof's. */
static bool is_set(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f)
{
	static const char nought[sizeof(ProtobufCBinaryData)];
	const void *at = member(msg, f->offset);

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)member(msg, f->quantifier_offset) != 0;
	if (is_oneof(f))
		return *(const uint32_t *)member(msg, f->quantifier_offset) == f->id;
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return *(char *const *)at && **(char *const *)at;
	if (f->type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)at)->len != 0;
	return memcmp(at, nought, size_of(f->type)) != 0;
}

/* ---- values --------------------------------------------------------------- */

static bool is_id(const ProtobufCFieldDescriptor *f)
{
	return !strcmp(f->name, "trace_id") || !strcmp(f->name, "span_id") ||
	       !strcmp(f->name, "parent_span_id");
}

static void put_bytes(struct buf *out, const ProtobufCFieldDescriptor *f,
		      const ProtobufCBinaryData *b)
{
	if (is_id(f))
		json_text__hex(out, b->data, b->len);
	else
		json_text__base64(out, b->data, b->len);
}

static void put_int64(struct buf *out, int64_t v)
{
	buf__putc(out, '"');
	json_text__int(out, v);
	buf__putc(out, '"');
}

static void put_uint64(struct buf *out, uint64_t v)
{
	buf__putc(out, '"');
	json_text__uint(out, v);
	buf__putc(out, '"');
}

static void put_value(struct buf *out, const ProtobufCFieldDescriptor *f, const void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		json_text__int(out, *(const int32_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		json_text__uint(out, *(const uint32_t *)at);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		put_int64(out, *(const int64_t *)at);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		put_uint64(out, *(const uint64_t *)at);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		json_text__double(out, (double)*(const float *)at);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		json_text__double(out, *(const double *)at);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		buf__puts(out, *(const protobuf_c_boolean *)at ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_STRING:
		json_text__string(out, slice_of(*(char *const *)at));
		break;
	case PROTOBUF_C_TYPE_BYTES:
		put_bytes(out, f, at);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		otlp_json__message(out, *(ProtobufCMessage *const *)at);
		break;
	}
}

static void put_list(struct buf *out, const ProtobufCMessage *msg,
		     const ProtobufCFieldDescriptor *f)
{
	const char *items = *(char *const *)member(msg, f->offset);
	size_t n = *(const size_t *)member(msg, f->quantifier_offset), i;

	for (i = 0; i < n; i++) {
		buf__putc(out, i ? ',' : '[');
		put_value(out, f, items + i * size_of(f->type));
	}
	buf__putc(out, ']');
}

/* ---- messages ------------------------------------------------------------- */

void otlp_json__name(struct buf *out, const ProtobufCFieldDescriptor *f)
{
	char *to = buf__room(out, strlen(f->name) + 3), *from = to;
	const char *p;
	bool upper = false;

	if (!to)
		return;
	*to++ = '"';
	for (p = f->name; *p; p++) {
		if (*p != '_')
			*to++ = upper ? (char)(*p - 'a' + 'A') : *p;
		upper = *p == '_';
	}
	*to++ = '"';
	*to++ = ':';
	out->len += (size_t)(to - from);
}

bool otlp_json__members(struct buf *out, const ProtobufCMessage *msg, bool more)
{
	const ProtobufCMessageDescriptor *d = msg->descriptor;
	unsigned int i;

	for (i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];

		if (!is_set(msg, f))
			continue;
		if (more)
			buf__putc(out, ',');
		more = true;
		otlp_json__name(out, f);
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			put_list(out, msg, f);
		else
			put_value(out, f, member(msg, f->offset));
	}
	return more;
}

void otlp_json__message(struct buf *out, const ProtobufCMessage *msg)
{
	buf__putc(out, '{');
	otlp_json__members(out, msg, false);
	buf__putc(out, '}');
}
