// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A span as the API shows it: docs/api.md, GET /api/v1/traces/{trace_id}. */
#include "api_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "correlate.h"
#include "json_text.h"
#include "span_attrs_internal.h"

/* ---- members ------------------------------------------------------------------------- */

static void text(struct buf *out, const char *key, const char *s)
{
	api_json__key(out, key);
	api_json__string(out, s);
}

static void slice(struct buf *out, const char *key, struct slice s)
{
	api_json__key(out, key);
	api_json__slice(out, s);
}

static void whole(struct buf *out, const char *key, uint64_t v)
{
	api_json__key(out, key);
	json_text__uint(out, v);
}

static void size(struct buf *out, const char *key, uint64_t v, bool known)
{
	if (known)
		whole(out, key, v);
	else
		text(out, key, NULL);
}

static void seconds(struct buf *out, const char *key, double ns)
{
	api_json__key(out, key);
	api_json__number(out, ns / 1e9);
}

static void id(struct buf *out, const char *key, const uint8_t *bytes, size_t n)
{
	static const uint8_t none[16];

	api_json__key(out, key);
	if (memcmp(bytes, none, n) != 0)
		json_text__hex(out, bytes, n);
	else
		buf__puts(out, "null");
}

/* ---- what a span is called ----------------------------------------------------------- */

static void write_names(struct buf *out, const struct history_span *h)
{
	const struct span *s = &h->span;
	bool other = s->method && !strcmp(s->method, "_OTHER") && s->method_original.len;

	text(out, "service", h->service);
	text(out, "namespace", h->namespace);
	text(out, "kind", s->kind == SPAN_CLIENT ? "client" : "server");
	text(out, "protocol", span__protocol(s));
	slice(out, "method", s->rpc ? SLICE("") : other ? s->method_original : slice_of(s->method));
	slice(out, "route", s->route);
	slice(out, "path", s->path);
}

static void write_outcome(struct buf *out, const struct span *s)
{
	char room[8];

	slice(out, "status", slice_of(span__status(s, room)));
	text(out, "error", s->error_type);
}

void api_span__root(struct buf *out, const struct history_span *h)
{
	if (!h) {
		buf__puts(out, "null");
		return;
	}
	buf__putc(out, '{');
	write_names(out, h);
	write_outcome(out, &h->span);
	buf__putc(out, '}');
}

/* ---- where, and how much ------------------------------------------------------------- */

static void write_address(struct buf *out, struct slice host, uint16_t port)
{
	bool v6 = host.len && memchr(host.p, ':', host.len);
	char whole[SPAN_ADDRESS_MAX + 300];
	int n;

	if (host.len > 256)
		host.len = 256;
	n = snprintf(whole, sizeof(whole), v6 && port ? "[%.*s]" : "%.*s", (int)host.len,
		     host.len ? host.p : "");
	if (host.len && port)
		n += snprintf(whole + n, sizeof(whole) - (size_t)n, ":%u", port);
	api_json__slice(out, (struct slice){ whole, (size_t)n });
}

static void write_peer(struct buf *out, const struct span *s)
{
	char room[SPAN_ADDRESS_MAX];

	api_json__key(out, "peer");
	if (span_url__is_ip(s))
		write_address(out, span_attrs__address(s->peer_addr, room), s->peer_port);
	else
		api_json__slice(out, s->family == AF_UNIX ? SLICE("unix") : SLICE(""));
}

/* As the conventions have server.address and server.port. */
static void write_server(struct buf *out, const struct span *s)
{
	static const struct span_attrs_config config;
	static _Thread_local struct span_attrs room;
	struct attr_builder b = { .a = &room, .s = s, .c = &config };
	struct span_attr host = { .str = { 0 } }, port = { .num = 0 };

	room.used = 0;
	if (!span_url__server_address(&b, &host))
		host.str = SLICE("");
	if (!span_url__server_port(&b, &port))
		port.num = 0;
	api_json__key(out, "server");
	write_address(out, host.str, (uint16_t)port.num);
}

/* From the start; what did not happen is not known. */
static void since_start(struct buf *out, const char *key, const struct span *s, uint64_t ns)
{
	seconds(out, key, ns && ns >= s->start_ns ? (double)(ns - s->start_ns) : NAN);
}

