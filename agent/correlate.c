// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What tells that a process sent a request because of one that it was serving?
 * redeye changes nothing in the process, so it has to be seen from outside. In the
 * order in which they are believed:
 *
 *  HEADER   The request carries a context (W3C, B3): its sender said it. For a server
 *	     that is the parent. A client request with the very context that a request
 *	     being served has brought (a proxy that passes headers on) is that one's
 *	     child: PASSED.
 *  THREAD   A thread that waits in recv() for a request serves one connection at a
 *	     time. What it sends until that request is answered, it sends for it. Only
 *	     for sockets in blocking mode: a thread that reads without waiting is an
 *	     event loop or a pool's, and serves whom it likes.
 *  PASSED   The same X-Request-ID as exactly one of the requests being served.
 *  SOLE     The process serves and has served nothing else since, and has the habit: each of the
 *last HABIT_RUNS requests of this kind (method and path, numbers in it aside) that it served alone
 *sent the same number of requests, at least one, to this peer, and none was ever sent to it while
 *nothing was served.
 *
 * What event loops do beyond that, with many requests at once, the kernel cannot
 * show: Node's timers, asyncio's ready queue and a work-stealing pool run what they
 * run between the same two system calls. There the answer is none.
 *
 * Bounds: what is open is bounded by the protocols (max_requests); processes by the
 * configuration; habits and peers are hash tables of fixed size in which a newcomer
 * takes the place of who was there: it has to prove itself again, which is safe.
 * A peer that was forgotten as one of background traffic is not: so that table keeps
 * its entries for BACKGROUND_NS, and while its bucket is full nobody is believed.
 */
#include "correlate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

#define PROCESS_BUCKETS 256
#define OPEN_BUCKETS    1024
#define HABITS          4096
#define HABIT_CALLEES   4
#define HABIT_RUNS      16
#define PEERS           4096
#define PEER_WAYS       4
#define BACKGROUND_NS   600000000000ull
#define REQUEST_ID_MIN  8 /* shorter ones are hardly unique */

const char *const trace_link_names[TRACE_LINK__CNT] = {
	[TRACE_LINK_NONE] = "none",     [TRACE_LINK_HEADER] = "header",
	[TRACE_LINK_PASSED] = "passed", [TRACE_LINK_THREAD] = "thread",
	[TRACE_LINK_SOLE] = "sole",     [TRACE_LINK_INJECTED] = "injected",
};

struct correlate_process {
	struct correlate_process *next;
	uint32_t tgid;
	uint32_t n_open;
	bool opaque;
	struct request *open; /* served now, the youngest first */
};

/* What the requests of one kind usually send. */
struct habit {
	uint64_t kind; /* hash of service, method and path; 0: free */
	struct {
		uint64_t peer; /* 0: free */
		uint32_t cnt;  /* requests sent to it, each time */
		uint32_t runs; /* times in a row */
	} callees[HABIT_CALLEES];
};

/* Somebody to whom a service also sends on its own account. */
struct background {
	uint64_t peer;
	uint64_t until_ns;
};

struct correlate {
	struct correlate_config cfg;
	struct correlate_stats stats;
	struct correlate_process *processes[PROCESS_BUCKETS];
	uint32_t n_processes; /* opaque ones included */
	struct request *threads[OPEN_BUCKETS];
	struct request *contexts[OPEN_BUCKETS];
	struct request *request_ids[OPEN_BUCKETS];
	struct habit habits[HABITS];
	struct background background[PEERS / PEER_WAYS][PEER_WAYS];
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
	struct correlate_process *p;
	size_t i;

	if (!c)
		return;
	for (i = 0; i < PROCESS_BUCKETS; i++)
		while ((p = c->processes[i])) {
			c->processes[i] = p->next;
			free(p);
		}
	free(c);
}

const struct correlate_stats *correlate__stats(const struct correlate *c)
{
	return &c->stats;
}

static uint64_t hash_bytes(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t w;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		h = red_mix(h ^ w);
	}
	w = len;
	while (len--)
		w = w << 8 | *p++;
	return red_mix(h ^ w);
}

/* ---- processes --------------------------------------------------------------------------- */

static struct correlate_process **process_link(struct correlate *c, uint32_t tgid)
{
	struct correlate_process **link = &c->processes[tgid % PROCESS_BUCKETS];

	while (*link && (*link)->tgid != tgid)
		link = &(*link)->next;
	return link;
}

/* Made when there is none; NULL when there can be no more. */
static struct correlate_process *process_get(struct correlate *c, uint32_t tgid)
{
	struct correlate_process **link = process_link(c, tgid);

