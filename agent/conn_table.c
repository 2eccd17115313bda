// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The connections that are known, and when the kernel is asked about one.
 *
 * A transaction whose last bytes were only counted ends when somebody asks:
 * the next record of its connection, or a poll. Polling starts 100 ms after
 * the last record and slows down to one in five seconds. Connections that wait
 * the same time form a queue: only its head needs a look.
 */
#include "conn_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POLL_FIRST_NS   100000000ull
#define POLL_SLOWEST_NS 5000000000ull
#define POLL_IDLE       POLL_LEVELS
#define POLL_IDLE_NS    60000000000ull
#define VICTIMS_MAX     16

/* ---- table -------------------------------------------------------------------- */

static uint32_t bucket_of(const struct conn_table *t, uint64_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15ull) >> 32) & t->mask;
}

struct conn *conn_table__find(const struct conn_table *t, uint64_t id)
{
	struct conn *c = t->buckets[bucket_of(t, id)];

	while (c && c->id != id)
		c = c->hash_next;
	return c;
}

static void lru_unlink(struct conn *c)
{
	c->lru_prev->lru_next = c->lru_next;
	c->lru_next->lru_prev = c->lru_prev;
}

static void lru_push(struct conn_table *t, struct conn *c)
{
	c->lru_next = t->lru.lru_next;
	c->lru_prev = &t->lru;
	c->lru_next->lru_prev = c;
	t->lru.lru_next = c;
}

static struct conn **process_bucket(struct conn_table *t, uint32_t tgid)
{
	return &t->by_process[tgid % PROCESS_BUCKETS];
}

static void process_push(struct conn_table *t, struct conn *c)
{
	c->process_link = process_bucket(t, c->tgid);
	c->process_next = *c->process_link;
	if (c->process_next)
		c->process_next->process_link = &c->process_next;
	*c->process_link = c;
}

static void process_unlink(struct conn *c)
{
	*c->process_link = c->process_next;
	if (c->process_next)
		c->process_next->process_link = c->process_link;
}

static void poll_unlink(struct conn *c)
{
	if (!c->polled)
		return;
	c->poll_prev->poll_next = c->poll_next;
	c->poll_next->poll_prev = c->poll_prev;
	c->polled = 0;
}

static void poll_push(struct conn_table *t, struct conn *c, uint8_t level, uint64_t now_ns)
{
	struct conn *list = &t->polls[level];
	uint64_t wait = POLL_FIRST_NS << level;

	if (wait > POLL_SLOWEST_NS)
		wait = level == POLL_IDLE ? POLL_IDLE_NS : POLL_SLOWEST_NS;
	poll_unlink(c);
	c->poll_next = list;
	c->poll_prev = list->poll_prev;
	c->poll_prev->poll_next = c;
	list->poll_prev = c;
	c->polled = 1;
	c->poll_level = level;
	c->next_poll_ns = now_ns + wait;
}

static void unhash(struct conn_table *t, struct conn *c)
{
	struct conn **link = &t->buckets[bucket_of(t, c->id)];

	while (*link != c)
		link = &(*link)->hash_next;
	*link = c->hash_next;
}

void conn_table__forget(struct conn_table *t, struct conn *c)
{
	unhash(t, c);
	lru_unlink(c);
	process_unlink(c);
	poll_unlink(c);
	conn_tls__free(t, c);
	t->stat.open--;
	c->hash_next = t->free;
	t->free = c;
}

int conn_table__command(struct conn_table *t, struct conn *c, enum red_poll_cmd cmd)
{
	return t->cfg.poll ? t->cfg.poll(t->cfg.arg, c, cmd) : -ENOTSUP;
}

static void drop(struct conn_table *t, struct conn *c, enum proto_drop why)
{
	if (c->proto)
		c->proto->drop(c->state, why);
	conn_table__forget(t, c);
}

/* Does something wait that only a poll would tell? When TCP is over it is that the
 * process has closed: no hook sees that. */
static bool waiting(const struct conn *c)
{
	return c->over || (c->proto && c->proto->pending(c->state));
}

/* Idle the longest; whoever waits for an answer moves as little, and is spared while there is
 * another one among the last. */
static struct conn *victim(struct conn_table *t)
{
	struct conn *c = t->lru.lru_prev;
	int i;

	for (i = 0; i < VICTIMS_MAX && c != &t->lru; i++, c = c->lru_prev)
		if (!waiting(c))
			return c;
	return t->lru.lru_prev;
}

static void evict_one(struct conn_table *t)
{
	struct conn *c = victim(t);

	conn_table__command(t, c, RED_POLL_FORGET);
	t->stat.evicted++;
	drop(t, c, PROTO_DROP_EVICTED);
}

void conn_table__drop_process(struct conn_table *t, uint32_t tgid)
{
	struct conn *c, *next;

	for (c = *process_bucket(t, tgid); c; c = next) {
		next = c->process_next;
		if (c->tgid != tgid)
			continue;
		conn_table__command(t, c, RED_POLL_FORGET);
		drop(t, c, PROTO_DROP_NOT_SELECTED);
	}
}

static void free_unused(struct conn_table *t)
{
	struct conn *c;

	while ((c = t->free)) {
		t->free = c->hash_next;
		free(c);
	}
}

void conn_table__shrink(struct conn_table *t, uint32_t n)
{
	while (n-- && t->stat.open)
		evict_one(t);
	free_unused(t);
}

_Static_assert(sizeof(struct conn) % 8 == 0, "a protocol's state is not aligned behind it");

