// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http_txn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "http1_target.h"
#include "txn.h"

#define POOL_MAX   1024
#define METHOD_MAX 32
#define TARGET_MAX 8000
#define HOST_MAX   255

static struct http_txn *pool;
static unsigned int pool_n;

static struct http_txn *take(void)
{
	struct http_txn *t = pool;

	if (!t)
		return malloc(sizeof(*t));
	pool = t->next;
	pool_n--;
	return t;
}

static uint16_t put(char **to, struct slice s, size_t max)
{
	size_t n = s.len < max ? s.len : max;

	if (n) /* an empty slice may point nowhere */
		memcpy(*to, s.p, n);
	*to += n;
	return n;
}

/* An empty slice stays empty; others point to their copies from now on. */
static struct slice put_slice(char **to, struct slice s)
{
	struct slice copy = { *to, s.len };

	put(to, s, s.len);
	return copy;
}

static size_t headers_bytes(const struct request_headers *h)
{
	size_t n = h->request_id.len + h->context.tracestate.len;
	uint32_t i;

	for (i = 0; i < h->n_kept; i++)
		n += h->kept[i].value.len;
	return n;
}

static void put_headers(struct http_txn *t, char **to, const struct request_headers *h)
{
	uint32_t i;

	t->req.context = h->context;
	t->req.forced = h->forced;
	t->req.request_id = put_slice(to, h->request_id);
	t->req.id_hidden = h->id_hidden;
	t->req.context.tracestate = put_slice(to, h->context.tracestate);
	t->n_headers = h->n_kept;
	for (i = 0; i < h->n_kept; i++) {
		t->headers[i].name = h->kept[i].name;
		t->headers[i].value = put_slice(to, h->kept[i].value);
	}
}

static void fill_text(struct http_txn *t, const struct http_request *r)
{
	char *p = t->text;

	t->method_len = put(&p, r->method, METHOD_MAX);
	t->target_len = put(&p, r->target, TARGET_MAX);
	t->host_len = put(&p, r->host, HOST_MAX);
	if (r->headers)
		put_headers(t, &p, r->headers);
	http1_target__split((struct slice){ t->text + t->method_len, t->target_len }, r->authority,
			    &t->target);
}

static size_t text_bytes(const struct http_request *r)
{
	return r->method.len + (r->target.len < TARGET_MAX ? r->target.len : TARGET_MAX) +
	       (r->host.len < HOST_MAX ? r->host.len : HOST_MAX) +
	       (r->headers ? headers_bytes(r->headers) : 0);
}

static void release(struct http_txn *t)
{
	grpc_call__free(t->rpc);
	if (t->text != t->text_inline)
		free(t->text);
	if (pool_n >= POOL_MAX) {
		free(t);
		return;
	}
	t->next = pool;
	pool = t;
	pool_n++;
}

/* False: it is a call, but there is no memory for what calls are known by. */
static bool begin_call(struct http_txn *t, const struct http_request *r)
{
	enum grpc_wire wire = GRPC_WIRE_NONE;

	if (r->rpc)
		wire = grpc__recognise(r->rpc, r->method, t->target.query);
	if (wire != GRPC_WIRE_NONE)
		t->rpc = grpc_call__new(wire, r->rpc);
	return wire == GRPC_WIRE_NONE || t->rpc;
}

/* A call whose request did not show that it is one does so by its answer. */
void http_txn__answer(struct http_txn *t, const struct grpc_fields *f, bool unknown)
{
	enum grpc_wire wire;

	if (!t->rpc && t->flags & HTTP_TXN_UNKNOWN) {
		wire = grpc__recognise(f, (struct slice){ 0 }, (struct slice){ 0 });
		t->rpc = wire == GRPC_WIRE_NONE ? NULL : grpc_call__new(wire, NULL);
	}
	if (t->rpc)
		grpc_call__answer(t->rpc, f, unknown);
}

static struct http_txn *new_txn(const struct http_request *r, const struct str_list *known_methods)
{
	struct http_txn *t = take();
	size_t n = text_bytes(r);

	if (!t)
		return NULL;
	memset(t, 0, offsetof(struct http_txn, headers));
	t->text = n > sizeof(t->text_inline) ? malloc(n) : t->text_inline;
	if (!t->text) {
		t->text = t->text_inline;
		release(t);
		return NULL;
	}
	fill_text(t, r);
	if (!begin_call(t, r)) {
		release(t);
		return NULL;
	}
	t->version = r->version;
	t->req.method = http1_method__known(r->method, known_methods);
	t->req.path = t->target.path;
	if (slice_eq(r->method, SLICE("HEAD")))
		t->flags |= HTTP_TXN_HEAD;
	if (slice_eq(r->method, SLICE("CONNECT")))
		t->flags |= HTTP_TXN_CONNECT;
	return t;
}