static void write_rpc(struct buf *out, const struct span_rpc *rpc)
{
	api_json__key(out, "rpc");
	if (!rpc) {
		buf__puts(out, "null");
		return;
	}
	buf__putc(out, '{');
	text(out, "system", rpc->system);
	slice(out, "method", rpc->method);
	text(out, "status", rpc->status);
	slice(out, "message", rpc->message);
	api_json__key(out, "request_messages");
	api_json__number(out, rpc->counted ? (double)rpc->request_messages : NAN);
	api_json__key(out, "response_messages");
	api_json__number(out, rpc->counted ? (double)rpc->response_messages : NAN);
	seconds(out, "timeout", rpc->timeout_ns ? (double)rpc->timeout_ns : NAN);
	buf__putc(out, '}');
}

static void write_value(struct buf *out, const struct span_attr *a)
{
	switch (a->type) {
	case SPAN_ATTR_STRING:
	case SPAN_ATTR_STRINGS:
		api_json__slice(out, a->str);
		break;
	case SPAN_ATTR_INT:
		json_text__int(out, a->num);
		break;
	case SPAN_ATTR_BOOL:
		buf__puts(out, a->num ? "true" : "false");
		break;
	case SPAN_ATTR_DOUBLE:
		api_json__number(out, a->real);
		break;
	}
}

/* Only operations have this. */
static void write_attributes(struct buf *out, const struct span *s)
{
	struct span_attr attrs[SPAN_ATTRS_OP_MAX];
	uint32_t n = span_attrs__op(s, attrs), i;

	if (!n)
		return;
	api_json__key(out, "attributes");
	buf__putc(out, '{');
	for (i = 0; i < n; i++) {
		api_json__key(out, attrs[i].key);
		write_value(out, &attrs[i]);
	}
	buf__putc(out, '}');
}

static void write_headers(struct buf *out, const struct span *s)
{
	api_json__key(out, "headers");
	buf__putc(out, '{');
	for (uint32_t i = 0; i < s->n_headers && i < SPAN_HEADERS_MAX; i++) {
		api_json__next(out);
		json_text__string(out, slice_of(s->headers[i].name));
		buf__putc(out, ':');
		json_text__string(out, s->headers[i].value);
	}
	buf__putc(out, '}');
}

static void write_place(struct buf *out, const struct trace *t)
{
	buf__puts(out, "\"trace_id\":");
	json_text__hex(out, t->trace_id, sizeof(t->trace_id));
	id(out, "span_id", t->span_id, sizeof(t->span_id));
	id(out, "parent_id", t->parent_id, sizeof(t->parent_id));
	text(out, "link", t->link && t->link < TRACE_LINK__CNT ? trace_link_names[t->link] : NULL);
}

void api_span__write(struct buf *out, const struct history_span *h)
{
	const struct span *s = &h->span;

	buf__putc(out, '{');
	write_place(out, &s->trace);
	write_names(out, h);
	write_outcome(out, s);
	api_json__key(out, "start");
	api_json__time(out, (int64_t)s->start_ns + h->unix_minus_mono_ns);
	seconds(out, "duration", s->end_ns > s->start_ns ? (double)(s->end_ns - s->start_ns) : 0);
	since_start(out, "request_end", s, s->request_end_ns);
	since_start(out, "first_byte", s, s->response_start_ns);
	size(out, "request_bytes", s->request_body_bytes, span__has_request_size(s));
	size(out, "response_bytes", s->response_body_bytes, span__has_response_size(s));
	write_peer(out, s);
	write_server(out, s);
	text(out, "scheme", s->scheme);
	text(out, "version", s->protocol_version);
	whole(out, "pid", s->tgid);
	slice(out, "request_id", s->request_id);
	slice(out, "query", s->query);
	write_headers(out, s);
	write_rpc(out, s->rpc);
	write_attributes(out, s);
	api_json__key(out, "partial");
	buf__puts(out, s->flags & SPAN_FIELDS_UNKNOWN ? "true}" : "false}");
}

void api_span__filter(struct history_span_filter *f, const struct api_query *q)
{
	*f = (struct history_span_filter){
		.names = q->filter,
		.min_duration_ns = (uint64_t)llround(q->min_duration * 1e9),
		.text = q->q && *q->q ? q->q : NULL,
	};
}
