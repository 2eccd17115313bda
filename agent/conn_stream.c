// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel sends a record for a call when its bytes may matter, and counts
 * the others. Each record carries absolute offsets of both directions, so what
 * was left out, on purpose or because the ring was full, shows as the distance
 * between the offset that was expected and the one that came. This file turns
 * that into calls in the order in which things happened:
 *
 *	other direction: skip what moved meanwhile
 *	this direction:  skip what moved meanwhile, then the captured bytes,
 *			 then skip the rest of the same call; or, of HTTP/2,
 *			 bytes and skips in turn as the call's pieces say
 *
 * The kernel sends a record whenever the direction of traffic turns, so only the
 * direction of the last record may have moved unseen. Anything else means that a
 * record was lost, and the protocol starts over. Two calls of one socket that end at
 * the same moment, on two processors, can be told in either order, each without what
 * the other one moved; so it is the offsets that show a loss, and the turns that
 * count are those of the records.
 *
 * When the connection turns out to carry TLS whose plaintext is seen, that is its next
 * layer: everything about the streams begins anew, the offsets too. A record of a layer
 * above the connection's begins it, whatever was lost before; one of a layer below came
 * too late to mean anything.
 */
#include "conn_internal.h"

#include <string.h>

#define MISSES_MAX 8

/* ---- classification ------------------------------------------------------------- */

static void set_mode(struct conn_table *t, struct conn *c, enum red_poll_cmd mode)
{
	if (c->mode == mode)
		return;
	c->mode = mode;
	conn_table__command(t, c, mode);
}

static void classify(struct conn_table *t, struct conn *c, enum red_dir dir,
		     const struct proto_bytes *b)
{
	size_t i;

	for (i = 0; protos[i]; i++) {
		if (!protos[i]->match(b))
			continue;
		if (protos[i]->open(c->state, c, t->cfg.env))
			break;
		c->proto = protos[i];
		if (c->proto->mode)
			set_mode(t, c, c->proto->mode);
		return;
	}
	if (b->first && c->misses < MISSES_MAX && ++c->misses == MISSES_MAX) {
		t->stat.unclassified++;
		if (c->first_dir == RED_DIR_IN)
			t->cfg.env->ops.opaque(t->cfg.env->ops.arg, c->tgid);
		set_mode(t, c, RED_POLL_MODE_NONE);
	}
}

/* ---- streams ---------------------------------------------------------------------- */

void conn_stream__give(struct conn_table *t, struct conn *c, enum red_dir dir,
		       const struct proto_bytes *b)
{
	if (!b->len)
		return;
	if (!c->proto && c->mode != RED_POLL_MODE_NONE)
		classify(t, c, dir, b);
	if (c->proto)
		c->proto->bytes(c->state, dir, b);
	c->expected[dir] += b->len;
}

static void skip(struct conn_table *t, struct conn *c, enum red_dir dir, uint64_t n,
		 uint64_t last_ns, const uint8_t *tail)
{
	uint64_t of_header = 0;

	if (n && c->proxy.at != PROXY_NONE)
		of_header = conn_proxy__skip(t, c, dir, n);
	c->expected[dir] += n;
	if (c->proto)
		c->proto->skip(c->state, dir, n - of_header, last_ns, tail);
}

static void catch_up(struct conn_table *t, struct conn *c, enum red_dir dir, uint64_t off,
		     uint64_t last_ns, const uint8_t *tail)
{
	if (off > c->expected[dir])
		skip(t, c, dir, off - c->expected[dir], last_ns, tail);
}

static bool record_missing(const struct conn *c, const struct red_ev_data *ev, enum red_dir dir)
{
	if (c->mode == RED_POLL_MODE_NONE)
		return false;
	return (c->last_dir != dir && ev->off > c->expected[dir]) ||
	       (c->last_dir != !dir && ev->other_off > c->expected[!dir]);
}

static void start_over(struct conn *c)
{
	c->established = 0;
	c->proxy.at = PROXY_NONE;
	c->proxy.n = 0;
	if (c->proto)
		c->proto->lost(c->state);
}