void http_txn__free_pool(void)
{
	while (pool) {
		struct http_txn *t = pool;

		pool = t->next;
		free(t);
	}
	pool_n = 0;
}

/* ---- from beginning to end ------------------------------------------------------------- */

static void fill_request(struct request *to, const struct http_request *r)
{
	const struct proto_bytes first = { .off = r->off,
					   .ts_ns = r->start_ns,
					   .tgid = r->tgid,
					   .tid = r->tid,
					   .nonblock = !r->blocking };

	txn__request(to, r->conn, r->kind == SPAN_SERVER ? RED_DIR_IN : RED_DIR_OUT, &first);
	to->scheme = r->conn->layer ? "https" : "http";
	to->multiplexed = r->multiplexed;
}

struct http_txn *http_txn__begin(struct proto_env *env, struct proto_stat *stat,
				 const struct http_request *r)
{
	struct http_txn *t = NULL;
	bool full = txn__full(env);

	if (!full)
		t = new_txn(r, &env->options->known_methods);
	if (!t) {
		txn__refuse(stat, full ? PROTO_DROP_FULL : PROTO_DROP_NO_MEMORY);
		return NULL;
	}
	t->env = env;
	t->stat = stat;
	fill_request(&t->req, r);
	txn__begin(env, stat, &t->req);
	return t;
}

void http_txn__drop(struct http_txn *t, enum proto_drop why)
{
	txn__drop(t->env, t->stat, &t->req, why);
	release(t);
}

/* ---- spans ------------------------------------------------------------------------------- */

/* Status codes as text, for error.type; made once. */
static const char *status_text(unsigned int status)
{
	static char text[600][4];
	char *t;

	if (status < 400 || status > 999)
		return "_OTHER";
	t = text[status - 400];
	if (!t[0]) {
		t[0] = '0' + status / 100;
		t[1] = '0' + status / 10 % 10;
		t[2] = '0' + status % 10;
	}
	return t;
}

/* 5xx is the server's failure, 4xx only the client's (OTel HTTP conventions). */
static const char *status_error(enum span_kind kind, uint16_t status)
{
	return status >= (kind == SPAN_CLIENT ? 400 : 500) ? status_text(status) : NULL;
}

static void span_target(const struct http_txn *t, struct span *s)
{
	struct slice host = { t->text + t->method_len + t->target_len, t->host_len };

	s->path = t->target.path;
	s->query = t->target.query;
	if (t->target.host.len) {
		s->host = t->target.host;
		s->host_port = t->target.port;
	} else {
		http1_host__split(host, &s->host, &s->host_port);
	}
	s->method_original = (struct slice){ t->text, t->method_len };
}

static uint32_t span_flags(const struct http_txn *t)
{
	static const struct {
		uint32_t txn, span;
	} pairs[] = {
		{ HTTP_TXN_CUT, SPAN_HEAD_CUT },
		{ HTTP_TXN_INFERRED, SPAN_LENGTH_INFERRED },
		{ HTTP_TXN_UNKNOWN, SPAN_FIELDS_UNKNOWN },
		{ HTTP_TXN_NO_REQUEST_SIZE, SPAN_REQUEST_SIZE_UNKNOWN },
		{ HTTP_TXN_NO_RESPONSE_SIZE, SPAN_RESPONSE_SIZE_UNKNOWN },
	};
	uint32_t flags = 0;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (t->flags & pairs[i].txn)
			flags |= pairs[i].span;
	return flags;
}

static void fill_span(const struct http_txn *t, struct span *s)
{
	txn__span(&t->req, s);
	s->request_end_ns = t->request_end_ns;
	s->response_start_ns = t->response_start_ns;
	s->protocol_version = t->version;
	s->status = t->status;
	if (!s->error_type)
		s->error_type = status_error(s->kind, t->status);
	s->request_body_bytes = t->request_body_bytes;
	s->response_body_bytes = t->response_body_bytes;
	s->flags |= span_flags(t);
	s->n_headers = t->n_headers;
	memcpy(s->headers, t->headers, t->n_headers * sizeof(t->headers[0]));
	span_target(t, s);
}

void http_txn__finish(struct http_txn *t, uint64_t end_ns, const char *failure)
{
	struct span s = { .end_ns = end_ns, .error_type = failure };
	struct span_rpc rpc;

	fill_span(t, &s);
	if (t->rpc)
		grpc_call__span(t->rpc, &s, failure, &rpc);
	t->req.cut = failure;
	txn__emit(t->env, t->stat, &t->req, &s);
	release(t);
}
