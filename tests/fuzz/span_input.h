/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines of the input as all that others have a say in of a span. */
#ifndef RED_FUZZ_SPAN_INPUT_H
#define RED_FUZZ_SPAN_INPUT_H

#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/spans.h"
#include "utf8.h"

static struct slice next_line(struct slice *in)
{
	struct slice line = { in->p, slice_until(*in, '\n') };

	*in = slice_skip(*in, line.len + (line.len < in->len));
	return line;
}

/* A service's name is clean before it is one. `room` holds the call. */
static struct span span_of(const uint8_t *data, size_t len, struct span_rpc *room)
{
	struct slice in = { (const char *)data + 1, len - 1 };
	struct span s = data[0] & 1 ? client_span() : server_span();

	s.method = data[0] & 2 ? "_OTHER" : "GET";
	s.method_original = next_line(&in);
	s.path = next_line(&in);
	s.query = next_line(&in);
	s.route = next_line(&in);
	s.host = next_line(&in);
	s.tracestate = next_line(&in);
	s.request_id = next_line(&in);
	s.peer_service = next_line(&in);
	s.headers[0] = (struct span_header){ "x-a", next_line(&in) };
	s.n_headers = 1;
	*room = a_failed_call;
	room->method = next_line(&in);
	room->message = in;
	s.rpc = data[0] & 4 ? room : NULL;
	return s;
}

#endif /* RED_FUZZ_SPAN_INPUT_H */
