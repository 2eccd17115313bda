// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_internal.h"

#include <stdlib.h>

#include "options.h"

/* ---- transactions ----------------------------------------------------------------- */

static void unlink_txn(struct http1 *h, struct http1_txn *t)
{
	struct http1_txn **link = &h->oldest, *prev = NULL;
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

static void leave(struct http1 *h, struct http1_txn *t)
{
	const struct proto_ops *ops = &h->env->ops;

	stat_of(h)->in_flight--;
	ops->end(ops->arg, &t->req);
	unlink_txn(h, t);
	http1_txn__free(t);
}

void http1__finish(struct http1 *h, struct http1_txn *t, uint64_t end_ns, const char *failure)
{
	const struct proto_ops *ops = &h->env->ops;
	const struct half *request = &h->half[!response_dir(h)];
	struct span s = { .kind = kind_of(h), .end_ns = end_ns, .error_type = failure };

	if (request->txn == t) /* it is answered before it ended */
		t->request_body_bytes = request->body_bytes;
	http1_txn__span(t, h->conn, &s);
	ops->span(ops->arg, &s);
	stat_of(h)->emitted++;
	leave(h, t);
}

void http1__drop_all(struct http1 *h, enum proto_drop why)
{
	while (h->oldest) {
		stat_of(h)->dropped[why]++;
		leave(h, h->oldest);
	}
}

/* Those behind it are refused too, or they would get its answer. */
static struct http1_txn *refuse(struct http1 *h, enum proto_drop why)
{
	h->refused = true;
	stat_of(h)->observed++;
	stat_of(h)->dropped[why]++;
	return NULL;
}

void http1__first(struct half *f, const struct proto_bytes *b)
{
	f->first_ns = b->ts_ns;
	f->first_off = b->off;
	f->first_tid = b->tid;
	f->first_nonblock = b->nonblock;
}

static void read_headers(struct http1 *h, const struct http1_head *head,
			 struct request_headers *out)
{
	struct slice rest = head->fields, name, value;
	struct header_reader r;

	header_reader__begin(&r, h->env->wants, out);
	while (http1_head__next_field(&rest, &name, &value))
		header_reader__field(&r, name, value);
	header_reader__end(&r);
	stat_of(h)->bad_contexts += out->bad_context;
}

static void fill_request(struct http1 *h, struct request *r, uint64_t first_ns, uint32_t tgid)
{
	const struct half *f = &h->half[!response_dir(h)];
	const struct proto_ops *ops = &h->env->ops;
	struct conn *c = h->conn;

	r->kind = kind_of(h);
	r->tgid = tgid;
	r->tid = f->first_tid;
	r->blocking = !f->first_nonblock;
	r->conn_id = c->id;
	r->place = red_place(c->layer, f->first_off);
	r->scheme = c->layer ? "https" : "http";
	r->start_ns = first_ns;
	r->service = service__ref(ops->service(ops->arg, tgid));
	r->conn = c;
}

struct http1_txn *http1__begin(struct http1 *h, const struct http1_head *head, uint64_t first_ns,
			       uint32_t tgid)
{
	const struct proto_ops *ops = &h->env->ops;
	struct request_headers headers;
	struct http1_txn *t;

	if (h->refused || stat_of(h)->in_flight >= h->env->max_requests)
		return refuse(h, PROTO_DROP_FULL);
	if (h->env->wants)
		read_headers(h, head, &headers);
	t = http1_txn__new(head, h->env->wants ? &headers : NULL, &h->env->options->known_methods);
	if (!t)
		return refuse(h, PROTO_DROP_NO_MEMORY);
	fill_request(h, &t->req, first_ns, tgid);
	stat_of(h)->observed++;
	stat_of(h)->in_flight++;
	ops->start(ops->arg, &t->req);
	if (h->newest)
		h->newest->next = t;
	else
		h->oldest = t;
	h->newest = t;
	h->n_txns++;
	return t;
}

/* ---- message boundaries --------------------------------------------------------------- */

void http1__buf_release(struct http1 *h, struct half *f)
{
	h->env->head_bytes -= f->buf_cap;
	free(f->buf);
	f->buf = NULL;
	f->buf_len = f->buf_cap = 0;
}

void http1__message_end(struct http1 *h, enum red_dir dir, uint64_t end_ns)
{
	struct half *f = &h->half[dir];
	struct http1_txn *t = f->txn;

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
		f->txn->flags |= HTTP1_TXN_INFERRED;
	http1__message_end(h, dir, f->last_ns);
	f->state = HALF_UNSYNCED;
	if (is_response(h, dir))
		http1__drop_all(h, PROTO_DROP_LOST);
}
