// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * GET /api/v1/graph: services, what they call that is no service here, and the calls. All that
 * is a node is collected, sorted and made unique; an edge then finds its ends. What a
 * service served beyond the edges that lead to it came from clients that nobody watches.
 */
#include "api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct node {
	const char *name, *namespace; /* namespace NULL: a peer, no service */
	const struct history_dist *served;
	uint64_t seen_count, seen_errors; /* of `served`, by its clients */
};

struct graph {
	const struct history_rows *rows; /* servers and clients */
	const struct history_edges *edges;
	struct node *nodes;
	size_t n;
};

static const struct history_dist nothing;

/* ---- nodes --------------------------------------------------------------------------- */

static int compare(const void *va, const void *vb)
{
	const struct node *a = va, *b = vb;
	int c = api_rows__cmp(a->namespace, b->namespace);

	return c ? c : api_rows__cmp(a->name, b->name);
}

static void unite(struct graph *g)
{
	size_t i, n = 0;

	if (g->n)
		qsort(g->nodes, g->n, sizeof(*g->nodes), compare);
	for (i = 0; i < g->n; i++) {
		if (!n || compare(&g->nodes[n - 1], &g->nodes[i]))
			g->nodes[n++] = g->nodes[i];
		else if (g->nodes[i].served)
			g->nodes[n - 1].served = g->nodes[i].served;
	}
	g->n = n;
}

