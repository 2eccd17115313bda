// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Parameters of requests. A row of the table is a name, where its value goes and what it
 * may be; an endpoint says by bits which it takes. What is wrong with a request is said in one
 * sentence, and the first wrong thing is what it is about.
 */
#include "api_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

#define TEXT_MAX   1024
#define WINDOW_MAX 21600
#define TIME_MAX   1e11 /* the year 5138 */

enum value { UINT, SECONDS, WORD, FLAG, TEXT, MATCH };

static const char *const sorts[] = { [API_BY_RATE] = "rate",
				     [API_BY_ERRORS] = "errors",
				     [API_BY_P50] = "p50",
				     [API_BY_P95] = "p95",
				     [API_BY_P99] = "p99",
				     [API_BY_NAME] = "name",
				     NULL };
static const char *const trace_sorts[] = {
	[API_BY_START] = "start", [API_BY_DURATION] = "duration", NULL
};
static const char *const orders[] = { [API_ASC] = "asc", [API_DESC] = "desc", NULL };
static const char *const kinds[] = { [SPAN_SERVER] = "server", [SPAN_CLIENT] = "client", NULL };

#define AT(member) .at = offsetof(struct api_query, member)

/* clang-format off */
static const struct row {
	const char *name;
	uint32_t bit;
	enum value type;
	size_t at;
	double min, max;
	const char *const *words;
} rows[] = {
	{ "window", API_WINDOW, UINT, AT(window), 1, WINDOW_MAX, NULL },
	{ "start", API_START, SECONDS, AT(start), 0, TIME_MAX, NULL },
	{ "end", API_END, SECONDS, AT(end), 0, TIME_MAX, NULL },
	{ "limit", API_LIMIT, UINT, AT(limit), 1, 1000, NULL },
	{ "offset", API_OFFSET, UINT, AT(offset), 0, UINT32_MAX, NULL },
	{ "sort", API_SORT, WORD, AT(sort), 0, 0, sorts },
	{ "sort", API_TRACE_SORT, WORD, AT(sort), 0, 0, trace_sorts },
	{ "order", API_ORDER, WORD, AT(order), 0, 0, orders },
	{ "q", API_Q, TEXT, AT(q), 0, 0, NULL },
	{ "service", API_SERVICE, MATCH, AT(filter.service), 0, 0, NULL },
	{ "namespace", API_NAMESPACE, MATCH, AT(filter.namespace), 0, 0, NULL },
	{ "kind", API_KIND, WORD, AT(kind), 0, 0, kinds },
	{ "protocol", API_PROTOCOL, MATCH, AT(filter.protocol), 0, 0, NULL },
	{ "method", API_METHOD, MATCH, AT(filter.method), 0, 0, NULL },
	{ "route", API_ROUTE, MATCH, AT(filter.route), 0, 0, NULL },
	{ "peer", API_PEER, MATCH, AT(filter.peer), 0, 0, NULL },
	{ "status", API_STATUS, TEXT, AT(status), 0, 0, NULL },
	{ "points", API_POINTS, UINT, AT(points), 0, 0, NULL }, /* the endpoint has the bounds */
	{ "heat", API_HEAT, FLAG, AT(heat), 0, 0, NULL },
	{ "min_duration", API_MIN_DURATION, SECONDS, AT(min_duration), 0, 1e6, NULL },
	{ "ticks", API_TICKS, FLAG, AT(ticks), 0, 0, NULL },
	{ "spans", API_SPANS, FLAG, AT(spans), 0, 0, NULL },
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- values: false when it is none --------------------------------------------------- */

static bool read_uint(const char *text, double min, double max, uint32_t *out)
{
	size_t n = strspn(text, "0123456789");
	double v = n && n <= 10 && !text[n] ? strtod(text, NULL) : -1;

	if (v < min || v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* Digits with a fraction: no exponent, sign, hexadecimal or word that strtod would take. */
static bool read_seconds(const char *text, double min, double max, double *out)
{
	size_t whole = strspn(text, "0123456789");
	size_t n = whole;

	if (text[n] == '.')
		n += 1 + strspn(text + n + 1, "0123456789");
	if (!whole || n > 40 || text[n])
		return false;
	*out = strtod(text, NULL);
	return *out >= min && *out <= max;
}

static bool read_word(const char *text, const char *const *words, uint32_t *out)
{
	for (*out = 0; words[*out]; ++*out)
		if (!strcmp(words[*out], text))
			return true;
	return false;
}

static bool read_flag(const char *text, bool *out)
{
	*out = !strcmp(text, "1");
	return *out || !strcmp(text, "0");
}

static bool read_value(const struct row *row, const char *text, void *to)
{
	switch (row->type) {
	case UINT:
		return read_uint(text, row->min, row->max, to);
	case SECONDS:
		return read_seconds(text, row->min, row->max, to);
	case WORD:
		return read_word(text, row->words, to);
	case FLAG:
		return read_flag(text, to);
	case TEXT:
		*(const char **)to = text;
		return true;
	case MATCH:
		*(struct history_match *)to =
			(struct history_match){ .set = true, .text = *text ? text : NULL };
		return true;
	}
	return false;
}

/* ---- sentences ----------------------------------------------------------------------- */

static void want(const struct row *row, char *buf, size_t size)
{
	size_t n;

	switch (row->type) {
	case UINT:
		snprintf(buf, size, "a number from %.0f to %.0f", row->min, row->max);
		return;
	case SECONDS:
		snprintf(buf, size, "seconds, such as 0.25, from %.0f to %.0f", row->min, row->max);
		return;
	case FLAG:
		snprintf(buf, size, "0 or 1");
		return;
	default:
		n = (size_t)snprintf(buf, size, "one of %s", row->words[0]);
		for (int i = 1; row->words[i] && n < size; i++)
			n += (size_t)snprintf(buf + n, size - n, ", %s", row->words[i]);
	}
}

static unsigned int bad_value(struct buf *out, const struct row *row, const char *text)
{
	char wanted[160];

	want(row, wanted, sizeof(wanted));
	api__error(out, "bad value '%.60s' for %s: want %s", text, row->name, wanted);
	return 400;
}

static unsigned int unknown(struct buf *out, const struct api_endpoint *e, const char *name)
{
	struct nearest near = { .word = name };
	bool elsewhere = false;

	for (const struct row *row = rows; row < rows + N_ROWS; row++) {
		if (row->bit & e->params)
			nearest__try(&near, row->name);
		elsewhere |= !strcmp(row->name, name);
	}
	if (elsewhere)
		api__error(out, API_PREFIX "%s has no parameter '%s'", e->path, name);
	else if (near.best)
		api__error(out, "unknown parameter '%.60s', did you mean '%s'?", name, near.best);
	else
		api__error(out, "unknown parameter '%.60s'", name);
	return 400;
}

/* ---- a request ----------------------------------------------------------------------- */

static const struct row *find(const struct api_endpoint *e, const char *name)
{
	for (const struct row *row = rows; row < rows + N_ROWS; row++)
		if (row->bit & e->params && !strcmp(row->name, name))
			return row;
	return NULL;
}

static unsigned int read_param(struct api_query *q, const struct api_endpoint *e,
			       const struct api_param *p, struct buf *out)
{
	const struct row *found = find(e, p->name);
	struct row row;

	if (!found)
		return unknown(out, e, p->name);
	row = *found;
	if (q->given & row.bit) {
		api__error(out, "parameter %s is given twice", row.name);
		return 400;
	}
	q->given |= row.bit;
	if (p->value.len > TEXT_MAX) {
		api__error(out, "the value of %s is longer than %d bytes", row.name, TEXT_MAX);
		return 400;
	}
	if (p->value.len && memchr(p->value.p, 0, p->value.len)) {
		api__error(out, "the value of %s has a NUL in it", row.name);
		return 400;
	}
	if (row.bit == API_POINTS) {
		row.min = e->points ? 1 : 0;
		row.max = e->points_max;
	}
	if (!read_value(&row, p->value.p ? p->value.p : "", (char *)q + row.at))
		return bad_value(out, &row, p->value.p ? p->value.p : "");
	return 200;
}

/* What no single parameter says. */
static unsigned int check(const struct api_query *q, struct buf *out)
{
	if (q->given & API_WINDOW && q->given & (API_START | API_END)) {
		api__error(out, "either window, or start and end");
		return 400;
	}
	if (q->given & API_START && q->given & API_END && q->end <= q->start) {
		api__error(out, "end is not after start");
		return 400;
	}
	if (q->given & API_STATUS && !*q->status) {
		api__error(out, "status is empty: want a status, 2xx to 5xx, none or error");
		return 400;
	}
	return 200;
}

unsigned int api_query__parse(struct api_query *q, const struct api_endpoint *e,
			      const struct api_request *r, struct buf *out)
{
	unsigned int status = 200;

	*q = (struct api_query){ .window = e->window,
				 .limit = e->limit,
				 .points = e->points,
				 .ticks = true,
				 .filter.kind = -1 };
	if (r->n_params > API_PARAMS_MAX) {
		api__error(out, "more than %d parameters", API_PARAMS_MAX);
		return 400;
	}
	for (uint32_t i = 0; i < r->n_params && status == 200; i++)
		status = read_param(q, e, &r->params[i], out);
	if (status == 200)
		status = check(q, out);
	if (q->given & API_KIND)
		q->filter.kind = (int)q->kind;
	q->filter.status = q->status;
	/* Most first; names from A. */
	if (!(q->given & API_ORDER))
		q->order = e->params & API_SORT && q->sort == API_BY_NAME ? API_ASC : API_DESC;
	return status;
}

static uint32_t second(double t, bool up)
{
	t = up ? ceil(t) : floor(t);
	return t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

/* A window ends with the last second that the history has: all that is in the answer then
 * depends on the history and nothing else. */
struct history_range api_query__range(const struct api_query *q, struct history *h)
{
	struct history_range r = { 0 };
	struct history_state state;
	uint32_t newest;

	history__state(h, &state);
	newest = state.fine.to ? state.fine.to : state.coarse.to;
	if (q->given & (API_START | API_END)) {
		r.from = second(q->start, false);
		r.to = q->given & API_END ? second(q->end, true) : newest;
	} else if (q->window) {
		r.to = newest;
		r.from = newest > q->window ? newest - q->window : 0;
	}
	/* 0, 0 would be everything. */
	if (r.to <= r.from && (r.from || r.to))
		r.to = r.from + 1;
	return r;
}
