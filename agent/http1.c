// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/1.0 and 1.1 as seen from the middle of one process's connection.
 *
 * Each direction is a sequence of messages; requests one way, responses the
 * other. Which way is which (are we the server or the client?) is settled by
 * the first message that can be recognised. Requests wait in a queue, first
 * in, first out, because that is how HTTP/1 matches responses (RFC 9112 §9.3.2),
 * pipelined or not.
 *
 * Bodies are not captured, only counted, so their end comes from framing:
 * Content-Length by counting; chunked by decoding as long as the position is
 * known, afterwards by the last bytes that moved; until-close by the end of the
 * stream. When a head was too long to be captured, its message ends when the
 * next one begins, the stream ends, or nothing has moved for a second.
 *
 * What goes wrong ends one message, not the connection: after malformed bytes
 * or a gap a direction is UNSYNCED until the traffic turns its way and begins
 * like a message. What must not happen is that an answer is taken for that of
 * another request. So when answers may have passed unseen, the requests that
 * wait for one are dropped; and when requests may have, the next one is
 * believed only if all answers have been given: a client that is not known to
 * send requests while it waits for answers, or a second of silence.
 */
#include "http1.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "http1_chunk.h"
#include "http1_head.h"
#include "http1_txn.h"
#include "options.h"

#define QUIET_NS    1000000000ull
#define STRIKES_MAX 8
#define STRAY_BYTES 2 /* an empty line behind a body, which some clients send */

enum half_state {
	HALF_HEAD = 0,	 /* at, or within, a message head */
	HALF_LENGTH = 1, /* `left` bytes of body to come */
	HALF_CHUNKED = 2,
	HALF_CHUNK_LOST = 3, /* chunked, position lost: look at the last bytes */
	HALF_UNTIL_CLOSE = 4,
	HALF_UNKNOWN = 5, /* the head was cut, so the framing is not known */
	HALF_UNSYNCED = 6,
	HALF_TUNNEL = 7, /* no HTTP any more (101, CONNECT) */
	HALF_MALFORMED = 8, /* UNSYNCED, but no byte was missed: it was no HTTP */
};

/* What a direction ends with, when its last bytes were not captured. */
enum half_tail {
	TAIL_UNKNOWN = 0,
	TAIL_BLANK = 1, /* an empty line */
	TAIL_OTHER = 2,
};

enum role {
	ROLE_UNKNOWN = 0,
	ROLE_SERVER = 1,
	ROLE_CLIENT = 2,
};

struct half {
	enum half_state state;
	uint32_t buf_len, buf_cap;
	char *buf;	  /* an incomplete head */
	uint64_t left;
	uint64_t first_ns; /* the message's first byte */
	uint64_t last_ns;
	struct http1_chunk chunk;
	struct http1_txn *txn; /* whose message this is; NULL: nobody's */
	uint64_t body_bytes;
	uint8_t tail;	 /* enum half_tail, in HALF_CHUNK_LOST */
	bool has_trailer; /* one was announced */
	bool turned;	 /* to this direction, but only empty lines came since */
};

struct http1 {
	struct conn *conn;
	struct proto_env *env;
	enum role role;
	struct half half[2];
	struct http1_txn *oldest, *newest; /* requests without a finished response */
	uint32_t n_txns;
	uint64_t bad_ns; /* a malformed request was seen then, and not answered yet */
	uint64_t out_eof_ns, in_eof_ns;
	uint32_t burst;	  /* requests since the traffic last turned their way */
	uint8_t strikes;  /* turns in a row that made no sense */
	bool refused;	  /* requests were, so what is answered next is not known */
	bool overlaps;	  /* the client may send requests while it waits for answers */
	bool overlapped;  /* the same before the last skip */
	bool bursts;	  /* it sends several at once, but then waits for all answers */
};

static struct proto_stat *stat_of(const struct http1 *h)
{
	return &h->env->stat[0];
}

static bool is_response(const struct http1 *h, enum red_dir dir)
{
	return (h->role == ROLE_SERVER) == (dir == RED_DIR_OUT);
}

