// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 (RFC 9113) as seen from the middle of one process's connection.
 *
 * Each direction is a sequence of frames. This file walks them: nine bytes, then as many
 * as they say. Of DATA only the length matters, so a skip inside of its payload is as good
 * as bytes; a skip over anything that may hold headers loses the direction, until the
 * kernel side tells where a frame begins (proto_bytes.frame), and makes what its header
 * compression refers to unknown (hpack.c).
 *
 *	http2_frame.c	 what the bytes of a frame say
 *	http2.c		 frames, one after the other
 *	http2_headers.c	 blocks of headers: requests, answers, trailers
 *	http2_stream.c	 the requests that are open, by their streams, and how one ends
 *	http2_end.c	 how the connection does
 *
 * A stream is a transaction: from the first byte of its request's first HEADERS to the
 * END_STREAM of its answer, whatever else goes by meanwhile. Who is the client is settled
 * by the preface, or on a connection that was open before by the first block that has a
 * pseudo-header of a request or of an answer.
 *
 * What a gap takes away is not guessed: any open request may have been answered in it, or
 * reset, so all are dropped. A stream's number tells whether its request was seen: numbers
 * only grow (§5.1.1), so an answer is never taken for another's.
 */
#include "http2.h"

#include <string.h>

#include "http2_internal.h"

static struct http2_place place_of(const struct proto_bytes *b)
{
	return (struct http2_place){
		.off = b->off, .ts_ns = b->ts_ns, .tgid = b->tgid, .tid = b->tid
	};
}

/* ---- frames ------------------------------------------------------------------------------- */

static bool has_block(const struct http2_frame *f)
{
	return f->type == HTTP2_HEADERS || f->type == HTTP2_PUSH_PROMISE ||
	       f->type == HTTP2_CONTINUATION;
}

#define PREFACE UINT8_MAX /* the type of what is taken for a frame */

static void next_frame(struct http2_half *f)
{
	f->at = HTTP2_AT_HEADER;
	f->have = 0;
}

/* All its bytes have moved. */
static void frame_ends(struct http2 *h, enum red_dir dir, uint64_t ts_ns)
{
	struct http2_half *f = &h->half[dir];
	struct http2_frame frame = f->frame;

	next_frame(f);
	if (has_block(&frame)) {
		f->in_block = !(frame.flags & HTTP2_END_HEADERS);
		if (!f->in_block)
			http2__block_ends(h, dir, ts_ns);
	} else if (frame.type == HTTP2_DATA && frame.flags & HTTP2_END_STREAM) {
		http2__half_ends(h, dir, frame.stream, ts_ns);
	} else if (frame.type == PREFACE) {
		h->preface_due = false;
		http2_tell(h);
	}
}

static void advance(struct http2 *h, enum red_dir dir, uint64_t ts_ns)
{
	struct http2_half *f = &h->half[dir];

	if (f->at == HTTP2_AT_PAYLOAD && !f->left)
		f->at = HTTP2_AT_PADDING;
	if (f->at == HTTP2_AT_PADDING && !f->padding)
		frame_ends(h, dir, ts_ns);
}

static void act(struct http2 *h, enum red_dir dir, uint64_t ts_ns)
{
	struct http2_half *f = &h->half[dir];

	switch (f->frame.type) {
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
		http2__block_begins(h, dir);
		break;
	case HTTP2_RST_STREAM:
		http2__reset(h, dir, f->frame.stream, http2_frame__u32(f->head), ts_ns);
		break;
	case HTTP2_GOAWAY:
		http2__goaway(h, dir, http2_frame__u31(f->head), ts_ns);
		break;
	default:
		break;
	}
}

static void malformed(struct http2 *h, enum red_dir dir)
{
	http2_stat(h)->malformed++;
	http2__gap(h, dir);
}

_Static_assert(HTTP2_PREFIX_MAX <= HTTP2_FRAME_HEADER, "it is read to where the header was");

static void prefix_is_whole(struct http2 *h, enum red_dir dir, uint64_t ts_ns)
{
	struct http2_half *f = &h->half[dir];
	int padding = http2_frame__padding(&f->frame, f->head);

	if (padding < 0) {
		malformed(h, dir);
		return;
	}
	f->padding = padding;
	f->left = f->frame.length - http2_frame__prefix(&f->frame) - padding;
	f->at = HTTP2_AT_PAYLOAD;
	act(h, dir, ts_ns);
	advance(h, dir, ts_ns);
}

