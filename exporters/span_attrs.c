// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One row an attribute, in the order of their keys. Most are a member of the span;
 * the others have a function that says whether the span has them. Those that only
 * operations have are in their conventions, see span_attrs_op.c.
 */
#include "correlate.h"
#include "semconv.h"
#include "span_attrs_internal.h"

#include <ctype.h>
#include <string.h>

/* ---- attributes that take more than a look at one member ------------------ */

static bool peer_address(struct attr_builder *b, struct span_attr *out)
{
	return attr__string(out, span_url__peer(b));
}

static bool peer_port(struct attr_builder *b, struct span_attr *out)
{
	return attr__int(out, span_url__is_ip(b->s) ? b->s->peer_port : 0);
}

static bool transport(struct attr_builder *b, struct span_attr *out)
{
	return attr__string(out, b->s->family == AF_UNIX ? SLICE("unix") : SLICE(""));
}

static bool is_other(const struct span *s)
{
	return !strcmp(s->method, "_OTHER");
}

static bool method_original(struct attr_builder *b, struct span_attr *out)
{
	return is_other(b->s) && attr__string(out, b->s->method_original);
}

static bool request_size(struct attr_builder *b, struct span_attr *out)
{
	attr__int(out, (int64_t)b->s->request_body_bytes);
	return span__has_request_size(b->s);
}

static bool response_size(struct attr_builder *b, struct span_attr *out)
{
	attr__int(out, (int64_t)b->s->response_body_bytes);
	return b->s->status && span__has_response_size(b->s);
}

static bool evidence(struct attr_builder *b, struct span_attr *out)
{
	return b->s->trace.link && attr__string(out, slice_of(trace_link_names[b->s->trace.link]));
}

/* ---- the table ------------------------------------------------------------ */

enum source { FROM_SLICE, FROM_CSTR, FROM_U16, FROM_U32, FROM_FLAG, FROM_CALL };

enum {
	HTTP_SERVER = 1 << 0,
	HTTP_CLIENT = 1 << 1,
	HTTP = HTTP_SERVER | HTTP_CLIENT,
	RPC = 1 << 2,
	OP = 1 << 3,
	ALL = HTTP | RPC | OP,
};

#define MEMBER(m) .at = offsetof(struct span, m)