static enum red_dir response_dir(const struct http1 *h)
{
	return h->role == ROLE_SERVER ? RED_DIR_OUT : RED_DIR_IN;
}

static enum span_kind kind_of(const struct http1 *h)
{
	return h->role == ROLE_CLIENT ? SPAN_CLIENT : SPAN_SERVER;
}

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
	ops->end(ops->arg, t->service, kind_of(h), t->method, "http");
	unlink_txn(h, t);
	http1_txn__free(t);
}

static void finish(struct http1 *h, struct http1_txn *t, uint64_t end_ns, const char *failure)
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

static void drop_all(struct http1 *h, enum proto_drop why)
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

static struct http1_txn *begin(struct http1 *h, const struct http1_head *head, uint64_t first_ns,
			       uint32_t tgid)
{
	const struct proto_ops *ops = &h->env->ops;
	struct http1_txn *t;

	if (h->refused || stat_of(h)->in_flight >= h->env->max_requests)
		return refuse(h, PROTO_DROP_FULL);
	t = http1_txn__new(head, &h->env->options->known_methods);
	if (!t)
		return refuse(h, PROTO_DROP_NO_MEMORY);
	t->start_ns = first_ns;
	t->tgid = tgid;
	t->service = service__ref(ops->service(ops->arg, tgid));
	stat_of(h)->observed++;
	stat_of(h)->in_flight++;
	ops->start(ops->arg, t->service, kind_of(h), t->method, "http");
	if (h->newest)
		h->newest->next = t;
	else
		h->oldest = t;
	h->newest = t;
	h->n_txns++;
	return t;
}

/* ---- message boundaries --------------------------------------------------------------- */

static void buf_release(struct http1 *h, struct half *f)
{
	h->env->head_bytes -= f->buf_cap;
	free(f->buf);
	f->buf = NULL;
	f->buf_len = f->buf_cap = 0;
}

static void message_end(struct http1 *h, enum red_dir dir, uint64_t end_ns)
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
	finish(h, t, end_ns, NULL);
}

/* Bytes of this direction were missed, messages perhaps. */
static void gap(struct http1 *h, enum red_dir dir)
{
	stat_of(h)->gaps++;
	h->half[dir].state = HALF_UNSYNCED;
	if (is_response(h, dir))
		drop_all(h, PROTO_DROP_LOST);
	else if (h->oldest && !h->bursts)
		h->overlaps = true;
}

/* The end of a message that framing does not tell. Others may have followed it
 * unseen. */
static void infer_end(struct http1 *h, enum red_dir dir)
{
	struct half *f = &h->half[dir];

	if (f->txn)
		f->txn->flags |= HTTP1_TXN_INFERRED;
	message_end(h, dir, f->last_ns);
	f->state = HALF_UNSYNCED;
	if (is_response(h, dir))
		drop_all(h, PROTO_DROP_LOST);
}

static void body_begins(struct http1 *h, enum red_dir dir, const struct http1_head *head,
			uint64_t ts_ns)
{
	struct half *f = &h->half[dir];

	f->body_bytes = 0;
	switch (head->framing) {
	case HTTP1_BODY_NONE:
		message_end(h, dir, ts_ns);
		break;
	case HTTP1_BODY_LENGTH:
		f->left = head->content_length;
		f->state = HALF_LENGTH;
		if (!f->left)
			message_end(h, dir, ts_ns);
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
		break;
	}
}

static void tunnel(struct http1 *h, struct http1_txn *t, uint64_t ts_ns)
{
	if (t)
		finish(h, t, ts_ns, NULL);
	drop_all(h, PROTO_DROP_LOST);
	h->half[0].state = h->half[1].state = HALF_TUNNEL;
	h->half[0].txn = h->half[1].txn = NULL;
}

static void request_head(struct http1 *h, enum red_dir dir, struct http1_head *head,
			 const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];

	h->bad_ns = 0;
	f->txn = begin(h, head, f->first_ns, b->tgid);
	if (f->txn && !head->complete)
		f->txn->flags |= HTTP1_TXN_CUT;
	body_begins(h, dir, head, b->ts_ns);
}

