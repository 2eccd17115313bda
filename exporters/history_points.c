// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Series over time: all that a filter wants, added up in points of equal length. */
#include "history_internal.h"

#include <stdlib.h>

struct points_query {
	const struct history *h;
	struct history_series *out;
	struct history_point *point; /* of the present step */
};

static void on_step(struct frame_query *f, uint32_t time)
{
	struct points_query *q = f->arg;

	q->point = &q->out->v[(time - q->out->range.from) / q->out->step];
	f->sum = &q->point->dist;
}

static void on_row(struct frame_query *f, uint32_t series, uint64_t count)
{
	struct points_query *q = f->arg;

	q->point->classes[hseries__by_id(q->h, series)->class] += (uint32_t)count;
}

static void choose(const struct history *h, const struct history_filter *f, uint8_t *services,
		   struct frame_target *targets, struct history_dist *any)
{
	const struct hservice *v;
	const struct hseries *s;
	uint32_t i;

	for (i = 0; i < h->services.n_ids; i++) {
		v = (const struct hservice *)h->services.by_id[i];
		if (!v || !match__service(f, v))
			continue;
		for (s = v->first; s; s = s->next_in_service) {
			if (!match__route(f, s->route) ||
			    !match__status(f->status, s->status, s->class, s->error))
				continue;
			targets[s->node.id] = (struct frame_target){ any, s->error };
			services[i] = 1;
		}
	}
}

/* Seconds of a point: whole steps. */
static uint32_t point_length(const struct plan *p, bool coarse, uint32_t points)
{
	uint32_t length = p->range.to - p->range.from;
	uint32_t each = (length + points - 1) / points;
	uint32_t step = coarse ? HISTORY_COARSE_STEP : HISTORY_FINE_STEP;

	return (each + step - 1) / step * step;
}

static void plan_points(struct history *h, struct history_range r, uint32_t points, struct plan *p,
			uint32_t *length)
{
	bool coarse;

	plan__make(h, r, true, p);
	coarse = p->n && p->piece[0].frames == &h->frames[COARSE];
	*length = p->n ? point_length(p, coarse, points) : 1;
	if (*length % HISTORY_COARSE_STEP == 0 && p->range.from % HISTORY_COARSE_STEP == 0)
		plan__make(h, r, false, p);
}

static int make_points(struct history_series *out, uint32_t length)
{
	size_t i;

	out->step = length;
	out->n = (out->range.to - out->range.from + length - 1) / length;
	out->v = calloc(out->n ? out->n : 1, sizeof(*out->v));
	for (i = 0; out->v && i < out->n; i++)
		out->v[i].from = out->range.from + (uint32_t)i * length;
	return out->v ? 0 : -1;
}

static int collect(struct history *h, const struct history_filter *f, struct history_range r,
		   uint32_t points, struct history_series *out)
{
	struct frame_target *targets = calloc(h->series.n_ids + 1, sizeof(*targets));
	uint8_t *services = calloc(h->services.n_ids + 1, 1);
	struct points_query q = { .h = h, .out = out };
	struct frame_query fq = {
		.services = services, .targets = targets, .step = on_step, .row = on_row, .arg = &q
	};
	struct history_dist any;
	struct plan p;
	uint32_t length;
	int err = -1;

	plan_points(h, r, points, &p, &length);
	out->range = p.range;
	if (targets && services)
		err = make_points(out, length);
	if (!err) {
		choose(h, f, services, targets, &any);
		plan__read(&p, &fq);
	}
	free(targets);
	free(services);
	return err;
}

struct history_series *history__series(struct history *h, const struct history_filter *f,
				       struct history_range r, uint32_t points)
{
	struct history_series *out = calloc(1, sizeof(*out));
	int err;

	if (!out)
		return NULL;
	points = points < 1 ? 1 : points > HISTORY_POINTS_MAX ? HISTORY_POINTS_MAX : points;
	pthread_rwlock_rdlock(&h->lock);
	err = collect(h, f, r, points, out);
	pthread_rwlock_unlock(&h->lock);
	if (!err)
		return out;
	history_series__free(out);
	return NULL;
}

void history_series__free(struct history_series *s)
{
	if (!s)
		return;
	free(s->v);
	free(s);
}