static const struct row {
	const char *key;
	unsigned int classes;
	enum source from;
	size_t at; /* in struct span; of a flag: its bit */
	bool (*call)(struct attr_builder *b, struct span_attr *out);
} rows[] = {
	{ "client.address", HTTP_SERVER, FROM_CALL, .call = peer_address },
	{ "error.type", ALL, FROM_CSTR, MEMBER(error_type) },
	{ "http.request.body.size", HTTP, FROM_CALL, .call = request_size },
	{ "http.request.method", HTTP, FROM_CSTR, MEMBER(method) },
	{ "http.request.method_original", HTTP, FROM_CALL, .call = method_original },
	{ "http.response.body.size", HTTP, FROM_CALL, .call = response_size },
	{ "http.response.status_code", HTTP, FROM_U16, MEMBER(status) },
	{ "http.response.status_code", RPC, FROM_CALL, .call = span_rpc__http_status },
	{ "http.route", HTTP_SERVER, FROM_SLICE, MEMBER(route) },
	{ "network.peer.address", ALL, FROM_CALL, .call = peer_address },
	{ "network.peer.port", ALL, FROM_CALL, .call = peer_port },
	{ "network.protocol.name", RPC, FROM_CALL, .call = span_rpc__carrier },
	{ "network.protocol.version", ALL, FROM_CSTR, MEMBER(protocol_version) },
	{ "network.transport", ALL, FROM_CALL, .call = transport },
	{ "process.pid", ALL, FROM_U32, MEMBER(tgid) },
	{ "redeye.fields_unknown", ALL, FROM_FLAG, .at = SPAN_FIELDS_UNKNOWN },
	{ "redeye.head_cut", ALL, FROM_FLAG, .at = SPAN_HEAD_CUT },
	{ "redeye.length_inferred", ALL, FROM_FLAG, .at = SPAN_LENGTH_INFERRED },
	{ "redeye.parent.evidence", ALL, FROM_CALL, .call = evidence },
	{ "redeye.rpc.request.messages", RPC, FROM_CALL, .call = span_rpc__request_messages },
	{ "redeye.rpc.request.size", RPC, FROM_CALL, .call = span_rpc__request_size },
	{ "redeye.rpc.response.messages", RPC, FROM_CALL, .call = span_rpc__response_messages },
	{ "redeye.rpc.response.size", RPC, FROM_CALL, .call = span_rpc__response_size },
	{ "redeye.rpc.time_to_first_message", RPC, FROM_CALL, .call = span_rpc__first_message },
	{ "redeye.rpc.timeout", RPC, FROM_CALL, .call = span_rpc__timeout },
	{ SEMCONV_RPC_METHOD, RPC, FROM_SLICE, MEMBER(route) },
	{ SEMCONV_RPC_METHOD_ORIGINAL, RPC, FROM_CALL, .call = span_rpc__method_original },
	{ SEMCONV_RPC_STATUS, RPC, FROM_CALL, .call = span_rpc__status },
	{ SEMCONV_RPC_SYSTEM, RPC, FROM_CALL, .call = span_rpc__system },
	{ "server.address", ALL, FROM_CALL, .call = span_url__server_address },
	{ "server.port", ALL, FROM_CALL, .call = span_url__server_port },
	{ "service.peer.name", ALL, FROM_SLICE, MEMBER(peer_service) },
	{ "service.peer.namespace", ALL, FROM_SLICE, MEMBER(peer_namespace) },
	{ "tls.cipher", ALL, FROM_CALL, .call = span_tls__cipher },
	{ "tls.client.server_name", ALL, FROM_CALL, .call = span_tls__name },
	{ "tls.next_protocol", ALL, FROM_CALL, .call = span_tls__next },
	{ "tls.protocol.name", ALL, FROM_CALL, .call = span_tls__protocol },
	{ "tls.protocol.version", ALL, FROM_CALL, .call = span_tls__version },
	{ "tls.resumed", ALL, FROM_CALL, .call = span_tls__resumed },
	{ "url.full", HTTP_CLIENT, FROM_CALL, .call = span_url__full },
	{ "url.path", HTTP_SERVER, FROM_SLICE, MEMBER(path) },
	{ "url.query", HTTP_SERVER, FROM_CALL, .call = span_url__query },
	{ "url.scheme", HTTP_SERVER, FROM_CSTR, MEMBER(scheme) },
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };
_Static_assert(ROWS + SPAN_HEADERS_MAX + 1 <= SPAN_ATTRS_MAX, "attributes do not fit");

static unsigned int class_of(const struct span *s)
{
	return s->rpc ? RPC : s->op ? OP : s->kind == SPAN_SERVER ? HTTP_SERVER : HTTP_CLIENT;
}

static bool read_row(struct attr_builder *b, const struct row *r, struct span_attr *out)
{
	const void *at = (const char *)b->s + r->at;

	switch (r->from) {
	case FROM_SLICE:
		return attr__string(out, *(const struct slice *)at);
	case FROM_CSTR:
		return attr__string(out, slice_of(*(const char *const *)at));
	case FROM_U16:
		return attr__int(out, *(const uint16_t *)at);
	case FROM_U32:
		return attr__int(out, *(const uint32_t *)at);
	case FROM_FLAG:
		*out = (struct span_attr){ .type = SPAN_ATTR_BOOL, .num = 1 };
		return b->s->flags & r->at;
	case FROM_CALL:
		return r->call(b, out);
	}
	return false;
}