/* An answer to something that was no request, or only half of one, still is an
 * answer: servers log a 400 or 408 for it. The request is then known by nothing
 * but its time. */
static struct http1_txn *answer_to_malformed(struct http1 *h, const struct proto_bytes *b)
{
	struct http1_head none = { .method = SLICE("_OTHER"), .minor = 1, .complete = true };
	struct half *request = &h->half[!response_dir(h)];
	struct http1_txn *t;

	if (request->buf_len) {
		h->bad_ns = request->first_ns;
		request->state = HALF_MALFORMED;
		buf_release(h, request);
	}
	if (!h->bad_ns || h->refused)
		return NULL;
	t = begin(h, &none, h->bad_ns, b->tgid);
	if (t)
		t->request_end_ns = h->bad_ns;
	h->bad_ns = 0;
	return t;
}

static void response_head(struct http1 *h, enum red_dir dir, struct http1_head *head,
			  const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	struct http1_txn *t = h->oldest;

	if (head->status < 200 && head->status != 101)
		return; /* interim, the final one follows */
	if (!t)
		t = answer_to_malformed(h, b);
	f->txn = t;
	if (t) {
		t->status = head->status;
		t->response_start_ns = f->first_ns;
		t->minor = head->minor < t->minor ? head->minor : t->minor;
		if (!head->complete)
			t->flags |= HTTP1_TXN_CUT;
		http1_head__body_rules(head, t->flags & HTTP1_TXN_HEAD,
				       t->flags & HTTP1_TXN_CONNECT);
	}
	if (head->status == 101 ||
	    (t && t->flags & HTTP1_TXN_CONNECT && head->status / 100 == 2)) {
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
	buf_release(h, &h->half[dir]);
}

/* ---- heads ----------------------------------------------------------------------------- */

static void malformed(struct http1 *h, enum red_dir dir)
{
	struct half *f = &h->half[dir];

	stat_of(h)->malformed++;
	f->state = HALF_MALFORMED;
	if (is_response(h, dir))
		drop_all(h, PROTO_DROP_LOST);
	else
		h->bad_ns = f->first_ns;
	buf_release(h, f);
}

/* These n bytes are all of this head that will come. Half a target is another
 * target, unless it is so long that no record would hold it. */
static void head_cut(struct http1 *h, enum red_dir dir, const char *p, size_t n,
		     const struct proto_bytes *b)
{
	struct http1_head head = {};

	if (http1_head__truncated(p, n, is_response(h, dir), &head) <= 0 ||
	    (head.target_cut && n < RED_CAP_MAX)) {
		gap(h, dir);
		buf_release(h, &h->half[dir]);
		return;
	}
	head.framing = HTTP1_BODY_UNKNOWN;
	message_head(h, dir, &head, b);
}

static bool buf_append(struct http1 *h, struct half *f, const char *p, size_t n)
{
	uint32_t cap = f->buf_cap ? f->buf_cap : 512;
	char *grown;

	while (cap < f->buf_len + n)
		cap *= 2;
	if (cap > f->buf_cap) {
		if (h->env->head_bytes + cap - f->buf_cap > h->env->max_head_bytes)
			return false;
		grown = realloc(f->buf, cap);
		if (!grown)
			return false;
		h->env->head_bytes += cap - f->buf_cap;
		f->buf = grown;
		f->buf_cap = cap;
	}
	memcpy(f->buf + f->buf_len, p, n);
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
	struct http1_head head = {};
	size_t n = b->len;
	int r;

	if (had + n > RED_HEAD_BUDGET)
		n = RED_HEAD_BUDGET - had;
	if (!buf_append(h, f, b->p, n)) { /* no memory for more */
		head_cut(h, dir, had ? f->buf : b->p, had ? had : n, b);
		return b->len;
	}
	if (!memchr(b->p, '\n', n) && f->buf_len < RED_HEAD_BUDGET)
		return n;
	r = parse(h, dir, f->buf, f->buf_len, &head);
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
	head_cut(h, dir, f->buf, f->buf_len, b);
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
		h->burst = 0;
	}
	h->burst++;
}

