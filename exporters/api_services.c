// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* GET /api/v1/services: one line a service, of what it serves and of what it asks of others. */
#include "api_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct service {
	const struct history_row *sides[2]; /* by enum span_kind; NULL: it never did */
};

static const struct history_row *main_side(const struct service *s)
{
	return s->sides[SPAN_SERVER] ? s->sides[SPAN_SERVER] : s->sides[SPAN_CLIENT];
}

static int by_name(const void *va, const void *vb)
{
	const struct history_name *a = &((const struct history_row *)va)->name;
	const struct history_name *b = &((const struct history_row *)vb)->name;
	int c = api_rows__cmp(a->service, b->service);

	if (!c)
		c = api_rows__cmp(a->namespace, b->namespace);
	return c ? c : (int)a->kind - (int)b->kind;
}

static bool same(const struct history_name *a, const struct history_name *b)
{
	return !api_rows__cmp(a->service, b->service) && !api_rows__cmp(a->namespace, b->namespace);
}

/* Of rows in the order of their names. */
static size_t pair_up(const struct history_rows *rows, const char *q, struct service *out)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct history_row *row = &rows->v[i];

		if (q && !api_rows__has(row->name.service, q) &&
		    !api_rows__has(row->name.namespace, q))
			continue;
		if (!n || !same(&main_side(&out[n - 1])->name, &row->name))
			out[n++] = (struct service){ 0 };
		out[n - 1].sides[row->name.kind] = row;
	}
	return n;
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void write_side(struct buf *out, const char *key, const struct history_row *row,
		       struct history_range r)
{
	api_json__key(out, key);
	if (!row) {
		buf__puts(out, "null");
		return;
	}
	buf__putc(out, '{');
	api_json__stats(out, &row->dist, r);
	api_json__key(out, "total_count");
	api_json__number(out, (double)row->total_count);
	api_json__key(out, "total_errors");
	api_json__number(out, (double)row->total_errors);
	buf__putc(out, '}');
}

static void write_spark(struct buf *out, const struct history_row *row,
			const struct history_rows *r)
{
	uint32_t seconds = r->range.to - r->range.from, i;

	if (r->n_spark) /* of the first part */
		seconds -= (r->n_spark - 1) * r->spark_part;
	api_json__key(out, "spark");
	buf__puts(out, "{\"rate\":[");
	for (i = 0; i < r->n_spark; i++) {
		api_json__next(out);
		api_json__number(out, (double)row->spark_count[i] / seconds);
		seconds = r->spark_part;
	}
	buf__puts(out, "],\"errors\":[");
	for (i = 0; i < r->n_spark; i++) {
		api_json__next(out);
		api_json__number(out, row->spark_count[i]
					      ? (double)row->spark_errors[i] / row->spark_count[i]
					      : 0);
	}
	buf__puts(out, "]}");
}

static uint32_t last_of(const struct service *s)
{
	uint32_t last = 0;

	for (int k = 0; k < 2; k++)
		if (s->sides[k] && s->sides[k]->last > last)
			last = s->sides[k]->last;
	return last;
}

struct written {
	const struct history_rows *rows;
	const struct service *services;
};

static void write_service(struct buf *out, size_t i, const void *arg)
{
	const struct written *w = arg;
	const struct history_rows *r = w->rows;
	const struct service *s = &w->services[i];
	const struct history_row *row = main_side(s);
	uint32_t last = last_of(s);

	api_json__next(out);
	buf__putc(out, '{');
	api_json__key(out, "name");
	api_json__string(out, row->name.service);
	api_json__key(out, "namespace");
	api_json__string(out, row->name.namespace);
	api_json__key(out, "last");
	api_json__number(out, last ? (double)last : NAN);
	api_json__key(out, "in_flight");
	api_json__number(out, s->sides[SPAN_SERVER] ? s->sides[SPAN_SERVER]->in_flight : 0);
	write_side(out, "server", s->sides[SPAN_SERVER], r->range);
	write_side(out, "client", s->sides[SPAN_CLIENT], r->range);
	write_spark(out, row, r);
	buf__putc(out, '}');
}

unsigned int api_services__answer(struct api *a, const struct api_request *r,
				  const struct api_query *q, struct buf *out)
{
	struct history *h = a->config.history;
	struct history_rows *rows =
		history__rows(h, &q->filter, api_query__range(q, h), HISTORY_BY_SERVICE, q->points);
	size_t room = rows ? rows->n + 1 : 0, n;
	struct service *services = calloc(room, sizeof(*services));
	struct api_place *order = calloc(room, sizeof(*order));

	if (rows && services && order) {
		if (rows->n)
			qsort(rows->v, rows->n, sizeof(*rows->v), by_name);
		n = pair_up(rows, q->q, services);
		for (size_t i = 0; i < n; i++)
			order[i] = api_rows__place(&main_side(&services[i])->dist, q, i);
		api_rows__sort(order, n, q->order);
		api_rows__write(out, r, q, rows, "services", order, n, write_service,
				&(struct written){ rows, services });
	} else {
		out->err = -ENOMEM;
	}
	free(order);
	free(services);
	history_rows__free(rows);
	return 200;
}
