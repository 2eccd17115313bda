// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "otlp_metrics_internal.h"

#include "exporters/otlp_metrics.pb-c.h"

#define PB(name)          Opentelemetry__Proto__Metrics__V1__##name
#define INIT(name)        OPENTELEMETRY__PROTO__METRICS__V1__##name##__INIT
#define HAS(point, field) OPENTELEMETRY__PROTO__METRICS__V1__##point##_DATA_POINT__##field
#define TEMPORALITY(name)                                                                          \
	OPENTELEMETRY__PROTO__METRICS__V1__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_##name

/* ---- metrics -------------------------------------------------------------- */

static PB(AggregationTemporality) temporality_of(bool delta)
{
	return delta ? TEMPORALITY(DELTA) : TEMPORALITY(CUMULATIVE);
}

static void begin_gauge(struct otlp_writer *w, const struct metric_family *f, bool delta)
{
	otlp_writer__begin(w, "gauge");
}

static void begin_sum(struct otlp_writer *w, const struct metric_family *f, bool delta)
{
	PB(Sum) sum = INIT(SUM);

	sum.aggregation_temporality = temporality_of(delta);
	sum.is_monotonic = f->kind == METRIC_COUNTER;
	otlp_writer__begin(w, "sum");
	otlp_writer__members(w, &sum.base);
}

static void begin_explicit(struct otlp_writer *w, const struct metric_family *f, bool delta)
{
	PB(Histogram) histogram = INIT(HISTOGRAM);

	histogram.aggregation_temporality = temporality_of(delta);
	otlp_writer__begin(w, "histogram");
	otlp_writer__members(w, &histogram.base);
}

static void begin_exponential(struct otlp_writer *w, const struct metric_family *f, bool delta)
{
	PB(ExponentialHistogram) histogram = INIT(EXPONENTIAL_HISTOGRAM);

	histogram.aggregation_temporality = temporality_of(delta);
	otlp_writer__begin(w, "exponential_histogram");
	otlp_writer__members(w, &histogram.base);
}

/* ---- points --------------------------------------------------------------- */

static void put_number(struct otlp_writer *w, const struct attr_list *attrs,
		       const struct otlp_point *p)
{
	PB(NumberDataPoint) point = INIT(NUMBER_DATA_POINT);

	point.start_time_unix_nano = p->start_ns;
	point.time_unix_nano = p->time_ns;
	point.attributes = attrs->v;
	point.n_attributes = attrs->n;
	point.value_case = HAS(NUMBER, VALUE_AS_DOUBLE);
	point.as_double = p->value;
	otlp_writer__put(w, "data_points", &point.base);
}

static void put_explicit(struct otlp_writer *w, const struct attr_list *attrs,
			 const struct otlp_point *p)
{
	PB(HistogramDataPoint) point = INIT(HISTOGRAM_DATA_POINT);
	const struct metric_hist *h = &p->hist;

	point.start_time_unix_nano = p->start_ns;
	point.time_unix_nano = p->time_ns;
	point.attributes = attrs->v;
	point.n_attributes = attrs->n;
	point.count = h->count;
	point.opt_sum_case = HAS(HISTOGRAM, OPT_SUM_SUM);
	point.sum = h->sum;
	point.explicit_bounds = (double *)h->bounds;
	point.n_explicit_bounds = h->n_bounds;
	point.bucket_counts = (uint64_t *)h->counts;
	point.n_bucket_counts = h->n_bounds + 1;
	if (p->extremes && h->count) {
		point.opt_min_case = HAS(HISTOGRAM, OPT_MIN_MIN);
		point.opt_max_case = HAS(HISTOGRAM, OPT_MAX_MAX);
		point.min = h->min;
		point.max = h->max;
	}
	otlp_writer__put(w, "data_points", &point.base);
}

static void put_exponential(struct otlp_writer *w, const struct attr_list *attrs,
			    const struct otlp_point *p)
{
	PB(ExponentialHistogramDataPoint) point = INIT(EXPONENTIAL_HISTOGRAM_DATA_POINT);
	PB(ExponentialHistogramDataPoint__Buckets)
	buckets = INIT(EXPONENTIAL_HISTOGRAM_DATA_POINT__BUCKETS);
	const struct metric_hist *h = &p->hist;

	point.start_time_unix_nano = p->start_ns;
	point.time_unix_nano = p->time_ns;
	point.attributes = attrs->v;
	point.n_attributes = attrs->n;
	point.count = h->count;
	point.opt_sum_case = HAS(EXPONENTIAL_HISTOGRAM, OPT_SUM_SUM);
	point.sum = h->sum;
	point.scale = h->exp.scale;
	point.zero_count = h->exp.zero_count;
	buckets.offset = h->exp.offset;
	buckets.bucket_counts = (uint64_t *)h->exp.counts;
	buckets.n_bucket_counts = h->exp.n_counts;
	point.positive = h->exp.n_counts ? &buckets : NULL;
	if (p->extremes && h->count) {
		point.opt_min_case = HAS(EXPONENTIAL_HISTOGRAM, OPT_MIN_MIN);
		point.opt_max_case = HAS(EXPONENTIAL_HISTOGRAM, OPT_MAX_MAX);
		point.min = h->min;
		point.max = h->max;
	}
	otlp_writer__put(w, "data_points", &point.base);
}

/* ---- which of them -------------------------------------------------------- */

enum shape { GAUGE, SUM, EXPLICIT, EXPONENTIAL };

static const struct {
	void (*begin)(struct otlp_writer *w, const struct metric_family *f, bool delta);
	void (*put)(struct otlp_writer *w, const struct attr_list *attrs,
		    const struct otlp_point *p);
} shapes[] = {
	[GAUGE] = { begin_gauge, put_number },
	[SUM] = { begin_sum, put_number },
	[EXPLICIT] = { begin_explicit, put_explicit },
	[EXPONENTIAL] = { begin_exponential, put_exponential },
};

static enum shape shape_of(enum metric_kind kind, bool exponential)
{
	static const enum shape of[] = {
		[METRIC_COUNTER] = SUM,
		[METRIC_UPDOWN] = SUM,
		[METRIC_GAUGE] = GAUGE,
		[METRIC_HISTOGRAM] = EXPLICIT,
	};

	return kind == METRIC_HISTOGRAM && exponential ? EXPONENTIAL : of[kind];
}

void otlp_point__begin_metric(struct otlp_writer *w, struct arena *a, const struct metric_family *f,
			      bool exponential, bool delta)
{
	PB(Metric) metric = INIT(METRIC);

	metric.name = arena__text(a, slice_of(f->name));
	metric.description = arena__text(a, slice_of(f->help));
	metric.unit = arena__text(a, slice_of(f->unit));
	otlp_writer__begin(w, "metrics");
	otlp_writer__members(w, &metric.base);
	shapes[shape_of(f->kind, exponential)].begin(w, f, delta);
}

void otlp_point__put(struct otlp_writer *w, struct arena *a, const struct point_ref *ref,
		     const struct otlp_point *p, bool exponential)
{
	struct attr_list attrs;

	attr_list__of_metric(&attrs, a, ref->point->attrs, ref->point->n_attrs);
	if (!a->err)
		shapes[shape_of(ref->family->kind, exponential)].put(w, &attrs, p);
}
