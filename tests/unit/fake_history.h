/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A history that says what a test tells it to, and notes what it was asked. */
#ifndef RED_TEST_FAKE_HISTORY_H
#define RED_TEST_FAKE_HISTORY_H

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "history.h"

#define FAKE_ROWS  64
#define FAKE_SPANS 256

struct history {
	int unused;
};

static struct fake {
	bool no_memory;
	struct history_state state;
	size_t n_rows, n_edges, n_spans, n_points, n_traces;
	struct history_row rows[FAKE_ROWS];
	struct history_edge edges[FAKE_ROWS];
	struct history_span spans[FAKE_SPANS];
	struct history_point points[8];
	struct history_trace traces[8];
	bool complete;

	/* what was asked */
	atomic_int asked;
	struct history_filter filter;
	struct history_span_filter span_filter;
	struct history_range range;
	enum history_group group;
	enum history_order order;
	uint32_t n_spark, points_max;
	size_t offset, limit;

	/* watches: next returns when there is something */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int watches, ticks, spans_due;
	uint64_t lost;
	bool down;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct history the_history;

static inline struct history_dist dist_of(uint64_t count, uint64_t errors, double mean)
{
	struct history_dist d = { .count = count, .errors = errors, .sum = mean * (double)count };

	d.buckets[100] = (uint32_t)count;
	return d;
}

static inline void fake_reset(void)
{
	fake.no_memory = fake.complete = fake.down = false;
	fake.n_rows = fake.n_edges = fake.n_spans = fake.n_points = fake.n_traces = 0;
	fake.asked = fake.watches = fake.ticks = fake.spans_due = 0;
	fake.lost = 0;
	fake.state = (struct history_state){ .limit_bytes = 32 << 20,
					     .bytes = 1 << 20,
					     .series = 7,
					     .fine = { 1000000100, 1000001000 },
					     .coarse = { 999990000, 1000001000 },
					     .generation = 1 };
}

static inline struct history_row *fake_row(const char *service, enum span_kind kind,
					   struct history_dist d)
{
	struct history_row *row = &fake.rows[fake.n_rows++];

	*row = (struct history_row){
		.name = { .service = service, .namespace = "", .kind = kind },
		.dist = d,
		.total_count = 1000 + d.count,
		.total_errors = d.errors,
		.last = 1000000999,
	};
	return row;
}

/* ---- history.h ---- */

double history_bucket__bound(uint32_t i)
{
	return 1e-6 * exp2(i / 8.0);
}

/* The test's own: the mean, and a little more for higher ones. */
double history_dist__quantile(const struct history_dist *d, double q)
{
	return d->count ? d->sum / (double)d->count * (1 + q) : NAN;
}

static inline void *fake_zeroed(size_t n)
{
	atomic_fetch_add(&fake.asked, 1);
	return fake.no_memory ? NULL : calloc(1, n);
}

struct history_rows *history__rows(struct history *h, const struct history_filter *f,
				   struct history_range r, enum history_group by, uint32_t n_spark)
{
	struct history_rows *out = fake_zeroed(sizeof(*out));

	fake.filter = *f;
	fake.range = r;
	fake.group = by;
	fake.n_spark = n_spark;
	if (!out)
		return NULL;
	out->range = r;
	out->step = 1;
	out->n = fake.n_rows;
	out->n_spark = n_spark;
	out->spark_part = n_spark ? (out->range.to - out->range.from) / n_spark : 0;
	out->v = calloc(fake.n_rows + 1, sizeof(*out->v));
	memcpy(out->v, fake.rows, fake.n_rows * sizeof(*out->v));
	out->memory = calloc(2 * n_spark + 1, sizeof(uint32_t));
	for (size_t i = 0; i < out->n; i++) {
		out->v[i].spark_count = out->memory;
		out->v[i].spark_errors = (uint32_t *)out->memory + n_spark;
	}
	for (uint32_t i = 0; i < n_spark; i++) {
		((uint32_t *)out->memory)[i] = 4;
		((uint32_t *)out->memory)[n_spark + i] = 1;
	}
	return out;
}

void history_rows__free(struct history_rows *r)
{
	if (!r)
		return;
	free(r->memory);
	free(r->v);
	free(r);
}

struct history_series *history__series(struct history *h, const struct history_filter *f,
				       struct history_range r, uint32_t points)
{
	struct history_series *out = fake_zeroed(sizeof(*out));

