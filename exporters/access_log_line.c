// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A span as a line. docs/access-log.md lists the keys; their order is part of it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "access_log_internal.h"
#include "json_attr.h"
#include "json_line.h"
#include "service.h"
#include "tls_names.h"

/* Bytes of a value as it is written. All at their longest fit in a line. */
enum {
	SERVICE_MAX = 256,
	METHOD_MAX = 64,
	ROUTE_MAX = 1024,
	PATH_MAX_BYTES = 4096,
	SERVER_MAX = 300,
	REQUEST_ID_MAX = 256,
	HEADER_MAX = 512,
	QUERY_MAX = 2048,
	TLS_MAX = 256,
	RPC_METHOD_BYTES = 256,
	RPC_MESSAGE_BYTES = 512,
	OP_MAX = 512,
};

/* What the conventions call errors of a server: 5xx of the calls. Connect writes them in
 * lower case. */
static bool is_server_error(const char *rpc_status)
{
	static const char *const statuses[] = { "UNKNOWN",  "DEADLINE_EXCEEDED", "UNIMPLEMENTED",
						"INTERNAL", "UNAVAILABLE",       "DATA_LOSS" };
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (!strcasecmp(rpc_status, statuses[i]))
			return true;
	return false;
}

static enum access_log_level level_of_http(const struct span *s)
{
	if (s->status >= 500 || (!s->status && s->error_type))
		return ACCESS_LOG_ERROR;
	return s->status >= 400 || s->error_type ? ACCESS_LOG_WARN : ACCESS_LOG_INFO;
}

/* Without a status: it was not seen, and Connect has none for success. When the call failed
 * in spite of its HTTP status, the end of the answer never came. */
static enum access_log_level level_of_rpc(const struct span *s)
{
	const char *status = s->rpc->status;

	if (!status)
		return s->status < 400 && s->error_type ? ACCESS_LOG_ERROR : level_of_http(s);
	if (is_server_error(status))
		return ACCESS_LOG_ERROR;
	return strcmp(status, "OK") || s->error_type ? ACCESS_LOG_WARN : ACCESS_LOG_INFO;
}

enum access_log_level access_log_line__level(const struct span *s)
{
	if (s->op)
		return s->error_type ? ACCESS_LOG_ERROR : ACCESS_LOG_INFO;
	if (s->rpc)
		return level_of_rpc(s);
	return level_of_http(s);
}

static const char *level_name(enum access_log_level level)
{
	return level == ACCESS_LOG_ERROR ? "error" : level == ACCESS_LOG_WARN ? "warn" : "info";
}

static uint64_t to_us(uint64_t ns)
{
	return (ns + 500) / 1000;
}

static void add_request(struct json_line *j, const struct span *s)
{
	bool other = !strcmp(s->method, "_OTHER") && s->method_original.len;

	json_line__str(j, "method", other ? s->method_original : slice_of(s->method), METHOD_MAX);
	if (s->route.len && !s->rpc)
		json_line__str(j, "route", s->route, ROUTE_MAX);
	if (!s->op)
		json_line__str(j, "path", s->path, PATH_MAX_BYTES);
	if (s->scheme)
		json_line__text(j, "scheme", s->scheme);
	if (s->status)
		json_line__u64(j, "status_code", s->status);
	json_line__decimal(j, "duration_ms",
			   s->end_ns > s->start_ns ? to_us(s->end_ns - s->start_ns) : 0, 3);
}

static void add_id(struct json_line *j, const char *key, const uint8_t *id, size_t n)
{
	static const uint8_t none[16];

	if (memcmp(id, none, n) != 0)
		json_line__hex(j, key, id, n);
}

/* The host that was asked for, else the socket's address; with the port. */
static void add_server(struct json_line *j, const struct span *s)
{
	static const uint8_t v4mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool v4 = !memcmp(s->peer_addr, v4mapped, sizeof(v4mapped));
	char host[256], text[SERVER_MAX];
	uint16_t port = s->host_port;
	int n = (int)(s->host.len < 255 ? s->host.len : 255);

	if (s->host.len) {
		memcpy(host, s->host.p, (size_t)n);
	} else {
		inet_ntop(v4 ? AF_INET : AF_INET6, s->peer_addr + (v4 ? 12 : 0), host,
			  sizeof(host));
		n = (int)strlen(host);
		port = s->peer_port;
	}
	if (port && memchr(host, ':', (size_t)n))
		n = snprintf(text, sizeof(text), "[%.*s]:%u", n, host, port);
	else if (port)
		n = snprintf(text, sizeof(text), "%.*s:%u", n, host, port);
	else
		memcpy(text, host, (size_t)n);
	json_line__str(j, "server", (struct slice){ text, (size_t)n }, SERVER_MAX);
}