	if (*link || c->n_processes >= c->cfg.max_processes)
		return *link;
	*link = calloc(1, sizeof(**link));
	if (!*link)
		return NULL;
	(*link)->tgid = tgid;
	c->n_processes++;
	return *link;
}

static void process_forget(struct correlate *c, struct correlate_process **link)
{
	struct correlate_process *p = *link;

	*link = p->next;
	c->n_processes--;
	free(p);
}

void correlate__opaque(struct correlate *c, uint32_t tgid)
{
	struct correlate_process *p = process_get(c, tgid);

	if (p)
		p->opaque = true;
}

void correlate__process_ended(struct correlate *c, uint32_t tgid)
{
	struct correlate_process **link = process_link(c, tgid);

	if (!*link)
		return;
	(*link)->opaque = false;
	if (!(*link)->n_open)
		process_forget(c, link);
}

/* ---- requests being served ------------------------------------------------------------------ */

static struct request **thread_bucket(struct correlate *c, const struct request *r)
{
	return &c->threads[red_mix((uint64_t)r->tgid << 32 | r->tid) % OPEN_BUCKETS];
}

static struct request **context_bucket(struct correlate *c, const struct request *r)
{
	uint64_t h = hash_bytes(r->tgid, r->context.parent_id, sizeof(r->context.parent_id));

	return &c->contexts[h % OPEN_BUCKETS];
}

static struct request **request_id_bucket(struct correlate *c, const struct request *r)
{
	uint64_t h = hash_bytes(r->tgid, r->request_id.p, r->request_id.len);

	return &c->request_ids[h % OPEN_BUCKETS];
}

static bool has_request_id(const struct request *r)
{
	return r->request_id.len >= REQUEST_ID_MIN;
}

static bool same_thread(const struct request *a, const struct request *b)
{
	return a->tgid == b->tgid && a->tid == b->tid;
}

static bool same_context(const struct request *a, const struct request *b)
{
	return a->tgid == b->tgid &&
	       !memcmp(a->context.parent_id, b->context.parent_id, sizeof(a->context.parent_id)) &&
	       !memcmp(a->context.trace_id, b->context.trace_id, sizeof(a->context.trace_id));
}

static bool same_request_id(const struct request *a, const struct request *b)
{
	return a->tgid == b->tgid && slice_eq(a->request_id, b->request_id);
}

/* The three chains differ in nothing but the member that they go by. */
#define CHAIN_PUSH(bucket, r, by)                                                                  \
	do {                                                                                       \
		(r)->by = *(bucket);                                                               \
		*(bucket) = (r);                                                                   \
	} while (0)

#define CHAIN_REMOVE(bucket, r, by)                                                                \
	do {                                                                                       \
		struct request **link_ = (bucket);                                                 \
		while (*link_ != (r))                                                              \
			link_ = &(*link_)->by;                                                     \
		*link_ = (r)->by;                                                                  \
	} while (0)

/* The only one in the chain that is like `r`; *several when there are more. */
#define CHAIN_ONLY(bucket, r, by, several)                                                         \
	({                                                                                         \
		struct request *at_ = *(bucket), *only_ = NULL;                                    \
		for (; at_ && !*(several); at_ = at_->by)                                          \
			if (by(at_, r)) {                                                          \
				*(several) = only_ != NULL;                                        \
				only_ = at_;                                                       \
			}                                                                          \
		*(several) ? NULL : only_;                                                         \
	})

static void serve(struct correlate *c, struct request *r)
{
	struct correlate_process *p = process_get(c, r->tgid);

	if (!p)
		return;
	r->alone = !p->n_open;
	if (p->n_open == 1)
		p->open->alone = false;
	if (!p->n_open++)
		c->stats.processes++;
	r->process = p;
	r->prev = NULL;
	r->next = p->open;
	if (r->next)
		r->next->prev = r;
	p->open = r;
	if (r->blocking)
		CHAIN_PUSH(thread_bucket(c, r), r, same_thread);
	if (r->context.valid)
		CHAIN_PUSH(context_bucket(c, r), r, same_context);
	if (has_request_id(r))
		CHAIN_PUSH(request_id_bucket(c, r), r, same_request_id);
}

static void served(struct correlate *c, struct request *r)
{
	struct correlate_process *p = r->process;

	if (r->prev)
		r->prev->next = r->next;
	else
		p->open = r->next;
	if (r->next)
		r->next->prev = r->prev;
	if (r->blocking)
		CHAIN_REMOVE(thread_bucket(c, r), r, same_thread);
	if (r->context.valid)
		CHAIN_REMOVE(context_bucket(c, r), r, same_context);
	if (has_request_id(r))
		CHAIN_REMOVE(request_id_bucket(c, r), r, same_request_id);
	r->process = NULL;
	if (--p->n_open)
		return;
	c->stats.processes--;
	if (!p->opaque)
		process_forget(c, process_link(c, p->tgid));
}

