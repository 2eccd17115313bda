// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Its life, its thread, and what the event loop does. history_internal.h has the map. */
#include "history_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "loop.h"

#define MS  UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

enum {
	QUEUE_BATCH = 256,
	QUEUE_DELAY_MS = 100,
	CHUNKS = 512, /* so many make up the limit */
	CHUNK_MIN = 16384,
	CHUNK_MAX = 65536,
	QUEUE_SHARE = 8,    /* a part of the limit that spans in the queue may take besides it */
	SHRINK_MAX = 8,     /* a part of the limit that is always kept */
	GROW_SHARE = 8,     /* a part of the limit that comes back at a time */
	GROW_SECONDS = 600, /* so long nobody asked for less; at most: */
	GROW_SECONDS_MAX = GROW_SECONDS * 128,
	SLACK_SECONDS = 10, /* the aggregation may be that much older than we are */
	SETTLE_MS = 5,      /* behind the second, for what the loop has under way */
	IDLE_MS = 1500,     /* without traffic snapshots are this far apart: requests in flight */
};

/* ---- the event loop ---------------------------------------------------------------------- */

/* One writer, so no locked addition. */
static void count(_Atomic uint64_t *counter)
{
	uint64_t n = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, n + 1, memory_order_relaxed);
}

static uint64_t queue_bytes(const struct history_config *c)
{
	uint64_t share = c->limit_bytes / QUEUE_SHARE;

	return share > HISTORY_LIMIT_MIN ? share : HISTORY_LIMIT_MIN;
}

/* Not kept, but there is somebody who wants to see it. The rest of the queue is for what is kept.
 */
static void offer_to_watchers(struct history *h, const struct span *s)
{
	struct span_queue_stats st;
	struct span copy;

	span_queue__stats(h->queue, &st);
	if (st.queued >= HISTORY_QUEUE_WATCHED || st.bytes >= queue_bytes(&h->cfg) / 4 * 3) {
		count(&h->unwatched);
		return;
	}
	copy = *s;
	copy.flags |= SPAN_NOT_KEPT;
	span_queue__add(h->queue, &copy);
}

void history__span(struct history *h, const struct span *s)
{
	count(&h->offered);
	if (admit__span(&h->admit, s)) {
		span_queue__add(h->queue, s);
		return;
	}
	count(&h->not_chosen);
	if (atomic_load_explicit(&h->span_watches, memory_order_relaxed))
		offer_to_watchers(h, s);
}

void history__tick(struct history *h, uint64_t now_ns)
{
	uint32_t second = (uint32_t)(now_ns / SEC);

	if (second != h->admit.second)
		admit__second(&h->admit, second);
	span_queue__tick(h->queue, now_ns);
}

void history__shrink(struct history *h)
{
	atomic_fetch_add(&h->shrinks, 1);
}

/* ---- the thread -------------------------------------------------------------------------------
 */

/* Spans that nobody who watches has had a look at, since the last call. */
static uint64_t newly_unwatched(struct history *h)
{
	struct span_queue_stats st;
	uint64_t all, fresh;

	span_queue__stats(h->queue, &st);
	atomic_store(&h->queue_dropped, st.dropped);
	all = atomic_load(&h->unwatched) + st.dropped;
	fresh = all - h->unwatched_told;
	h->unwatched_told = all;
	return fresh;
}

static void keep_spans(struct history *h, const struct span_batch *b)
{
	uint32_t i;

	pthread_rwlock_wrlock(&h->lock);
	for (i = 0; i < b->n; i++)
		if (!(b->spans[i].flags & SPAN_NOT_KEPT))
			span_store__add(h, &b->spans[i], b->unix_minus_mono_ns);
	atomic_store(&h->n_spans, h->spans.n);
	pthread_rwlock_unlock(&h->lock);
	atomic_fetch_add(&h->generation, 1);
}

void history__take_spans(struct history *h, int timeout_ms)
{
	struct span_batch *b = span_queue__wait(h->queue, timeout_ms);
	uint64_t lost;

	if (!b)
		return;
	keep_spans(h, b);
	lost = newly_unwatched(h);
	if (atomic_load(&h->span_watches))
		watches__batch(h, b, lost);
	span_queue__done(h->queue, b);
}

static bool is_idle(const struct history *h, uint64_t offered, uint64_t now_ns)
{
	return offered == h->snapshot_offered && now_ns - h->snapshot_at_ns < IDLE_MS * MS;
}

