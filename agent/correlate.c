// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What tells that a process sent a request because of one that it was serving?
 * redeye changes nothing in the process, so it has to be seen from outside. In the
 * order in which they are believed:
 *
 *  INJECTED The kernel side wrote a context into the request (option propagate), so it
 *	     has decided already, by the same rules.
 *  HEADER   The request carries a context (W3C, B3): its sender said it. For a server
 *	     that is the parent. A client request with the very context that a request
 *	     being served has brought (a proxy that passes headers on) is that one's
 *	     child: PASSED.
 *  CONNECTION  Both ends of a connection are seen, from its first byte: the request that
 *	     begins at an offset here is the one that began at this offset there, of the
 *	     same layer: an offset of plaintext is none of the wire. So the
 *	     spans of a host make one trace without a byte changed. In a namespace of their
 *	     own, addresses of the loopback may be in use twice: there it must be the same.
 *	     The receiver is often heard of first: a call's record is written when it
 *	     returns. Then the receiver's trace is moved, unless it has children already.
 *  THREAD   A thread that waits in recv() for a request serves one connection at a
 *	     time. What it sends until that request is answered, it sends for it. Sockets
 *	     that are not in blocking mode are an event loop's, or a pool's that serves whom
 *	     it likes; unless it shows that it does not: OWN_THREAD_RUNS requests among
 *	     others, each answered by the thread that read it, which never had two. One
 *	     that was otherwise, and the process is never believed again.
 *  PASSED   The same X-Request-ID as exactly one of the requests being served.
 *  SOLE     The process serves nothing else, and has served nothing else since this
 *	     began, and has the habit: each of the last HABIT_RUNS requests of this
 *	     kind (method and path, numbers in it aside) that it served alone sent the
 *	     same number of requests, at least one, to this peer, and none was ever
 *	     sent to it while nothing was served. For LOOSE_NS after a request that was
 *	     cut short (a client that went away) nobody is alone: its handler may go on.
 *
 * What event loops do beyond that, with many requests at once, the kernel cannot
 * show: Node's timers, asyncio's ready queue and a work-stealing pool run what they
 * run between the same two system calls. There the answer is none.
 *
 * Bounds: what is open is bounded by the protocols (max_requests); processes by the
 * configuration; habits and peers are hash tables of fixed size in which a newcomer
 * takes the place of the one of a few that was not needed for the longest: that one has to
 * prove itself again, which is safe.
 * A peer that was forgotten as one of background traffic is not: so that table keeps
 * its entries for BACKGROUND_NS, and while its bucket is full nobody is believed.
 */
#include "correlate_internal.h"

#include <stdlib.h>

#include "redeye.h"
#include "sampler.h"

const char *const trace_link_names[TRACE_LINK__CNT] = {
	[TRACE_LINK_NONE] = "none",
	[TRACE_LINK_HEADER] = "header",
	[TRACE_LINK_PASSED] = "passed",
	[TRACE_LINK_THREAD] = "thread",
	[TRACE_LINK_SOLE] = "sole",
	[TRACE_LINK_INJECTED] = "injected",
	[TRACE_LINK_CONNECTION] = "connection",
};

struct correlate *correlate__new(const struct correlate_config *cfg)
{
	struct correlate *c = calloc(1, sizeof(*c));

	if (c)
		c->cfg = *cfg;
	return c;
}

void correlate__free(struct correlate *c)
{
	if (!c)
		return;
	open__free(c);
	free(c);
}

const struct correlate_stats *correlate__stats(const struct correlate *c)
{
	return &c->stats;
}

static enum trace_link find_parent(struct correlate *c, const struct request *r,
				   struct request **parent)
{
	if (!c->cfg.guess)
		return TRACE_LINK_NONE;
	*parent = open__by_thread(c, r);
	if (*parent)
		return TRACE_LINK_THREAD;
	*parent = open__by_request_id(c, r);
	if (*parent)
		return TRACE_LINK_PASSED;
	*parent = habit__sole(c, r);
	return *parent ? TRACE_LINK_SOLE : TRACE_LINK_NONE;
}

/* ---- traces ------------------------------------------------------------------------ */

static void put_id(uint8_t to[8], uint64_t id)
{
	int i;

	for (i = 0; i < 8; i++)
		to[i] = id >> (56 - 8 * i);
}

/* The head decision, where there is none of a parent in sight. */
static void sample(const struct correlate *c, struct request *r)
{
	const struct trace_context *from = &r->context;

	if (sampler__decide(c->cfg.sampler, r->trace.trace_id, from->sampled_known,
			    from->flags & TRACE_SAMPLED, from->tracestate))
		r->trace.flags |= TRACE_SAMPLED;
	else
		r->trace.flags &= ~TRACE_SAMPLED;
}

static void new_trace(struct correlate *c, struct request *r)
{
	put_id(r->trace.trace_id, red_id(&c->cfg.key, r->conn_id, r->place, RED_ID_TRACE_HI));
	put_id(r->trace.trace_id + 8, red_id(&c->cfg.key, r->conn_id, r->place, RED_ID_TRACE_LO));
	r->trace.flags = TRACE_RANDOM;
	r->trace.link = TRACE_LINK_NONE;
	sample(c, r);
}

static void child_of(struct request *r, struct request *parent, enum trace_link link)
{
	memcpy(r->trace.trace_id, parent->trace.trace_id, sizeof(r->trace.trace_id));
	memcpy(r->trace.parent_id, parent->trace.span_id, sizeof(r->trace.parent_id));
	r->trace.flags = parent->trace.flags;
	r->trace.forced |= parent->trace.forced;
	r->trace.remote = r->kind == SPAN_SERVER;
	r->trace.link = link;
	parent->n_children++;
}

