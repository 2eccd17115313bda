// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A span as it is kept: the fixed part, its details if it has some, its headers, then all text,
 * cut to what a page shows. Left out are tracestate, TLS and what the options do not ask for.
 */
#include "history_internal.h"

#include <errno.h>
#include <string.h>

enum text { REQUEST_ID, METHOD, PATH, QUERY, ROUTE, HOST, NAME, MESSAGE, TEXTS };

_Static_assert(TEXTS == sizeof(((struct record *)0)->len) / sizeof(uint16_t), "one length each");

enum { HEADER_MAX = 512, ATTR_MAX = 512 };

static const uint16_t most[TEXTS] = {
	[REQUEST_ID] = 512, [METHOD] = 64, [PATH] = 2048, [QUERY] = 2048,
	[ROUTE] = 511,      [HOST] = 255,  [NAME] = 511,  [MESSAGE] = 1024,
};

struct header {
	const char *name;
	size_t len;
};

_Static_assert(sizeof(struct record) + sizeof(union record_details) +
			       SPAN_HEADERS_MAX * (sizeof(struct header) + HEADER_MAX) +
			       SPAN_OP_ATTRS_MAX * ATTR_MAX + 512 + 64 + 2048 + 2048 + 511 + 255 +
			       511 + 1024 + 8 <=
		       RECORD_MAX,
	       "RECORD_MAX");

static void texts_of(const struct history_config *c, const struct span *s, struct slice t[TEXTS])
{
	int i;

	t[REQUEST_ID] = s->request_id;
	t[METHOD] = s->method && slice_eq(s->method_original, slice_of(s->method))
			    ? (struct slice){ 0 }
			    : s->method_original;
	t[PATH] = s->path;
	t[QUERY] = c->query ? s->query : (struct slice){ 0 };
	t[ROUTE] = s->route;
	t[HOST] = s->host;
	t[NAME] = s->rpc ? s->rpc->method : s->op ? s->op->target : (struct slice){ 0 };
	t[MESSAGE] = s->rpc && c->rpc_message ? s->rpc->message : (struct slice){ 0 };
	for (i = 0; i < TEXTS; i++)
		t[i].len = t[i].len < most[i] ? t[i].len : most[i];
}

static size_t header_len(const struct span *s, uint32_t i)
{
	return s->headers[i].value.len < HEADER_MAX ? s->headers[i].value.len : HEADER_MAX;
}

/* Bytes of the value's text. */
static size_t attr_len(const struct span_attr *a)
{
	return !span_attr__is_text(a) ? 0 : a->str.len < ATTR_MAX ? a->str.len : ATTR_MAX;
}

static enum record_detail detail_of(const struct span *s)
{
	return s->rpc ? DETAIL_RPC : s->op ? DETAIL_OP : DETAIL_NONE;
}

static size_t fixed_bytes(uint8_t detail, uint32_t n_headers)
{
	static const size_t bytes[] = {
		[DETAIL_RPC] = sizeof(struct span_rpc),
		[DETAIL_OP] = sizeof(struct span_op),
	};

	return sizeof(struct record) + bytes[detail] + n_headers * sizeof(struct header);
}

size_t record__bytes(const struct history_config *c, const struct span *s)
{
	struct slice t[TEXTS];
	size_t n = fixed_bytes(detail_of(s), s->n_headers);
	uint32_t i;

	texts_of(c, s, t);
	for (i = 0; i < TEXTS; i++)
		n += t[i].len;
	for (i = 0; i < s->n_headers; i++)
		n += header_len(s, i);
	for (i = 0; s->op && i < s->op->n_attrs; i++)
		n += attr_len(&s->op->attrs[i]);
	return (n + 7) & ~(size_t)7;
}

static char *put(char *at, struct slice s)
{
	if (s.len)
		memcpy(at, s.p, s.len);
	return at + s.len;
}

static void write_op(struct span_op *to, char *at, const struct span_op *op)
{
	uint32_t i;

	*to = *op;
	for (i = 0; i < op->n_attrs; i++) {
		if (!span_attr__is_text(&op->attrs[i]))
			continue;
		to->attrs[i].str.len = attr_len(&op->attrs[i]);
		at = put(at, (struct slice){ op->attrs[i].str.p, to->attrs[i].str.len });
	}
}

static void write_variable(struct record *r, const struct history_config *c, const struct span *s)
{
	char *at = (char *)r + fixed_bytes(r->detail, r->n_headers);
	struct header *headers = (struct header *)(at - r->n_headers * sizeof(*headers));
	struct slice t[TEXTS];
	uint32_t i;

	texts_of(c, s, t);
	for (i = 0; i < TEXTS; i++) {
		r->len[i] = (uint16_t)t[i].len;
		at = put(at, t[i]);
	}
	for (i = 0; i < r->n_headers; i++) {
		headers[i] = (struct header){ s->headers[i].name, header_len(s, i) };
		at = put(at, (struct slice){ s->headers[i].value.p, headers[i].len });
	}
	if (s->op)
		write_op((struct span_op *)(r + 1), at, s->op);
}

