/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What sender.c and sender_backlog.c share. */
#ifndef RED_SENDER_INTERNAL_H
#define RED_SENDER_INTERNAL_H

#include <pthread.h>

#include "log.h"
#include "sender.h"

/* A body that waits in memory. */
struct held {
	struct held *next;
	size_t len;
	uint32_t items;
	enum otlp_encoding encoding;
	char body[];
};

/* What waits: first what is in the spool, then what is in memory, in the order it came. */
struct backlog {
	struct spool *spool; /* NULL: none */
	uint64_t memory_bytes_max;
	struct held *first, *last;
	uint64_t held_bytes, held_items;
	uint64_t oversize_items; /* larger than the whole spool */
	uint64_t failed_appends; /* those items are in memory, or dropped and counted */
	struct buf read;         /* the body that was read back */
	struct log_limit spool_limit;
};

/* A body and what is known of it. */
struct parcel {
	const void *p;
	size_t len;
	uint32_t items;
	enum otlp_encoding encoding;
};

struct sender {
	struct sender_config c;
	struct sender_stats stats;
	atomic_bool stop;
	pthread_t thread;
	bool joined; /* the owner's */

	/* the thread's */
	struct backlog backlog;
	struct buf body;
	uint32_t attempt;     /* failures in a row */
	uint64_t retry_at_ns; /* nothing is sent before */
	uint64_t away_since_ns;
	uint64_t stop_at_ns; /* no request goes on behind it; 0: not stopped */
	struct log_limit away_limit, refused_limit, partial_limit, next_limit;
};

static inline void sender__add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void sender__set(_Atomic uint64_t *gauge, uint64_t n)
{
	atomic_store_explicit(gauge, n, memory_order_relaxed);
}

/* ---- sender_backlog.c ---- */

bool backlog__pending(const struct sender *s);
/* False: it was dropped itself. */
bool backlog__store(struct sender *s, const struct parcel *p);
/* The oldest. 1; 0: nothing waits; -errno: it cannot be had now. */
int backlog__oldest(struct sender *s, struct parcel *p);
void backlog__done(struct sender *s); /* with the oldest */
/* No memory holds anything after this. */
void backlog__close(struct sender *s);
void backlog__publish(struct sender *s); /* its figures to s->stats */

#endif /* RED_SENDER_INTERNAL_H */
