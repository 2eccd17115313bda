/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the OTLP encoders share. Everything lives for one request. */
#ifndef RED_OTLP_ENCODE_INTERNAL_H
#define RED_OTLP_ENCODE_INTERNAL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "otlp_encode.h"
#include "slice.h"

#include "exporters/otlp_common.pb-c.h"
#include "exporters/otlp_resource.pb-c.h"

struct metric_attr;

#define PB_COMMON(name)   Opentelemetry__Proto__Common__V1__##name
#define PB_RESOURCE(name) Opentelemetry__Proto__Resource__V1__##name

/* ---- otlp_encode_arena.c: memory for the messages of one span or point ---- */

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* the newest first, the only one with room */
	int err;                    /* 0 or -ENOMEM: some message is not whole */
};

void *arena__alloc(struct arena *a, size_t bytes); /* aligned to 8, not zeroed; NULL: err is set */
/* A terminated copy in valid UTF-8, never NULL; NUL too becomes U+FFFD. */
char *arena__text(struct arena *a, struct slice s);
void arena__reset(struct arena *a); /* everything is forgotten but the err */
void arena__free(struct arena *a);

/* ---- otlp_encode_attrs.c: lists of KeyValue ------------------------------- */

struct attr_list {
	PB_COMMON(KeyValue) * *v;
	size_t n;
	struct attr_slot *slots; /* private */
	struct arena *arena;
};

/* Room for max attributes; none is added to a list for which there was no memory. Keys are
 * not copied. */
void attr_list__init(struct attr_list *l, struct arena *a, size_t max);
void attr_list__string(struct attr_list *l, const char *key, struct slice value);
void attr_list__strings(struct attr_list *l, const char *key, struct slice value); /* [value] */
void attr_list__int(struct attr_list *l, const char *key, int64_t value);
void attr_list__double(struct attr_list *l, const char *key, double value);
void attr_list__bool(struct attr_list *l, const char *key, bool value);
void attr_list__of_span(struct attr_list *l, struct arena *a, const struct span_attrs *attrs);
void attr_list__of_resource(struct attr_list *l, struct arena *a, const struct resource_attrs *r,
			    const struct service *s);
void attr_list__of_metric(struct attr_list *l, struct arena *a, const struct metric_attr *attrs,
			  uint32_t n);

extern PB_COMMON(InstrumentationScope) otlp_scope; /* redeye's; read only */

/* ---- otlp_encode_writer.c: a request in pieces ---------------------------- */

/*
 * Writes messages within messages without holding all of them: begin opens a field
 * that is a message, members puts fields of the open message, put a whole field. The
 * elements of a repeated field follow one another. In protobuf the length is known
 * only at the end, so the rest of the message is moved then by the bytes it takes.
 */
struct otlp_frame {
	const ProtobufCMessageDescriptor *message;
	const ProtobufCFieldDescriptor *list; /* JSON: the repeated field that is open */
	bool more;                            /* JSON: something was written in it */
	size_t at;                            /* where its content begins */
};

enum { OTLP_DEPTH = 6 };

struct otlp_writer { /* copy it, and out->len, to go back to that point */
	enum otlp_encoding encoding;
	struct buf *out;
	unsigned int depth;
	struct otlp_frame frames[OTLP_DEPTH];
};

void otlp_writer__start(struct otlp_writer *w, enum otlp_encoding e, struct buf *out,
			const ProtobufCMessageDescriptor *request);
void otlp_writer__begin(struct otlp_writer *w, const char *field);
void otlp_writer__members(struct otlp_writer *w, const ProtobufCMessage *msg);
void otlp_writer__put(struct otlp_writer *w, const char *field, const ProtobufCMessage *msg);
void otlp_writer__string(struct otlp_writer *w, const char *field, const char *text);
void otlp_writer__end(struct otlp_writer *w);
void otlp_writer__finish(struct otlp_writer *w); /* ends what is open, the request last */

enum { OTLP_FINISH_MAX = 6 * OTLP_DEPTH }; /* bytes that finish adds at most */

/* Opens a resource and a scope in it, up to where the records are put. */
void otlp_writer__begin_group(struct otlp_writer *w, const char *resources, const char *scopes,
			      const struct attr_list *resource);

/* ---- otlp_encode_batch.c: what requests of spans have in common ----------- */

struct otlp_signal {
	const ProtobufCMessageDescriptor *request;
	const char *resources, *scopes, *records; /* names of its fields, outside in */
	/* The record of a span, in the arena; NULL: no memory. */
	ProtobufCMessage *(*record)(struct arena *a, const struct span *s, int64_t unix_minus_mono,
				    const struct span_attrs *attrs);
};

int otlp_batch__encode(const struct otlp_signal *signal, const struct span_batch *b,
		       const struct resource_attrs *extra, const struct span_attrs_config *c,
		       enum otlp_encoding e, struct buf *out);

#endif /* RED_OTLP_ENCODE_INTERNAL_H */