/* ---- habits ------------------------------------------------------------------------------------
 */

/* Requests are of one kind when service, method and path agree; a part of the path
 * with a digit in it is any. */
static uint64_t kind_of(const struct request *r)
{
	uint64_t h = hash_bytes(r->service->id, r->method, strlen(r->method));
	struct slice rest = r->path;
	size_t len, i;
	bool digit;

	while (rest.len) {
		len = slice_until(rest, '/');
		for (digit = false, i = 0; i < len && !digit; i++)
			digit = rest.p[i] >= '0' && rest.p[i] <= '9';
		h = hash_bytes(h, digit ? "0" : rest.p, digit ? 1 : len);
		rest = slice_skip(rest, len + (len < rest.len));
	}
	return h ? h : 1;
}

static uint64_t peer_of(const struct request *r)
{
	uint64_t h = hash_bytes(r->service->id, r->peer_addr, sizeof(r->peer_addr));

	h = red_mix(h ^ r->peer_port);
	return h ? h : 1;
}

static struct background *background_set(struct correlate *c, uint64_t peer)
{
	return c->background[peer % (PEERS / PEER_WAYS)];
}

static void note_background(struct correlate *c, uint64_t peer, uint64_t now_ns)
{
	struct background *set = background_set(c, peer), *oldest = set;
	int i;

	for (i = 0; i < PEER_WAYS; i++) {
		if (set[i].peer == peer)
			oldest = &set[i];
		if (oldest->peer == peer)
			break;
		if (set[i].until_ns < oldest->until_ns)
			oldest = &set[i];
	}
	*oldest = (struct background){ .peer = peer, .until_ns = now_ns + BACKGROUND_NS };
}

/* Also when it may have been, and was pushed out by others. */
static bool is_background(struct correlate *c, uint64_t peer, uint64_t now_ns)
{
	const struct background *set = background_set(c, peer);
	int i, busy = 0;

	for (i = 0; i < PEER_WAYS; i++) {
		busy += set[i].until_ns > now_ns;
		if (set[i].peer == peer && set[i].until_ns > now_ns)
			return true;
	}
	return busy == PEER_WAYS;
}

static void count_call(struct request *server, uint64_t peer)
{
	uint8_t i;

	for (i = 0; i < server->n_callees; i++)
		if (server->callees[i].peer == peer)
			break;
	if (i == REQUEST_CALLEES_MAX)
		return;
	if (i == server->n_callees) {
		server->n_callees++;
		server->callees[i].peer = peer;
		server->callees[i].cnt = 0;
	}
	server->callees[i].cnt++;
}

static bool is_habit(struct correlate *c, const struct request *server, uint64_t peer)
{
	uint64_t kind = kind_of(server);
	const struct habit *h = &c->habits[kind % HABITS];
	int i;

	for (i = 0; i < HABIT_CALLEES && h->kind == kind; i++)
		if (h->callees[i].peer == peer)
			return h->callees[i].runs >= HABIT_RUNS;
	return false;
}

static uint32_t calls_to(const struct request *server, uint64_t peer)
{
	uint8_t i;

	for (i = 0; i < server->n_callees; i++)
		if (server->callees[i].peer == peer)
			return server->callees[i].cnt;
	return 0;
}

static void add_callee(struct habit *h, uint64_t peer, uint32_t cnt)
{
	int i, at = 0;

	for (i = 0; i < HABIT_CALLEES; i++) {
		if (h->callees[i].peer == peer)
			return;
		if (h->callees[i].runs < h->callees[at].runs || !h->callees[i].peer)
			at = i;
	}
	if (h->callees[at].runs >= HABIT_RUNS)
		return;
	h->callees[at].peer = peer;
	h->callees[at].cnt = cnt;
	h->callees[at].runs = 1;
}

/* It was served alone, so all that was sent meanwhile is its own, or background. */
static void learn(struct correlate *c, const struct request *server)
{
	uint64_t kind = kind_of(server);
	struct habit *h = &c->habits[kind % HABITS];
	uint32_t cnt, i;

	if (h->kind != kind) {
		if (!server->n_callees)
			return;
		memset(h, 0, sizeof(*h));
		h->kind = kind;
	}
	for (i = 0; i < HABIT_CALLEES; i++) {
		if (!h->callees[i].peer)
			continue;
		cnt = calls_to(server, h->callees[i].peer);
		if (cnt != h->callees[i].cnt || !cnt)
			h->callees[i].runs = 0;
		h->callees[i].runs += cnt != 0;
		h->callees[i].cnt = cnt;
	}
	for (i = 0; i < server->n_callees; i++)
		add_callee(h, server->callees[i].peer, server->callees[i].cnt);
}