	fake.filter = *f;
	fake.range = r;
	fake.points_max = points;
	if (!out)
		return NULL;
	out->range = r;
	out->step = 10;
	out->n = fake.n_points;
	out->v = calloc(fake.n_points + 1, sizeof(*out->v));
	memcpy(out->v, fake.points, fake.n_points * sizeof(*out->v));
	return out;
}

void history_series__free(struct history_series *s)
{
	if (s)
		free(s->v);
	free(s);
}

struct history_edges *history__edges(struct history *h, struct history_range r)
{
	struct history_edges *out = fake_zeroed(sizeof(*out));

	if (!out)
		return NULL;
	out->range = r;
	out->n = fake.n_edges;
	out->v = fake.edges;
	return out;
}

void history_edges__free(struct history_edges *e)
{
	free(e);
}

struct history_traces *history__traces(struct history *h, const struct history_span_filter *f,
				       enum history_order order, size_t offset, size_t limit)
{
	struct history_traces *out = fake_zeroed(sizeof(*out));

	fake.span_filter = *f;
	fake.order = order;
	fake.offset = offset;
	fake.limit = limit;
	if (!out)
		return NULL;
	out->total = fake.n_traces;
	out->n = offset < fake.n_traces ? fake.n_traces - offset : 0;
	out->n = out->n < limit ? out->n : limit;
	out->v = fake.traces + (out->n ? offset : 0);
	return out;
}

void history_traces__free(struct history_traces *t)
{
	free(t);
}

static inline struct history_spans *fake_spans(size_t n)
{
	struct history_spans *out = fake_zeroed(sizeof(*out));

	if (!out)
		return NULL;
	out->n = n;
	out->v = fake.spans;
	out->complete = fake.complete;
	return out;
}

struct history_spans *history__trace(struct history *h, const uint8_t trace_id[16])
{
	return fake_spans(fake.n_spans);
}

void history_spans__free(struct history_spans *s)
{
	free(s);
}

struct history_watch {
	bool spans;
};

struct history_watch *history__watch(struct history *h, const struct history_span_filter *f,
				     bool spans)
{
	struct history_watch *w = NULL;

	pthread_mutex_lock(&fake.lock);
	fake.span_filter = *f;
	errno = fake.no_memory ? ENOMEM : EBUSY;
	if (!fake.no_memory && fake.watches < HISTORY_WATCHES_MAX) {
		fake.watches++;
		w = calloc(1, sizeof(*w));
		w->spans = spans;
	}
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
	return w;
}

int history_watch__next(struct history_watch *w, int timeout_ms, struct history_spans **out,
			uint64_t *lost, bool *tick)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	pthread_mutex_lock(&fake.lock);
	while (!err && !fake.down && !fake.ticks && !fake.spans_due && !fake.lost)
		err = pthread_cond_timedwait(&fake.changed, &fake.lock, &until);
	*tick = fake.ticks > 0;
	fake.ticks -= *tick;
	*lost = fake.lost;
	fake.lost = 0;
	*out = fake.down ? NULL : fake_spans(w->spans ? (size_t)fake.spans_due : 0);
	fake.spans_due = 0;
	err = fake.down ? -ESHUTDOWN : *out ? 0 : -ENOMEM;
	pthread_mutex_unlock(&fake.lock);
	return err;
}

void history_watch__free(struct history_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&fake.lock);
	fake.watches--;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
	free(w);
}

void history__shutdown(struct history *h)
{
	pthread_mutex_lock(&fake.lock);
	fake.down = true;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
}

void history__state(struct history *h, struct history_state *out)
{
	*out = fake.state;
}

/* ---- events, on the test's thread ---- */

static inline void fake_happens(int ticks, int spans, uint64_t lost)
{
	pthread_mutex_lock(&fake.lock);
	fake.ticks += ticks;
	fake.spans_due += fake.spans_due + spans <= FAKE_SPANS ? spans : 0;
	fake.lost += lost;
	pthread_cond_broadcast(&fake.changed);
	pthread_mutex_unlock(&fake.lock);
}

static inline void fake_await_watches(int n)
{
	pthread_mutex_lock(&fake.lock);
	while (fake.watches != n)
		pthread_cond_wait(&fake.changed, &fake.lock);
	pthread_mutex_unlock(&fake.lock);
}

#endif /* RED_TEST_FAKE_HISTORY_H */
