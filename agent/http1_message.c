// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_internal.h"

#include <stdlib.h>
#include <string.h>

static void body_begins(struct http1 *h, enum red_dir dir, const struct http1_head *head,
			uint64_t ts_ns)
{
	struct half *f = &h->half[dir];

	f->body_bytes = 0;
	switch (head->framing) {
	case HTTP1_BODY_NONE:
		http1__message_end(h, dir, ts_ns);
		break;
	case HTTP1_BODY_LENGTH:
		f->left = head->content_length;
		f->state = HALF_LENGTH;
		if (!f->left)
			http1__message_end(h, dir, ts_ns);
		break;
	case HTTP1_BODY_CHUNKED:
		http1_chunk__init(&f->chunk);
		f->has_trailer = head->has_trailer;
		f->tail = TAIL_UNKNOWN;
		f->state = HALF_CHUNKED;
		break;
	case HTTP1_BODY_UNTIL_CLOSE:
		f->state = HALF_UNTIL_CLOSE;
		break;
	case HTTP1_BODY_UNKNOWN:
		f->state = HALF_UNKNOWN;
		if (f->txn)
			f->txn->flags |= is_response(h, dir) ? HTTP_TXN_NO_RESPONSE_SIZE
							     : HTTP_TXN_NO_REQUEST_SIZE;
		break;
	}
}

static void tunnel(struct http1 *h, struct http_txn *t, uint64_t ts_ns)
{
	if (t)
		http1__finish(h, t, ts_ns, NULL);
	http1__drop_all(h, PROTO_DROP_LOST);
	h->half[0].state = h->half[1].state = HALF_TUNNEL;
	h->half[0].txn = h->half[1].txn = NULL;
}

static bool expects(const struct http1_head *head)
{
	struct slice what;

	return head->framing != HTTP1_BODY_NONE &&
	       http1_head__field(head, SLICE("expect"), &what) &&
	       slice_ieq(what, SLICE("100-continue"));
}

static void request_head(struct http1 *h, enum red_dir dir, struct http1_head *head,
			 const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];

	h->bad_ns = 0;
	f->txn = http1__begin(h, head, f->first_ns, b->tgid);
	if (f->txn && !head->complete)
		f->txn->flags |= HTTP_TXN_CUT;
	f->expects = expects(head);
	body_begins(h, dir, head, b->ts_ns);
}

/* An answer to something that was no request, or only half of one, still is an
 * answer: servers log a 400 or 408 for it. The request is then known by nothing
 * but its time. */
static struct http_txn *answer_to_malformed(struct http1 *h, const struct proto_bytes *b)
{
	struct http1_head none = { .minor = 1, .complete = true };
	struct half *request = &h->half[!response_dir(h)];
	struct http_txn *t;

	if (request->buf_len) {
		h->bad_ns = request->first_ns;
		request->state = HALF_MALFORMED;
		http1__buf_release(h, request);
	}
	if (!h->bad_ns || h->refused)
		return NULL;
	t = http1__begin(h, &none, h->bad_ns, b->tgid);
	if (t)
		t->request_end_ns = h->bad_ns;
	h->bad_ns = 0;
	return t;
}

static void answer_call(struct http_txn *t, const struct http1_head *head)
{
	struct grpc_fields f;

	http1__read_rpc(head, &f);
	http_txn__answer(t, &f, !head->complete);
}

static void response_head(struct http1 *h, enum red_dir dir, struct http1_head *head,
			  const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	struct http_txn *t = h->oldest;

	if (head->status < 200 && head->status != 101)
		return; /* interim, the final one follows */
	if (!t)
		t = answer_to_malformed(h, b);
	f->txn = t;
	if (t) {
		t->status = head->status;
		t->response_start_ns = f->first_ns;
		t->req.answer_tid = f->first_tid;
		if (t->rpc)
			answer_call(t, head);
		if (!head->minor)
			t->version = "1.0";
		if (!head->complete)
			t->flags |= HTTP_TXN_CUT;
		http1_head__body_rules(head, t->flags & HTTP_TXN_HEAD, t->flags & HTTP_TXN_CONNECT);
	}
	if (head->status == 101 && http1__upgrades(h, t, head))
		return;
	if (head->status == 101 || (t && t->flags & HTTP_TXN_CONNECT && head->status / 100 == 2)) {
		tunnel(h, t, b->ts_ns);
		return;
	}
	if (t) {
		body_begins(h, dir, head, b->ts_ns);
	} else { /* it has no body if the request was a HEAD */
		stat_of(h)->unmatched++;
		f->state = HALF_UNSYNCED;
	}
}

static void message_head(struct http1 *h, enum red_dir dir, struct http1_head *head,
			 const struct proto_bytes *b)
{
	if (!head->complete)
		stat_of(h)->heads_cut++;
	h->strikes = 0;
	if (is_response(h, dir))
		response_head(h, dir, head, b);
	else
		request_head(h, dir, head, b);
	http1__buf_release(h, &h->half[dir]);
}