static struct conn *take(struct conn_table *t)
{
	struct conn *c;

	if (t->stat.open >= t->cfg.max_conns)
		evict_one(t);
	c = t->free;
	if (c)
		t->free = c->hash_next;
	else
		c = malloc(t->conn_bytes);
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->state = c + 1;
	return c;
}

struct conn_table *conn_table__new(const struct conn_table_config *cfg)
{
	struct conn_table *t = calloc(1, sizeof(*t));
	uint32_t n = 64;
	size_t i, state = 0;

	if (!t)
		return NULL;
	while (n < cfg->max_conns)
		n *= 2;
	t->buckets = calloc(n, sizeof(*t->buckets));
	if (!t->buckets) {
		free(t);
		errno = ENOMEM;
		return NULL;
	}
	for (i = 0; protos[i]; i++)
		if (protos[i]->state_size > state)
			state = protos[i]->state_size;
	t->cfg = *cfg;
	t->mask = n - 1;
	t->conn_bytes = sizeof(struct conn) + state;
	t->lru.lru_next = t->lru.lru_prev = &t->lru;
	for (i = 0; i <= POLL_IDLE; i++)
		t->polls[i].poll_next = t->polls[i].poll_prev = &t->polls[i];
	return t;
}

void conn_table__free(struct conn_table *t)
{
	if (!t)
		return;
	while (t->lru.lru_next != &t->lru)
		drop(t, t->lru.lru_next, PROTO_DROP_ENDED);
	free_unused(t);
	free(t->buckets);
	free(t);
}

const struct conn_stat *conn_table__stat(const struct conn_table *t)
{
	return &t->stat;
}

void conn_table__open(struct conn_table *t, const struct red_ev_open *ev)
{
	struct conn *c;

	if (conn_table__find(t, ev->conn_id))
		return;
	c = take(t);
	if (!c) {
		t->stat.no_memory++;
		return;
	}
	c->id = ev->conn_id;
	c->sk = ev->sk;
	c->ino = ev->ino;
	c->tgid = ev->tgid;
	c->family = ev->family;
	c->local_port = ev->local_port;
	c->peer_port = ev->remote_port;
	c->established = ev->established;
	c->first_dir = c->last_dir = NO_DIR;
	c->mode = RED_POLL_MODE_AUTO;
	c->data_cap = RED_DATA_CAP;
	memcpy(c->local_addr, ev->local_addr, sizeof(c->local_addr));
	memcpy(c->peer_addr, ev->remote_addr, sizeof(c->peer_addr));
	c->last_ns = ev->h.ts_ns;
	c->hash_next = t->buckets[bucket_of(t, c->id)];
	t->buckets[bucket_of(t, c->id)] = c;
	lru_push(t, c);
	process_push(t, c);
	t->stat.open++;
	t->stat.opened++;
}

/* ---- polls ----------------------------------------------------------------------- */

void conn_table__touch(struct conn_table *t, struct conn *c, uint64_t ts_ns)
{
	c->last_ns = ts_ns;
	if (t->lru.lru_next != c) {
		lru_unlink(c);
		lru_push(t, c);
	}
}

void conn__want_data(struct conn *c, uint16_t cap)
{
	c->asks |= c->data_cap != cap;
	c->data_cap = cap;
}

void conn_table__schedule(struct conn_table *t, struct conn *c)
{
	if (c->asks) {
		c->asks = 0;
		c->mode = RED_POLL_MODE_FRAMES;
		conn_table__command(t, c, RED_POLL_MODE_FRAMES);
	}
	if (t->cfg.poll)
		poll_push(t, c, waiting(c) ? 0 : POLL_IDLE, c->last_ns);
}

void conn_table__answered(struct conn_table *t, struct conn *c, uint64_t now_ns)
{
	if (t->cfg.poll && !waiting(c))
		poll_push(t, c, POLL_IDLE, now_ns);
}

/* The answer comes through the ring, in order with the rest. A connection unknown
 * to the kernel has ended: its RED_EV_CLOSE is still in the ring, or if we ask a
 * second time, was lost. */
static void poll_one(struct conn_table *t, struct conn *c, uint64_t now_ns)
{
	bool known;

	poll_push(t, c, c->poll_level + (c->poll_level < POLL_LEVELS - 1), now_ns);
	t->stat.polls++;
	known = conn_table__command(t, c, RED_POLL_REPORT) != -ENOENT;
	if (!known && c->gone)
		drop(t, c, PROTO_DROP_LOST);
	else
		c->gone = !known;
}

/* Each once, whatever the time is: at the end of time the next poll is due at once. */
static void poll_list(struct conn_table *t, struct conn *list, uint64_t now_ns)
{
	const struct conn *last = list->poll_prev;
	bool more = last != list;

	while (more && list->poll_next->next_poll_ns <= now_ns) {
		more = list->poll_next != last;
		poll_one(t, list->poll_next, now_ns);
	}
}

uint64_t conn_table__tick(struct conn_table *t, uint64_t now_ns)
{
	uint64_t soonest = UINT64_MAX;
	int i;

	for (i = POLL_IDLE; i >= 0; i--)
		poll_list(t, &t->polls[i], now_ns);
	for (i = 0; i <= POLL_IDLE; i++)
		if (t->polls[i].poll_next != &t->polls[i] &&
		    t->polls[i].poll_next->next_poll_ns < soonest)
			soonest = t->polls[i].poll_next->next_poll_ns;
	return soonest;
}
