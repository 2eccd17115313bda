// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who asks whom: clients' rows by peer, those whose peers are the same service in one. */
#include "history_internal.h"

#include <stdlib.h>

struct edges_query {
	struct history *h;
	const struct history_rows *rows;
	struct history_edges *out;
	struct result_arena *arena;
	const struct hservice **to; /* of out->v; NULL: a peer that we do not see */
};

/* Of the same client to the same service; edges of a client follow each other, and the
 * names of its rows are one piece of text. */
static struct history_edge *edge_to(const struct edges_query *q, const char *from,
				    const struct hservice *to)
{
	size_t i;

	for (i = q->out->n; to && i-- && q->out->v[i].from_service == from;)
		if (q->to[i] == to)
			return &q->out->v[i];
	return NULL;
}

static void add_row(struct edges_query *q, const struct history_row *row)
{
	const struct history_name *n = &row->name;
	const struct hservice *to = n->peer ? endpoints__resolve(q->h, n->peer) : NULL;
	struct history_edge *e = edge_to(q, n->service, to);

	if (e) {
		history_dist__add(&e->dist, &row->dist);
		return;
	}
	q->to[q->out->n] = to;
	e = &q->out->v[q->out->n++];
	e->from_service = n->service;
	e->from_namespace = n->namespace;
	e->peer = n->peer;
	e->dist = row->dist;
}

static int copy_names(struct edges_query *q)
{
	size_t i;

	for (i = 0; i < q->out->n; i++) {
		struct history_edge *e = &q->out->v[i];

		e->from_service = result_arena__text(q->arena, e->from_service);
		e->from_namespace = result_arena__text(q->arena, e->from_namespace);
		e->peer = result_arena__text(q->arena, e->peer ? e->peer : "");
		if (!e->from_service || !e->from_namespace || !e->peer)
			return -1;
		if (!q->to[i])
			continue;
		e->to_service = result_arena__text(q->arena, q->to[i]->name);
		e->to_namespace = result_arena__text(q->arena, q->to[i]->namespace);
		if (!e->to_service || !e->to_namespace)
			return -1;
	}
	return 0;
}

static int collect(struct edges_query *q)
{
	size_t i, n = q->rows->n + 1;
	int err;

	q->out->range = q->rows->range;
	q->out->memory = q->arena = result_arena__new();
	q->out->v = calloc(n, sizeof(*q->out->v));
	q->to = calloc(n, sizeof(*q->to));
	if (!q->arena || !q->out->v || !q->to)
		return -1;
	pthread_rwlock_rdlock(&q->h->lock);
	for (i = 0; i < q->rows->n; i++)
		if (q->rows->v[i].dist.count)
			add_row(q, &q->rows->v[i]);
	err = copy_names(q);
	pthread_rwlock_unlock(&q->h->lock);
	return err;
}

struct history_edges *history__edges(struct history *h, struct history_range r)
{
	static const struct history_filter clients = { .kind = SPAN_CLIENT };
	struct history_rows *rows = rows__make(h, &clients, r, HISTORY_BY_PEER, 0);
	struct edges_query q = { .h = h, .rows = rows, .out = calloc(1, sizeof(*q.out)) };
	int err = rows && q.out ? collect(&q) : -1;

	free(q.to);
	history_rows__free(rows);
	if (!err)
		return q.out;
	history_edges__free(q.out);
	return NULL;
}

void history_edges__free(struct history_edges *e)
{
	if (!e)
		return;
	result_arena__free(e->memory);
	free(e->v);
	free(e);
}