/* ---- parents
 * -------------------------------------------------------------------------------------- */

static struct request *by_context(struct correlate *c, const struct request *r)
{
	bool several = false;

	return CHAIN_ONLY(context_bucket(c, r), r, same_context, &several);
}

static struct request *by_thread(struct correlate *c, const struct request *r)
{
	bool several = false;
	struct request *only = CHAIN_ONLY(thread_bucket(c, r), r, same_thread, &several);

	c->stats.ambiguous += several;
	return only;
}

static struct request *by_request_id(struct correlate *c, const struct request *r)
{
	bool several = false;

	if (!has_request_id(r))
		return NULL;
	return CHAIN_ONLY(request_id_bucket(c, r), r, same_request_id, &several);
}

/* All that the process serves, when what it sends is known to be for it. */
static struct request *by_habit(struct correlate *c, const struct request *r)
{
	const struct correlate_process *p = *process_link(c, r->tgid);
	uint64_t peer = peer_of(r);

	if (!p || !p->n_open) {
		note_background(c, peer, r->start_ns);
		c->stats.background++;
		return NULL;
	}
	if (!p->open->alone) { /* another one may have had its effects yet to come */
		c->stats.ambiguous++;
		return NULL;
	}
	count_call(p->open, peer);
	if (!p->opaque && is_habit(c, p->open, peer) && !is_background(c, peer, r->start_ns))
		return p->open;
	c->stats.unproven++;
	return NULL;
}

static enum trace_link find_parent(struct correlate *c, const struct request *r,
				   struct request **parent)
{
	if (!c->cfg.guess)
		return TRACE_LINK_NONE;
	*parent = by_thread(c, r);
	if (*parent)
		return TRACE_LINK_THREAD;
	*parent = by_request_id(c, r);
	if (*parent)
		return TRACE_LINK_PASSED;
	*parent = by_habit(c, r);
	return *parent ? TRACE_LINK_SOLE : TRACE_LINK_NONE;
}

/* ---- ids
 * ---------------------------------------------------------------------------------------------- */

static void put_id(uint8_t to[8], uint64_t id)
{
	int i;

	for (i = 0; i < 8; i++)
		to[i] = id >> (56 - 8 * i);
}

static void new_trace(struct correlate *c, struct request *r)
{
	put_id(r->trace.trace_id, red_id(&c->cfg.key, r->conn_id, r->off, RED_ID_TRACE_HI));
	put_id(r->trace.trace_id + 8, red_id(&c->cfg.key, r->conn_id, r->off, RED_ID_TRACE_LO));
	r->trace.flags = TRACE_RANDOM;
}

static void child_of(struct request *r, const struct request *parent)
{
	memcpy(r->trace.trace_id, parent->trace.trace_id, sizeof(r->trace.trace_id));
	memcpy(r->trace.parent_id, parent->trace.span_id, sizeof(r->trace.parent_id));
	r->trace.flags = parent->trace.flags;
	r->trace.forced |= parent->trace.forced;
}

static void child_of_header(struct request *r)
{
	memcpy(r->trace.trace_id, r->context.trace_id, sizeof(r->trace.trace_id));
	memcpy(r->trace.parent_id, r->context.parent_id, sizeof(r->trace.parent_id));
	r->trace.flags = r->context.flags;
	r->trace.remote = r->kind == SPAN_SERVER;
	r->trace.link = TRACE_LINK_HEADER;
}

static void begin_client(struct correlate *c, struct request *r)
{
	struct request *parent = NULL;

	if (r->context.valid) {
		parent = by_context(c, r);
		if (!parent) {
			child_of_header(r);
			return;
		}
		r->trace.link = TRACE_LINK_PASSED;
	} else {
		r->trace.link = find_parent(c, r, &parent);
	}
	if (parent)
		child_of(r, parent);
	else
		new_trace(c, r);
}

void correlate__begin(struct correlate *c, struct request *r)
{
	memset(&r->trace, 0, sizeof(r->trace));
	r->process = NULL;
	r->n_callees = 0;
	r->trace.forced = r->forced || r->context.debug;
	put_id(r->trace.span_id, red_id(&c->cfg.key, r->conn_id, r->off, RED_ID_SPAN));
	if (r->kind == SPAN_CLIENT) {
		begin_client(c, r);
	} else {
		if (r->context.valid)
			child_of_header(r);
		else
			new_trace(c, r);
		serve(c, r);
	}
	c->stats.links[r->kind][r->trace.link]++;
}

void correlate__end(struct correlate *c, struct request *r)
{
	if (!r->process)
		return;
	if (r->alone)
		learn(c, r);
	served(c, r);
}