static size_t empty_lines(const struct proto_bytes *b)
{
	size_t n = 0;

	while (n < b->len && (b->p[n] == '\r' || b->p[n] == '\n'))
		n++;
	return n;
}

static size_t head_bytes(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	struct http1_head head = {};
	int r;

	if (f->buf_len)
		return head_more(h, dir, b);
	if (b->p[0] == '\r' || b->p[0] == '\n')
		return empty_lines(b);
	if (!is_response(h, dir))
		request_begins(h, b);
	f->first_ns = b->ts_ns;
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

/* ---- bodies ------------------------------------------------------------------------------ */

static size_t length_bytes(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	size_t n = b->len < f->left ? b->len : f->left;

	f->body_bytes += n;
	f->left -= n;
	if (!f->left)
		message_end(h, dir, b->ts_ns);
	return n;
}

static size_t chunked_bytes(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	size_t used = b->len;
	int r = http1_chunk__feed(&f->chunk, b->p, b->len, &used);

	f->body_bytes = f->chunk.body_bytes;
	if (r > 0) {
		message_end(h, dir, b->ts_ns);
		return used;
	}
	if (r < 0) {
		stat_of(h)->malformed++;
		f->state = HALF_CHUNK_LOST;
	}
	return b->len;
}

/* Where a message can begin but need not: either the start line is whole, or
 * what is there of it can hardly be anything else. */
static bool surely_begins(const struct proto_bytes *b, bool response)
{
	size_t from = empty_lines(b), len = b->len - from, n = 0;
	const char *p = b->p + from;

	if (!len || !http1_head__looks_like(p, len, response))
		return false;
	if (response || memchr(p, '\n', len))
		return true;
	while (n < len && p[n] >= 'A' && p[n] <= 'Z')
		n++;
	if (n == len)
		return n < HTTP1_METHOD_MAX;
	return n >= 3 && p[n] == ' ' && (n + 1 == len || strchr("/h*", p[n + 1]));
}

/* A request behind another one, in the same turn. */
static bool follows_unseen(const struct proto_bytes *b)
{
	return !b->first && memchr(b->p, ' ', b->len) && surely_begins(b, false);
}

/* A message without known end is over when the other side speaks again. But the
 * rest of an upload does not end an answer that came early. */
static void turned(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir], *other = &h->half[!dir];

	if (other->state != HALF_UNKNOWN && other->state != HALF_CHUNK_LOST)
		return;
	if (is_response(h, dir) || f->state == HALF_HEAD ||
	    (f->state == HALF_UNSYNCED && surely_begins(b, false)))
		infer_end(h, !dir);
}

/* Have all requests been answered, those too that we may have missed? */
static bool drained(const struct http1 *h, const struct proto_bytes *b)
{
	return (!h->oldest && !h->overlaps) ||
	       b->ts_ns >= h->half[response_dir(h)].last_ns + QUIET_NS;
}

static void no_sense(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	if (h->strikes < STRIKES_MAX)
		h->strikes++;
	if (h->half[dir].state == HALF_MALFORMED && !is_response(h, dir) && !h->bad_ns)
		h->bad_ns = b->ts_ns;
}

static bool resync(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	bool response = is_response(h, dir), begins = surely_begins(b, response);

	if (!b->first) {
		if (!response && h->half[dir].state == HALF_UNSYNCED && follows_unseen(b))
			gap(h, dir);
		return false;
	}
	if (!begins)
		no_sense(h, dir, b);
	if (!begins || (!response && !drained(h, b)))
		return false;
	if (!response)
		drop_all(h, PROTO_DROP_LOST);
	h->half[dir].state = HALF_HEAD;
	return true;
}

/* The body was to be longer, but the next answer is there, and there is a request
 * for it: bytes were sent in a way that the kernel side does not see. */
static bool out_of_step(const struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	const struct half *f = &h->half[dir];

	return b->first && is_response(h, dir) && f->txn && h->n_txns == 2 &&
	       b->len >= sizeof("HTTP/1.1 200") && surely_begins(b, true);
}