void record__write(struct record *r, const struct history_config *c, const struct span *s,
		   int64_t unix_minus_mono_ns)
{
	*r = (struct record){
		.bytes = (uint32_t)record__bytes(c, s),
		.unix_minus_mono_ns = unix_minus_mono_ns,
		.start_ns = s->start_ns,
		.request_end_ns = s->request_end_ns,
		.response_start_ns = s->response_start_ns,
		.end_ns = s->end_ns,
		.conn_id = s->conn_id,
		.request_body_bytes = s->request_body_bytes,
		.response_body_bytes = s->response_body_bytes,
		.method = s->method,
		.scheme = s->scheme,
		.protocol_version = s->protocol_version,
		.error_type = s->error_type,
		.trace = s->trace,
		.flags = s->flags & ~SPAN_NOT_KEPT,
		.tgid = s->tgid,
		.status = s->status,
		.family = s->family,
		.local_port = s->local_port,
		.peer_port = s->peer_port,
		.host_port = s->host_port,
		.kind = s->kind,
		.detail = detail_of(s),
		.n_headers = (uint8_t)s->n_headers,
	};
	memcpy(r->local_addr, s->local_addr, sizeof(r->local_addr));
	memcpy(r->peer_addr, s->peer_addr, sizeof(r->peer_addr));
	if (s->rpc)
		*(struct span_rpc *)(r + 1) = *s->rpc;
	write_variable(r, c, s);
}

/* ---- and back ---------------------------------------------------------------------------------
 */

static const char *read_texts(const struct record *r, struct slice t[TEXTS])
{
	const char *at = (const char *)r + fixed_bytes(r->detail, r->n_headers);
	int i;

	for (i = 0; i < TEXTS; i++) {
		t[i] = (struct slice){ at, r->len[i] };
		at += r->len[i];
	}
	return at;
}

static const char *read_headers(const struct record *r, const char *at, struct span *s)
{
	const struct header *h = (const void *)((const char *)r + fixed_bytes(r->detail, 0));
	uint32_t i;

	s->n_headers = r->n_headers;
	for (i = 0; i < r->n_headers; i++) {
		s->headers[i] = (struct span_header){ h[i].name, { at, h[i].len } };
		at += h[i].len;
	}
	return at;
}

/* It may be the record's own. */
static void read_details(const struct record *r, const struct slice t[TEXTS], const char *at,
			 struct span *s, union record_details *d)
{
	uint32_t i;

	memmove(d, r + 1, fixed_bytes(r->detail, 0) - sizeof(*r));
	if (r->detail == DETAIL_RPC) {
		d->rpc.method = t[NAME];
		d->rpc.message = t[MESSAGE];
		s->rpc = &d->rpc;
		return;
	}
	d->op.target = t[NAME];
	for (i = 0; i < d->op.n_attrs; i++) {
		if (!span_attr__is_text(&d->op.attrs[i]))
			continue;
		d->op.attrs[i].str.p = at;
		at += d->op.attrs[i].str.len;
	}
	s->op = &d->op;
}

void record__read(const struct record *r, struct span *s, union record_details *details)
{
	struct slice t[TEXTS];
	const char *values = read_texts(r, t);

	*s = (struct span){
		.kind = r->kind,
		.flags = r->flags,
		.tgid = r->tgid,
		.conn_id = r->conn_id,
		.trace = r->trace,
		.request_id = t[REQUEST_ID],
		.start_ns = r->start_ns,
		.request_end_ns = r->request_end_ns,
		.response_start_ns = r->response_start_ns,
		.end_ns = r->end_ns,
		.method = r->method,
		.method_original = t[METHOD].len ? t[METHOD] : slice_of(r->method),
		.path = t[PATH],
		.query = t[QUERY],
		.route = t[ROUTE],
		.host = t[HOST],
		.host_port = r->host_port,
		.scheme = r->scheme,
		.protocol_version = r->protocol_version,
		.status = r->status,
		.error_type = r->error_type,
		.request_body_bytes = r->request_body_bytes,
		.response_body_bytes = r->response_body_bytes,
		.family = r->family,
		.local_port = r->local_port,
		.peer_port = r->peer_port,
	};
	memcpy(s->local_addr, r->local_addr, sizeof(s->local_addr));
	memcpy(s->peer_addr, r->peer_addr, sizeof(s->peer_addr));
	values = read_headers(r, values, s);
	if (r->detail != DETAIL_NONE)
		read_details(r, t, values, s, details);
}

int record__copy(const struct record *r, const char *service, const char *namespace,
		 struct result_arena *a, struct history_span *out)
{
	struct record *copy = result_arena__alloc(a, r->bytes);
	const char *names[2] = { result_arena__text(a, service), result_arena__text(a, namespace) };

	if (!copy || !names[0] || !names[1])
		return -ENOMEM;
	memcpy(copy, r, r->bytes);
	record__read(copy, &out->span, (union record_details *)(copy + 1));
	out->service = names[0];
	out->namespace = names[1];
	out->unix_minus_mono_ns = r->unix_minus_mono_ns;
	return 0;
}
