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
 * known, afterwards by the last bytes that moved (trailers: as a cut head's message);
 * until-close by the end of the stream. When a head was too long to be captured, its
 * message ends when the next one begins, the stream ends, or nothing has moved for a
 * second.
 *
 * What goes wrong ends one message, not the connection: after malformed bytes
 * or a gap a direction is UNSYNCED until the traffic turns its way and begins
 * like a message. What must not happen is that an answer is taken for that of
 * another request. So when answers may have passed unseen, the requests that
 * wait for one are dropped; and when requests may have, the next one is
 * believed only if all answers have been given: a client that is not known to
 * send requests while it waits for answers, or a second of silence.
 */
#include <string.h>

#include "http1_internal.h"
#include "http2.h"
#include "http2_frame.h"

/* ---- bodies ------------------------------------------------------------------------------ */

static size_t length_bytes(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	size_t n = b->len < f->left ? b->len : f->left;

	f->body_bytes += n;
	f->left -= n;
	if (!f->left)
		http1__message_end(h, dir, b->ts_ns);
	return n;
}

static size_t chunked_bytes(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	size_t used = b->len;
	int r = http1_chunk__feed(&f->chunk, b->p, b->len, &used);

	f->body_bytes = f->chunk.body_bytes;
	if (r > 0) {
		http1__message_end(h, dir, b->ts_ns);
		return used;
	}
	if (r < 0) {
		stat_of(h)->malformed++;
		f->state = HALF_CHUNK_LOST;
	}
	return b->len;
}

/* A request behind another one, in the same turn. */
static bool follows_unseen(const struct http1 *h, const struct proto_bytes *b)
{
	return !b->first && memchr(b->p, ' ', b->len) && http1__begins(h, b, false);
}

/* A message without known end is over when the other side speaks again. But the
 * rest of an upload does not end an answer that came early. */
static void turned(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir], *other = &h->half[!dir];

	if (other->state != HALF_UNKNOWN && other->state != HALF_CHUNK_LOST)
		return;
	if (is_response(h, dir) || f->state == HALF_HEAD ||
	    (f->state == HALF_UNSYNCED && http1__begins(h, b, false)))
		http1__infer_end(h, !dir);
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
	if (h->half[dir].state == HALF_MALFORMED && !is_response(h, dir) && !h->bad_ns) {
		http1__first(&h->half[dir], b);
		h->bad_ns = b->ts_ns;
	}
}

static bool resync(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	bool response = is_response(h, dir), begins = http1__begins(h, b, response);

	if (!b->first) {
		if (!response && h->half[dir].state == HALF_UNSYNCED && follows_unseen(h, b))
			http1__gap(h, dir);
		return false;
	}
	if (!begins)
		no_sense(h, dir, b);
	if (!begins || (!response && !drained(h, b)))
		return false;
	if (!response)
		http1__drop_all(h, PROTO_DROP_LOST);
	h->half[dir].state = HALF_HEAD;
	return true;
}

/* The body was to be longer, but the next answer is there, and there is a request
 * for it: bytes were sent in a way that the kernel side does not see. Or none of it
 * was sent: the answer was there before the server asked for it, as the client wished. */
static bool out_of_step(const struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	const struct half *f = &h->half[dir];

	if (!b->first)
		return false;
	if (!is_response(h, dir))
		return f->expects && !f->txn && !f->body_bytes && http1__begins(h, b, false);
	return f->txn && h->n_txns == 2 && b->len >= sizeof("HTTP/1.1 200") &&
	       http1__begins(h, b, true);
}