static void add_peer(struct json_line *j, const struct span *s)
{
	bool ip = s->family == AF_INET || s->family == AF_INET6;

	if (s->kind == SPAN_CLIENT && (ip || s->host.len))
		add_server(j, s);
	else if (ip)
		json_line__addr(j, "client", s->peer_addr);
	else if (s->family == AF_UNIX)
		json_line__text(j, s->kind == SPAN_CLIENT ? "server" : "client", "unix");
}

static void add_headers(struct json_line *j, const struct span *s)
{
	if (!s->n_headers || !json_line__open(j, "headers"))
		return;
	for (uint32_t i = 0; i < s->n_headers; i++)
		json_line__str(j, s->headers[i].name, s->headers[i].value, HEADER_MAX);
	json_line__close(j);
}

static void add_some(struct json_line *j, const char *key, struct slice s)
{
	if (s.len)
		json_line__str(j, key, s, TLS_MAX);
}

static void add_tls(struct json_line *j, const struct span_tls *t)
{
	char room[TLS_CIPHER_ROOM];

	if (!json_line__open(j, "tls"))
		return;
	add_some(j, "version", tls_version__name(t->version));
	add_some(j, "cipher", tls_cipher__name(t->cipher, room));
	if (t->resumed)
		json_line__bool(j, "resumed", t->resumed == SPAN_TLS_RESUMED_YES);
	add_some(j, "next_protocol", span_tls__next_protocol(t));
	add_some(j, "server_name", span_tls__server_name(t));
	json_line__close(j);
}

/* The method is as it was sent: a line is no series. */
static void add_rpc(struct json_line *j, const struct span *s, bool message)
{
	const struct span_rpc *rpc = s->rpc;

	if (!json_line__open(j, "rpc"))
		return;
	json_line__text(j, "system", rpc->system);
	if (rpc->method.len)
		json_line__str(j, "method", rpc->method, RPC_METHOD_BYTES);
	if (rpc->status)
		json_line__text(j, "status", rpc->status);
	if (rpc->counted) {
		json_line__u64(j, "request_messages", rpc->request_messages);
		json_line__u64(j, "response_messages", rpc->response_messages);
	}
	if (rpc->response_first_ns > s->start_ns)
		json_line__decimal(j, "first_message_ms",
				   to_us(rpc->response_first_ns - s->start_ns), 3);
	if (rpc->timeout_ns)
		json_line__decimal(j, "timeout_ms", to_us(rpc->timeout_ns), 3);
	if (message && rpc->message.len)
		json_line__str(j, "message", rpc->message, RPC_MESSAGE_BYTES);
	json_line__close(j);
}

/* By the conventions' names. */
static void add_op(struct json_line *j, const struct span *s)
{
	struct span_attr attrs[SPAN_ATTRS_OP_MAX];
	uint32_t n = span_attrs__op(s, attrs), i;

	if (!json_line__open(j, "attributes"))
		return;
	for (i = 0; i < n; i++)
		json_attr__add(j, &attrs[i], OP_MAX);
	json_line__close(j);
}

/* What came of it, and how much. */
static void add_outcome(struct json_line *j, const struct span *s)
{
	if (s->error_type)
		json_line__text(j, "error", s->error_type);
	if (span__has_request_size(s))
		json_line__u64(j, "request_bytes", s->request_body_bytes);
	if (span__has_response_size(s))
		json_line__u64(j, "response_bytes", s->response_body_bytes);
	json_line__u64(j, "pid", s->tgid);
}

size_t access_log_line__write(char room[ACCESS_LOG_LINE], const struct span *s,
			      int64_t unix_minus_mono_ns, const struct access_log_secrets *with)
{
	struct json_line j;

	json_line__begin(&j, room, ACCESS_LOG_LINE);
	json_line__time(&j, "timestamp", (int64_t)(s->end_ns + (uint64_t)unix_minus_mono_ns));
	json_line__text(&j, "level", level_name(access_log_line__level(s)));
	json_line__str(&j, "service", slice_of(s->service->name), SERVICE_MAX);
	json_line__text(&j, "kind", s->kind == SPAN_CLIENT ? "client" : "server");
	add_request(&j, s);
	add_id(&j, "trace_id", s->trace.trace_id, sizeof(s->trace.trace_id));
	add_id(&j, "span_id", s->trace.span_id, sizeof(s->trace.span_id));
	add_peer(&j, s);
	if (s->request_id.len)
		json_line__str(&j, "request_id", s->request_id, REQUEST_ID_MAX);
	add_outcome(&j, s);
	add_headers(&j, s);
	if (with->query && s->query.len)
		json_line__str(&j, "query", s->query, QUERY_MAX);
	if (s->tls)
		add_tls(&j, s->tls);
	if (s->rpc)
		add_rpc(&j, s, with->rpc_message);
	if (s->op)
		add_op(&j, s);
	return json_line__end(&j);
}
