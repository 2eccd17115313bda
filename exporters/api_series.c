// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* GET /api/v1/series: all that match added up, step by step, each figure as a list of its own. */
#include "api_internal.h"

#include <errno.h>
#include <math.h>

#include "json_text.h"

struct column {
	const char *key;
	double (*of)(const struct history_point *p, double step);
};

static double begin_of(const struct history_point *p, double step)
{
	return p->from;
}

static double count_of(const struct history_point *p, double step)
{
	return (double)p->dist.count;
}

static double rate_of(const struct history_point *p, double step)
{
	return step > 0 ? (double)p->dist.count / step : 0;
}

static double errors_of(const struct history_point *p, double step)
{
	return (double)p->dist.errors;
}

static double ratio_of(const struct history_point *p, double step)
{
	return p->dist.count ? (double)p->dist.errors / (double)p->dist.count : 0;
}

static double mean_of(const struct history_point *p, double step)
{
	return p->dist.count ? p->dist.sum / (double)p->dist.count : NAN;
}

static double p50_of(const struct history_point *p, double step)
{
	return history_dist__quantile(&p->dist, 0.5);
}

static double p95_of(const struct history_point *p, double step)
{
	return history_dist__quantile(&p->dist, 0.95);
}

static double p99_of(const struct history_point *p, double step)
{
	return history_dist__quantile(&p->dist, 0.99);
}

static const struct column columns[] = {
	{ "t", begin_of },       { "count", count_of },       { "rate", rate_of },
	{ "errors", errors_of }, { "error_ratio", ratio_of }, { "mean", mean_of },
	{ "p50", p50_of },       { "p95", p95_of },           { "p99", p99_of },
};

static const char *const classes[HISTORY_CLASS_CNT] = {
	[HISTORY_CLASS_1XX] = "1xx", [HISTORY_CLASS_2XX] = "2xx",     [HISTORY_CLASS_3XX] = "3xx",
	[HISTORY_CLASS_4XX] = "4xx", [HISTORY_CLASS_5XX] = "5xx",     [HISTORY_CLASS_NONE] = "none",
	[HISTORY_CLASS_OK] = "ok",   [HISTORY_CLASS_ERROR] = "error",
};

static void write_column(struct buf *out, const struct column *c, const struct history_series *s)
{
	api_json__key(out, c->key);
	buf__putc(out, '[');
	for (size_t i = 0; i < s->n; i++) {
		api_json__next(out);
		api_json__number(out, c->of(&s->v[i], s->step));
	}
	buf__putc(out, ']');
}

static void write_class(struct buf *out, int class, const struct history_series *s)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < s->n; i++)
		sum += s->v[i].classes[class];
	if (!sum)
		return;
	api_json__key(out, classes[class]);
	buf__putc(out, '[');
	for (i = 0; i < s->n; i++) {
		api_json__next(out);
		json_text__uint(out, s->v[i].classes[class]);
	}
	buf__putc(out, ']');
}

static void write_cells(struct buf *out, const struct history_dist *d, uint32_t first,
			uint32_t last)
{
	api_json__next(out);
	buf__putc(out, '[');
	for (uint32_t b = first; b <= last; b++) {
		if (!d->buckets[b])
			continue;
		api_json__next(out);
		buf__printf(out, "[%u,%u]", b - first, d->buckets[b]);
	}
	buf__putc(out, ']');
}

/* Of the buckets, those from the first to the last that counted anything. */
static void write_heat(struct buf *out, const struct history_series *s)
{
	uint32_t first = HISTORY_BUCKETS, last = 0, b;

	for (size_t i = 0; i < s->n; i++)
		for (b = 0; b < HISTORY_BUCKETS; b++)
			if (s->v[i].dist.buckets[b]) {
				first = b < first ? b : first;
				last = b > last ? b : last;
			}
	api_json__key(out, "heat");
	buf__puts(out, "{\"bounds\":[");
	for (b = first; b <= last; b++) {
		api_json__next(out);
		api_json__number(out, history_bucket__bound(b));
	}
	buf__puts(out, "],\"cells\":[");
	for (size_t i = 0; i < s->n; i++)
		write_cells(out, &s->v[i].dist, first, last);
	buf__puts(out, "]}");
}

unsigned int api_series__answer(struct api *a, const struct api_request *r,
				const struct api_query *q, struct buf *out)
{
	struct history *h = a->config.history;
	struct history_series *s =
		history__series(h, &q->filter, api_query__range(q, h), q->points);

	if (!s) {
		out->err = -ENOMEM;
		return 200;
	}
	buf__putc(out, '{');
	api_json__range(out, s->range);
	api_json__key(out, "step");
	api_json__number(out, s->step);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		write_column(out, &columns[i], s);
	api_json__key(out, "classes");
	buf__putc(out, '{');
	for (int class = 0; class < HISTORY_CLASS_CNT; class ++)
		write_class(out, class, s);
	buf__putc(out, '}');
	if (q->heat)
		write_heat(out, s);
	buf__putc(out, '}');
	history_series__free(s);
	return 200;
}
