// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is said of a call and not of the request that carries it. span->route is its
 * bounded method (agg.c); the conventions have no names for messages and deadlines, so
 * those are redeye's own. */
#include "rpc_methods.h"
#include "span_attrs_internal.h"

bool span_rpc__has_method(const struct span *s)
{
	return s->route.len && !slice_eq(s->route, slice_of(rpc_method_other));
}

bool span_rpc__system(struct attr_builder *b, struct span_attr *out)
{
	return attr__string(out, slice_of(b->s->rpc->system));
}

bool span_rpc__status(struct attr_builder *b, struct span_attr *out)
{
	return attr__string(out, slice_of(b->s->rpc->status));
}

bool span_rpc__method_original(struct attr_builder *b, struct span_attr *out)
{
	return b->s->route.len && !span_rpc__has_method(b->s) &&
	       attr__string(out, b->s->rpc->method);
}

/* A status that a call does not have by itself: of a proxy, mostly. */
bool span_rpc__http_status(struct attr_builder *b, struct span_attr *out)
{
	return b->s->status != 200 && attr__int(out, b->s->status);
}

bool span_rpc__carrier(struct attr_builder *b, struct span_attr *out)
{
	return attr__string(out, SLICE("http"));
}

/* Nought is a number of messages, too; what was not all seen is none. */
static bool counted(const struct attr_builder *b, struct span_attr *out, uint64_t n)
{
	attr__int(out, (int64_t)n);
	return b->s->rpc->counted;
}

bool span_rpc__request_messages(struct attr_builder *b, struct span_attr *out)
{
	return counted(b, out, b->s->rpc->request_messages);
}

bool span_rpc__request_size(struct attr_builder *b, struct span_attr *out)
{
	return counted(b, out, b->s->rpc->request_message_bytes);
}

bool span_rpc__response_messages(struct attr_builder *b, struct span_attr *out)
{
	return counted(b, out, b->s->rpc->response_messages);
}

bool span_rpc__response_size(struct attr_builder *b, struct span_attr *out)
{
	return counted(b, out, b->s->rpc->response_message_bytes);
}

static bool seconds(struct span_attr *out, uint64_t ns)
{
	out->type = SPAN_ATTR_DOUBLE;
	out->real = (double)ns / 1e9;
	return ns != 0;
}

bool span_rpc__first_message(struct attr_builder *b, struct span_attr *out)
{
	uint64_t first_ns = b->s->rpc->response_first_ns;

	return seconds(out, first_ns > b->s->start_ns ? first_ns - b->s->start_ns : 0);
}

bool span_rpc__timeout(struct attr_builder *b, struct span_attr *out)
{
	return seconds(out, b->s->rpc->timeout_ns);
}