/* One step; returns how many bytes it took. */
static size_t step(struct http1 *h, enum red_dir dir, const struct proto_bytes *b, bool at_start)
{
	struct half *f = &h->half[dir];

	if (at_start && (f->state == HALF_LENGTH || f->state == HALF_CHUNKED) &&
	    out_of_step(h, dir, b)) {
		f->txn->flags |= HTTP1_TXN_INFERRED;
		message_end(h, dir, f->last_ns);
	}
	switch (f->state) {
	case HALF_HEAD:
		return head_bytes(h, dir, b);
	case HALF_LENGTH:
		return length_bytes(h, dir, b);
	case HALF_CHUNKED:
		return chunked_bytes(h, dir, b);
	case HALF_UNSYNCED:
	case HALF_MALFORMED:
		return at_start && resync(h, dir, b) ? 0 : b->len;
	case HALF_CHUNK_LOST:
		f->tail = TAIL_UNKNOWN;
		/* fall through */
	case HALF_UNKNOWN:
	case HALF_UNTIL_CLOSE:
		f->body_bytes += b->len;
		return b->len;
	case HALF_TUNNEL:
		return b->len;
	}
	return b->len;
}

/* Clients speak first. On a connection whose beginning was not seen a message must
 * tell; a lone "H" can be the beginning of either kind. */
static enum role role_of(const struct conn *c, enum red_dir dir, const struct proto_bytes *b)
{
	bool request = surely_begins(b, false), response = surely_begins(b, true);

	if (c->established)
		return c->first_dir == RED_DIR_IN ? ROLE_SERVER : ROLE_CLIENT;
	if (!b->first || request == response)
		return ROLE_UNKNOWN;
	return request == (dir == RED_DIR_IN) ? ROLE_SERVER : ROLE_CLIENT;
}

/* False: who is the client is still not known. */
static bool settle(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	const struct conn *c = h->conn;

	h->role = role_of(c, dir, b);
	if (h->role == ROLE_UNKNOWN) {
		if (b->first && h->strikes < STRIKES_MAX)
			h->strikes++;
		h->overlaps |= follows_unseen(b);
		h->overlapped = h->overlaps;
		return false;
	}
	if (c->established && c->misses) /* what came before was no request */
		h->bad_ns = c->turn_ns[!response_dir(h)];
	return true;
}

/* Empty lines before a message are none of it (RFC 9112 §2.2). */
static void strip_empty_lines(struct half *f, struct proto_bytes *b)
{
	size_t n = empty_lines(b);

	b->first |= f->turned;
	f->turned = b->first && n == b->len;
	if (f->buf_len || (f->state != HALF_HEAD && f->state != HALF_UNSYNCED))
		return;
	b->p += n;
	b->len -= n;
}

static void before_turn(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];

	/* Half a head, and the other side spoke, though nothing was asked. */
	if (f->buf_len && !h->oldest && !is_response(h, dir)) {
		f->state = HALF_MALFORMED;
		buf_release(h, f);
	}
	turned(h, dir, b);
}

static void http1_bytes(void *state, enum red_dir dir, const struct proto_bytes *all)
{
	struct http1 *h = state;
	struct proto_bytes b = *all;
	bool at_start = true;
	size_t n;

	if (h->role == ROLE_UNKNOWN && !settle(h, dir, &b))
		return;
	if (b.first)
		before_turn(h, dir, &b);
	strip_empty_lines(&h->half[dir], &b);
	while (b.len) {
		n = step(h, dir, &b, at_start);
		at_start = n == 0;
		b.p += n;
		b.len -= n;
		b.first &= at_start;
	}
	h->half[dir].last_ns = all->ts_ns;
	h->overlapped = h->overlaps;
}

static void skip_head(struct http1 *h, enum red_dir dir, uint64_t n, uint64_t last_ns)
{
	struct proto_bytes at = { .ts_ns = last_ns, .tgid = h->conn->tgid };
	struct half *f = &h->half[dir];

	if (f->buf_len)
		head_cut(h, dir, f->buf, f->buf_len, &at);
	else if (n <= STRAY_BYTES && !is_response(h, dir))
		f->state = HALF_UNSYNCED;
	else
		gap(h, dir);
}

