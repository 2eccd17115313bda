// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top_model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "semconv.h"
#include "top_internal.h"

/* ---- rows ----------------------------------------------------------------------------------- */

const char *top_row__method(const struct top_row *row)
{
	if (row->method)
		return strcmp(row->method, "_OVERFLOW") ? row->method : "(overflow)";
	if (!row->protocol || !strcmp(row->protocol, "http"))
		return "-";
	return protocol__title(row->protocol);
}

const char *top_row__route(const struct top_row *row, char *room, size_t size)
{
	const char *route = row->route ? row->route : "";

	if (!row->peer)
		return *route ? route : "-";
	snprintf(room, size, "%s%s%s", row->peer, *route && *route != '/' ? " " : "", route);
	return room;
}

void top_row__id(const struct top_row *row, char id[TOP_ID_MAX])
{
	const char *const parts[] = { row->service, row->namespace, row->protocol,
				      row->method,  row->route,     row->peer };
	size_t n = 0;

	id[n++] = row->client ? 'c' : 's';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && n < TOP_ID_MAX; i++)
		n += snprintf(id + n, TOP_ID_MAX - n, "%c%s", parts[i] ? '=' : '-',
			      parts[i] ? parts[i] : "");
}

static int by_name(const struct top_row *a, const struct top_row *b)
{
	char x[TOP_ID_MAX], y[TOP_ID_MAX];
	int c = strcasecmp(a->service, b->service);

	if (!c)
		c = strcmp(top_row__route(a, x, sizeof(x)), top_row__route(b, y, sizeof(y)));
	if (!c)
		c = strcmp(top_row__method(a), top_row__method(b));
	if (c)
		return c;
	top_row__id(a, x);
	top_row__id(b, y);
	return strcmp(x, y);
}

static double figure(const struct top_row *row, enum top_column column)
{
	switch (column) {
	case TOP_RATE:
		return row->rate;
	case TOP_COUNT:
		return row->count;
	case TOP_ERRORS:
		return row->error_ratio;
	case TOP_P50:
		return row->p50;
	case TOP_P95:
		return row->p95;
	case TOP_P99:
		return row->p99;
	case TOP_NAME:
	case TOP_COLUMN__CNT:
		break;
	}
	return NAN;
}

/* Large first, names from A; what is not known is last either way. Equal ones by their names. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct top_row *x = *(const struct top_row *const *)a;
	const struct top_row *y = *(const struct top_row *const *)b;
	const struct top_model *m = arg;
	double p = figure(x, m->sort), q = figure(y, m->sort);

	if (m->sort == TOP_NAME)
		return m->reverse ? by_name(y, x) : by_name(x, y);
	if (isnan(p) || isnan(q))
		return isnan(p) && isnan(q) ? by_name(x, y) : isnan(p) ? 1 : -1;
	if (p != q)
		return (p < q) == !m->reverse ? 1 : -1;
	return by_name(x, y);
}

static bool is_wanted(const struct top_model *m, const struct top_row *row)
{
	char text[TOP_ID_MAX], route[TOP_ID_MAX];

	if ((!m->both && row->client != m->client) || (m->errors_only && !(row->errors > 0)))
		return false;
	if (!*m->at.filter)
		return true;
	if (!m->routes)
		return strcasestr(row->service, m->at.filter);
	snprintf(text, sizeof(text), "%s %s", top_row__method(row),
		 top_row__route(row, route, sizeof(route)));
	return strcasestr(text, m->at.filter);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void keep_selection(struct top_model *m)
{
	char id[TOP_ID_MAX];

	if (m->selected >= m->n_shown)
		m->selected = m->n_shown ? m->n_shown - 1 : 0;
	if (!m->at.moved)
		m->selected = 0;
	for (size_t i = 0; m->at.moved && i < m->n_shown; i++) {
		top_row__id(m->shown[i], id);
		if (!strcmp(id, m->at.id)) {
			m->selected = i;
			break;
		}
	}
}

void top_model__arrange(struct top_model *m)
{
	m->n_shown = 0;
	for (size_t i = 0; i < m->rows.n; i++) {
		if (is_wanted(m, &m->rows.v[i]))
			m->shown[m->n_shown++] = &m->rows.v[i];
	}
	qsort_r(m->shown, m->n_shown, sizeof(*m->shown), compare, m);
	keep_selection(m);
}

void top_model__take(struct top_model *m, struct top_rows *rows)
{
	top_rows__free(&m->rows);
	m->rows = *rows;
	*rows = (struct top_rows){ 0 };
	m->answered = true;
	m->cut |= m->rows.total > TOP_ASK_MAX;
	top_model__arrange(m);
}

void top_model__scroll(struct top_model *m, size_t page)
{
	page = page ? page : 1;
	if (m->selected < m->first)
		m->first = m->selected;
	if (m->selected >= m->first + page)
		m->first = m->selected - page + 1;
	if (m->first + page > m->n_shown)
		m->first = m->n_shown > page ? m->n_shown - page : 0;
}

void top_model__sum(const struct top_model *m, double *rate, double *count, double *errors)
{
	*rate = *count = *errors = 0;
	for (size_t i = 0; i < m->rows.n; i++) {
		const struct top_row *row = &m->rows.v[i];

		if (row->client != m->client)
			continue;
		*rate += row->rate > 0 ? row->rate : 0;
		*count += row->count > 0 ? row->count : 0;
		*errors += row->errors > 0 ? row->errors : 0;
	}
}

int top_model__init(struct top_model *m, const struct view_options *o)
{
	*m = (struct top_model){ .client = o->kind == VIEW_CLIENT,
				 .window_s = (o->window_ns + 999999999) / 1000000000,
				 .sort = o->sort,
				 .lost = NAN };
	if (o->service) {
		m->routes = m->any_namespace = true;
		snprintf(m->service, sizeof(m->service), "%s", o->service);
	}
	m->shown = calloc(TOP_ROWS_MAX, sizeof(*m->shown));
	return m->shown ? 0 : -ENOMEM;
}

void top_model__free(struct top_model *m)
{
	top_rows__free(&m->rows);
	free(m->shown);
	m->shown = NULL;
}

/* ---- what to ask ---------------------------------------------------------------------------- */

static const char *sort_word(const struct top_model *m)
{
	static const char *const words[] = {
		[TOP_NAME] = "name",     [TOP_RATE] = "rate", [TOP_COUNT] = "rate",
		[TOP_ERRORS] = "errors", [TOP_P50] = "p50",   [TOP_P95] = "p95",
		[TOP_P99] = "p99",
	};

	/* So that those with errors are among the rows of the answer. */
	return m->errors_only ? "errors" : words[m->sort];
}

const char *top_model__target(const struct top_model *m, struct buf *b, unsigned int points)
{
	bool up = !m->errors_only && (m->sort == TOP_NAME) != m->reverse;

	query__begin(b, m->routes ? "/api/v1/routes" : "/api/v1/services");
	query__number(b, "window", m->window_s);
	query__number(b, "limit", TOP_ASK_MAX);
	query__text(b, "sort", sort_word(m));
	query__text(b, "order", up ? "asc" : "desc");
	/* A whole answer is filtered here, at once and also while paused. */
	if (m->cut && *m->at.filter)
		query__text(b, "q", m->at.filter);
	if (m->routes) {
		query__text(b, "service", m->service);
		query__text(b, "namespace", m->any_namespace ? NULL : m->namespace);
		query__text(b, "kind", m->both ? NULL : m->client ? "client" : "server");
	} else if (points) {
		query__number(b, "points", points);
	}
	return query__end(b);
}
