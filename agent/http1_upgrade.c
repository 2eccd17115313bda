// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A connection that goes on as HTTP/2: because a 101 said so (h2c, RFC 7540 §3.2), or
 * because its first bytes came one by one and turn out to be the client's preface.
 *
 * The request that asked for the upgrade is the one of stream 1, which gets its answer there:
 * it is still open, and goes along.
 */
#include "http1_internal.h"
#include "http2.h"
#include "http2_frame.h"

#include <string.h>

bool http1__upgrades(struct http1 *h, struct http_txn *t, const struct http1_head *answer)
{
	const struct half *request = &h->half[!response_dir(h)];
	struct slice to;

	/* Of a head that is cut, it is not known where HTTP/2 begins. */
	if (!t || !answer->complete || !http1_head__field(answer, SLICE("upgrade"), &to) ||
	    !slice_ieq(to, SLICE("h2c")) || request->state != HALF_HEAD || request->buf_len)
		return false;
	http1__unlink(h, t);
	h->upgraded = t;
	return true;
}

void http1__upgrade(struct http1 *h, enum red_dir dir, const struct proto_bytes *rest)
{
	struct http_txn *t = h->upgraded;
	struct proto_env *env = h->env;
	struct conn *c = h->conn;

	http1__drop(h, PROTO_DROP_LOST);
	http2__take_over(c, env, !dir, t);
	if (rest->len)
		c->proto->bytes(c->state, dir, rest);
}

/* Do what is buffered and these bytes begin with it? */
static bool is_preface(const struct half *f, const struct proto_bytes *b)
{
	char first[4];
	size_t had = f->buf_len;

	if (!had)
		return b->len >= (f->state == HALF_HEAD ? 4 : HTTP2_PREFACE_LEN) &&
		       http2__is_preface(b->p, b->len);
	if (had >= sizeof(first) || had + b->len < sizeof(first))
		return false;
	memcpy(first, f->buf->p, had);
	memcpy(first + had, b->p, sizeof(first) - had);
	return http2__is_preface(first, sizeof(first));
}

bool http1__preface(struct http1 *h, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *f = &h->half[dir];
	struct proto_bytes head = *b;
	struct proto_env *env = h->env;
	struct conn *c = h->conn;
	char first[4];

	if ((f->state != HALF_HEAD && f->state != HALF_UNSYNCED) || !is_preface(f, b))
		return false;
	if (f->buf_len)
		memcpy(first, f->buf->p, f->buf_len);
	head.p = first;
	head.len = f->buf_len;
	head.off = b->off - f->buf_len;
	http1__drop(h, PROTO_DROP_LOST);
	http2__take_over(c, env, dir, NULL);
	c->proto->bytes(c->state, dir, &head);
	c->proto->bytes(c->state, dir, b);
	return true;
}
