// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the kernel side and user space tell each other when headers are written into
 * requests (bpf/propagate.h).
 *
 * Up: a context was written into the request that begins at this offset; its record
 * comes next. What went over the wire stands, whatever we would have guessed.
 *
 * Down: this process has the habit of calling this peer for the requests that it
 * serves, so that the kernel side may take the only one that is open for the parent. It
 * is told at the first call that was known by habit here, and the opposite at the first
 * that was not.
 */
#include "correlate_internal.h"
#include "redeye.h"

static struct injection *slot_of(struct correlate *c, uint64_t conn_id)
{
	return &c->injections[red_mix(conn_id) % INJECTIONS];
}

void correlate__injected(struct correlate *c, const struct red_ev_inject *ev)
{
	struct injection *i = slot_of(c, ev->conn_id);

	*i = (struct injection){
		.conn_id = ev->undone ? 0 : ev->conn_id,
		.off = ev->off,
		.parent_conn_id = ev->parent_conn_id,
		.parent_off = ev->parent_off,
		.trace_hi = ev->trace_hi,
		.trace_lo = ev->trace_lo,
		.ts_ns = ev->h.ts_ns,
		.flags = ev->flags,
		.by_thread = ev->link == RED_LINK_THREAD,
	};
}

bool inject__take(struct correlate *c, const struct request *r, struct injection *out)
{
	struct injection *i = slot_of(c, r->conn_id);

	if (!i->conn_id || i->conn_id != r->conn_id || i->off != r->place)
		return false;
	*out = *i;
	i->conn_id = 0;
	return true;
}

/* ---- habits, as far as the kernel side can use them ---------------------------------- */

static struct regular *regular_of(struct correlate *c, const struct request *r, uint64_t peer)
{
	struct regular *e = &c->regulars[red_mix(peer ^ r->tgid) % REGULARS];

	if (e->peer == peer && e->tgid == r->tgid)
		return e;
	if (e->told)
		c->cfg.regular(c->cfg.arg, e->tgid, e->addr, e->port, false);
	*e = (struct regular){ .peer = peer, .tgid = r->tgid, .port = r->conn->peer_port };
	memcpy(e->addr, r->conn->peer_addr, sizeof(e->addr));
	return e;
}

void inject__habit(struct correlate *c, const struct request *r, uint64_t peer, bool known)
{
	struct regular *e;

	if (!c->cfg.regular)
		return;
	e = regular_of(c, r, peer);
	if (known == e->told)
		return;
	e->told = known;
	c->cfg.regular(c->cfg.arg, e->tgid, e->addr, e->port, known);
}

void inject__process_ended(struct correlate *c, uint32_t tgid)
{
	size_t i;

	if (!c->cfg.regular)
		return;
	for (i = 0; i < REGULARS; i++)
		if (c->regulars[i].tgid == tgid && c->regulars[i].told) {
			c->cfg.regular(c->cfg.arg, tgid, c->regulars[i].addr, c->regulars[i].port,
				       false);
			c->regulars[i] = (struct regular){ 0 };
		}
}