/* ---- layers ------------------------------------------------------------------------- */

/* A library's calls were found to belong to the connection: another conversation, of
 * which nothing is known so far. The kernel side begins anew too. */
static void layer_begins(struct conn_table *t, struct conn *c, uint16_t layer, uint64_t ts_ns)
{
	struct proto_end end = { .ts_ns = ts_ns, .goes_on = true };

	if (c->proto)
		c->proto->close(c->state, &end);
	c->proto = NULL;
	c->layer = layer;
	c->established = 1;
	c->first_dir = c->last_dir = NO_DIR;
	c->misses = 0;
	c->inserted = 0;
	c->proxy = (struct proxy_header){ 0 };
	memset(c->expected, 0, sizeof(c->expected));
	memset(c->turn_ns, 0, sizeof(c->turn_ns));
	set_mode(t, c, RED_POLL_MODE_AUTO);
	conn_tls__joined(t, c);
}

/* Brings the connection to a record's layer. False: that one is over. */
static bool reach(struct conn_table *t, struct conn *c, uint16_t layer, uint64_t ts_ns)
{
	if (layer > c->layer)
		layer_begins(t, c, layer, ts_ns);
	else
		t->stat.old_layer += layer < c->layer;
	return layer == c->layer;
}

/* ---- records ------------------------------------------------------------------------ */

/* Bytes of a call, and how many that were not captured follow them. */
static void some(struct conn_table *t, struct conn *c, enum red_dir dir,
		 const struct proto_bytes *b, uint64_t left_out)
{
	struct proto_bytes behind;

	if (b->len && c->proxy.at != PROXY_NONE) {
		behind = *b;
		conn_proxy__bytes(t, c, dir, &behind);
		b = &behind;
	}
	conn_stream__give(t, c, dir, b);
	if (left_out)
		skip(t, c, dir, left_out, b->ts_ns, NULL);
}

/* Only the call's first byte can be a turn's first, or be known to begin a frame. */
static void pieces(struct conn_table *t, struct conn *c, enum red_dir dir, struct proto_bytes *b)
{
	const char *end = b->p + b->len;
	struct red_piece piece;

	while ((size_t)(end - b->p) >= sizeof(piece)) {
		memcpy(&piece, b->p, sizeof(piece));
		b->p += sizeof(piece);
		b->len = piece.len;
		some(t, c, dir, b, piece.skip);
		b->p += piece.len;
		b->off += (uint64_t)piece.len + piece.skip;
		b->first = b->frame = false;
	}
}

/* Bytes for a protocol; the `first` of a turn, or more of it. */
static void plain(struct conn_table *t, struct conn *c, enum red_dir dir,
		  const struct red_ev_data *ev, bool first)
{
	struct proto_bytes b = {
		.p = (const char *)(ev + 1),
		.len = ev->cap_len,
		.off = ev->off,
		.ts_ns = ev->h.ts_ns,
		.tgid = ev->tgid,
		.tid = ev->tid,
		.nonblock = ev->flags & RED_DATA_NONBLOCK,
		.first = first,
		.frame = ev->more & RED_MORE_FRAME,
	};

	if (b.first)
		c->turn_ns[dir] = b.ts_ns;
	if (ev->flags & RED_DATA_PIECES)
		pieces(t, c, dir, &b);
	else
		some(t, c, dir, &b, ev->len - ev->cap_len);
	if (c->proto && c->proto->done(c->state))
		set_mode(t, c, RED_POLL_MODE_NONE);
}

/* The wire's bytes have offsets of their own, and nobody reads them but conn_tls.c. In a
 * tunnel the kernel side may have begun the next layer just before it was told to only
 * count; that is now taken back. */
static void hello(struct conn_table *t, struct conn *c, enum red_dir dir,
		  const struct red_ev_data *ev)
{
	if (ev->layer > c->layer)
		layer_begins(t, c, ev->layer, ev->h.ts_ns);
	if (c->first_dir == NO_DIR)
		c->first_dir = dir;
	if (ev->layer == c->layer)
		set_mode(t, c, RED_POLL_MODE_AUTO);
	conn_tls__hello(t, c, ev);
	conn_table__schedule(t, c);
}