/* ---- heads ----------------------------------------------------------------------------- */

static void malformed(struct http1 *h, enum red_dir dir)
{
	struct half *f = &h->half[dir];

	stat_of(h)->malformed++;
	f->state = HALF_MALFORMED;
	if (is_response(h, dir))
		http1__drop_all(h, PROTO_DROP_LOST);
	else
		h->bad_ns = f->first_ns;
	http1__buf_release(h, f);
}

/* Half a target is another target, unless it is so long that no record would hold it. */
void http1__head_cut(struct http1 *h, enum red_dir dir, const char *p, size_t n,
		     const struct proto_bytes *b)
{
	struct http1_head head = {};

	if (http1_head__truncated(p, n, is_response(h, dir), &head) <= 0 ||
	    (head.target_cut && n < RED_CAP_MAX)) {
		http1__gap(h, dir);
		http1__buf_release(h, &h->half[dir]);
		return;
	}
	head.framing = HTTP1_BODY_UNKNOWN;
	message_head(h, dir, &head, b);
}

/* What is there of it is what is known of it, as if the rest had not been captured. */
static void give_way(struct proto_env *env, struct head_buf *b)
{
	struct http1 *h = b->owner;
	enum red_dir dir = b == h->half[RED_DIR_OUT].buf ? RED_DIR_OUT : RED_DIR_IN;
	struct half *f = &h->half[dir];
	struct proto_bytes at = { .ts_ns = f->last_ns, .tgid = h->conn->tgid };

	stat_of(h)->heads_gone++;
	if (f->state == HALF_HEAD)
		http1__head_cut(h, dir, f->buf->p, f->buf_len, &at);
	else
		http1__buf_release(h, f);
}

static bool buf_grow(struct http1 *h, struct half *f, uint32_t need)
{
	uint32_t cap = f->buf ? f->buf->cap : 512;
	struct head_buf *grown;

	while (cap < need)
		cap *= 2;
	grown = head_buf__grow(h->env, f->buf, cap, h);
	if (!grown)
		return false;
	grown->give_way = give_way;
	f->buf = grown;
	return true;
}

static bool buf_append(struct http1 *h, struct half *f, const char *p, size_t n)
{
	if ((!f->buf || f->buf_len + n > f->buf->cap) && !buf_grow(h, f, f->buf_len + n))
		return false;
	memcpy(f->buf->p + f->buf_len, p, n);
	f->buf_len += n;
	return true;
}

static int parse(const struct http1 *h, enum red_dir dir, const char *p, size_t n,
		 struct http1_head *head)
{
	return is_response(h, dir) ? http1_head__response(p, n, head)
				   : http1_head__request(p, n, head);
}

/* The head continues in `b`. Returns how many of its bytes belong to it. */
static size_t head_more(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	uint32_t had = f->buf_len;
	struct http1_head head;
	size_t n = b->len;
	int r;

	if (had + n > RED_HEAD_BUDGET)
		n = RED_HEAD_BUDGET - had;
	if (!buf_append(h, f, b->p, n)) { /* no memory for more */
		http1__head_cut(h, dir, had ? f->buf->p : b->p, had ? had : n, b);
		return b->len;
	}
	if (!memchr(b->p, '\n', n) && f->buf_len < RED_HEAD_BUDGET)
		return n;
	r = parse(h, dir, f->buf->p, f->buf_len, &head);
	if (r < 0) {
		malformed(h, dir);
		return n;
	}
	if (r > 0) {
		message_head(h, dir, &head, b);
		return r - had;
	}
	if (f->buf_len < RED_HEAD_BUDGET)
		return n;
	http1__head_cut(h, dir, f->buf->p, f->buf_len, b);
	return b->len;
}

/* Before a head's first byte: what does it say about the client? */
static void request_begins(struct http1 *h, const struct proto_bytes *b)
{
	if (b->first) {
		if (h->oldest)
			h->overlaps = true;
		else
			h->refused = false;
		h->bursts |= !h->oldest && h->burst > 1;
	}
	h->burst = b->first || !h->oldest ? 1 : h->burst + 1;
}

size_t http1__empty_lines(const struct proto_bytes *b)
{
	size_t n = 0;

	while (n < b->len && (b->p[n] == '\r' || b->p[n] == '\n'))
		n++;
	return n;
}

size_t http1__head_bytes(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	struct http1_head head;
	int r;

	if (f->buf_len)
		return head_more(h, dir, b);
	if (b->p[0] == '\r' || b->p[0] == '\n')
		return http1__empty_lines(b);
	if (!is_response(h, dir))
		request_begins(h, b);
	http1__first(f, b);
	f->alone = !h->oldest;
	r = parse(h, dir, b->p, b->len, &head);
	if (r > 0) {
		message_head(h, dir, &head, b);
		return r;
	}
	if (r < 0) {
		malformed(h, dir);
		return b->len;
	}
	return head_more(h, dir, b);
}
