// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A span as it is kept: the fixed part, its RPC if it is one, its headers, then all text, cut
 * to what a page shows. Left out are tracestate, TLS and what the options do not ask for.
 */
#include "history_internal.h"

#include <errno.h>
#include <string.h>

enum text { REQUEST_ID, METHOD, PATH, QUERY, ROUTE, HOST, RPC_METHOD, RPC_MESSAGE, TEXTS };

_Static_assert(TEXTS == sizeof(((struct record *)0)->len) / sizeof(uint16_t), "one length each");

enum { HEADER_MAX = 512 };

static const uint16_t most[TEXTS] = {
	[REQUEST_ID] = 512, [METHOD] = 64, [PATH] = 2048,      [QUERY] = 2048,
	[ROUTE] = 511,      [HOST] = 255,  [RPC_METHOD] = 511, [RPC_MESSAGE] = 1024,
};

struct header {
	const char *name;
	size_t len;
};

_Static_assert(sizeof(struct record) + sizeof(struct span_rpc) +
			       SPAN_HEADERS_MAX * (sizeof(struct header) + HEADER_MAX) + 512 + 64 +
			       2048 + 2048 + 511 + 255 + 511 + 1024 + 8 <=
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
	t[RPC_METHOD] = s->rpc ? s->rpc->method : (struct slice){ 0 };
	t[RPC_MESSAGE] = s->rpc && c->rpc_message ? s->rpc->message : (struct slice){ 0 };
	for (i = 0; i < TEXTS; i++)
		t[i].len = t[i].len < most[i] ? t[i].len : most[i];
}

static size_t header_len(const struct span *s, uint32_t i)
{
	return s->headers[i].value.len < HEADER_MAX ? s->headers[i].value.len : HEADER_MAX;
}

static size_t fixed_bytes(bool rpc, uint32_t n_headers)
{
	return sizeof(struct record) + (rpc ? sizeof(struct span_rpc) : 0) +
	       n_headers * sizeof(struct header);
}

size_t record__bytes(const struct history_config *c, const struct span *s)
{
	struct slice t[TEXTS];
	size_t n = fixed_bytes(s->rpc, s->n_headers);
	uint32_t i;

	texts_of(c, s, t);
	for (i = 0; i < TEXTS; i++)
		n += t[i].len;
	for (i = 0; i < s->n_headers; i++)
		n += header_len(s, i);
	return (n + 7) & ~(size_t)7;
}

static char *put(char *at, struct slice s)
{
	if (s.len)
		memcpy(at, s.p, s.len);
	return at + s.len;
}

static void write_variable(struct record *r, const struct history_config *c, const struct span *s)
{
	char *at = (char *)r + fixed_bytes(r->has_rpc, r->n_headers);
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
		.has_rpc = s->rpc != NULL,
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
	const char *at = (const char *)r + fixed_bytes(r->has_rpc, r->n_headers);
	int i;

	for (i = 0; i < TEXTS; i++) {
		t[i] = (struct slice){ at, r->len[i] };
		at += r->len[i];
	}
	return at;
}

static void read_headers(const struct record *r, const char *at, struct span *s)
{
	const struct header *h = (const void *)((const char *)r + fixed_bytes(r->has_rpc, 0));
	uint32_t i;

	s->n_headers = r->n_headers;
	for (i = 0; i < r->n_headers; i++) {
		s->headers[i] = (struct span_header){ h[i].name, { at, h[i].len } };
		at += h[i].len;
	}
}

void record__read(const struct record *r, struct span *s, struct span_rpc *rpc)
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
	read_headers(r, values, s);
	if (!r->has_rpc)
		return;
	*rpc = *(const struct span_rpc *)(r + 1);
	rpc->method = t[RPC_METHOD];
	rpc->message = t[RPC_MESSAGE];
	s->rpc = rpc;
}

int record__copy(const struct record *r, const char *service, const char *namespace,
		 struct result_arena *a, struct history_span *out)
{
	struct record *copy = result_arena__alloc(a, r->bytes);
	const char *names[2] = { result_arena__text(a, service), result_arena__text(a, namespace) };

	if (!copy || !names[0] || !names[1])
		return -ENOMEM;
	memcpy(copy, r, r->bytes);
	record__read(copy, &out->span, (struct span_rpc *)(copy + 1));
	out->service = names[0];
	out->namespace = names[1];
	out->unix_minus_mono_ns = r->unix_minus_mono_ns;
	return 0;
}