/* One step; returns how many bytes it took. */
static size_t step(struct http1 *h, enum red_dir dir, const struct proto_bytes *b, bool at_start)
{
	struct half *f = &h->half[dir];

	if (at_start && (f->state == HALF_LENGTH || f->state == HALF_CHUNKED) &&
	    out_of_step(h, dir, b)) {
		if (f->txn)
			f->txn->flags |= HTTP_TXN_INFERRED;
		http1__message_end(h, dir, f->last_ns);
	}
	switch (f->state) {
	case HALF_HEAD:
		return http1__head_bytes(h, dir, b);
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
static enum role role_of(const struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	bool request = http1__begins(h, b, false), response = http1__begins(h, b, true);

	if (h->conn->established)
		return h->conn->first_dir == RED_DIR_IN ? ROLE_SERVER : ROLE_CLIENT;
	if (!b->first || request == response)
		return ROLE_UNKNOWN;
	return request == (dir == RED_DIR_IN) ? ROLE_SERVER : ROLE_CLIENT;
}

/* False: who is the client is still not known. */
static bool settle(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	const struct conn *c = h->conn;

	h->role = role_of(h, dir, b);
	if (h->role == ROLE_UNKNOWN) {
		if (b->first && h->strikes < STRIKES_MAX)
			h->strikes++;
		h->overlaps |= follows_unseen(h, b);
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
	size_t n = http1__empty_lines(b);

	b->first |= f->turned;
	f->turned = b->first && n == b->len;
	if (f->buf_len || (f->state != HALF_HEAD && f->state != HALF_UNSYNCED))
		return;
	b->p += n;
	b->len -= n;
	b->off += n;
}

static void before_turn(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];

	/* Half a head, and the other side spoke, though nothing was asked. */
	if (f->buf_len && f->alone && !is_response(h, dir)) {
		f->state = HALF_MALFORMED;
		http1__buf_release(h, f);
	}
	turned(h, dir, b);
}

/* Most that is no preface shows it by its first byte. */
static bool may_be_preface(const struct half *f, const struct proto_bytes *b)
{
	return f->buf_len || (b->len && *b->p == HTTP2_PREFACE[0]);
}

static void http1_bytes(void *state, enum red_dir dir, const struct proto_bytes *all)
{
	struct http1 *h = state;
	struct proto_bytes b = *all;
	bool at_start = true;
	size_t n;

	if (may_be_preface(&h->half[dir], &b) && http1__preface(h, dir, &b))
		return;
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
		b.off += n;
		b.first &= at_start;
		if (h->upgraded) {
			http1__upgrade(h, dir, &b);
			return;
		}
	}
	h->half[dir].last_ns = all->ts_ns;
	h->overlapped = h->overlaps;
}

static void skip_head(struct http1 *h, enum red_dir dir, uint64_t n, uint64_t last_ns)
{
	struct proto_bytes at = { .ts_ns = last_ns, .tgid = h->conn->tgid };
	struct half *f = &h->half[dir];

	if (f->buf_len)
		http1__head_cut(h, dir, f->buf->p, f->buf_len, &at);
	else if (n <= STRAY_BYTES && !is_response(h, dir))
		f->state = HALF_UNSYNCED;
	else
		http1__gap(h, dir);
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
		f->txn->flags |= HTTP_TXN_INFERRED;
	http1__message_end(h, dir, last_ns);
	if (n > take)
		skip_head(h, dir, n - take, last_ns);
}

/* The chunks were not seen: is this the end? An empty line alone is not, even where trailers
 * are to come: a chunk whose data ends with a line end has one too. */
static bool tail_ends(struct half *f, const uint8_t tail[8])
{
	f->tail = memcmp(tail + 4, "\r\n\r\n", 4) ? TAIL_OTHER : TAIL_BLANK;
	return http1_chunk__tail_is_end(tail);
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
		http1__infer_end(h, dir);
	else
		http1__message_end(h, dir, last_ns);
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

/* ---- the row ------------------------------------------------------------------------ */

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

static bool http1_match(const struct proto_bytes *b)
{
	return !b->frame && !http2__is_preface(b->p, b->len) &&
	       (http1_head__looks_like(b->p, b->len, false) ||
		http1_head__looks_like(b->p, b->len, true));
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
	.quiet = http1__quiet,
	.eof = http1__eof,
	.close = http1__close,
	.drop = http1__drop,
	.lost = http1__lost,
	.pending = http1_pending,
	.done = http1_done,
};
