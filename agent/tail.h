/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which finished spans are exported, when that depends on how their trace ends. See
 * tail.c. Spans in, the kept ones out by a callback; no I/O, no clock, no log. Event
 * loop only.
 */
#ifndef RED_TAIL_H
#define RED_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

#define TAIL_GRACE_NS      UINT64_C(1000000000)
#define TAIL_DECISIONS_MAX 4096 /* of traces that are done, remembered */

struct tail_config {
	bool keep_errors;      /* error_type is set */
	uint64_t keep_slow_ns; /* it lasted longer; 0: off */
	bool keep_slowest;     /* it lasted longer than its route's p99 */
	bool keep_new_routes;  /* it is one of a route's first */
	uint32_t limit_per_s;  /* traces kept a service and second; 0: no limit */
	uint64_t grace_ns;     /* from a trace's last end to its decision: TAIL_GRACE_NS */
	size_t max_bytes;      /* of held spans */
	uint32_t max_traces;   /* that are not decided yet */
	uint64_t seed;         /* of hashes; a secret, because trace ids come from outside */
	void (*keep)(void *arg, const struct span *s); /* must not call back */
	void *arg;
};

/* Why a span was kept or dropped: its trace's reason, the first that there was. */
enum tail_reason {
	TAIL_NOT_SAMPLED = 0, /* dropped: no rule wanted it */
	TAIL_RATE_LIMIT = 1,  /* dropped: one too many for its service */
	TAIL_HEAD = 2,        /* kept, as all that follow: by the sampler */
	TAIL_FORCED = 3,      /* by the debug header */
	TAIL_ERROR = 4,
	TAIL_SLOW = 5,
	TAIL_SLOWEST = 6,
	TAIL_NEW_ROUTE = 7,
	TAIL_FOLLOW = 8, /* for no reason of its own: its trace was kept before it came */
	TAIL_REASON__CNT = 9,
};

extern const char *const tail_reason_names[TAIL_REASON__CNT]; /* "rate_limit" */

static inline bool tail_reason__keeps(enum tail_reason r)
{
	return r >= TAIL_HEAD;
}

struct tail_stats {
	uint64_t spans[TAIL_REASON__CNT]; /* they and held_spans add up to all that came */
	uint64_t early_cnt;               /* traces decided before their time: max_bytes,
					   * max_traces, no memory */
	uint64_t lost_routes_cnt;         /* spans whose route found no place in the table */
	uint64_t held_spans, held_bytes;  /* now */
	uint32_t held_traces;             /* not decided yet, those without a span included */
};

struct tail;

struct tail *tail__new(const struct tail_config *c); /* NULL and errno: ENOMEM, EINVAL */
void tail__free(struct tail *t); /* accepts NULL; what is held is not kept, see tail__flush */

/* A request of this trace begins; ends, once for each begin and after its span, if there
 * was one. Times are CLOCK_MONOTONIC; one that goes back counts as the latest. */
void tail__begin(struct tail *t, const uint8_t trace_id[16], uint64_t now_ns);
void tail__end(struct tail *t, const uint8_t trace_id[16], uint64_t now_ns);

/* sampled: the head decision. Calls keep at once, for this span and earlier ones of its
 * trace, or later, or never. Its time is the latest that another call has named. */
void tail__span(struct tail *t, const struct span *s, bool sampled);

/* Decides what is due. When to be called next; UINT64_MAX: nothing waits. */
uint64_t tail__tick(struct tail *t, uint64_t now_ns);

void tail__flush(struct tail *t); /* decides everything: redeye ends */
void tail__stats(const struct tail *t, struct tail_stats *out);

#endif /* RED_TAIL_H */