static void second_is_over(struct history *h)
{
	uint64_t now = mono_ns(), offered = atomic_load(&h->offered);
	struct metrics *m = NULL;

	if (!is_idle(h, offered, now)) {
		if (h->cfg.snapshot(h->cfg.arg, &m)) {
			m = NULL;
			atomic_fetch_add(&h->step_failures, 1);
		} else {
			h->snapshot_offered = offered;
			h->snapshot_at_ns = now;
		}
	}
	history__step(h, m, unix_ns());
	metrics__put(m);
}

/* Milliseconds, rounded up, to a little behind the end of this second. That is never further
 * away than a second: when it is, somebody has set the clock back. */
static int ms_left(uint64_t due_ns)
{
	uint64_t now = unix_ns(), left = due_ns > now ? due_ns - now : 0;

	if (left > SEC + SETTLE_MS * MS)
		return 0;
	return left > SEC ? 1000 : (int)((left + MS - 1) / MS);
}

static uint64_t next_second(void)
{
	return (unix_ns() / SEC + 1) * SEC + SETTLE_MS * MS;
}

/* What frames and spans give up is enough, unless names fill what is left. */
static void keep_less(struct history *h, uint64_t limit)
{
	h->limit = limit > h->limit_min ? limit : h->limit_min;
	span_store__keep_limit(h);
	room__keep_limit(h);
	if (room__used(h) > h->limit)
		history__begin_again(h);
}

static void shrink(struct history *h, uint32_t asked)
{
	uint64_t used;

	for (; h->shrunk != asked; h->shrunk++) {
		used = room__used(h);
		keep_less(h, (used < h->limit ? used : h->limit) / 2);
	}
}

static bool may_grow(const struct history *h, uint64_t now_ns)
{
	return h->limit < h->cfg.limit_bytes && now_ns - h->limit_at_ns >= h->grow_seconds * SEC;
}

/* Little by little: memory may still be short. What it allows is taken when it is needed. */
static void grow(struct history *h)
{
	uint64_t most = h->cfg.limit_bytes, limit = h->limit + most / GROW_SHARE;

	h->limit = limit < most ? limit : most;
	h->grew = true;
}

/* Where it is short again for what was taken back, the next time takes longer. */
static void wait_longer(struct history *h)
{
	if (h->grew && h->grow_seconds < GROW_SECONDS_MAX)
		h->grow_seconds *= 2;
	h->grew = false;
}

void history__settle_limit(struct history *h, uint64_t now_ns)
{
	uint32_t asked = atomic_load(&h->shrinks);

	if (asked == h->shrunk && !may_grow(h, now_ns))
		return;
	pthread_rwlock_wrlock(&h->lock);
	if (asked != h->shrunk) {
		shrink(h, asked);
		wait_longer(h);
	} else {
		grow(h);
	}
	h->limit_at_ns = now_ns;
	pthread_rwlock_unlock(&h->lock);
}

static void *run(void *arg)
{
	struct history *h = arg;
	uint64_t due = next_second();
	int left;

	while (!atomic_load(&h->stop)) {
		left = ms_left(due);
		history__take_spans(h, left);
		history__settle_limit(h, mono_ns());
		if (ms_left(due))
			continue;
		second_is_over(h);
		due = next_second();
	}
	return NULL;
}

