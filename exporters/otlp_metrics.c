// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A snapshot has its points by family; a request has them by resource, and in it by
 * metric. So the points are sorted once, and then written one after another, each
 * opening what it needs. A request may end behind any point: what would make it too
 * long is taken back and begins the next one.
 */
#include "otlp_metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "otlp_metrics_internal.h"

#include "exporters/otlp_metrics_service.pb-c.h"

enum { DEPTH_REQUEST = 1, DEPTH_SCOPE = 3 }; /* frames that are open */

struct otlp_metrics {
	struct otlp_metrics_config c;
	struct metrics *base;    /* delivered; NULL: nothing yet, or never needed */
	struct metrics *pending; /* encoded, or being so */

	/* While there are further requests of pending: */
	struct point_ref *refs; /* by resource, then by family */
	size_t n_refs, at;
	struct baseline *baseline;
};

/* One request. A copy of it and the length of w.out are what to go back to, as long as
 * nothing was ended since: that moves bytes. */
struct request {
	struct otlp_writer w;
	const struct metric_family *family; /* of the metric that is open, NULL: none */
	const struct metric_resource *resource;
	uint32_t n_points;
};

struct otlp_metrics *otlp_metrics__new(const struct otlp_metrics_config *c)
{
	struct otlp_metrics *om = calloc(1, sizeof(*om));

	if (!om)
		return NULL;
	om->c = *c;
	if (!om->c.max_bytes || om->c.max_bytes > OTLP_REQUEST_MAX)
		om->c.max_bytes = OTLP_REQUEST_MAX;
	return om;
}

static void drop_work(struct otlp_metrics *om)
{
	free(om->refs);
	baseline__free(om->baseline);
	om->refs = NULL;
	om->baseline = NULL;
	om->at = om->n_refs = 0;
}

void otlp_metrics__free(struct otlp_metrics *om)
{
	if (!om)
		return;
	otlp_metrics__rollback(om);
	metrics__put(om->base);
	free(om);
}

void otlp_metrics__rollback(struct otlp_metrics *om)
{
	drop_work(om);
	metrics__put(om->pending);
	om->pending = NULL;
}

/* Parts may never have been written: to lose them is better than to send the others twice. */
void otlp_metrics__commit(struct otlp_metrics *om)
{
	if (om->pending && om->c.temporality != OTLP_CUMULATIVE) {
		metrics__put(om->base);
		om->base = om->pending;
		om->pending = NULL;
	}
	otlp_metrics__rollback(om);
}

/* ---- the order ------------------------------------------------------------ */

/* redeye's own come last. */
static size_t resource_index(const struct metrics *m, const struct metric_point *p)
{
	return p->resource ? (size_t)(p->resource - m->resources) : m->n_resources;
}

typedef void (*each_fn)(struct otlp_metrics *om, size_t *next, const struct point_ref *ref);

static void each_point(struct otlp_metrics *om, size_t *next, each_fn fn)
{
	const struct metrics *m = om->pending;
	uint32_t i, k;

	for (i = 0; i < m->n_families; i++)
		for (k = 0; k < m->families[i].n_points; k++)
			fn(om, next,
			   &(struct point_ref){ &m->families[i], &m->families[i].points[k] });
}

static void count(struct otlp_metrics *om, size_t *next, const struct point_ref *ref)
{
	next[resource_index(om->pending, ref->point) + 1]++;
	om->n_refs++;
}

static void place(struct otlp_metrics *om, size_t *next, const struct point_ref *ref)
{
	om->refs[next[resource_index(om->pending, ref->point)]++] = *ref;
}

static int sort_points(struct otlp_metrics *om)
{
	size_t n = om->pending->n_resources + 2, i;
	size_t *next = calloc(n, sizeof(*next));

	if (!next)
		return -ENOMEM;
	each_point(om, next, count);
	for (i = 1; i < n; i++)
		next[i] += next[i - 1];
	om->refs = malloc((om->n_refs + 1) * sizeof(*om->refs));
	if (om->refs)
		each_point(om, next, place);
	free(next);
	return om->refs ? 0 : -ENOMEM;
}

static int start(struct otlp_metrics *om, struct metrics *m)
{
	int err;

	m = metrics__ref(m); /* it may be the one that is pending */
	otlp_metrics__rollback(om);
	om->pending = m;
	err = sort_points(om);
	if (err || !om->base)
		return err;
	om->baseline = baseline__new(om->base);
	return om->baseline ? 0 : -ENOMEM;
}

