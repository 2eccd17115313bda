// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Rows: each series that a filter wants is given the row it is added up in, then the frames
 * are read once. Numbers of services, routes and series are indexes, so nothing is searched
 * for while they are.
 */
#include "history_internal.h"

#include <stdlib.h>
#include <string.h>

struct rows_query {
	struct history *h;
	const struct history_filter *filter;
	int by;
	struct history_rows *rows;
	struct result_arena *arena;
	size_t size; /* of rows->v */
	struct plan plan;

	/* by number; 0: none, else 1 + the row */
	uint32_t *of_series, *of_route, *of_service[2];
	/* by row */
	uint32_t *before; /* of the same route: see row_of_status */
	bool *present;    /* a snapshot has one of its series */
	struct frame_target *targets;
	uint8_t *services;
	uint32_t spark; /* the part that the present step belongs to */
	uint32_t time;
};

/* ---- from names to rows --------------------------------------------------------------- */

static uint32_t new_row(struct rows_query *q, const struct hroute *r, const char *status)
{
	struct history_row *row;

	if (q->rows->n == q->size)
		return 0;
	row = &q->rows->v[q->rows->n++];
	row->name.service = r->service->name;
	row->name.namespace = r->service->namespace;
	row->name.kind = r->name.kind;
	if (q->by == HISTORY_BY_ROUTE || q->by == HISTORY_BY_STATUS)
		row->name = (struct history_name){
			r->service->name, r->service->namespace, r->name.kind, r->name.protocol,
			r->name.method,   r->name.route,         r->name.peer, status,
		};
	if (q->by == HISTORY_BY_PEER)
		row->name.peer = r->name.peer;
	return (uint32_t)q->rows->n;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* One for each status of the route: of_route is the last of them, each has the one before it. */
static uint32_t row_of_status(struct rows_query *q, const struct hseries *s)
{
	uint32_t *last = &q->of_route[s->route->node.id], n;

	for (n = *last; n; n = q->before[n - 1])
		if (same(q->rows->v[n - 1].name.status, s->status))
			return n;
	n = new_row(q, s->route, s->status);
	if (n) {
		q->before[n - 1] = *last;
		*last = n;
	}
	return n;
}

/* One for each peer of the service. */
static uint32_t row_of_peer(struct rows_query *q, const struct hroute *r)
{
	size_t i;

	/* Rows of a service follow each other: see give_rows. */
	for (i = q->rows->n; i-- && q->rows->v[i].name.service == r->service->name;)
		if (same(q->rows->v[i].name.peer, r->name.peer))
			return (uint32_t)i + 1;
	return new_row(q, r, NULL);
}

static uint32_t row_of(struct rows_query *q, const struct hseries *s)
{
	const struct hroute *r = s->route;
	uint32_t *of = q->by == HISTORY_BY_SERVICE
			       ? &q->of_service[r->name.kind][r->service->node.id]
			       : &q->of_route[r->node.id];

	if (q->by == HISTORY_BY_STATUS)
		return row_of_status(q, s);
	if (!*of)
		*of = q->by == HISTORY_BY_PEER ? row_of_peer(q, r) : new_row(q, r, NULL);
	return *of;
}

static void add_series(struct rows_query *q, const struct hseries *s)
{
	uint32_t n = row_of(q, s);
	struct history_row *row = n ? &q->rows->v[n - 1] : NULL;

	if (!row)
		return;
	q->of_series[s->node.id] = n;
	q->targets[s->node.id] = (struct frame_target){ &row->dist, s->error };
	q->services[s->route->service->node.id] = 1;
	if (s->counted > row->last)
		row->last = s->counted;
	if (s->seen != q->h->snapshot)
		return;
	q->present[n - 1] = true;
	row->total_count += s->count;
	row->total_errors += s->error ? s->count : 0;
	if (q->by == HISTORY_BY_SERVICE && row->name.kind == SPAN_SERVER)
		row->in_flight = s->route->service->in_flight;
}

static void give_rows(struct rows_query *q)
{
	const struct history *h = q->h;
	const struct hroute *last = NULL;
	const struct hservice *v;
	const struct hseries *s;
	bool wanted = false;
	uint32_t i;

	for (i = 0; i < h->services.n_ids; i++) {
		v = (const struct hservice *)h->services.by_id[i];
		if (!v || !match__service(q->filter, v))
			continue;
		for (s = v->first; s; s = s->next_in_service) {
			if (s->route != last)
				wanted = match__route(q->filter, s->route);
			last = s->route;
			if (wanted &&
			    match__status(q->filter->status, s->status, s->class, s->error))
				add_series(q, s);
		}
	}
}

/* ---- from frames to rows ----------------------------------------------------------------- */

static void on_step(struct frame_query *f, uint32_t time)
{
	struct rows_query *q = f->arg;
	const struct history_rows *r = q->rows;

	q->spark = r->n_spark - 1 - (r->range.to - 1 - time) / r->spark_part;
}

static void on_row(struct frame_query *f, uint32_t series, uint64_t count)
{
	struct rows_query *q = f->arg;
	struct history_row *row = &q->rows->v[q->of_series[series] - 1];

	row->spark_count[q->spark] += (uint32_t)count;
	row->spark_errors[q->spark] += f->targets[series].error ? (uint32_t)count : 0;
}

static int give_sparks(struct rows_query *q)
{
	struct history_rows *r = q->rows;
	uint32_t *v;
	size_t i;

	if (!r->n_spark || !r->n)
		return 0;
	v = result_arena__alloc(q->arena, r->n * r->n_spark * 2 * sizeof(*v));
	if (!v)
		return -1;
	memset(v, 0, r->n * r->n_spark * 2 * sizeof(*v));
	for (i = 0; i < r->n; i++) {
		r->v[i].spark_count = v + 2 * i * r->n_spark;
		r->v[i].spark_errors = v + (2 * i + 1) * r->n_spark;
	}
	return 0;
}

static void read_frames(struct rows_query *q)
{
	struct frame_query f = { .services = q->services, .targets = q->targets, .arg = q };

	if (q->rows->n_spark) {
		f.step = on_step;
		f.row = on_row;
	}
	plan__read(&q->plan, &f);
}

/* ---- the result -------------------------------------------------------------------------- */

/* Leaves out what has neither present series nor traffic. */
static void tidy(struct rows_query *q)
{
	struct history_rows *r = q->rows;
	size_t i, n = 0;

	for (i = 0; i < r->n; i++)
		if (q->present[i] || r->v[i].dist.count) {
			if (n < i)
				r->v[n] = r->v[i];
			n++;
		}
	r->n = n;
}

/* Names become the result's own. Equal pointers of services come one after the other. */
static int copy_names(struct rows_query *q)
{
	const char *service = NULL, *mine[2] = { NULL, NULL };
	size_t i;

	for (i = 0; i < q->rows->n; i++) {
		struct history_name *n = &q->rows->v[i].name, was = *n;

		if (was.service != service) {
			service = was.service;
			mine[0] = result_arena__text(q->arena, was.service);
			mine[1] = result_arena__text(q->arena, was.namespace);
		}
		n->service = mine[0];
		n->namespace = mine[1];
		n->protocol = result_arena__text(q->arena, was.protocol);
		n->method = result_arena__text(q->arena, was.method);
		n->route = result_arena__text(q->arena, was.route);
		n->peer = result_arena__text(q->arena, was.peer);
		n->status = result_arena__text(q->arena, was.status);
		if (!n->service || !n->namespace || (was.protocol && !n->protocol) ||
		    (was.method && !n->method) || (was.route && !n->route) ||
		    (was.peer && !n->peer) || (was.status && !n->status))
			return -1;
	}
	return 0;
}

static size_t most_rows(const struct rows_query *q)
{
	const struct history *h = q->h;

	return q->by == HISTORY_BY_SERVICE  ? 2 * (size_t)h->services.n
	       : q->by == HISTORY_BY_STATUS ? h->series.n
					    : h->routes.n;
}

/* One piece for all that is by number. */
static void *scratch(struct rows_query *q)
{
	const struct history *h = q->h;
	size_t series = h->series.n_ids, routes = h->routes.n_ids, services = h->services.n_ids;
	size_t bytes = series * (sizeof(*q->targets) + sizeof(*q->of_series)) +
		       routes * sizeof(*q->of_route) + services * (2 * sizeof(uint32_t) + 1) +
		       q->size * (sizeof(*q->before) + sizeof(*q->present));
	char *at = calloc(1, bytes + 1);

	if (!at)
		return NULL;
	q->targets = (void *)at;
	q->of_series = (void *)(q->targets + series);
	q->of_route = q->of_series + series;
	q->of_service[0] = q->of_route + routes;
	q->of_service[1] = q->of_service[0] + services;
	q->before = q->of_service[1] + services;
	q->services = (void *)(q->before + q->size);
	q->present = (void *)(q->services + services);
	return at;
}

static uint32_t round_up(uint32_t n, uint32_t step)
{
	return (n + step - 1) / step * step;
}

/* Parts of whole steps, or some would be empty and others have twice as much as they should. */
static void divide(struct rows_query *q, uint32_t at_most)
{
	struct history_rows *r = q->rows;
	const struct plan *p = &q->plan;
	uint32_t length = p->range.to - p->range.from, step = HISTORY_FINE_STEP;

	if (!at_most || !length)
		return;
	if (p->piece[0].frames == &q->h->frames[COARSE])
		step = HISTORY_COARSE_STEP;
	r->spark_part = round_up((length + at_most - 1) / at_most, step);
	r->n_spark = (length + r->spark_part - 1) / r->spark_part;
}

static int collect(struct rows_query *q, struct history_range r, uint32_t sparks)
{
	void *room;
	int err;

	plan__make(q->h, r, true, &q->plan);
	divide(q, sparks < HISTORY_SPARK_MAX ? sparks : HISTORY_SPARK_MAX);
	if (q->rows->spark_part % HISTORY_COARSE_STEP == 0)
		plan__make(q->h, r, false, &q->plan);
	q->rows->range = q->plan.range;
	q->rows->step = q->plan.step;
	q->size = most_rows(q);
	q->rows->v = calloc(q->size ? q->size : 1, sizeof(*q->rows->v));
	room = scratch(q);
	err = q->rows->v && room ? 0 : -1;
	if (!err) {
		give_rows(q);
		err = give_sparks(q);
	}
	if (!err) {
		read_frames(q);
		tidy(q);
		err = copy_names(q);
	}
	free(room);
	return err;
}

struct history_rows *rows__make(struct history *h, const struct history_filter *f,
				struct history_range r, int by, uint32_t n_spark)
{
	struct rows_query q = { .h = h, .filter = f, .by = by };
	int err = -1;

	q.rows = calloc(1, sizeof(*q.rows));
	q.arena = result_arena__new();
	if (q.rows && q.arena) {
		pthread_rwlock_rdlock(&h->lock);
		err = collect(&q, r, n_spark);
		pthread_rwlock_unlock(&h->lock);
	}
	if (!err) {
		q.rows->memory = q.arena;
		return q.rows;
	}
	result_arena__free(q.arena);
	if (q.rows)
		free(q.rows->v);
	free(q.rows);
	return NULL;
}

struct history_rows *history__rows(struct history *h, const struct history_filter *f,
				   struct history_range r, enum history_group by, uint32_t n_spark)
{
	return rows__make(h, f, r, (int)by, n_spark);
}

void history_rows__free(struct history_rows *r)
{
	if (!r)
		return;
	result_arena__free(r->memory);
	free(r->v);
	free(r);
}
