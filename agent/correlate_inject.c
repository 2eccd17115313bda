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
 * that was not, or when the process is forgotten.
 */
#include "correlate_internal.h"
#include "redeye.h"

static struct injection *set_of(struct correlate *c, uint64_t conn_id)
{
	return c->injections[red_mix(conn_id) % (INJECTIONS / INJECTION_WAYS)];
}

/* The connection's, else a free one, else the oldest. */
static struct injection *slot_of(struct correlate *c, uint64_t conn_id)
{
	struct injection *set = set_of(c, conn_id), *best = set;
	int i;

	for (i = 0; i < INJECTION_WAYS; i++) {
		if (set[i].conn_id == conn_id)
			return &set[i];
		if (best->conn_id && (!set[i].conn_id || set[i].ts_ns < best->ts_ns))
			best = &set[i];
	}
	return best;
}

void correlate__injected(struct correlate *c, const struct red_ev_inject *ev)
{
	struct injection *i = slot_of(c, ev->conn_id);

	if (ev->undone) {
		if (i->conn_id == ev->conn_id)
			i->conn_id = 0;
		return;
	}
	*i = (struct injection){
		.conn_id = ev->conn_id,
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

/* By what the kernel side knows of them: the service may have got another name. */
static struct regular *regular_set(struct correlate *c, const struct correlate_process *p,
				   const struct conn *conn)
{
	uint64_t h = hash_seeded(p->tgid, conn->peer_addr, sizeof(conn->peer_addr));

	return c->regulars[red_mix(h ^ conn->peer_port) % (REGULARS / REGULAR_WAYS)];
}

static bool is_regular(const struct regular *e, const struct correlate_process *p,
		       const struct conn *conn)
{
	return e->process == p && e->port == conn->peer_port &&
	       !memcmp(e->addr, conn->peer_addr, sizeof(e->addr));
}

static struct regular *find_regular(struct correlate *c, const struct correlate_process *p,
				    const struct conn *conn)
{
	struct regular *set = regular_set(c, p, conn);
	int i;

	for (i = 0; i < REGULAR_WAYS; i++)
		if (is_regular(&set[i], p, conn))
			return &set[i];
	return NULL;
}

static void tell(struct correlate *c, const struct regular *e, bool known)
{
	c->cfg.regular(c->cfg.arg, e->process->tgid, e->addr, e->port, known);
}

static void revoke(struct correlate *c, struct regular *e)
{
	tell(c, e, false);
	e->process->n_regulars--;
	*e = (struct regular){ 0 };
}

/* Where there is no place, in that of the one that was not needed for the longest. */
static struct regular *new_regular(struct correlate *c, struct correlate_process *p,
				   const struct conn *conn)
{
	struct regular *set = regular_set(c, p, conn), *e = set;
	int i;

	for (i = 1; i < REGULAR_WAYS; i++)
		if (set[i].turn < e->turn)
			e = &set[i];
	if (e->process)
		revoke(c, e);
	*e = (struct regular){ .process = p, .port = conn->peer_port };
	memcpy(e->addr, conn->peer_addr, sizeof(e->addr));
	p->n_regulars++;
	tell(c, e, true);
	return e;
}

void inject__habit(struct correlate *c, struct correlate_process *p, const struct conn *conn,
		   bool known)
{
	struct regular *e;

	if (!c->cfg.regular)
		return;
	e = find_regular(c, p, conn);
	if (known) {
		e = e ? e : new_regular(c, p, conn);
		e->turn = ++c->turn;
	} else if (e) {
		revoke(c, e);
	}
}

void inject__forget(struct correlate *c, struct correlate_process *p)
{
	struct regular *e;

	for (e = c->regulars[0]; p->n_regulars && e < c->regulars[0] + REGULARS; e++)
		if (e->process == p)
			revoke(c, e);
}
