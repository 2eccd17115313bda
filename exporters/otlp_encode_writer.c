// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "json_text.h"
#include "otlp_encode_internal.h"
#include "otlp_json.h"
#include "pb_write.h"

typedef ProtobufCFieldDescriptor Field;

static struct otlp_frame *top(struct otlp_writer *w)
{
	return &w->frames[w->depth - 1];
}

static const Field *field_of(struct otlp_writer *w, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(top(w)->message, name);
}

/* ---- protobuf ------------------------------------------------------------- */

/* Every field that is written here is a message or a string. */
static void put_tag(struct buf *out, const Field *f)
{
	pb_put_varint(out, (uint64_t)f->id << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
}

/* One byte before the content was kept for the length. */
static void put_length(struct buf *out, size_t at)
{
	size_t len = out->len - at, more = pb_varint_size(len) - 1;

	if (!buf__room(out, more))
		return;
	if (more)
		memmove(out->p + at + more, out->p + at, len);
	pb_write_varint(out->p + at - 1, len);
	out->len += more;
}

/* ---- JSON ----------------------------------------------------------------- */

static void end_list(struct otlp_writer *w)
{
	if (top(w)->list)
		buf__putc(w->out, ']');
	top(w)->list = NULL;
}

/* Up to where the value of the field, or of an element of it, is to be written. */
static void begin_value(struct otlp_writer *w, const Field *f)
{
	bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED, same = top(w)->list == f;

	if (!same)
		end_list(w);
	if (top(w)->more)
		buf__putc(w->out, ',');
	top(w)->more = true;
	if (same)
		return;
	otlp_json__name(w->out, f);
	if (!repeated)
		return;
	buf__putc(w->out, '[');
	top(w)->list = f;
}

/* ---- both ----------------------------------------------------------------- */

static void push(struct otlp_writer *w, const ProtobufCMessageDescriptor *message)
{
	w->frames[w->depth++] = (struct otlp_frame){ .message = message, .at = w->out->len };
}

void otlp_writer__start(struct otlp_writer *w, enum otlp_encoding e, struct buf *out,
			const ProtobufCMessageDescriptor *request)
{
	*w = (struct otlp_writer){ .encoding = e, .out = out };
	if (e == OTLP_JSON)
		buf__putc(out, '{');
	push(w, request);
}

void otlp_writer__begin(struct otlp_writer *w, const char *field)
{
	const Field *f = field_of(w, field);

	if (w->encoding == OTLP_JSON) {
		begin_value(w, f);
		buf__putc(w->out, '{');
	} else {
		put_tag(w->out, f);
		buf__putc(w->out, 0);
	}
	push(w, f->descriptor);
}

void otlp_writer__members(struct otlp_writer *w, const ProtobufCMessage *msg)
{
	if (w->encoding == OTLP_JSON) {
		end_list(w);
		top(w)->more = otlp_json__members(w->out, msg, top(w)->more);
	} else {
		pb_put_message(w->out, msg, protobuf_c_message_get_packed_size(msg));
	}
}

void otlp_writer__put(struct otlp_writer *w, const char *field, const ProtobufCMessage *msg)
{
	const Field *f = field_of(w, field);
	size_t size;

	if (w->encoding == OTLP_JSON) {
		begin_value(w, f);
		otlp_json__message(w->out, msg);
		return;
	}
	size = protobuf_c_message_get_packed_size(msg);
	put_tag(w->out, f);
	pb_put_varint(w->out, size);
	pb_put_message(w->out, msg, size);
}

void otlp_writer__string(struct otlp_writer *w, const char *field, const char *text)
{
	const Field *f = field_of(w, field);

	if (w->encoding == OTLP_JSON) {
		begin_value(w, f);
		json_text__string(w->out, slice_of(text));
		return;
	}
	put_tag(w->out, f);
	pb_put_varint(w->out, strlen(text));
	buf__puts(w->out, text);
}

void otlp_writer__end(struct otlp_writer *w)
{
	if (w->encoding == OTLP_JSON) {
		end_list(w);
		buf__putc(w->out, '}');
	} else if (w->depth > 1) { /* the request itself has no length */
		put_length(w->out, top(w)->at);
	}
	w->depth--;
}

void otlp_writer__finish(struct otlp_writer *w)
{
	while (w->depth)
		otlp_writer__end(w);
}

void otlp_writer__begin_group(struct otlp_writer *w, const char *resources, const char *scopes,
			      const struct attr_list *resource)
{
	PB_RESOURCE(Resource) r = OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;

	r.attributes = resource->v;
	r.n_attributes = resource->n;
	otlp_writer__begin(w, resources);
	otlp_writer__put(w, "resource", &r.base);
	otlp_writer__string(w, "schema_url", OTLP_SCHEMA_URL);
	otlp_writer__begin(w, scopes);
	otlp_writer__put(w, "scope", &otlp_scope.base);
	otlp_writer__string(w, "schema_url", OTLP_SCHEMA_URL);
}