/* The client's preface stands where a frame would. No block of headers came before it. */
static void preface(struct http2 *h, enum red_dir dir)
{
	struct http2_half *f = &h->half[dir];

	if (h->request_dir == HTTP2_NO_DIR)
		h->request_dir = dir;
	hpack__free(&f->hpack);
	hpack__init(&f->hpack, false);
	f->frame = (struct http2_frame){ .type = PREFACE };
	f->left = HTTP2_PREFACE_LEN - HTTP2_FRAME_HEADER;
	f->padding = 0;
	f->at = HTTP2_AT_PAYLOAD;
}

static bool in_order(const struct http2_half *f)
{
	return f->in_block == (f->frame.type == HTTP2_CONTINUATION) &&
	       (!f->in_block || f->frame.stream == f->opener.stream);
}

static void header_is_whole(struct http2 *h, enum red_dir dir, uint64_t ts_ns)
{
	struct http2_half *f = &h->half[dir];

	if (!memcmp(f->head, HTTP2_PREFACE, HTTP2_FRAME_HEADER)) {
		preface(h, dir);
		return;
	}
	http2_frame__parse(f->head, &f->frame);
	if (!http2_frame__valid(&f->frame) || !in_order(f)) {
		malformed(h, dir);
		return;
	}
	f->have = 0;
	f->at = HTTP2_AT_PREFIX;
	if (!http2_frame__prefix(&f->frame))
		prefix_is_whole(h, dir, ts_ns);
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* More of a header or a prefix. Returns how many bytes it took. */
static size_t gather(struct http2 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct http2_half *f = &h->half[dir];
	bool header = f->at == HTTP2_AT_HEADER;
	size_t need = header ? HTTP2_FRAME_HEADER : http2_frame__prefix(&f->frame);
	size_t n = need - f->have < b->len ? need - f->have : b->len;

	if (header && !f->have)
		f->begin = place_of(b);
	memcpy(f->head + f->have, b->p, n);
	f->have += n;
	if (f->have == need && header)
		header_is_whole(h, dir, b->ts_ns);
	else if (f->have == need)
		prefix_is_whole(h, dir, b->ts_ns);
	return n;
}

/* `p` NULL: they were not captured. */
static void data(struct http2 *h, enum red_dir dir, const char *p, uint64_t n, uint64_t ts_ns)
{
	struct http_txn *t = http2__find(h, h->half[dir].frame.stream);
	bool answer = http2_is_response(h, dir);

	if (!t)
		return;
	*(answer ? &t->response_body_bytes : &t->request_body_bytes) += n;
	if (t->rpc && p)
		grpc_call__bytes(t->rpc, answer, p, n, ts_ns);
	else if (t->rpc)
		grpc_call__skip(t->rpc, answer, n, ts_ns);
}

static size_t payload(struct http2 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct http2_half *f = &h->half[dir];
	size_t n = b->len < f->left ? b->len : f->left;

	if (f->frame.type == HTTP2_DATA)
		data(h, dir, b->p, n, b->ts_ns);
	else if (has_block(&f->frame))
		http2__block_bytes(h, dir, b->p, n);
	f->left -= n;
	advance(h, dir, b->ts_ns);
	return n;
}

static size_t padding(struct http2 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct http2_half *f = &h->half[dir];
	size_t n = b->len < f->padding ? b->len : f->padding;

	f->padding -= n;
	advance(h, dir, b->ts_ns);
	return n;
}

static size_t step(struct http2 *h, enum red_dir dir, const struct proto_bytes *b)
{
	switch (h->half[dir].at) {
	case HTTP2_AT_HEADER:
	case HTTP2_AT_PREFIX:
		return gather(h, dir, b);
	case HTTP2_AT_PAYLOAD:
		return payload(h, dir, b);
	case HTTP2_AT_PADDING:
		return padding(h, dir, b);
	default:
		http2__drop_all(h, PROTO_DROP_LOST); /* their answers may be there, or a reset */
		return b->len;
	}
}

/* A frame begins here, whatever we thought. */
static void synchronise(struct http2 *h, enum red_dir dir)
{
	struct http2_half *f = &h->half[dir];

	if (f->at != HTTP2_AT_LOST && (f->at != HTTP2_AT_HEADER || f->have))
		http2__gap(h, dir);
	if (f->at == HTTP2_AT_LOST)
		next_frame(f);
}

static void http2_bytes(void *state, enum red_dir dir, const struct proto_bytes *all)
{
	struct http2 *h = state;
	struct proto_bytes b = *all;
	size_t n;

	if (b.frame || h->verified)
		synchronise(h, dir);
	h->verified = false;
	while (b.len) {
		n = step(h, dir, &b);
		b.p += n;
		b.len -= n;
		b.off += n;
	}
}

/* Of a frame whose payload is not needed. */
static uint64_t skip_payload(struct http2 *h, enum red_dir dir, uint64_t n, uint64_t last_ns)
{
	struct http2_half *f = &h->half[dir];
	uint32_t *of = f->at == HTTP2_AT_PAYLOAD ? &f->left : &f->padding;
	uint64_t take = n < *of ? n : *of;

	if (f->at == HTTP2_AT_PAYLOAD && f->frame.type == HTTP2_DATA)
		data(h, dir, NULL, take, last_ns);
	*of -= take;
	advance(h, dir, last_ns);
	return take;
}

static bool can_skip(const struct http2_half *f)
{
	return f->at == HTTP2_AT_PADDING || (f->at == HTTP2_AT_PAYLOAD && !has_block(&f->frame));
}

static void http2_skip(void *state, enum red_dir dir, uint64_t n, uint64_t last_ns,
		       const uint8_t *tail)
{
	struct http2 *h = state;
	struct http2_half *f = &h->half[dir];

	while (n && can_skip(f))
		n -= skip_payload(h, dir, n, last_ns);
	if (!n)
		return;
	if (f->at == HTTP2_AT_LOST)
		http2__drop_all(h, PROTO_DROP_LOST);
	else
		http2__gap(h, dir);
}

/* ---- the row ------------------------------------------------------------------------------ */

bool http2__is_preface(const char *p, size_t len)
{
	return len >= 4 &&
	       !memcmp(p, HTTP2_PREFACE, len < HTTP2_PREFACE_LEN ? len : HTTP2_PREFACE_LEN);
}

/* The kernel side sees more of a frame than it copies. */
static bool http2_match(const struct proto_bytes *b)
{
	return b->frame || http2__is_preface(b->p, b->len) || http2_frame__chain(b->p, b->len);
}

/* Where a direction has not begun yet, its first byte begins a frame. */
static void half_init(struct http2 *h, enum red_dir dir)
{
	bool begins = h->conn->established && !h->conn->expected[dir];

	h->half[dir].at = begins ? HTTP2_AT_HEADER : HTTP2_AT_LOST;
	hpack__init(&h->half[dir].hpack, !begins);
}

static void init(struct http2 *h, struct conn *c, struct proto_env *env)
{
	memset(h, 0, sizeof(*h));
	h->conn = c;
	h->env = env;
	h->request_dir = HTTP2_NO_DIR;
	h->last_accepted = INT32_MAX;
	http2__streams_init(h);
}

static int http2_open(void *state, struct conn *c, struct proto_env *env)
{
	struct http2 *h = state;

	init(h, c, env);
	half_init(h, RED_DIR_IN);
	half_init(h, RED_DIR_OUT);
	h->verified = true;
	return 0;
}

void http2__take_over(struct conn *c, struct proto_env *env, enum red_dir request,
		      struct http_txn *upgraded)
{
	struct http2 *h = c->state;
	int dir;

	init(h, c, env);
	c->proto = &http2_proto;
	h->request_dir = request;
	for (dir = 0; dir < 2; dir++)
		hpack__init(&h->half[dir].hpack, false);
	if (!upgraded && c->expected[!request])
		h->half[!request].at = HTTP2_AT_LOST;
	if (!upgraded)
		return;
	upgraded->version = "2";
	h->preface_due = true;
	h->first_request = h->last_request = 1;
	http2__add(h, upgraded, 1);
}

/* Of a payload that was only begun, a poll tells that the rest has moved. */
static bool http2_pending(const void *state)
{
	const struct http2 *h = state;

	return h->n_streams > 0;
}

static bool http2_done(const void *state)
{
	return false;
}

static void http2_quiet(void *state, uint64_t now_ns)
{
}

const struct proto http2_proto = {
	.name = "http2",
	.state_size = sizeof(struct http2),
	.match = http2_match,
	.open = http2_open,
	.bytes = http2_bytes,
	.skip = http2_skip,
	.quiet = http2_quiet,
	.eof = http2__eof,
	.close = http2__close,
	.drop = http2__drop,
	.lost = http2__lost,
	.pending = http2_pending,
	.done = http2_done,
};