static void skip_length(struct http1 *h, enum red_dir dir, uint64_t n, uint64_t last_ns)
{
	struct half *f = &h->half[dir];
	uint64_t take = n < f->left ? n : f->left;

	f->body_bytes += take;
	f->left -= take;
	if (f->left)
		return;
	if (n > take && f->txn)
		f->txn->flags |= HTTP1_TXN_INFERRED;
	message_end(h, dir, last_ns);
	if (n > take)
		skip_head(h, dir, n - take, last_ns);
}

/* The chunks were not seen: is this the end? */
static bool tail_ends(struct half *f, const uint8_t tail[8])
{
	f->tail = memcmp(tail + 4, "\r\n\r\n", 4) ? TAIL_OTHER : TAIL_BLANK;
	return http1_chunk__tail_is_end(tail) || (f->has_trailer && f->tail == TAIL_BLANK);
}

static void skip_chunked(struct http1 *h, enum red_dir dir, uint64_t n, uint64_t last_ns,
			 const uint8_t *tail)
{
	struct half *f = &h->half[dir];

	if (f->state == HALF_CHUNKED) {
		if (http1_chunk__skip(&f->chunk, n)) {
			f->body_bytes = f->chunk.body_bytes;
			return;
		}
		f->state = HALF_CHUNK_LOST;
	}
	f->body_bytes += n;
	if (n)
		f->tail = TAIL_UNKNOWN;
	if (!tail || !tail_ends(f, tail))
		return;
	if (h->n_txns > 1) /* the end of which one? */
		infer_end(h, dir);
	else
		message_end(h, dir, last_ns);
}

