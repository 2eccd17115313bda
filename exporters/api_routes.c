// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* GET /api/v1/routes. The history gives a row for each status; those of one route are added up
 * here, so that both come from one look at it. */
#include "api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"

#define STATUSES_MAX 64 /* of one route, in an answer */

/* Rows [begin, end) of one route; the first has the sum. */
struct route {
	size_t begin, end;
};

static int compare_routes(const struct history_name *a, const struct history_name *b)
{
	const char *const pairs[][2] = {
		{ a->service, b->service }, { a->namespace, b->namespace }, { a->route, b->route },
		{ a->method, b->method },   { a->protocol, b->protocol },   { a->peer, b->peer },
	};
	int c = 0;

	for (size_t i = 0; !c && i < sizeof(pairs) / sizeof(pairs[0]); i++)
		c = api_rows__cmp(pairs[i][0], pairs[i][1]);
	return c ? c : (int)a->kind - (int)b->kind;
}

static int by_name(const void *va, const void *vb)
{
	const struct history_name *a = &((const struct history_row *)va)->name;
	const struct history_name *b = &((const struct history_row *)vb)->name;
	int c = compare_routes(a, b);

	return c ? c : api_rows__cmp(a->status, b->status);
}

static bool wanted(const struct history_name *n, const char *q)
{
	return !q || api_rows__has(n->route, q) || api_rows__has(n->method, q) ||
	       api_rows__has(n->peer, q) || api_rows__has(n->service, q);
}

static size_t group(const struct history_rows *rows, const char *q, struct route *out)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (!wanted(&rows->v[i].name, q))
			continue;
		if (!n || compare_routes(&rows->v[out[n - 1].begin].name, &rows->v[i].name))
			out[n++].begin = i;
		out[n - 1].end = i + 1;
	}
	return n;
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void write_name(struct buf *out, const struct history_name *n)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "service", n->service },
		{ "namespace", n->namespace },
		{ "kind", n->kind == SPAN_CLIENT ? "client" : "server" },
		{ "protocol", n->protocol },
		{ "method", n->method },
		{ "route", n->route },
		{ "peer", n->peer },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		api_json__key(out, texts[i].key);
		api_json__string(out, texts[i].value);
	}
}

/* The counts before they are added up. */
static void write_statuses(struct buf *out, const struct history_row *v, const uint64_t *counts,
			   size_t n)
{
	size_t shown = 0;

	api_json__key(out, "statuses");
	buf__putc(out, '{');
	for (size_t i = 0; i < n && shown < STATUSES_MAX; i++) {
		if (!counts[i])
			continue;
		api_json__next(out);
		json_text__string(out, slice_of(v[i].name.status ? v[i].name.status : "none"));
		buf__putc(out, ':');
		json_text__uint(out, counts[i]);
		shown++;
	}
	buf__putc(out, '}');
}

struct written {
	const struct history_rows *rows;
	const struct route *routes;
	const uint64_t *counts;
};

static void write_route(struct buf *out, size_t i, const void *arg)
{
	const struct written *w = arg;
	const struct route *route = &w->routes[i];
	const struct history_row *row = &w->rows->v[route->begin];

	api_json__next(out);
	buf__putc(out, '{');
	write_name(out, &row->name);
	api_json__stats(out, &row->dist, w->rows->range);
	api_json__key(out, "total_count");
	api_json__number(out, (double)row->total_count);
	api_json__key(out, "total_errors");
	api_json__number(out, (double)row->total_errors);
	write_statuses(out, row, w->counts + route->begin, route->end - route->begin);
	buf__putc(out, '}');
}

static void add_up(struct history_rows *rows, const struct route *route, uint64_t *counts)
{
	struct history_row *first = &rows->v[route->begin];

	counts[route->begin] = first->dist.count;
	for (size_t i = route->begin + 1; i < route->end; i++) {
		counts[i] = rows->v[i].dist.count;
		history_dist__add(&first->dist, &rows->v[i].dist);
		first->total_count += rows->v[i].total_count;
		first->total_errors += rows->v[i].total_errors;
	}
}

unsigned int api_routes__answer(struct api *a, const struct api_request *r,
				const struct api_query *q, struct buf *out)
{
	struct history *h = a->config.history;
	struct history_rows *rows =
		history__rows(h, &q->filter, api_query__range(q, h), HISTORY_BY_STATUS, 0);
	size_t room = rows ? rows->n + 1 : 0, n;
	struct route *routes = calloc(room, sizeof(*routes));
	struct api_place *order = calloc(room, sizeof(*order));
	uint64_t *counts = calloc(room, sizeof(*counts));

	if (rows && routes && order && counts) {
		if (rows->n)
			qsort(rows->v, rows->n, sizeof(*rows->v), by_name);
		n = group(rows, q->q, routes);
		for (size_t i = 0; i < n; i++) {
			add_up(rows, &routes[i], counts);
			order[i] = api_rows__place(&rows->v[routes[i].begin].dist, q, i);
		}
		api_rows__sort(order, n, q->order);
		api_rows__write(out, r, q, rows, "routes", order, n, write_route,
				&(struct written){ rows, routes, counts });
	} else {
		out->err = -ENOMEM;
	}
	free(counts);
	free(order);
	free(routes);
	history_rows__free(rows);
	return 200;
}
