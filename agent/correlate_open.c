// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "correlate_internal.h"

#include <stdlib.h>
#include <sys/socket.h>

/* ---- processes --------------------------------------------------------------------------- */

static struct correlate_process **process_link(struct correlate *c, uint32_t tgid)
{
	struct correlate_process **link = &c->processes[tgid % PROCESS_BUCKETS];

	while (*link && (*link)->tgid != tgid)
		link = &(*link)->next;
	return link;
}

static void process_forget(struct correlate *c, struct correlate_process **link)
{
	struct correlate_process *p = *link;

	inject__forget(c, p);
	*link = p->next;
	c->n_processes--;
	free(p);
}

/* Makes room: whoever serves nothing now has to prove itself again. */
static void forget_idle(struct correlate *c)
{
	struct correlate_process **link;
	size_t i;

	for (i = 0; i < PROCESS_BUCKETS; i++)
		for (link = &c->processes[i]; *link;)
			if ((*link)->n_open || (*link)->opaque)
				link = &(*link)->next;
			else
				process_forget(c, link);
}

/* Made when there is none; NULL when there can be no more. */
static struct correlate_process *process_get(struct correlate *c, uint32_t tgid)
{
	struct correlate_process **link = process_link(c, tgid);

	if (*link)
		return *link;
	if (c->n_processes >= c->cfg.max_processes)
		forget_idle(c);
	if (c->n_processes >= c->cfg.max_processes)
		return NULL;
	link = process_link(c, tgid);
	*link = calloc(1, sizeof(**link));
	if (!*link)
		return NULL;
	(*link)->tgid = tgid;
	c->n_processes++;
	return *link;
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
	inject__forget(c, *link);
	(*link)->opaque = (*link)->shares_threads = false;
	(*link)->own_thread_runs = 0;
	if (!(*link)->n_open)
		process_forget(c, link);
}

/* ---- requests being served ------------------------------------------------------------------ */

static struct request **thread_bucket(struct correlate *c, const struct request *r)
{
	return &c->threads[red_mix((uint64_t)r->tgid << 32 | r->tid) % THREAD_BUCKETS];
}

static struct request **context_bucket(struct correlate *c, const struct request *r)
{
	uint64_t h = hash_seeded(r->tgid, r->context.parent_id, sizeof(r->context.parent_id));

	return &c->contexts[h % OPEN_BUCKETS];
}

static struct request **request_id_bucket(struct correlate *c, const struct request *r)
{
	uint64_t h = hash_seeded(r->tgid, r->request_id.p, r->request_id.len);

	return &c->request_ids[h % OPEN_BUCKETS];
}

