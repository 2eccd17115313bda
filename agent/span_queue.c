// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The loop fills one batch without a lock; only handing it over takes one. A
 * batch is a fixed small number of allocations, so the ring of batches that wait
 * is sized for the worst case, batches of one span.
 */
#include "span_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "loop.h"

struct span_queue {
	struct span_queue_config cfg;

	/* event loop */
	struct span_batch *filling;
	uint64_t due_ns; /* when `filling` is handed over */

	/* any thread */
	atomic_uint_fast64_t added, dropped, lost, hurry_ns;
	atomic_uint queued;
	atomic_uint_fast64_t bytes; /* of all batches that are not done */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct span_batch **ring; /* of max_queue */
	uint32_t first, n;
	bool stopped;
};

struct span_queue *span_queue__new(const struct span_queue_config *c)
{
	struct span_queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (!q)
		return NULL;
	q->cfg = *c;
	q->ring = calloc(c->max_queue, sizeof(*q->ring));
	if (!q->ring) {
		free(q);
		errno = ENOMEM;
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->changed, &attr);
	pthread_condattr_destroy(&attr);
	return q;
}

void span_queue__free(struct span_queue *q)
{
	if (!q)
		return;
	span_batch__free(q->filling);
	while (q->n) {
		span_batch__free(q->ring[q->first]);
		q->first = (q->first + 1) % q->cfg.max_queue;
		q->n--;
	}
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q->ring);
	free(q);
}

/* ---- the event loop ------------------------------------------------------------------ */

static uint64_t delay_ns(struct span_queue *q)
{
	uint64_t hurry = atomic_load_explicit(&q->hurry_ns, memory_order_relaxed);

	return hurry && hurry < q->cfg.delay_ns ? hurry : q->cfg.delay_ns;
}

/* All that a batch holds is taken back when it goes: see release. */
static void charge(struct span_queue *q, uint64_t bytes)
{
	atomic_fetch_add_explicit(&q->bytes, bytes, memory_order_relaxed);
}

static void release(struct span_queue *q, struct span_batch *b)
{
	uint64_t bytes = b ? b->bytes : 0;

	span_batch__free(b);
	atomic_fetch_sub_explicit(&q->bytes, bytes, memory_order_relaxed);
}

static void hand_over(struct span_queue *q)
{
	struct span_batch *b = q->filling;

	if (!b)
		return;
	q->filling = NULL;
	if (!b->n) { /* there was no memory for its first span */
		release(q, b);
		return;
	}
	pthread_mutex_lock(&q->lock);
	q->ring[(q->first + q->n++) % q->cfg.max_queue] = b;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

static bool is_full(struct span_queue *q)
{
	uint64_t bytes = atomic_load_explicit(&q->bytes, memory_order_relaxed);

	return atomic_load_explicit(&q->queued, memory_order_relaxed) >= q->cfg.max_queue ||
	       (q->cfg.max_bytes && bytes >= q->cfg.max_bytes);
}

static int begin_batch(struct span_queue *q)
{
	uint64_t now = mono_ns();

	q->filling = span_batch__new(q->cfg.max_batch, (int64_t)(unix_ns() - now));
	if (!q->filling)
		return -ENOMEM;
	charge(q, q->filling->bytes);
	q->due_ns = now + delay_ns(q);
	return 0;
}

/* What a failure leaves in the batch is memory, too. */
static int add_to_batch(struct span_queue *q, const struct span *s)
{
	size_t before = q->filling->bytes;
	int err = span_batch__add(q->filling, s);

	charge(q, q->filling->bytes - before);
	return err;
}

/* Over max_bytes by no more than what one span adds to its batch. */
void span_queue__add(struct span_queue *q, const struct span *s)
{
	if (is_full(q) || (!q->filling && begin_batch(q)) || add_to_batch(q, s)) {
		atomic_fetch_add_explicit(&q->dropped, 1, memory_order_relaxed);
		return;
	}
	atomic_fetch_add_explicit(&q->queued, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&q->added, 1, memory_order_relaxed);
	if (q->filling->n == q->cfg.max_batch || q->filling->bytes >= SPAN_BATCH_BYTES_MAX)
		hand_over(q);
}

uint64_t span_queue__tick(struct span_queue *q, uint64_t now_ns)
{
	uint64_t hurried;

	if (!q->filling)
		return UINT64_MAX;
	hurried = now_ns + delay_ns(q);
	if (hurried < q->due_ns)
		q->due_ns = hurried;
	if (now_ns < q->due_ns)
		return q->due_ns;
	hand_over(q);
	return UINT64_MAX;
}

void span_queue__stop(struct span_queue *q)
{
	hand_over(q);
	pthread_mutex_lock(&q->lock);
	q->stopped = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

/* ---- the exporter's thread -------------------------------------------------------------- */

static struct timespec deadline(int timeout_ms)
{
	return mono_timespec(mono_ns() + (uint64_t)timeout_ms * 1000000);
}

struct span_batch *span_queue__wait(struct span_queue *q, int timeout_ms)
{
	struct timespec until = deadline(timeout_ms);
	struct span_batch *b = NULL;
	int err = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->n && !q->stopped && !err)
		err = pthread_cond_timedwait(&q->changed, &q->lock, &until);
	if (q->n) {
		b = q->ring[q->first];
		q->first = (q->first + 1) % q->cfg.max_queue;
		q->n--;
	}
	pthread_mutex_unlock(&q->lock);
	return b;
}

void span_queue__done(struct span_queue *q, struct span_batch *b)
{
	if (b)
		atomic_fetch_sub_explicit(&q->queued, b->n, memory_order_relaxed);
	release(q, b);
}

void span_queue__lose(struct span_queue *q, struct span_batch *b)
{
	atomic_fetch_add_explicit(&q->lost, b->n, memory_order_relaxed);
	span_queue__done(q, b);
}

void span_queue__hurry(struct span_queue *q, uint64_t delay)
{
	atomic_store_explicit(&q->hurry_ns, delay, memory_order_relaxed);
}

/* ---- any thread --------------------------------------------------------------------------- */

bool span_queue__stopped(struct span_queue *q)
{
	bool stopped;

	pthread_mutex_lock(&q->lock);
	stopped = q->stopped;
	pthread_mutex_unlock(&q->lock);
	return stopped;
}

void span_queue__stats(struct span_queue *q, struct span_queue_stats *out)
{
	out->added = atomic_load_explicit(&q->added, memory_order_relaxed);
	out->dropped = atomic_load_explicit(&q->dropped, memory_order_relaxed);
	out->lost = atomic_load_explicit(&q->lost, memory_order_relaxed);
	out->queued = atomic_load_explicit(&q->queued, memory_order_relaxed);
	out->bytes = atomic_load_explicit(&q->bytes, memory_order_relaxed);
}
