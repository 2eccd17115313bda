// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json.h"

#include <errno.h>
#include <sys/socket.h>

#include "correlate.h"
#include "json_attr.h"
#include "json_line.h"
#include "semconv.h"
#include "service.h"
#include "tls_names.h"

#define LINE_MAX_BYTES 57344 /* six long values, and the rest */
#define VALUE_MAX      8192

static void add_slice(struct json_line *j, const char *key, struct slice s)
{
	json_line__str(j, key, s, VALUE_MAX);
}

static void add_some(struct json_line *j, const char *key, struct slice s)
{
	if (s.len)
		add_slice(j, key, s);
}

/* value / 10^decimals, with no more of them than it takes. */
static void add_decimal(struct json_line *j, const char *key, uint64_t value, uint32_t decimals)
{
	for (; decimals && value % 10 == 0; value /= 10)
		decimals--;
	json_line__decimal(j, key, value, decimals);
}

static bool any(const uint8_t *id, size_t n)
{
	while (n && !*id)
		id++, n--;
	return n;
}

static void add_trace(struct json_line *j, const struct trace *t)
{
	if (!any(t->trace_id, sizeof(t->trace_id)))
		return;
	json_line__hex(j, "trace_id", t->trace_id, sizeof(t->trace_id));
	json_line__hex(j, "span_id", t->span_id, sizeof(t->span_id));
	if (any(t->parent_id, sizeof(t->parent_id)))
		json_line__hex(j, "parent_span_id", t->parent_id, sizeof(t->parent_id));
	json_line__u64(j, "trace_flags", t->flags);
	if (t->link != TRACE_LINK_NONE)
		json_line__text(j, "redeye.parent.evidence", trace_link_names[t->link]);
}

static void add_network(struct json_line *j, const struct span *s)
{
	if (s->family == AF_UNIX) {
		json_line__text(j, "network.transport", "unix");
		return;
	}
	json_line__text(j, "network.transport", "tcp");
	json_line__addr(j, "network.peer.address", s->peer_addr);
	json_line__u64(j, "network.peer.port", s->peer_port);
	json_line__addr(j, "network.local.address", s->local_addr);
	json_line__u64(j, "network.local.port", s->local_port);
}

static void add_tls(struct json_line *j, const struct span_tls *t)
{
	char room[TLS_CIPHER_ROOM];

	add_slice(j, "tls.protocol.name", tls_version__protocol(t->version));
	add_some(j, "tls.protocol.version", tls_version__name(t->version));
	add_some(j, "tls.cipher", tls_cipher__name(t->cipher, room));
	if (t->resumed)
		json_line__bool(j, "tls.resumed", t->resumed == SPAN_TLS_RESUMED_YES);
	add_some(j, "tls.next_protocol", span_tls__next_protocol(t));
	add_some(j, "tls.client.server_name", span_tls__server_name(t));
}

static void add_http(struct json_line *j, const struct span *s)
{
	json_line__text(j, "http.request.method", s->method);
	if (!strcmp(s->method, "_OTHER"))
		add_some(j, "http.request.method_original", s->method_original);
	add_slice(j, "url.path", s->path);
	if (s->query.len)
		add_slice(j, "url.query", s->query);
	if (s->route.len && !s->rpc)
		add_slice(j, "http.route", s->route);
	json_line__text(j, "url.scheme", s->scheme);
	if (s->host.len)
		add_slice(j, "server.address", s->host);
	if (s->host_port)
		json_line__u64(j, "server.port", s->host_port);
	json_line__text(j, "network.protocol.version", s->protocol_version);
	if (s->status)
		json_line__u64(j, "http.response.status_code", s->status);
	if (s->error_type)
		json_line__text(j, "error.type", s->error_type);
	if (span__has_request_size(s))
		json_line__u64(j, "http.request.body.size", s->request_body_bytes);
	if (span__has_response_size(s))
		json_line__u64(j, "http.response.body.size", s->response_body_bytes);
}

static void add_op(struct json_line *j, const struct span *s)
{
	struct span_attr attrs[SPAN_ATTRS_OP_MAX];
	uint32_t n = span_attrs__op(s, attrs), i;

	for (i = 0; i < n; i++)
		json_attr__add(j, &attrs[i], VALUE_MAX);
	if (s->error_type)
		json_line__text(j, "error.type", s->error_type);
}

static void add_messages(struct json_line *j, const struct span_rpc *rpc)
{
	json_line__u64(j, "redeye.rpc.request.messages", rpc->request_messages);
	json_line__u64(j, "redeye.rpc.request.size", rpc->request_message_bytes);
	json_line__u64(j, "redeye.rpc.response.messages", rpc->response_messages);
	json_line__u64(j, "redeye.rpc.response.size", rpc->response_message_bytes);
}

static void add_rpc(struct json_line *j, const struct span *s)
{
	const struct span_rpc *rpc = s->rpc;

	json_line__text(j, SEMCONV_RPC_SYSTEM, rpc->system);
	add_some(j, SEMCONV_RPC_METHOD, s->route);
	if (!slice_eq(s->route, rpc->method))
		add_some(j, SEMCONV_RPC_METHOD_ORIGINAL, rpc->method);
	if (rpc->status)
		json_line__text(j, SEMCONV_RPC_STATUS, rpc->status);
	add_some(j, "redeye.rpc.message", rpc->message);
	if (rpc->counted)
		add_messages(j, rpc);
	if (rpc->response_first_ns > s->start_ns)
		add_decimal(j, "redeye.rpc.time_to_first_message",
			    rpc->response_first_ns - s->start_ns, 9);
	if (rpc->timeout_ns)
		add_decimal(j, "redeye.rpc.timeout", rpc->timeout_ns, 9);
}

int json__span(FILE *to, const struct span *s, int64_t unix_minus_mono_ns)
{
	char room[LINE_MAX_BYTES];
	struct json_line j;
	size_t len;

	json_line__begin(&j, room, sizeof(room));
	json_line__time(&j, "start", (int64_t)(s->start_ns + (uint64_t)unix_minus_mono_ns));
	add_decimal(&j, "duration_ms", s->end_ns - s->start_ns, 6);
	json_line__text(&j, "kind", s->kind == SPAN_CLIENT ? "client" : "server");
	add_slice(&j, "service.name", slice_of(s->service->name));
	json_line__u64(&j, "process.pid", s->tgid);
	add_trace(&j, &s->trace);
	if (s->op)
		add_op(&j, s);
	else
		add_http(&j, s);
	if (s->rpc)
		add_rpc(&j, s);
	add_network(&j, s);
	if (s->tls)
		add_tls(&j, s->tls);
	if (s->flags & SPAN_HEAD_CUT)
		json_line__bool(&j, "redeye.head_cut", true);
	if (s->flags & SPAN_LENGTH_INFERRED)
		json_line__bool(&j, "redeye.length_inferred", true);
	if (s->flags & SPAN_FIELDS_UNKNOWN)
		json_line__bool(&j, "redeye.fields_unknown", true);
	len = json_line__end(&j);
	return fwrite(room, 1, len, to) == len ? 0 : -EIO;
}