static bool has_request_id(const struct request *r)
{
	return r->request_id.len >= REQUEST_ID_MIN && !r->id_hidden;
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

/* The chains differ in nothing but the member that they go by. All requests of an event loop
 * are in one of them, so none is walked to its end. */
#define CHAIN_PUSH(bucket, r, by)                                                                  \
	do {                                                                                       \
		(r)->by.at = (bucket);                                                             \
		(r)->by.next = *(r)->by.at;                                                        \
		if ((r)->by.next)                                                                  \
			(r)->by.next->by.at = &(r)->by.next;                                       \
		*(r)->by.at = (r);                                                                 \
	} while (0)

#define CHAIN_REMOVE(r, by)                                                                        \
	do {                                                                                       \
		*(r)->by.at = (r)->by.next;                                                        \
		if ((r)->by.next)                                                                  \
			(r)->by.next->by.at = (r)->by.at;                                          \
	} while (0)

/* The only one in the chain that is like `r`; *several when there are more. */
#define CHAIN_ONLY(bucket, r, by, several)                                                         \
	({                                                                                         \
		struct request *at_ = *(bucket), *only_ = NULL;                                    \
		for (; at_ && !*(several); at_ = at_->by.next)                                     \
			if (by(at_, r)) {                                                          \
				*(several) = only_ != NULL;                                        \
				only_ = at_;                                                       \
			}                                                                          \
		*(several) ? NULL : only_;                                                         \
	})

/* Any that this thread serves. */
static struct request *on_thread(struct correlate *c, const struct request *r)
{
	struct request *at = *thread_bucket(c, r);

	while (at && !same_thread(at, r))
		at = at->same_thread.next;
	return at;
}

void open__serve(struct correlate *c, struct request *r)
{
	struct correlate_process *p = process_get(c, r->tgid);

	if (!p)
		return;
	r->alone = !p->n_open;
	r->loose = r->start_ns < p->loose_until_ns;
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
	p->shares_threads |= on_thread(c, r) != NULL;
	CHAIN_PUSH(thread_bucket(c, r), r, same_thread);
	if (r->context.valid)
		CHAIN_PUSH(context_bucket(c, r), r, same_context);
	if (has_request_id(r))
		CHAIN_PUSH(request_id_bucket(c, r), r, same_request_id);
}

/* A handler need not notice that nobody waits for its answer. */
static void cut_short(struct correlate *c, struct correlate_process *p, uint64_t ns)
{
	if (p->loose_until_ns < ns + LOOSE_NS)
		p->loose_until_ns = ns + LOOSE_NS;
	inject__forget(c, p);
}

void open__served(struct correlate *c, struct request *r, uint64_t now_ns)
{
	struct correlate_process *p = r->process;

	if (r->prev)
		r->prev->next = r->next;
	else
		p->open = r->next;
	if (r->next)
		r->next->prev = r->prev;
	if (r->cut)
		cut_short(c, p, now_ns);
	CHAIN_REMOVE(r, same_thread);
	if (r->answer_tid && !r->alone) {
		p->shares_threads |= r->answer_tid != r->tid;
		p->own_thread_runs++;
	}
	if (r->context.valid)
		CHAIN_REMOVE(r, same_context);
	if (has_request_id(r))
		CHAIN_REMOVE(r, same_request_id);
	r->process = NULL;
	if (!--p->n_open) /* it stays, for what is known of it, until it ends */
		c->stats.processes--;
}

struct request *open__by_context(struct correlate *c, const struct request *r)
{
	bool several = false;

	return CHAIN_ONLY(context_bucket(c, r), r, same_context, &several);
}

struct request *open__by_thread(struct correlate *c, const struct request *r)
{
	bool several = false;
	struct request *only = CHAIN_ONLY(thread_bucket(c, r), r, same_thread, &several);
	const struct correlate_process *p = only ? only->process : NULL;

	if (!only || only->blocking)
		return only;
	if (r->multiplexed) /* its connection's thread may send it for any other */
		return NULL;
	return !p->shares_threads && p->own_thread_runs >= OWN_THREAD_RUNS ? only : NULL;
}

struct request *open__by_request_id(struct correlate *c, const struct request *r)
{
	bool several = false;

	if (!has_request_id(r))
		return NULL;
	return CHAIN_ONLY(request_id_bucket(c, r), r, same_request_id, &several);
}

/* ---- the other end of the connection -------------------------------------------------------- */

struct end {
	const uint8_t *addr;
	uint16_t port;
};

static struct end end_of(const struct request *r, enum span_kind kind)
{
	const struct conn *conn = r->conn;

	return r->kind == kind ? (struct end){ conn->local_addr, conn->local_port }
			       : (struct end){ conn->peer_addr, conn->peer_port };
}

static bool same_end(const struct request *a, const struct request *b, enum span_kind kind)
{
	struct end x = end_of(a, kind), y = end_of(b, kind);

	return x.port == y.port && !memcmp(x.addr, y.addr, 16);
}

static bool is_loopback(const uint8_t addr[16])
{
	static const uint8_t v4[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	static const uint8_t v6[16] = { [15] = 1 };

	return !memcmp(addr, v4, sizeof(v4)) || !memcmp(addr, v6, sizeof(v6));
}

static bool same_connection(const struct request *a, const struct request *b)
{
	return a->wire_place == b->wire_place && same_end(a, b, SPAN_SERVER) &&
	       same_end(a, b, SPAN_CLIENT) &&
	       (a->conn->ino == b->conn->ino || !is_loopback(a->conn->local_addr));
}

static bool has_ends(const struct request *r)
{
	return r->conn->established && r->conn->family != AF_UNIX && r->conn->peer_port;
}

static struct request **connection_bucket(struct correlate *c, const struct request *r,
					  enum span_kind kind)
{
	struct end client = end_of(r, SPAN_CLIENT), server = end_of(r, SPAN_SERVER);
	uint64_t h = hash_seeded(r->wire_place, client.addr, 16);

	h = red_mix(h ^ ((uint64_t)client.port << 16 | server.port));
	return &c->connections[kind][h % OPEN_BUCKETS];
}

struct request *open__other_end(struct correlate *c, const struct request *r)
{
	bool several = false;

	if (!has_ends(r) || !c->cfg.guess)
		return NULL;
	return CHAIN_ONLY(connection_bucket(c, r, !r->kind), r, same_connection, &several);
}

void open__add_end(struct correlate *c, struct request *r)
{
	r->has_ends = has_ends(r); /* which may change: conn.established does */
	if (r->has_ends)
		CHAIN_PUSH(connection_bucket(c, r, r->kind), r, same_connection);
}

void open__remove_end(struct correlate *c, struct request *r)
{
	if (r->has_ends)
		CHAIN_REMOVE(r, same_connection);
}

struct request *open__find(struct correlate *c, uint32_t tgid, uint64_t conn_id, uint64_t place)
{
	const struct correlate_process *p = *process_link(c, tgid);
	struct request *r = p ? p->open : NULL;

	while (r && (r->conn_id != conn_id || r->place != place))
		r = r->next;
	return r;
}

struct correlate_process *open__process(const struct correlate *c, uint32_t tgid)
{
	return *process_link((struct correlate *)c, tgid);
}

void open__free(struct correlate *c)
{
	struct correlate_process *p;
	size_t i;

	for (i = 0; i < PROCESS_BUCKETS; i++)
		while ((p = c->processes[i])) {
			c->processes[i] = p->next;
			free(p);
		}
}