void conn_table__data(struct conn_table *t, const struct red_ev_data *ev)
{
	struct conn *c = conn_table__find(t, ev->conn_id);
	enum red_dir dir = ev->dir == RED_DIR_OUT ? RED_DIR_OUT : RED_DIR_IN, other = !dir;
	bool missing, first;

	if (!c) {
		t->stat.unknown++;
		return;
	}
	conn_table__touch(t, c, ev->h.ts_ns);
	if (ev->flags & RED_DATA_HELLO) {
		hello(t, c, dir, ev);
		return;
	}
	if (!reach(t, c, ev->layer, ev->h.ts_ns))
		return;
	c->walked = !!(ev->flags & RED_DATA_PIECES);
	missing = record_missing(c, ev, dir);
	first = missing ? ev->flags & RED_DATA_FIRST : c->last_dir != dir;
	catch_up(t, c, other, ev->other_off, ev->other_ns,
		 ev->flags & RED_DATA_TAIL_OK && !missing ? ev->other_tail : NULL);
	catch_up(t, c, dir, ev->off, ev->prev_ns, NULL);
	if (missing)
		start_over(c);
	if (ev->flags & RED_DATA_LATE)
		c->established = 0;
	if (c->last_dir == NO_DIR)
		c->first_dir = dir;
	c->last_dir = dir;
	plain(t, c, dir, ev, first);
	conn_table__schedule(t, c);
}

/* What moved until this moment. False: of a layer that is over. */
static bool count_on(struct conn_table *t, struct conn *c, const struct red_ev_state *ev)
{
	bool missing = false;
	int dir;

	if (!reach(t, c, ev->layer, ev->h.ts_ns))
		return false;
	for (dir = 0; dir < 2; dir++)
		missing |= c->last_dir != dir && ev->off[dir] > c->expected[dir] &&
			   c->mode != RED_POLL_MODE_NONE;
	for (dir = 0; dir < 2; dir++)
		if (ev->off[dir] >= c->expected[dir])
			skip(t, c, dir, ev->off[dir] - c->expected[dir], ev->last_ns[dir],
			     ev->flags & (RED_STATE_TAIL_IN << dir) && !missing ? ev->tail[dir]
										: NULL);
	if (missing)
		start_over(c);
	return true;
}

static void progress(struct conn_table *t, struct conn *c, const struct red_ev_state *ev)
{
	uint64_t before = c->expected[0] + c->expected[1];

	if (ev->flags & RED_STATE_OVER && !c->over) { /* it happens, and nobody has asked */
		c->over = 1;
		conn_table__schedule(t, c);
		return;
	}
	if (!count_on(t, c, ev))
		return;
	if (c->proto && c->proto->quiet && before == c->expected[0] + c->expected[1])
		c->proto->quiet(c->state, ev->h.ts_ns);
	conn_table__answered(t, c, ev->h.ts_ns);
}

/* The socket's end is every layer's, whatever bytes the record counts. */
void conn_table__state(struct conn_table *t, const struct red_ev_state *ev)
{
	struct conn *c = conn_table__find(t, ev->conn_id);
	struct proto_end end = { .ts_ns = ev->h.ts_ns, .flags = ev->flags };

	if (!c) {
		t->stat.unknown++;
		return;
	}
	if (ev->h.kind == RED_EV_PROGRESS) {
		progress(t, c, ev);
		return;
	}
	count_on(t, c, ev);
	conn_table__touch(t, c, ev->h.ts_ns);
	if (ev->h.kind == RED_EV_EOF) {
		c->over |= !!(ev->flags & RED_STATE_RESET);
		if (c->proto)
			c->proto->eof(c->state, ev->dir == RED_DIR_OUT, &end);
		conn_table__schedule(t, c);
		return;
	}
	if (c->proto)
		c->proto->close(c->state, &end);
	t->stat.closed++;
	conn_table__forget(t, c);
}