static struct node end_of(const struct history_edge *e)
{
	if (e->to_service)
		return (struct node){ e->to_service, e->to_namespace ? e->to_namespace : "", NULL,
				      0, 0 };
	return (struct node){ e->peer ? e->peer : "", NULL, NULL, 0, 0 };
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void collect(struct graph *g)
{
	for (size_t i = 0; i < g->rows->n; i++) {
		const struct history_row *row = &g->rows->v[i];

		g->nodes[g->n++] =
			(struct node){ or_empty(row->name.service), or_empty(row->name.namespace),
				       row->name.kind == SPAN_SERVER ? &row->dist : NULL, 0, 0 };
	}
	for (size_t i = 0; i < g->edges->n; i++) {
		const struct history_edge *e = &g->edges->v[i];

		g->nodes[g->n++] = (struct node){ or_empty(e->from_service),
						  or_empty(e->from_namespace), NULL, 0, 0 };
		g->nodes[g->n++] = end_of(e);
	}
	unite(g);
}

static struct node *find(struct graph *g, struct node key)
{
	return bsearch(&key, g->nodes, g->n, sizeof(key), compare);
}

static void count_seen(struct graph *g)
{
	for (size_t i = 0; i < g->edges->n; i++) {
		struct node *to = find(g, end_of(&g->edges->v[i]));

		to->seen_count += g->edges->v[i].dist.count;
		to->seen_errors += g->edges->v[i].dist.errors;
	}
}

static uint64_t unseen(const struct node *n)
{
	uint64_t count = n->served ? n->served->count : 0;

	return count > n->seen_count ? count - n->seen_count : 0;
}

/* ---- JSON ---------------------------------------------------------------------------- */

/* Plain names stay what they are; a service that could be taken for something else, or has a
 * namespace, does not. */
static void write_id(struct buf *out, const struct node *n)
{
	struct buf id = { 0 };
	bool plain = n->namespace && !*n->namespace && !strchr(n->name, ':') &&
		     strcmp(n->name, "clients") != 0;

	if (!plain)
		buf__puts(&id, n->namespace ? "service:" : "peer:");
	if (!plain && n->namespace) {
		api_json__percent(&id, slice_of(n->namespace));
		buf__putc(&id, '/');
	}
	buf__puts(&id, n->name);
	api_json__slice(out, (struct slice){ id.p, id.len });
	if (id.err)
		out->err = id.err;
	buf__free(&id);
}

static void write_null_stats(struct buf *out)
{
	buf__puts(out, ",\"count\":null,\"rate\":null,\"errors\":null,\"error_ratio\":null"
		       ",\"mean\":null,\"p50\":null,\"p95\":null,\"p99\":null");
}

static void write_node(struct buf *out, const struct node *n, struct history_range r)
{
	api_json__next(out);
	buf__puts(out, "{\"id\":");
	write_id(out, n);
	api_json__key(out, "name");
	api_json__string(out, n->name);
	api_json__key(out, "namespace");
	api_json__string(out, n->namespace);
	api_json__key(out, "kind");
	api_json__string(out, n->namespace ? "service" : "external");
	if (n->namespace)
		api_json__stats(out, n->served ? n->served : &nothing, r);
	else
		write_null_stats(out);
	buf__putc(out, '}');
}

static void write_edge(struct buf *out, struct graph *g, const struct history_edge *e)
{
	struct node from = { or_empty(e->from_service), or_empty(e->from_namespace), NULL, 0, 0 };
	struct node to = end_of(e);

	api_json__next(out);
	buf__puts(out, "{\"from\":");
	write_id(out, &from);
	api_json__key(out, "to");
	write_id(out, &to);
	api_json__key(out, "seen");
	buf__puts(out, "\"client\"");
	api_json__stats(out, &e->dist, g->edges->range);
	buf__putc(out, '}');
}

/* Of which it is not known how long they took: only all that was served was measured. */
static void write_other_clients(struct buf *out, const struct node *n, struct history_range r)
{
	uint64_t count = unseen(n), errors = n->served ? n->served->errors : 0;
	double seconds = r.to > r.from ? r.to - r.from : 0;

	if (!count)
		return;
	errors = errors > n->seen_errors ? errors - n->seen_errors : 0;
	errors = errors < count ? errors : count;
	api_json__next(out);
	buf__puts(out, "{\"from\":\"clients\",\"to\":");
	write_id(out, n);
	buf__puts(out, ",\"seen\":\"server\",\"count\":");
	api_json__number(out, (double)count);
	api_json__key(out, "rate");
	api_json__number(out, seconds > 0 ? (double)count / seconds : 0);
	api_json__key(out, "errors");
	api_json__number(out, (double)errors);
	api_json__key(out, "error_ratio");
	api_json__number(out, (double)errors / (double)count);
	buf__puts(out, ",\"mean\":null,\"p50\":null,\"p95\":null,\"p99\":null}");
}

static bool has_other_clients(const struct graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (unseen(&g->nodes[i]))
			return true;
	return false;
}

static void write_graph(struct buf *out, struct graph *g)
{
	size_t i;

	buf__putc(out, '{');
	api_json__range(out, g->rows->range);
	buf__puts(out, ",\"nodes\":[");
	for (i = 0; i < g->n; i++)
		write_node(out, &g->nodes[i], g->rows->range);
	if (has_other_clients(g)) {
		api_json__next(out);
		buf__puts(out, "{\"id\":\"clients\",\"name\":\"other clients\",\"namespace\":null"
			       ",\"kind\":\"clients\"");
		write_null_stats(out);
		buf__putc(out, '}');
	}
	buf__puts(out, "],\"edges\":[");
	for (i = 0; i < g->edges->n; i++)
		write_edge(out, g, &g->edges->v[i]);
	for (i = 0; i < g->n; i++)
		write_other_clients(out, &g->nodes[i], g->rows->range);
	buf__puts(out, "]}");
}

unsigned int api_graph__answer(struct api *a, const struct api_request *r,
			       const struct api_query *q, struct buf *out)
{
	struct history *h = a->config.history;
	struct history_range range = api_query__range(q, h);
	struct history_rows *rows = history__rows(h, &q->filter, range, HISTORY_BY_SERVICE, 0);
	struct history_edges *edges = history__edges(h, range);
	struct graph g = { .rows = rows, .edges = edges };

	if (rows && edges)
		g.nodes = calloc(rows->n + 2 * edges->n + 1, sizeof(*g.nodes));
	if (g.nodes) {
		collect(&g);
		count_seen(&g);
		write_graph(out, &g);
	} else {
		out->err = -ENOMEM;
	}
	free(g.nodes);
	history_edges__free(edges);
	history_rows__free(rows);
	return 200;
}