static int start(struct history *h)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&h->thread, NULL, run, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	h->has_thread = true;
	pthread_setname_np(h->thread, "history");
	return 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void init_locks(struct history *h)
{
	pthread_rwlockattr_t writer_first;
	pthread_condattr_t monotonic;

	/* Readers that follow each other without a break must not stop the clock. */
	pthread_rwlockattr_init(&writer_first);
	pthread_rwlockattr_setkind_np(&writer_first, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&h->lock, &writer_first);
	pthread_rwlockattr_destroy(&writer_first);
	pthread_mutex_init(&h->watch_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&h->watched, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static void init_admit(struct history *h)
{
	struct admit *a = &h->admit;

	if (getrandom(&a->seed, sizeof(a->seed), GRND_NONBLOCK) != sizeof(a->seed))
		a->seed = mono_ns();
	a->slots = room__alloc(h, ROOM_TABLES, ADMIT_SLOTS * sizeof(*a->slots));
	a->wanted = room__alloc(h, ROOM_TABLES, ADMIT_WANTED * sizeof(*a->wanted));
	a->second = (uint32_t)(mono_ns() / SEC);
	a->rare_after = 10;
}

static void init_frames(struct history *h, uint64_t begin_unix_ns)
{
	h->frames[FINE].chunks.room = ROOM_FINE;
	h->frames[FINE].step = HISTORY_FINE_STEP;
	h->frames[COARSE].chunks.room = ROOM_COARSE;
	h->frames[COARSE].step = HISTORY_COARSE_STEP;
	history__begin_at(h, begin_unix_ns);
	h->begin_ns -= SLACK_SECONDS * SEC;
}

static uint32_t chunk_bytes(uint64_t limit)
{
	uint64_t n = limit / CHUNKS & ~UINT64_C(15);

	/* What malloc adds makes it a round number. */
	return (uint32_t)(n < CHUNK_MIN ? CHUNK_MIN : n > CHUNK_MAX ? CHUNK_MAX : n) - 8;
}

struct history *history__bare(const struct history_config *c, uint64_t begin_unix_ns)
{
	const struct span_queue_config qc = { HISTORY_QUEUE, QUEUE_BATCH, QUEUE_DELAY_MS * MS,
					      queue_bytes(c) };
	struct history *h;

	if (c->limit_bytes < HISTORY_LIMIT_MIN) {
		errno = EINVAL;
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->cfg = *c;
	h->limit = c->limit_bytes;
	h->grow_seconds = GROW_SECONDS;
	h->limit_min = c->limit_bytes / SHRINK_MAX > HISTORY_LIMIT_MIN ? c->limit_bytes / SHRINK_MAX
								       : HISTORY_LIMIT_MIN;
	h->chunk_bytes = chunk_bytes(h->limit);
	init_locks(h);
	init_frames(h, begin_unix_ns);
	init_admit(h);
	h->queue = span_queue__new(&qc);
	if (h->queue && h->admit.slots && h->admit.wanted && !span_store__init(h) &&
	    !endpoints__init(h))
		return h;
	history__free(h);
	errno = ENOMEM;
	return NULL;
}

struct history *history__new(const struct history_config *c)
{
	struct history *h = history__bare(c, unix_ns());
	int err = h ? start(h) : 0;

	if (!err)
		return h;
	history__free(h);
	errno = -err;
	return NULL;
}

static void free_names(struct history *h)
{
	hseries__forget_all(h);
	table_of__free(h, &h->series);
	table_of__free(h, &h->routes);
	table_of__free(h, &h->services);
}

void history__free(struct history *h)
{
	if (!h)
		return;
	history__shutdown(h);
	atomic_store(&h->stop, true);
	if (h->queue)
		span_queue__stop(h->queue);
	if (h->has_thread)
		pthread_join(h->thread, NULL);
	span_queue__free(h->queue);
	span_store__free(h);
	endpoints__free(h);
	free_names(h);
	frames__clear(h, &h->frames[FINE]);
	frames__clear(h, &h->frames[COARSE]);
	room__free(h, ROOM_TABLES, h->admit.slots, ADMIT_SLOTS * sizeof(*h->admit.slots));
	room__free(h, ROOM_TABLES, h->admit.wanted, ADMIT_WANTED * sizeof(*h->admit.wanted));
	buf__free(&h->point.key);
	pthread_cond_destroy(&h->watched);
	pthread_mutex_destroy(&h->watch_lock);
	pthread_rwlock_destroy(&h->lock);
	free(h);
}

/* ---- state ------------------------------------------------------------------------------------
 */

static struct history_range range_of(const struct frames *f)
{
	return (struct history_range){ f->from < f->end ? f->from : f->end, f->end };
}

static int64_t oldest_span(const struct history *h)
{
	int64_t oldest = 0, start;
	int i;

	for (i = 0; i < RINGS; i++) {
		const struct chunk *c = h->spans.rings[i].oldest;

		if (!c)
			continue;
		start = record__start((const struct record *)c->data);
		if (!oldest || start < oldest)
			oldest = start;
	}
	return oldest;
}

void history__state(struct history *h, struct history_state *out)
{
	*out = (struct history_state){ .generation = atomic_load(&h->generation) };
	pthread_rwlock_rdlock(&h->lock);
	out->limit_bytes = h->limit;
	out->bytes = room__used(h);
	out->series = h->series.n;
	out->fine = range_of(&h->frames[FINE]);
	out->coarse = range_of(&h->frames[COARSE]);
	out->spans = h->spans.n;
	out->spans_from_ns = oldest_span(h);
	pthread_rwlock_unlock(&h->lock);
	out->spans_left_out = atomic_load(&h->not_chosen) + atomic_load(&h->no_room) +
			      atomic_load(&h->queue_dropped);
}