static void child_of_header(struct correlate *c, struct request *r)
{
	memcpy(r->trace.trace_id, r->context.trace_id, sizeof(r->trace.trace_id));
	memcpy(r->trace.parent_id, r->context.parent_id, sizeof(r->trace.parent_id));
	r->trace.flags = r->context.flags;
	r->trace.remote = r->kind == SPAN_SERVER;
	r->trace.link = TRACE_LINK_HEADER;
	sample(c, r);
}

static bool same_trace(const uint8_t a[16], const uint8_t b[16])
{
	return !memcmp(a, b, 16);
}

/* May this server request be the client request's child? Not when its header names
 * another trace. One that names the trace, but another parent, went through a client that
 * did not know of itself: a proxy that passes headers on, or a library's span around it. */
static bool fits(const struct request *server, const struct request *client)
{
	const struct trace_context *header = &server->context;

	return !header->valid || same_trace(header->trace_id, client->trace.trace_id) ||
	       !memcmp(header->parent_id, client->trace.span_id, sizeof(header->parent_id));
}

/* What was received has been sent: by the clock of the call that sent it, which is that
 * of its return, it may look otherwise. */
static void child_of_end(struct request *server, struct request *client)
{
	child_of(server, client, TRACE_LINK_CONNECTION);
	if (client->start_ns > server->start_ns)
		client->start_ns = server->start_ns;
}

/* The receiver was heard of first. */
static void adopt(struct correlate *c, struct request *client)
{
	struct request *server = open__other_end(c, client);
	uint8_t from[16];
	bool moves;

	if (!server || server->trace.link == TRACE_LINK_CONNECTION || !fits(server, client))
		return;
	moves = !same_trace(server->trace.trace_id, client->trace.trace_id);
	if (moves && server->n_children) {
		c->stats.late++;
		return;
	}
	memcpy(from, server->trace.trace_id, sizeof(from));
	c->stats.links[SPAN_SERVER][server->trace.link]--;
	child_of_end(server, client);
	c->stats.links[SPAN_SERVER][TRACE_LINK_CONNECTION]++;
	if (moves && c->cfg.moved)
		c->cfg.moved(c->cfg.arg, from, server);
}

/* As it went over the wire. But a parent that is still open may have come to be part of
 * another trace in the meantime: then its own is the better one, since the receiver,
 * if it is in sight, comes along (fits). */
static void child_of_injection(struct correlate *c, struct request *r, const struct injection *i)
{
	struct request *parent = NULL;

	if (i->parent_conn_id)
		parent = open__find(c, r->tgid, i->parent_conn_id, i->parent_off);
	if (parent) {
		child_of(r, parent, TRACE_LINK_INJECTED);
		return;
	}
	put_id(r->trace.trace_id, i->trace_hi);
	put_id(r->trace.trace_id + 8, i->trace_lo);
	r->trace.flags = i->flags;
	if (!i->parent_conn_id)
		return;
	put_id(r->trace.parent_id,
	       red_id(&c->cfg.key, i->parent_conn_id, i->parent_off, RED_ID_SPAN));
	r->trace.link = TRACE_LINK_INJECTED;
}

static void begin_client(struct correlate *c, struct request *r)
{
	struct request *parent = NULL;
	struct injection injected;
	enum trace_link link;

	if (inject__take(c, r, &injected)) {
		r->conn->inserted += RED_INSERT;
		if (injected.ts_ns && injected.ts_ns < r->start_ns)
			r->start_ns = injected.ts_ns;
		if (!injected.by_thread)
			habit__sole(c, r); /* it has been decided, but habits are learned by it */
		child_of_injection(c, r, &injected);
		adopt(c, r);
		return;
	}
	if (r->context.valid) {
		parent = open__by_context(c, r);
		link = TRACE_LINK_PASSED;
	} else {
		link = find_parent(c, r, &parent);
	}
	if (parent)
		child_of(r, parent, link);
	else if (r->context.valid)
		child_of_header(c, r);
	else
		new_trace(c, r);
	adopt(c, r);
}

static void begin_server(struct correlate *c, struct request *r)
{
	struct request *client = open__other_end(c, r);

	if (client && fits(r, client))
		child_of_end(r, client);
	else if (r->context.valid)
		child_of_header(c, r);
	else
		new_trace(c, r);
	open__serve(c, r);
}

void correlate__begin(struct correlate *c, struct request *r)
{
	memset(&r->trace, 0, sizeof(r->trace));
	r->process = NULL;
	r->n_callees = 0;
	r->n_children = 0;
	r->wire_place = r->place + (r->kind == SPAN_CLIENT ? r->conn->inserted : 0);
	r->trace.forced = r->forced || r->context.debug;
	put_id(r->trace.span_id, red_id(&c->cfg.key, r->conn_id, r->place, RED_ID_SPAN));
	if (r->kind == SPAN_CLIENT)
		begin_client(c, r);
	else
		begin_server(c, r);
	open__add_end(c, r);
	c->stats.links[r->kind][r->trace.link]++;
}

void correlate__end(struct correlate *c, struct request *r, uint64_t now_ns)
{
	open__remove_end(c, r);
	if (!r->process)
		return;
	if (r->alone && !r->loose && !r->cut)
		habit__learn(c, r);
	open__served(c, r, now_ns);
}
