/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which request is the parent of which: the requests that a process serves, and
 * those that it sends meanwhile. See correlate.c for what counts as evidence.
 *
 * A wrong parent is worse than none: where it is not known, a request begins a
 * new trace. Owner: the event loop.
 */
#ifndef RED_CORRELATE_H
#define RED_CORRELATE_H

#include <stdbool.h>
#include <stdint.h>

#include "request.h"
#include "traceid.h"

struct red_ev_inject;
struct sampler;
struct correlate;

struct correlate_config {
	struct red_trace_key key;      /* the one that the kernel side has; zero in a replay */
	bool guess;                    /* option correlate: false leaves only what requests carry */
	const struct sampler *sampler; /* must outlive it */
	uint32_t max_processes;
	/* An open request is of another trace than was said when it began. May be NULL. */
	void (*moved)(void *arg, const uint8_t from_trace_id[16], const struct request *r);
	/* This process calls this peer for each request that it serves, or no more; for the
	 * kernel side. NULL: it does not need to know. */
	void (*regular)(void *arg, uint32_t tgid, const uint8_t addr[16], uint16_t port, bool on);
	void *arg;
};

struct correlate_stats {
	uint64_t links[2][TRACE_LINK__CNT]; /* requests by enum span_kind, enum trace_link */
	uint64_t ambiguous;                 /* client requests with several possible parents */
	uint64_t unproven;                  /* ... with one, whose habits are not known (yet) */
	uint64_t background;                /* ... sent while nothing was served */
	uint64_t late;                      /* servers whose other end was seen too late */
	uint32_t processes;                 /* that serve something now */
};

struct correlate *correlate__new(const struct correlate_config *c); /* NULL and errno */
void correlate__free(struct correlate *c);                          /* accepts NULL */

extern const char *const trace_link_names[TRACE_LINK__CNT];

/* Fills r->trace. Each begin has its end. The start of a client request may be moved
 * back, to when its receiver had it. */
void correlate__begin(struct correlate *c, struct request *r);
/* now_ns: when that became known; an answer that is missed was so for some time. */
void correlate__end(struct correlate *c, struct request *r, uint64_t now_ns);

/* The kernel side has written a context into a request whose record comes next. */
void correlate__injected(struct correlate *c, const struct red_ev_inject *ev);

/* This process serves requests that redeye cannot read: what it sends is nobody's. */
void correlate__opaque(struct correlate *c, uint32_t tgid);
void correlate__process_ended(struct correlate *c, uint32_t tgid);

const struct correlate_stats *correlate__stats(const struct correlate *c);

#endif /* RED_CORRELATE_H */