/* Cut where no character of valid UTF-8 is. */
static void cut(struct slice *s)
{
	size_t n = SPAN_ATTR_VALUE_MAX;

	if (s->len <= SPAN_ATTR_VALUE_MAX)
		return;
	while (n > SPAN_ATTR_VALUE_MAX - 3 && ((uint8_t)s->p[n] & 0xc0) == 0x80)
		n--;
	s->len = n;
}

static void add(struct span_attrs *a, const char *key, const struct span_attr *attr)
{
	struct span_attr *to = &a->v[a->n++];

	*to = *attr;
	to->key = key;
	if (span_attr__is_text(to))
		cut(&to->str);
}

/* ---- captured headers ----------------------------------------------------- */

/* By the conventions' name and its own in lower case, or NULL when that does not fit. */
static const char *header_key(struct span_attrs *a, struct slice names, const char *name)
{
	size_t len = names.len + strlen(name) + 1, i;
	struct attr_text w = attr_text__begin(a);

	attr_text__put(&w, names);
	attr_text__put(&w, (struct slice){ name, strlen(name) + 1 });
	for (i = w.from; i < a->used; i++)
		a->text[i] = (char)tolower((unsigned char)a->text[i]);
	return a->used - w.from == len ? a->text + w.from : NULL;
}

static bool has_key(const struct span_attrs *a, const char *key)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].key, key))
			return true;
	return false;
}

/* The conventions have an attribute of its own for User-Agent. */
static void add_header(struct attr_builder *b, const char *name, struct slice value)
{
	struct slice names =
		b->s->rpc ? SLICE("rpc.request.metadata.") : SLICE("http.request.header.");
	struct span_attr attr = { .type = SPAN_ATTR_STRINGS, .str = value };
	const char *key = "user_agent.original";

	if (!strcasecmp(name, "user-agent"))
		attr.type = SPAN_ATTR_STRING;
	else
		key = header_key(b->a, names, name);
	if (key && !has_key(b->a, key))
		add(b->a, key, &attr);
}

static struct slice status_message(const struct span *s, const struct span_attrs_config *c)
{
	struct slice message =
		s->rpc && s->error_type && c->rpc_message ? s->rpc->message : SLICE("");

	cut(&message);
	return message;
}

void span_attrs__of(struct span_attrs *a, const struct span *s, const struct span_attrs_config *c)
{
	struct attr_builder b = { .a = a, .s = s, .c = c };
	struct span_attr attr, of_op[SPAN_ATTRS_OP_MAX];
	unsigned int class = class_of(s);
	uint32_t i, n;

	a->n = 0;
	a->used = 0;
	a->message = status_message(s, c);
	for (i = 0; i < ROWS; i++)
		if (rows[i].classes & class && read_row(&b, &rows[i], &attr))
			add(a, rows[i].key, &attr);
	n = span_attrs__op(s, of_op);
	for (i = 0; i < n; i++)
		add(a, of_op[i].key, &of_op[i]);
	if (s->request_id.len && c->request_id_header)
		add_header(&b, c->request_id_header, s->request_id);
	for (i = 0; i < s->n_headers; i++)
		add_header(&b, s->headers[i].name, s->headers[i].value);
}

static struct slice copy_name(struct slice name, char *room, size_t size)
{
	size_t n = name.len < size ? name.len : size;

	memcpy(room, name.p, n);
	return (struct slice){ room, n };
}

struct slice span_attrs__name(const struct span *s, char *room, size_t size)
{
	struct slice kind = s->op ? slice_of(s->op->system) : SLICE("HTTP");
	struct slice method = is_other(s) ? kind : slice_of(s->method);
	size_t n;

	if (s->rpc)
		return copy_name(span_rpc__has_method(s) ? s->route : slice_of(s->rpc->system),
				 room, size);
	n = copy_name(method, room, size).len;
	if ((s->op || s->kind == SPAN_SERVER) && s->route.len && n < size) {
		room[n++] = ' ';
		n += copy_name(s->route, room + n, size - n).len;
	}
	return (struct slice){ room, n };
}
