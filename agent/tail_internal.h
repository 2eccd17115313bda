/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of the tail decision: traces, routes, limits. Only tail*.c and its test. */
#ifndef RED_TAIL_INTERNAL_H
#define RED_TAIL_INTERNAL_H

#include "tail.h"

/* ---- lists ---- */

/* A ring with its head in it. What is on no list points to itself. */
struct tail_link {
	struct tail_link *prev, *next;
};

static inline void tail_link__init(struct tail_link *l)
{
	l->prev = l->next = l;
}

static inline void tail_link__remove(struct tail_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	tail_link__init(l);
}

/* To the end of the list, from wherever it is. */
static inline void tail_link__move(struct tail_link *list, struct tail_link *l)
{
	tail_link__remove(l);
	l->prev = list->prev;
	l->next = list;
	list->prev = list->prev->next = l;
}

static inline bool tail_link__is_alone(const struct tail_link *l)
{
	return l->next == l;
}

#define TAIL_ENTRY(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

/* ---- traces ---- */

struct tail_trace {
	uint8_t id[16];
	struct tail_trace *chain; /* of its hash, or of free ones */
	struct tail_link order;   /* of tail_traces: undecided or decided */
	struct tail_link due;     /* of tail_traces: undecided and nothing open */
	uint64_t due_ns;
	bool decided;
	uint8_t reason; /* enum tail_reason: so far, or the decision */
	uint32_t open;  /* requests that have begun and not ended */
	uint32_t root_service;
	uint64_t root_start_ns; /* the root-most span is the one that began first */
	uint32_t n, cap;
	struct span **spans; /* n copies, each with a reference to its service */
	size_t bytes;        /* of them */
};

struct tail_traces {
	struct tail_trace *pool;
	uint32_t pool_size, pool_used;
	struct tail_trace *unused;
	struct tail_trace **buckets;
	uint32_t mask;
	uint64_t seed;
	struct tail_link undecided; /* oldest first */
	struct tail_link decided;   /* least recently used first */
	struct tail_link due;       /* next first */
	uint32_t n_undecided, n_decided;
};

int tail_traces__init(struct tail_traces *ts, uint32_t max_undecided, uint64_t seed);
void tail_traces__free(struct tail_traces *ts); /* accepts a zeroed one */

struct tail_trace *tail_traces__find(struct tail_traces *ts, const uint8_t id[16]);
/* n_undecided is below its maximum, so that there is a place. */
struct tail_trace *tail_traces__add(struct tail_traces *ts, const uint8_t id[16]);
void tail_traces__forget(struct tail_traces *ts, struct tail_trace *tr);
/* Only the decision is left of it; the one least recently used may be forgotten for it. */
void tail_traces__set_decided(struct tail_traces *ts, struct tail_trace *tr);
struct tail_trace *tail_traces__oldest(const struct tail_traces *ts); /* undecided, or NULL */
struct tail_trace *tail_traces__next_due(const struct tail_traces *ts);

/* What the copy costs, what must be allocated for it included. */
size_t tail_trace__cost(const struct span *s);
int tail_trace__hold(struct tail_trace *tr, const struct span *s); /* 0, -ENOMEM */
void tail_trace__release(struct tail_trace *tr);                   /* every span */

/* ---- the p99 of a route ---- */

enum {
	TAIL_P99_SUB = 4, /* 2^4 buckets for each power of two: 6 % */
	TAIL_P99_OCTAVES = 24,
	TAIL_P99_BUCKETS = TAIL_P99_OCTAVES << TAIL_P99_SUB,
	TAIL_P99_MIN = 100,     /* observations before it says anything */
	TAIL_P99_DECAY = 16384, /* observations after which all counts are halved */
};

struct tail_p99 {
	uint32_t n;     /* observations */
	uint32_t above; /* of them, in buckets above `at` */
	uint32_t at;    /* the lowest bucket with at most a hundredth above it */
	uint16_t counts[TAIL_P99_BUCKETS];
};

bool tail_p99__is_below(const struct tail_p99 *p, uint64_t ns); /* false: it cannot say */
void tail_p99__add(struct tail_p99 *p, uint64_t ns);

/* ---- routes ---- */

enum {
	TAIL_ROUTES_MAX = 4096,
	TAIL_ROUTE_FIRST = 5, /* spans for which a route is new */
};

#define TAIL_ROUTE_IDLE_NS (3600 * UINT64_C(1000000000)) /* then another may take its place */

enum tail_seen {
	TAIL_SEEN_NEW = 1 << 0,
	TAIL_SEEN_SLOWEST = 1 << 1,
	TAIL_SEEN_LOST = 1 << 2, /* the table is full, or there is no memory */
};

struct tail_routes;

struct tail_routes *tail_routes__new(bool slowest, uint64_t seed); /* or NULL */
void tail_routes__free(struct tail_routes *rs);                    /* accepts NULL */
/* Observes a server's span; enum tail_seen. Others have no route: 0. */
unsigned int tail_routes__see(struct tail_routes *rs, const struct span *s, uint64_t now_ns);

/* ---- limits ---- */

struct tail_limit;

struct tail_limit *tail_limit__new(uint32_t per_s); /* or NULL */
void tail_limit__free(struct tail_limit *l);        /* accepts NULL */
bool tail_limit__take(struct tail_limit *l, uint32_t service, uint64_t now_ns);

/* ---- spans ---- */

static inline uint64_t tail_duration_ns(const struct span *s)
{
	return s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0;
}

#endif /* RED_TAIL_INTERNAL_H */
