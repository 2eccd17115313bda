// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* GET /api/v1/status. Without a snapshot, because the event loop is too busy for one, all that does
 * not come from it is said all the same. */
#include "api_internal.h"

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json_text.h"
#include "memory.h"
#include "metrics.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void text(struct buf *out, const char *key, const char *value)
{
	api_json__key(out, key);
	api_json__string(out, value);
}

static void number(struct buf *out, const char *key, double v)
{
	api_json__key(out, key);
	api_json__number(out, v);
}

static void boolean(struct buf *out, const char *key, bool v)
{
	api_json__key(out, key);
	buf__puts(out, v ? "true" : "false");
}

static void instant(struct buf *out, const char *key, double t)
{
	api_json__key(out, key);
	buf__printf(out, "%.3f", t);
}

/* ---- the history --------------------------------------------------------------------- */

static void write_step(struct buf *out, unsigned int step, struct history_range r)
{
	api_json__next(out);
	buf__printf(out, "{\"step\":%u,\"from\":%u,\"to\":%u}", step, r.from, r.to);
}

static void write_history(struct buf *out, struct history *h)
{
	struct history_state s;

	api_json__key(out, "history");
	if (!h) {
		buf__puts(out, "null");
		return;
	}
	history__state(h, &s);
	buf__putc(out, '{');
	number(out, "limit_bytes", (double)s.limit_bytes);
	number(out, "bytes", (double)s.bytes);
	number(out, "series", s.series);
	api_json__key(out, "steps");
	buf__putc(out, '[');
	write_step(out, HISTORY_FINE_STEP, s.fine);
	write_step(out, HISTORY_COARSE_STEP, s.coarse);
	buf__putc(out, ']');
	number(out, "spans", s.spans);
	api_json__key(out, "spans_from");
	if (s.spans_from_ns)
		api_json__time(out, s.spans_from_ns);
	else
		buf__puts(out, "null");
	number(out, "spans_left_out", (double)s.spans_left_out);
	buf__putc(out, '}');
}

/* ---- own metrics --------------------------------------------------------------------- */

static const char *const kinds[] = {
	[METRIC_COUNTER] = "counter", [METRIC_UPDOWN] = "updowncounter", [METRIC_GAUGE] = "gauge"
};

static void write_attr(struct buf *out, const struct metric_attr *a)
{
	api_json__next(out);
	json_text__string(out, slice_of(a->key));
	buf__putc(out, ':');
	if (a->type == ATTR_STRING)
		api_json__string(out, a->str);
	else if (a->type == ATTR_BOOL)
		buf__puts(out, a->num ? "true" : "false");
	else
		json_text__int(out, a->num);
}

static void write_point(struct buf *out, const struct metric_family *f,
			const struct metric_point *p)
{
	api_json__next(out);
	buf__putc(out, '{');
	text(out, "name", f->name);
	text(out, "unit", f->unit);
	text(out, "kind", kinds[f->kind]);
	text(out, "help", f->help);
	api_json__key(out, "attrs");
	buf__putc(out, '{');
	for (uint32_t i = 0; i < p->n_attrs; i++)
		write_attr(out, &p->attrs[i]);
	buf__putc(out, '}');
	number(out, "value", p->value);
	buf__putc(out, '}');
}

static bool is_own(const struct metric_family *f)
{
	return f->kind != METRIC_HISTOGRAM && !strncmp(f->name, "redeye.", 7);
}

static void write_metrics(struct buf *out, const struct metrics *m)
{
	api_json__key(out, "metrics");
	if (!m) {
		buf__puts(out, "null");
		return;
	}
	buf__putc(out, '[');
	for (uint32_t i = 0; i < m->n_families; i++) {
		const struct metric_family *f = &m->families[i];

		for (uint32_t k = 0; is_own(f) && k < f->n_points; k++)
			write_point(out, f, &f->points[k]);
	}
	buf__putc(out, ']');
}

static double processes(const struct metrics *m)
{
	for (uint32_t i = 0; m && i < m->n_families; i++) {
		const struct metric_family *f = &m->families[i];

		if (!strcmp(f->name, "redeye.processes.selected") && f->n_points)
			return f->points[0].value;
	}
	return NAN;
}

/* ---- all of it ----------------------------------------------------------------------- */

static void write_watching(struct buf *out, struct api *a)
{
	pthread_mutex_lock(&a->lock);
	text(out, "watching", a->watching);
	pthread_mutex_unlock(&a->lock);
}

unsigned int api_status__answer(struct api *a, const struct api_request *r,
				const struct api_query *q, struct buf *out)
{
	const struct api_config *c = &a->config;
	struct metrics *m = NULL;

	if (c->snapshot && c->snapshot(c->arg, &m))
		m = NULL;
	buf__putc(out, '{');
	text(out, "version", REDEYE_VERSION);
	text(out, "hostname", a->hostname);
	number(out, "pid", getpid());
	instant(out, "now", now());
	instant(out, "started", a->started);
	text(out, "backend", a->backend);
	boolean(out, "ready", !c->ready || c->ready(c->arg));
	write_watching(out, a);
	number(out, "processes", processes(m));
	api_json__key(out, "memory");
	buf__putc(out, '{');
	number(out, "rss_bytes", (double)memory__resident_bytes());
	number(out, "limit_bytes", (double)c->memory_limit_bytes);
	buf__putc(out, '}');
	write_history(out, c->history);
	boolean(out, "traces", c->traces);
	write_metrics(out, m);
	buf__putc(out, '}');
	metrics__put(m);
	return 200;
}
