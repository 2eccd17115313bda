/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The trace that a request says it belongs to, from its header fields: W3C Trace
 * Context level 3, and B3 in one header or in several. Fields are shown to a reader one
 * by one, so that HTTP/1 and HTTP/2 share it; everything is slices of the input, which
 * must live until trace_context__finish and beyond, as long as `tracestate` is used.
 * No I/O, no allocation, no log.
 */
#ifndef RED_TRACE_CONTEXT_H
#define RED_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"
#include "span.h"

/* Bits; the order is that of precedence. */
enum trace_format {
	TRACE_W3C = 1 << 0,
	TRACE_B3_SINGLE = 1 << 1,
	TRACE_B3_MULTI = 1 << 2,
};

enum trace_context_result {
	TRACE_CONTEXT_NONE = 0,
	TRACE_CONTEXT_OK = 1,
	TRACE_CONTEXT_MALFORMED = 2, /* there was one; nothing of it is to be used */
};

struct trace_context {
	uint8_t trace_id[16];
	uint8_t parent_id[8];
	uint8_t flags;            /* enum trace_flags; other bits are dropped */
	bool valid;               /* there is a parent; false: B3 sent a sampling decision alone */
	bool sampled_known;       /* TRACE_SAMPLED is a decision; false: B3 left it to us */
	bool debug;               /* B3: keep this trace whatever the samplers say */
	struct slice tracestate;  /* W3C only; empty: none, or it could not be parsed */
	enum trace_format format; /* where it came from */
};

enum trace_field {
	TRACE_FIELD_TRACEPARENT,
	TRACE_FIELD_TRACESTATE,
	TRACE_FIELD_B3,
	TRACE_FIELD_B3_TRACE_ID,
	TRACE_FIELD_B3_SPAN_ID,
	TRACE_FIELD_B3_SAMPLED,
	TRACE_FIELD_B3_FLAGS,
	TRACE_FIELD__CNT,
};

/* Private. */
struct trace_context_reader {
	uint8_t formats, seen, twice; /* the latter two: bits by enum trace_field */
	struct slice values[TRACE_FIELD__CNT];
};

/* What a word of OTEL_PROPAGATORS lets us read, enum trace_format; 0: nothing. "b3" and
 * "b3multi" differ only in what is sent: both are read by either. */
unsigned int trace_context__formats(const char *propagator);

static inline void trace_context__init(struct trace_context_reader *r, unsigned int formats)
{
	r->formats = (uint8_t)formats;
	r->seen = r->twice = 0;
}

/* Use trace_context__field. */
void trace_context__candidate(struct trace_context_reader *r, struct slice name,
			      struct slice value);

/* Nearly all fields of a head are told apart from ours by length and first letter. */
static inline bool trace_context__may(struct slice name)
{
	const uint32_t lengths = 1 << 2 | 1 << 10 | 1 << 11 | 1 << 12;
	const uint32_t letters = 1 << ('b' & 31) | 1 << ('t' & 31) | 1 << ('x' & 31);

	return name.len <= 12 && (lengths >> name.len & 1) && (letters >> (name.p[0] & 31) & 1);
}

/* Names are compared without regard to case; values come without white space around
 * them. */
static inline void trace_context__field(struct trace_context_reader *r, struct slice name,
					struct slice value)
{
	if (trace_context__may(name))
		trace_context__candidate(r, name, value);
}

/* W3C wins over B3, and B3 in one header over B3 in several, if well-formed. *out is all
 * zero unless the result is TRACE_CONTEXT_OK. */
enum trace_context_result trace_context__finish(const struct trace_context_reader *r,
						struct trace_context *out);

/* Takes the next member off a tracestate. 1, 0 at its end, -EINVAL. */
int tracestate__next(struct slice *rest, struct slice *key, struct slice *value);

#endif /* RED_TRACE_CONTEXT_H */
