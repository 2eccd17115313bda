// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocks of headers: HEADERS or PUSH_PROMISE, and the CONTINUATIONs behind it. Every one goes
 * through header compression, whatever becomes of it, or the next would mean something else.
 */
#include <errno.h>

#include "http2_internal.h"
#include "request_headers.h"
#include "txn.h"

void http2__block_begins(struct http2 *h, enum red_dir dir)
{
	struct http2_half *f = &h->half[dir];

	f->opener = f->frame;
	f->opened = f->begin;
}

struct to_block {
	struct http2_block *block;
	struct proto_env *env;
};

/* Nobody reads the others, and they are most of what is sent. */
static bool is_wanted(void *arg, struct slice name)
{
	const struct to_block *to = arg;

	return http2_head__reads(name) ||
	       (to->env->wants && header_wants__may(to->env->wants, name));
}

static void take_field(void *arg, struct slice name, struct slice value)
{
	struct to_block *to = arg;

	if (!name.p || is_wanted(to, name))
		http2_block__add(to->block, to->env, name, value);
}

void http2__block_bytes(struct http2 *h, enum red_dir dir, const char *p, size_t n)
{
	struct http2_half *f = &h->half[dir];
	struct to_block to = { &f->block, h->env };
	const struct hpack_reader r = { .field = take_field, .wanted = is_wanted, .arg = &to };

	hpack__feed(&f->hpack, p, n, &r);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void read_headers(struct http2 *h, const struct http2_block *b, struct request_headers *out)
{
	struct slice name, value;
	struct header_reader r;
	uint32_t at = 0;

	header_reader__begin(&r, h->env->wants, out);
	while (http2_block__next(b, &at, &name, &value))
		header_reader__field(&r, name, value);
	header_reader__end(&r);
	http2_stat(h)->bad_contexts += out->bad_context;
}

/* Threads that share a connection flush each other's requests: then who sends one says
 * nothing about whose it is. */
static uint32_t sender(struct http2 *h, uint32_t tid)
{
	if (!h->first_tid)
		h->first_tid = tid;
	h->shared |= tid != h->first_tid;
	return h->shared ? 0 : tid;
}

/* A CONNECT has a target of another form, an extended one (RFC 8441) not. No thread that
 * reads requests of several streams is known to serve the one it read last: so none is
 * `blocking`. */
static struct http_txn *begin(struct http2 *h, enum red_dir dir, const struct http2_head *head)
{
	const struct http2_half *f = &h->half[dir];
	struct request_headers headers;
	bool authority = slice_eq(head->method, SLICE("CONNECT")) && !head->protocol.len;
	struct http_request r = {
		.method = head->method,
		.target = authority ? head->authority : head->path,
		.authority = authority,
		.host = head->authority.len ? head->authority : head->host,
		.version = "2",
		.headers = h->env->wants ? &headers : NULL,
		.rpc = &head->rpc,
		.kind = http2_kind(h),
		.tgid = f->opened.tgid,
		.tid = http2_kind(h) == SPAN_CLIENT ? sender(h, f->opened.tid) : f->opened.tid,
		.off = f->opened.off,
		.start_ns = f->opened.ts_ns,
		.conn = h->conn,
		.multiplexed = true,
	};

	if (r.headers)
		read_headers(h, &f->block, &headers);
	return http_txn__begin(h->env, http2_stat(h), &r);
}

static uint32_t block_flags(const struct http2_block *b)
{
	return (b->cut || b->no_memory ? HTTP_TXN_CUT : 0) | (b->n_unknown ? HTTP_TXN_UNKNOWN : 0);
}

static void request_begins(struct http2 *h, enum red_dir dir, const struct http2_head *head)
{
	const struct http2_half *f = &h->half[dir];
	uint32_t stream = f->opener.stream;
	struct http_txn *t;

	if (f->block.no_memory) {
		txn__refuse(http2_stat(h), PROTO_DROP_NO_MEMORY);
		return;
	}
	t = begin(h, dir, head);
	if (!t)
		return;
	t->flags |= block_flags(&f->block);
	http2__add(h, t, stream);
	if (t->rpc)
		conn__want_data(h->conn, GRPC_DATA_CAP);
	if (stream > h->last_accepted)
		http2__refused(h, t, f->opened.ts_ns);
}

/* Of a stream that was not open: it begins a request, unless that has been answered
 * already and these are its trailers. */
static void new_stream(struct http2 *h, enum red_dir dir, const struct http2_head *head)
{
	const struct http2_half *f = &h->half[dir];
	uint32_t stream = f->opener.stream;
	bool is_request = head->is_request || f->block.no_memory;

	if (stream <= h->last_request)
		return;
	if (!is_request && (f->block.n_unknown || !h->first_request)) {
		http2_stat(h)->gaps++;
		return;
	}
	if (!is_request || !(stream & 1)) {
		http2_stat(h)->malformed++;
		return;
	}
	if (!h->first_request)
		h->first_request = stream;
	h->last_request = stream;
	request_begins(h, dir, head);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool is_interim(const struct http2_head *head, bool last)
{
	return head->status >= 100 && head->status < 200 && !last;
}

/* When its status is unknown it may have been an interim one; then another one follows. */
static void answer_begins(struct http2 *h, enum red_dir dir, struct http_txn *t,
			  const struct http2_head *head, uint64_t ts_ns)
{
	const struct http2_half *f = &h->half[dir];

	t->flags |= HTTP_TXN_ANSWERED | block_flags(&f->block);
	t->status = head->status;
	t->response_start_ns = f->opened.ts_ns;
	t->req.answer_tid = f->opened.tid;
	if (t->flags & HTTP_TXN_CONNECT && t->status / 100 == 2)
		http2__finish(h, t, ts_ns, NULL);
}

static void answer(struct http2 *h, enum red_dir dir, const struct http2_head *head, bool last,
		   uint64_t ts_ns)
{
	uint32_t stream = h->half[dir].opener.stream;
	struct http_txn *t = http2__find(h, stream);

	if (!t) {
		http2_stat(h)->unmatched += stream & 1 &&
					    (!h->first_request || stream < h->first_request) &&
					    head->is_response && head->status >= 200;
		return;
	}
	if (is_interim(head, last))
		return;
	http_txn__answer(t, &head->rpc, block_flags(&h->half[dir].block));
	if (!(t->flags & HTTP_TXN_ANSWERED) || (!t->status && head->status))
		answer_begins(h, dir, t, head, ts_ns);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void settle(struct http2 *h, enum red_dir dir, const struct http2_head *head)
{
	if (head->is_request != head->is_response)
		h->request_dir = head->is_request ? dir : !dir;
}

static void whole_block(struct http2 *h, enum red_dir dir, uint64_t ts_ns)
{
	struct http2_half *f = &h->half[dir];
	bool last = f->opener.flags & HTTP2_END_STREAM;
	struct http2_head head;

	http2_head__read(&head, &f->block);
	if (h->request_dir == HTTP2_NO_DIR)
		settle(h, dir, &head);
	if (h->request_dir == HTTP2_NO_DIR)
		http2_stat(h)->gaps++;
	else if (http2_is_response(h, dir))
		answer(h, dir, &head, last, ts_ns);
	else if (!http2__find(h, f->opener.stream))
		new_stream(h, dir, &head);
	if (last)
		http2__half_ends(h, dir, f->opener.stream, ts_ns);
}

/* What was decoded before it broke is known, and that there may have been more. A promise is
 * nothing of its stream's answer. */
static void broken_block(struct http2 *h, enum red_dir dir, uint64_t ts_ns, int err)
{
	struct http2_half *f = &h->half[dir];
	bool last = f->opener.flags & HTTP2_END_STREAM;
	struct http_txn *t = http2__find(h, f->opener.stream);
	struct http2_head head;

	if (err == -ENOMEM)
		http2_stat(h)->no_memory++;
	else
		http2_stat(h)->malformed++;
	if (f->opener.type == HTTP2_PUSH_PROMISE)
		return;
	if (t && http2_is_response(h, dir)) {
		t->flags |= HTTP_TXN_UNKNOWN;
		f->block.n_unknown++; /* so the status of a call may be among what is missing */
		http2_head__read(&head, &f->block);
		answer(h, dir, &head, last, ts_ns);
	}
	if (last)
		http2__half_ends(h, dir, f->opener.stream, ts_ns);
}

/* What a server sends without being asked is no request of anybody's, and how long it takes
 * means nothing; its promise is read for the sake of what comes behind it. */
void http2__block_ends(struct http2 *h, enum red_dir dir, uint64_t ts_ns)
{
	struct http2_half *f = &h->half[dir];
	struct proto_stat *st = http2_stat(h);
	int err;

	st->unknown += f->block.n_unknown;
	st->heads_cut += f->block.cut;
	err = hpack__end(&f->hpack);
	if (err)
		broken_block(h, dir, ts_ns, err);
	else if (f->opener.type == HTTP2_PUSH_PROMISE)
		st->pushed++;
	else
		whole_block(h, dir, ts_ns);
	http2_block__release(&f->block, h->env);
}