/* ---- one request ---------------------------------------------------------- */

static bool is_delta(const struct otlp_metrics *om, const struct metric_family *f)
{
	return om->c.temporality != OTLP_CUMULATIVE &&
	       (f->kind == METRIC_COUNTER || f->kind == METRIC_HISTOGRAM);
}

static void begin_resource(const struct otlp_metrics *om, struct request *rq, struct arena *a,
			   const struct metric_resource *r)
{
	struct attr_list list;

	if (r)
		attr_list__of_metric(&list, a, r->attrs, r->n_attrs);
	else
		attr_list__of_resource(&list, a, om->c.resource, &resource__self);
	otlp_writer__begin_group(&rq->w, "resource_metrics", "scope_metrics", &list);
	rq->resource = r;
}

static void begin_metric(const struct otlp_metrics *om, struct request *rq, struct arena *a,
			 const struct metric_family *f)
{
	otlp_point__begin_metric(&rq->w, a, f, om->c.exponential, is_delta(om, f));
	rq->family = f;
}

/* Ends what the point is not in; the order of points lets none of it come again. */
static void end_others(struct request *rq, const struct point_ref *ref)
{
	bool same = rq->resource == ref->point->resource;

	if (same && rq->family == ref->family)
		return;
	while (rq->w.depth > (same ? DEPTH_SCOPE : DEPTH_REQUEST))
		otlp_writer__end(&rq->w);
	rq->family = NULL;
}

static void put_point(const struct otlp_metrics *om, struct request *rq, struct arena *a,
		      const struct point_ref *ref)
{
	struct otlp_point p = { .start_ns = ref->point->start_unix_ns,
				.time_ns = om->pending->unix_ns };
	const struct baseline *b = is_delta(om, ref->family) ? om->baseline : NULL;

	arena__reset(a);
	if (!baseline__diff(b, a, om->c.exponential, ref, &p))
		return;
	if (rq->w.depth == DEPTH_REQUEST)
		begin_resource(om, rq, a, ref->point->resource);
	if (!rq->family)
		begin_metric(om, rq, a, ref->family);
	otlp_point__put(&rq->w, a, ref, &p, om->c.exponential);
	rq->n_points++;
}

/* Writes points up to `end`. 0: all that were left; 1: more would be too long; or -errno. */
static int put_points(struct otlp_metrics *om, struct request *rq, struct arena *a, size_t end)
{
	struct buf *out = rq->w.out;
	struct request before;
	size_t len;

	for (; om->at < om->n_refs; om->at++) {
		end_others(rq, &om->refs[om->at]);
		before = *rq;
		len = out->len;
		put_point(om, rq, a, &om->refs[om->at]);
		if (a->err || out->err == -ENOMEM)
			return -ENOMEM;
		if (!out->err && out->len + OTLP_FINISH_MAX <= end)
			continue;
		*rq = before;
		out->len = len;
		out->err = 0;
		return rq->n_points ? 1 : -EMSGSIZE;
	}
	return 0;
}

/* Where the request must end. */
static size_t end_of(const struct otlp_metrics *om, const struct buf *out)
{
	size_t end = out->len + om->c.max_bytes;

	return out->max && out->max < end ? out->max : end;
}

static int write_request(struct otlp_metrics *om, enum otlp_encoding e, struct buf *out,
			 uint32_t *n_points)
{
	struct request rq = { .n_points = 0 };
	struct arena a = { 0 };
	size_t len = out->len, end = end_of(om, out);
	int err;

	otlp_writer__start(
		&rq.w, e, out,
		&opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor);
	err = put_points(om, &rq, &a, end);
	if (err >= 0)
		otlp_writer__finish(&rq.w);
	arena__free(&a);
	if (out->err)
		err = out->err;
	if (err < 0 || !rq.n_points) {
		out->len = len;
		out->err = 0;
	}
	*n_points = err < 0 ? 0 : rq.n_points;
	return err;
}

int otlp_metrics__encode(struct otlp_metrics *om, struct metrics *m, enum otlp_encoding e,
			 struct buf *out, uint32_t *n_points)
{
	int err = out->err;

	*n_points = 0;
	if (!err && (om->pending != m || !om->refs))
		err = start(om, m);
	if (!err)
		err = write_request(om, e, out, n_points);
	if (err <= 0)
		drop_work(om); /* what has become of its parts, the caller knows */
	return err;
}
