// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_txn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "http1_target.h"

#define POOL_MAX   1024
#define TARGET_MAX 8000
#define HOST_MAX   255

static struct http1_txn *pool;
static unsigned int pool_n;

static struct http1_txn *take(void)
{
	struct http1_txn *t = pool;

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

static void put_headers(struct http1_txn *t, char **to, const struct request_headers *h)
{
	uint32_t i;

	t->req.context = h->context;
	t->req.forced = h->forced;
	t->req.request_id = put_slice(to, h->request_id);
	t->req.context.tracestate = put_slice(to, h->context.tracestate);
	t->n_headers = h->n_kept;
	for (i = 0; i < h->n_kept; i++) {
		t->headers[i].name = h->kept[i].name;
		t->headers[i].value = put_slice(to, h->kept[i].value);
	}
}

struct http1_txn *http1_txn__new(const struct http1_head *r, const struct request_headers *headers,
				 const struct str_list *known_methods)
{
	struct http1_txn *t = take();
	struct slice target = r->target, host = r->host;
	size_t n;
	char *p;

	if (!t)
		return NULL;
	memset(t, 0, offsetof(struct http1_txn, headers));
	t->text = t->text_inline;
	if (target.len > TARGET_MAX)
		target.len = TARGET_MAX;
	if (host.len > HOST_MAX)
		host.len = HOST_MAX;
	n = r->method.len + target.len + host.len + (headers ? headers_bytes(headers) : 0);
	if (n > sizeof(t->text_inline))
		t->text = malloc(n);
	if (!t->text) {
		t->text = t->text_inline;
		http1_txn__free(t);
		return NULL;
	}
	p = t->text;
	t->method_len = put(&p, r->method, HTTP1_METHOD_MAX);
	t->target_len = put(&p, target, TARGET_MAX);
	t->host_len = put(&p, host, HOST_MAX);
	t->minor = r->minor;
	t->req.method = http1_method__known(r->method, known_methods);
	if (slice_eq(r->method, SLICE("HEAD")))
		t->flags |= HTTP1_TXN_HEAD;
	if (slice_eq(r->method, SLICE("CONNECT")))
		t->flags |= HTTP1_TXN_CONNECT;
	http1_target__split((struct slice){ t->text + t->method_len, t->target_len },
			    t->flags & HTTP1_TXN_CONNECT, &t->target);
	t->req.path = t->target.path;
	if (headers)
		put_headers(t, &p, headers);
	return t;
}

void http1_txn__free(struct http1_txn *t)
{
	if (!t)
		return;
	service__put(t->req.service);
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

void http1_txn__free_pool(void)
{
	while (pool) {
		struct http1_txn *t = pool;

		pool = t->next;
		free(t);
	}
	pool_n = 0;
}

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

static void span_target(const struct http1_txn *t, struct span *s)
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

static void span_addresses(const struct conn *c, struct span *s)
{
	s->conn_id = c->id;
	s->family = c->family;
	s->local_port = c->local_port;
	s->peer_port = c->peer_port;
	memcpy(s->local_addr, c->local_addr, sizeof(s->local_addr));
	memcpy(s->peer_addr, c->peer_addr, sizeof(s->peer_addr));
}

void http1_txn__span(const struct http1_txn *t, const struct conn *c, struct span *s)
{
	s->tgid = t->req.tgid;
	s->service = t->req.service;
	s->trace = t->req.trace;
	s->tracestate = t->req.context.tracestate;
	s->request_id = t->req.request_id;
	s->start_ns = t->req.start_ns;
	s->request_end_ns = t->request_end_ns;
	s->response_start_ns = t->response_start_ns;
	if (s->end_ns < s->start_ns)
		s->end_ns = s->start_ns;
	s->method = t->req.method;
	s->scheme = t->req.scheme;
	s->protocol_version = t->minor ? "1.1" : "1.0";
	s->status = t->status;
	if (!s->error_type)
		s->error_type = status_error(s->kind, t->status);
	s->request_body_bytes = t->request_body_bytes;
	s->response_body_bytes = t->response_body_bytes;
	if (t->flags & HTTP1_TXN_CUT)
		s->flags |= SPAN_HEAD_CUT;
	if (t->flags & HTTP1_TXN_INFERRED)
		s->flags |= SPAN_LENGTH_INFERRED;
	s->n_headers = t->n_headers;
	memcpy(s->headers, t->headers, t->n_headers * sizeof(t->headers[0]));
	s->tls = conn__tls(c);
	span_target(t, s);
	span_addresses(c, s);
}
