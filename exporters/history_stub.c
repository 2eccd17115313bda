// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Stands in for the history until it is merged: empty. To be dropped then. */
#include "history.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

struct history {
	struct history_config c;
	bool down;
};

struct history_watch {
	struct history *h;
};

struct history *history__new(const struct history_config *c)
{
	struct history *h = calloc(1, sizeof(*h));

	if (h)
		h->c = *c;
	return h;
}

void history__free(struct history *h)
{
	free(h);
}

void history__span(struct history *h, const struct span *s)
{
}

void history__tick(struct history *h, uint64_t now_ns)
{
}

void history__shrink(struct history *h)
{
}

void history__selfmetrics(const struct history *h, struct self_builder *b)
{
}

double history_bucket__bound(uint32_t i)
{
	return 1e-6 * exp2(i / 8.0);
}

double history_dist__quantile(const struct history_dist *d, double q)
{
	return NAN;
}

struct history_rows *history__rows(struct history *h, const struct history_filter *f,
				   struct history_range r, enum history_group by, uint32_t n_spark)
{
	struct history_rows *rows = calloc(1, sizeof(*rows));

	if (rows)
		rows->range = r, rows->step = 1;
	return rows;
}

void history_rows__free(struct history_rows *r)
{
	free(r);
}

struct history_series *history__series(struct history *h, const struct history_filter *f,
				       struct history_range r, uint32_t points)
{
	struct history_series *s = calloc(1, sizeof(*s));

	if (s)
		s->range = r, s->step = 1;
	return s;
}

void history_series__free(struct history_series *s)
{
	free(s);
}

struct history_edges *history__edges(struct history *h, struct history_range r)
{
	return calloc(1, sizeof(struct history_edges));
}

void history_edges__free(struct history_edges *e)
{
	free(e);
}

struct history_traces *history__traces(struct history *h, const struct history_span_filter *f,
				       enum history_order order, size_t offset, size_t limit)
{
	return calloc(1, sizeof(struct history_traces));
}

void history_traces__free(struct history_traces *t)
{
	free(t);
}

struct history_spans *history__trace(struct history *h, const uint8_t trace_id[16])
{
	return calloc(1, sizeof(struct history_spans));
}

void history_spans__free(struct history_spans *s)
{
	free(s);
}

struct history_watch *history__watch(struct history *h, const struct history_span_filter *f,
				     bool spans)
{
	struct history_watch *w = calloc(1, sizeof(*w));

	if (w)
		w->h = h;
	return w;
}

int history_watch__next(struct history_watch *w, int timeout_ms, struct history_spans **out,
			uint64_t *lost, bool *tick)
{
	poll(NULL, 0, timeout_ms);
	*lost = 0;
	*tick = true;
	if (__atomic_load_n(&w->h->down, __ATOMIC_ACQUIRE))
		return -ESHUTDOWN;
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void history_watch__free(struct history_watch *w)
{
	free(w);
}

void history__shutdown(struct history *h)
{
	__atomic_store_n(&h->down, true, __ATOMIC_RELEASE);
}

void history__state(struct history *h, struct history_state *out)
{
	*out = (struct history_state){ .limit_bytes = h->c.limit_bytes,
				       .generation = (uint64_t)time(NULL) };
	out->fine.to = (uint32_t)time(NULL);
	out->fine.from = out->fine.to - 60;
}