static void http1_skip(void *state, enum red_dir dir, uint64_t n, uint64_t last_ns,
		       const uint8_t *tail)
{
	struct http1 *h = state;
	struct half *f = &h->half[dir];

	if (n)
		f->last_ns = last_ns;
	if (f->state == HALF_CHUNK_LOST || (f->state == HALF_CHUNKED && n)) {
		skip_chunked(h, dir, n, last_ns, tail);
		return;
	}
	if (!n)
		return;
	switch (f->state) {
	case HALF_HEAD:
		skip_head(h, dir, n, last_ns);
		break;
	case HALF_LENGTH:
		skip_length(h, dir, n, last_ns);
		break;
	case HALF_UNTIL_CLOSE:
	case HALF_UNKNOWN:
		f->body_bytes += n;
		break;
	default:
		break;
	}
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void http1_quiet(void *state, uint64_t now_ns)
{
	struct http1 *h = state;
	enum red_dir dir = response_dir(h);
	struct half *f = &h->half[dir];

	if (f->state == HALF_UNKNOWN && now_ns >= f->last_ns + QUIET_NS)
		infer_end(h, dir);
}

/* Why a request got no whole answer; see docs/metrics.md for the words. */
static const char *failure(const struct http1 *h, uint8_t flags, uint32_t tgid)
{
	const struct proto_ops *ops = &h->env->ops;
	bool server = h->role == ROLE_SERVER;

	if (ops->ended(ops->arg, tgid))
		return "process_exited";
	if (flags & RED_STATE_TIMEOUT)
		return "timeout";
	if (flags & RED_STATE_RESET)
		return "connection_reset";
	if (flags & RED_STATE_PEER)
		return server ? "client_closed" : "connection_closed";
	return server ? "connection_closed" : "cancelled";
}

static void fail_all(struct http1 *h, uint64_t ts_ns, uint8_t flags)
{
	struct half *f = &h->half[response_dir(h)];
	struct http1_txn *t;

	while ((t = h->oldest)) {
		if (f->txn == t) { /* its answer had begun */
			t->response_body_bytes = f->body_bytes;
			f->state = HALF_UNSYNCED;
		}
		finish(h, t, ts_ns, failure(h, flags, t->tgid));
	}
}

/* Is an answer whose end framing does not tell whole, now that its stream has
 * ended? A client that closes first did not want the rest; one that closes while
 * the server still sends is answered by a reset. */
static bool whole_at_eof(const struct http1 *h, const struct half *f, uint8_t flags)
{
	bool by_sender = h->role == ROLE_SERVER || flags & RED_STATE_PEER;

	if (flags & (RED_STATE_RESET | RED_STATE_TIMEOUT))
		return false;
	if (f->state == HALF_CHUNK_LOST)
		return f->tail == TAIL_BLANK || (f->tail == TAIL_UNKNOWN && by_sender);
	return (f->state == HALF_UNTIL_CLOSE || f->state == HALF_UNKNOWN) && by_sender;
}

/* The response's direction has ended: what is not answered never will be. */
static void response_eof(struct http1 *h, const struct proto_end *e)
{
	enum red_dir dir = response_dir(h);
	struct half *f = &h->half[dir];

	if (whole_at_eof(h, f, e->flags)) {
		if (f->state != HALF_UNTIL_CLOSE && f->txn)
			f->txn->flags |= HTTP1_TXN_INFERRED;
		message_end(h, dir, f->last_ns);
	}
	fail_all(h, e->ts_ns, e->flags);
}

static void http1_eof(void *state, enum red_dir dir, const struct proto_end *e)
{
	struct http1 *h = state;

	if (dir == RED_DIR_IN && !h->in_eof_ns)
		h->in_eof_ns = e->ts_ns;
	if (dir == RED_DIR_OUT && !h->out_eof_ns)
		h->out_eof_ns = e->ts_ns;
	if (h->role != ROLE_UNKNOWN && dir == response_dir(h))
		response_eof(h, e);
}

static void http1_drop(void *state, enum proto_drop why)
{
	struct http1 *h = state;

	drop_all(h, why);
	buf_release(h, &h->half[0]);
	buf_release(h, &h->half[1]);
}

static void http1_lost(void *state)
{
	struct http1 *h = state;
	int dir;

	/* What else was missed is a better reason for gaps than a client that overlaps. */
	h->overlaps = h->overlapped || (h->burst > 1 && !h->bursts);
	http1_drop(h, PROTO_DROP_LOST);
	for (dir = 0; dir < 2; dir++)
		if (h->half[dir].state != HALF_TUNNEL)
			h->half[dir].state = HALF_UNSYNCED;
	h->bad_ns = 0;
	h->burst = 0;
}

static void http1_close(void *state, const struct proto_end *e)
{
	struct http1 *h = state;
	struct proto_end end = *e;

	/* A client that gave up did so when it closed, not when the peer agreed. */
	if (h->role == ROLE_CLIENT && h->out_eof_ns)
		end.ts_ns = h->out_eof_ns;
	if (h->role != ROLE_UNKNOWN)
		response_eof(h, &end);
	http1_drop(h, PROTO_DROP_LOST);
}

static bool http1_pending(const void *state)
{
	const struct http1 *h = state;

	return h->oldest != NULL;
}

static bool http1_done(const void *state)
{
	const struct http1 *h = state;

	return h->half[0].state == HALF_TUNNEL || h->strikes == STRIKES_MAX;
}

static bool http1_match(const char *p, size_t len, enum red_dir dir)
{
	return http1_head__looks_like(p, len, false) || http1_head__looks_like(p, len, true);
}

static int http1_open(void *state, struct conn *c, struct proto_env *env)
{
	struct http1 *h = state;

	memset(h, 0, sizeof(*h));
	h->conn = c;
	h->env = env;
	if (!c->established || c->misses)
		h->half[0].state = h->half[1].state = HALF_UNSYNCED;
	return 0;
}

const struct proto http1_proto = {
	.name = "http",
	.state_size = sizeof(struct http1),
	.match = http1_match,
	.open = http1_open,
	.bytes = http1_bytes,
	.skip = http1_skip,
	.quiet = http1_quiet,
	.eof = http1_eof,
	.close = http1_close,
	.drop = http1_drop,
	.lost = http1_lost,
	.pending = http1_pending,
	.done = http1_done,
};
