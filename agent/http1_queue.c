// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_internal.h"
#include "txn.h"

#include <stdlib.h>
#include <string.h>

/* ---- transactions ----------------------------------------------------------------- */

void http1__unlink(struct http1 *h, struct http_txn *t)
{
	struct http_txn **link = &h->oldest, *prev = NULL;
	int dir;

	while (*link != t) {
		prev = *link;
		link = &(*link)->next;
	}
	*link = t->next;
	if (h->newest == t)
		h->newest = prev;
	h->n_txns--;
	for (dir = 0; dir < 2; dir++)
		if (h->half[dir].txn == t)
			h->half[dir].txn = NULL;
}

void http1__finish(struct http1 *h, struct http_txn *t, uint64_t end_ns, const char *failure)
{
	const struct half *request = &h->half[!response_dir(h)];

	if (request->txn == t) /* it is answered before it ended */
		t->request_body_bytes = request->body_bytes;
	http1__unlink(h, t);
	http_txn__finish(t, end_ns, failure);
}

void http1__drop_all(struct http1 *h, enum proto_drop why)
{
	struct http_txn *t;

	while ((t = h->oldest)) {
		http1__unlink(h, t);
		http_txn__drop(t, why);
	}
}

void http1__first(struct half *f, const struct proto_bytes *b)
{
	f->first_ns = b->ts_ns;
	f->first_off = b->off;
	f->first_tid = b->tid;
	f->first_nonblock = b->nonblock;
}

/* As http1__read_rpc() unless `rpc` is NULL, and what traces want, in one go. */
static void read_headers(struct http1 *h, const struct http1_head *head,
			 struct request_headers *out, struct grpc_fields *rpc)
{
	struct slice rest = head->fields, name, value;
	struct header_reader r;

	if (rpc)
		memset(rpc, 0, sizeof(*rpc));
	header_reader__begin(&r, h->env->wants, out);
	while (http1_head__next_field(&rest, &name, &value)) {
		header_reader__field(&r, name, value);
		if (rpc)
			grpc_fields__take(rpc, name, value);
	}
	header_reader__end(&r);
	stat_of(h)->bad_contexts += out->bad_context;
}

void http1__read_rpc(const struct http1_head *head, struct grpc_fields *f)
{
	struct slice rest = head->fields, name, value;

	memset(f, 0, sizeof(*f));
	while (http1_head__next_field(&rest, &name, &value))
		grpc_fields__take(f, name, value);
}

/* When one is refused, those behind it are too, or they would get its answer. */
static struct http_txn *begin(struct http1 *h, const struct http_request *r)
{
	struct http_txn *t;

	if (h->refused) {
		txn__refuse(stat_of(h), PROTO_DROP_FULL);
		return NULL;
	}
	t = http_txn__begin(h->env, stat_of(h), r);
	h->refused = !t;
	if (t && t->rpc)
		grpc_call__blind(t->rpc);
	return t;
}

static void enqueue(struct http1 *h, struct http_txn *t)
{
	if (h->newest)
		h->newest->next = t;
	else
		h->oldest = t;
	h->newest = t;
	h->n_txns++;
}

struct http_txn *http1__begin(struct http1 *h, const struct http1_head *head, uint64_t first_ns,
			      uint32_t tgid)
{
	const struct half *f = &h->half[!response_dir(h)];
	struct request_headers headers;
	struct grpc_fields rpc;
	struct http_request r = {
		.method = head->method,
		.target = head->target,
		.host = head->host,
		.authority = slice_eq(head->method, SLICE("CONNECT")),
		.version = head->minor ? "1.1" : "1.0",
		.headers = h->env->wants ? &headers : NULL,
		.rpc = grpc__may_be(head->method, head->target) ? &rpc : NULL,
		.kind = kind_of(h),
		.blocking = !f->first_nonblock,
		.tgid = tgid,
		.tid = f->first_tid,
		.off = f->first_off,
		.start_ns = first_ns,
		.conn = h->conn,
	};
	struct http_txn *t;

	if (r.headers)
		read_headers(h, head, &headers, r.rpc ? &rpc : NULL);
	else if (r.rpc)
		http1__read_rpc(head, &rpc);
	t = begin(h, &r);
	if (t)
		enqueue(h, t);
	return t;
}

/* ---- message boundaries --------------------------------------------------------------- */

void http1__buf_release(struct http1 *h, struct half *f)
{
	head_buf__free(h->env, f->buf);
	f->buf = NULL;
	f->buf_len = 0;
}

void http1__message_end(struct http1 *h, enum red_dir dir, uint64_t end_ns)
{
	struct half *f = &h->half[dir];
	struct http_txn *t = f->txn;

	f->state = HALF_HEAD;
	f->txn = NULL;
	if (!t)
		return;
	if (!is_response(h, dir)) {
		t->request_end_ns = end_ns;
		t->request_body_bytes = f->body_bytes;
		return;
	}
	t->response_body_bytes = f->body_bytes;
	http1__finish(h, t, end_ns, NULL);
}

void http1__gap(struct http1 *h, enum red_dir dir)
{
	stat_of(h)->gaps++;
	h->half[dir].state = HALF_UNSYNCED;
	if (is_response(h, dir))
		http1__drop_all(h, PROTO_DROP_LOST);
	else if (h->oldest && !h->bursts)
		h->overlaps = true;
}

/* Others may have followed it unseen. */
void http1__infer_end(struct http1 *h, enum red_dir dir)
{
	struct half *f = &h->half[dir];

	if (f->txn)
		f->txn->flags |= HTTP_TXN_INFERRED;
	http1__message_end(h, dir, f->last_ns);
	f->state = HALF_UNSYNCED;
	if (is_response(h, dir))
		http1__drop_all(h, PROTO_DROP_LOST);
}
