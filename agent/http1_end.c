// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_internal.h"
#include "txn.h"

/* Does silence end it? Of chunks only when trailers were announced, and it looks like them. */
static bool ends_by_silence(const struct half *f)
{
	return f->state == HALF_UNKNOWN ||
	       (f->state == HALF_CHUNK_LOST && f->has_trailer && f->tail == TAIL_BLANK);
}

void http1__quiet(void *state, uint64_t now_ns)
{
	struct http1 *h = state;
	enum red_dir dir = response_dir(h);
	struct half *f = &h->half[dir];

	if (ends_by_silence(f) && now_ns >= f->last_ns + QUIET_NS)
		http1__infer_end(h, dir);
}

static void fail_all(struct http1 *h, uint64_t ts_ns, uint8_t flags)
{
	struct half *f = &h->half[response_dir(h)];
	struct http_txn *t;

	while ((t = h->oldest)) {
		if (f->txn == t) { /* its answer had begun */
			t->response_body_bytes = f->body_bytes;
			f->state = HALF_UNSYNCED;
		}
		http1__finish(h, t, ts_ns, txn__failure(t->env, &t->req, flags));
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

static void end_whole(struct http1 *h, uint8_t flags)
{
	enum red_dir dir = response_dir(h);
	struct half *f = &h->half[dir];

	if (!whole_at_eof(h, f, flags))
		return;
	if (f->state != HALF_UNTIL_CLOSE && f->txn)
		f->txn->flags |= HTTP_TXN_INFERRED;
	http1__message_end(h, dir, f->last_ns);
}

/* The response's direction has ended: what is not answered never will be. */
static void response_eof(struct http1 *h, const struct proto_end *e)
{
	end_whole(h, e->flags);
	fail_all(h, e->ts_ns, e->flags);
}

void http1__eof(void *state, enum red_dir dir, const struct proto_end *e)
{
	struct http1 *h = state;

	if (e->flags & RED_STATE_RESET) { /* not the end yet, but its time */
		h->reset_ns = e->ts_ns;
		return;
	}
	if (dir == RED_DIR_OUT && !h->out_eof_ns)
		h->out_eof_ns = e->ts_ns;
	if (h->role != ROLE_UNKNOWN && dir == response_dir(h))
		response_eof(h, e);
}

void http1__drop(void *state, enum proto_drop why)
{
	struct http1 *h = state;

	http1__drop_all(h, why);
	http1__buf_release(h, &h->half[0]);
	http1__buf_release(h, &h->half[1]);
}

void http1__lost(void *state)
{
	struct http1 *h = state;
	int dir;

	/* What else was missed is a better reason for gaps than a client that overlaps. */
	h->overlaps = h->overlapped || (h->burst > 1 && !h->bursts);
	http1__drop(h, PROTO_DROP_LOST);
	for (dir = 0; dir < 2; dir++)
		if (h->half[dir].state != HALF_TUNNEL)
			h->half[dir].state = HALF_UNSYNCED;
	h->bad_ns = 0;
	h->burst = 0;
}

void http1__close(void *state, const struct proto_end *e)
{
	struct http1 *h = state;
	struct proto_end end = *e;

	if (e->goes_on) { /* nobody failed: an answer that is missing was not seen */
		if (h->role != ROLE_UNKNOWN)
			end_whole(h, RED_STATE_PEER);
		http1__drop(h, PROTO_DROP_LOST);
		return;
	}
	/* A client that gave up did so when it closed, not when the peer agreed. */
	if (h->role == ROLE_CLIENT && h->out_eof_ns)
		end.ts_ns = h->out_eof_ns;
	if (h->reset_ns) {
		end.ts_ns = h->reset_ns;
		end.flags |= RED_STATE_RESET;
	}
	if (h->role != ROLE_UNKNOWN)
		response_eof(h, &end);
	http1__drop(h, PROTO_DROP_LOST);
}
