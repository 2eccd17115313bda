/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The request headers that traces and access logs need, picked out one by one as
 * a protocol comes across them: the trace's context, the request's id, the debug
 * header, and those that the user named. Nothing is copied but the values of one that is
 * there more than once: they are joined, as RFC 9110 §5.3 allows.
 */
#ifndef RED_REQUEST_HEADERS_H
#define RED_REQUEST_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"
#include "trace_context.h"

struct options;
struct header_wants;

#define REQUEST_HEADER_MAX 256 /* bytes of a value */

struct request_headers {
	struct trace_context context;
	bool bad_context; /* one was there, and made no sense */
	bool forced;
	struct slice request_id;
	bool id_hidden; /* what is there is not the id */
	struct span_header kept[SPAN_HEADERS_MAX];
	uint32_t n_kept;
	char joined[SPAN_HEADERS_MAX][REQUEST_HEADER_MAX]; /* of those that came again */
};

/* What the options want to see. NULL and errno. Keeps nothing of the options. */
struct header_wants *header_wants__new(const struct options *o);
void header_wants__free(struct header_wants *w); /* accepts NULL */
/* False: no field of this name is wanted. */
bool header_wants__may(const struct header_wants *w, struct slice name);

struct header_reader {
	const struct header_wants *wants;
	struct trace_context_reader context;
	struct request_headers *out;
};

void header_reader__begin(struct header_reader *r, const struct header_wants *w,
			  struct request_headers *out);
void header_reader__field(struct header_reader *r, struct slice name, struct slice value);
void header_reader__end(struct header_reader *r);

#endif /* RED_REQUEST_HEADERS_H */
