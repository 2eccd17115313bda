// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests of metrics, read back with protobuf-c; deltas against brute force. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "failing.h"
#include "agent/buf.c"
#include "exporters/otlp_encode_arena.c"
#include "exporters/otlp_metrics_delta.c"
#include "exporters/otlp_metrics.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#include "exporters/otlp_metrics.pb-c.h"
#include "hist.h"
#include "otlp_json.h"

#define SEC 1000000000ull

typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest Request;
typedef Opentelemetry__Proto__Metrics__V1__Metric Metric;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint Number;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint Explicit;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint Exponential;

#define unpack opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__unpack
#define release                                                                                    \
	opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__free_unpacked

static const double bounds[] = { 0.1, 1, 10 };

/* ---- snapshots ------------------------------------------------------------ */

static struct metric_point *point_of(struct metrics *m, const char *name, enum metric_kind kind,
				     struct metric_resource *r, const char *route)
{
	struct metric_family *f = NULL;
	struct metric_attr *attrs;
	struct metric_point *p;

	for (uint32_t i = 0; i < m->n_families; i++)
		if (!strcmp(m->families[i].name, name))
			f = &m->families[i];
	if (!f)
		f = metrics__family(m, name, "s", "Help.", kind, 64);
	p = metrics__point(m, f, route ? 2 : 0, &attrs);
	assert_non_null(p);
	if (route) {
		attrs[0] = (struct metric_attr){ .key = "http.response.status_code",
						 .type = ATTR_INT,
						 .num = 200 };
		attrs[1] = (struct metric_attr){ .key = "http.route",
						 .str = metrics__strdup(m, route, strlen(route)) };
	}
	p->resource = r;
	p->start_unix_ns = kind == METRIC_GAUGE ? 0 : 5 * SEC;
	return p;
}

static struct metric_resource *resource_of(struct metrics *m, const char *name)
{
	struct metric_resource *r = metrics__resource(m);
	struct metric_attr *a = metrics__alloc(m, sizeof(*a));

	*a = (struct metric_attr){ .key = "service.name",
				   .str = metrics__strdup(m, name, strlen(name)) };
	r->service_name = a->str;
	r->attrs = a;
	r->n_attrs = 1;
	return r;
}

static void set_hist(struct metrics *m, struct metric_point *p, const double *values, size_t n)
{
	struct hist h;

	hist__init(&h, bounds, 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(hist__record(&h, values[i]), 0);
	assert_int_equal(hist__export(&h, m, &p->hist), 0);
	hist__free(&h);
}

/* A snapshot with one counter of that value, which began at that second. */
static struct metrics *counter(uint64_t now_s, double value, uint64_t start_s)
{
	struct metrics *m = metrics__new(now_s * SEC);
	struct metric_point *p =
		point_of(m, "requests", METRIC_COUNTER, resource_of(m, "shop"), "/a");

	p->value = value;
	p->start_unix_ns = start_s * SEC;
	return m;
}

static struct metrics *histogram(uint64_t now_s, const double *values, size_t n)
{
	struct metrics *m = metrics__new(now_s * SEC);

	set_hist(m, point_of(m, "duration", METRIC_HISTOGRAM, resource_of(m, "shop"), "/a"), values,
		 n);
	return m;
}

/* ---- requests ------------------------------------------------------------- */

static struct otlp_metrics *encoder(enum otlp_temporality t, bool exponential)
{
	struct otlp_metrics *om = otlp_metrics__new(
		&(struct otlp_metrics_config){ .temporality = t, .exponential = exponential });

	assert_non_null(om);
	return om;
}

/* The one request of m, whose reference is dropped; NULL: nothing to send. */
static Request *request_of(struct otlp_metrics *om, struct metrics *m)
{
	struct buf out = { 0 };
	Request *r = NULL;
	uint32_t n;

	assert_true(metrics__ok(m));
	assert_int_equal(otlp_metrics__encode(om, m, OTLP_PROTOBUF, &out, &n), 0);
	metrics__put(m);
	assert_int_equal(!n, !out.len);
	if (n)
		assert_non_null(r = unpack(NULL, out.len, (uint8_t *)out.p));
	buf__free(&out);
	return r;
}

static const Metric *metric_at(const Request *r, size_t resource, size_t metric)
{
	assert_true(resource < r->n_resource_metrics);
	assert_int_equal(r->resource_metrics[resource]->n_scope_metrics, 1);
	assert_true(metric < r->resource_metrics[resource]->scope_metrics[0]->n_metrics);
	return r->resource_metrics[resource]->scope_metrics[0]->metrics[metric];
}

static const char *name_of(const Request *r, size_t resource)
{
	Opentelemetry__Proto__Resource__V1__Resource *res = r->resource_metrics[resource]->resource;

	for (size_t i = 0; i < res->n_attributes; i++)
		if (!strcmp(res->attributes[i]->key, "service.name"))
			return res->attributes[i]->value->string_value;
	return NULL;
}

/* ---- cumulative ----------------------------------------------------------- */

static void every_kind(void **state)
{
	static const double values[] = { 0, 0.05, 0.5, 0.5, 100 };
	struct otlp_metrics *om = encoder(OTLP_CUMULATIVE, false);
	struct metrics *m = metrics__new(9 * SEC);
	struct metric_resource *shop = resource_of(m, "shop"), *cart = resource_of(m, "cart");
	const Metric *got;
	const Explicit *e;
	Request *r;

	point_of(m, "a.counter", METRIC_COUNTER, cart, "/a")->value = 2.5;
	point_of(m, "a.counter", METRIC_COUNTER, NULL, NULL)->value = 0;
	point_of(m, "a.counter", METRIC_COUNTER, shop, "/\xff")->value = 3;
	point_of(m, "b.updown", METRIC_UPDOWN, shop, NULL)->value = -4;
	point_of(m, "c.gauge", METRIC_GAUGE, NULL, NULL)->value = 0.25;
	set_hist(m, point_of(m, "d.hist", METRIC_HISTOGRAM, shop, NULL), values, 5);
	set_hist(m, point_of(m, "d.hist", METRIC_HISTOGRAM, shop, "/b"), values, 0);
	r = request_of(om, m);

	assert_int_equal(r->n_resource_metrics, 3);
	assert_string_equal(name_of(r, 0), "shop");
	assert_string_equal(name_of(r, 1), "cart");
	assert_string_equal(name_of(r, 2), "redeye");
	assert_string_equal(r->resource_metrics[0]->schema_url, OTLP_SCHEMA_URL);
	assert_string_equal(r->resource_metrics[0]->scope_metrics[0]->scope->name, "redeye");
	assert_int_equal(r->resource_metrics[0]->scope_metrics[0]->n_metrics, 3);

	got = metric_at(r, 0, 0);
	assert_string_equal(got->name, "a.counter");
	assert_string_equal(got->unit, "s");
	assert_string_equal(got->description, "Help.");
	assert_int_equal(got->sum->aggregation_temporality, 2);
	assert_true(got->sum->is_monotonic);
	assert_int_equal(got->sum->n_data_points, 1);
	assert_true(got->sum->data_points[0]->as_double == 3);
	assert_int_equal(got->sum->data_points[0]->start_time_unix_nano, 5 * SEC);
	assert_int_equal(got->sum->data_points[0]->time_unix_nano, 9 * SEC);
	assert_int_equal(got->sum->data_points[0]->attributes[0]->value->int_value, 200);
	assert_string_equal(got->sum->data_points[0]->attributes[1]->value->string_value,
			    "/\xef\xbf\xbd");

	got = metric_at(r, 0, 1);
	assert_false(got->sum->is_monotonic);
	assert_int_equal(got->sum->aggregation_temporality, 2);
	assert_true(got->sum->data_points[0]->as_double == -4);

	got = metric_at(r, 0, 2);
	assert_int_equal(got->histogram->n_data_points, 2);
	e = got->histogram->data_points[0];
	assert_int_equal(e->count, 5);
	assert_true(fabs(e->sum - 101.05) < 1e-9 && e->min == 0 && e->max == 100);
	assert_int_equal(e->n_explicit_bounds, 3);
	assert_memory_equal(e->explicit_bounds, bounds, sizeof(bounds));
	assert_int_equal(e->n_bucket_counts, 4);
	assert_memory_equal(e->bucket_counts, ((uint64_t[]){ 2, 2, 0, 1 }), 32);
	e = got->histogram->data_points[1];
	assert_int_equal(e->count, 0); /* no value: no least, no greatest */
	assert_int_equal(e->opt_min_case, 0);
	assert_int_equal(e->opt_max_case, 0);
	assert_true(e->opt_sum_case && e->sum == 0);

	assert_true(metric_at(r, 2, 0)->sum->data_points[0]->as_double == 0);
	assert_int_equal(metric_at(r, 2, 0)->sum->data_points[0]->value_case,
			 OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE);
	assert_true(metric_at(r, 2, 1)->gauge->data_points[0]->as_double == 0.25);
	assert_int_equal(metric_at(r, 2, 1)->gauge->data_points[0]->start_time_unix_nano, 0);
	release(r, NULL);
	otlp_metrics__free(om);
}

static void exponential(void **state)
{
	static const double values[] = { 0, 1, 1.5, 4 };
	struct otlp_metrics *om = encoder(OTLP_CUMULATIVE, true);
	struct metrics *m = histogram(9, values, 4);
	const struct metric_exp *want = &m->families[0].points[0].hist.exp;
	const Exponential *e;
	Request *r;

	metrics__ref(m);
	r = request_of(om, m);
	e = metric_at(r, 0, 0)->exponential_histogram->data_points[0];
	assert_int_equal(metric_at(r, 0, 0)->exponential_histogram->aggregation_temporality, 2);
	assert_int_equal(e->count, 4);
	assert_int_equal(e->zero_count, 1);
	assert_true(e->sum == 6.5 && e->min == 0 && e->max == 4);
	assert_int_equal(e->scale, want->scale);
	assert_int_equal(e->positive->offset, want->offset);
	assert_int_equal(e->positive->n_bucket_counts, want->n_counts);
	assert_memory_equal(e->positive->bucket_counts, want->counts, want->n_counts * 8);
	assert_null(e->negative);
	release(r, NULL);
	metrics__put(m);
	otlp_metrics__free(om);
}

static void nothing_is_sent_of_nothing(void **state)
{
	struct otlp_metrics *om = encoder(OTLP_CUMULATIVE, false);
	struct metrics *m = metrics__new(1);

	resource_of(m, "shop");
	metrics__family(m, "empty", "", "", METRIC_GAUGE, 3);
	assert_null(request_of(om, m));
	otlp_metrics__free(om);
	otlp_metrics__free(NULL);
}

static void json(void **state)
{
	static const double values[] = { 0.5, 3 };
	struct otlp_metrics *om = encoder(OTLP_CUMULATIVE, false);
	struct metrics *m = histogram(9, values, 2);
	struct buf out = { 0 };
	uint32_t n;
	cJSON *j;

	point_of(m, "g", METRIC_GAUGE, NULL, NULL)->value = NAN;
	assert_int_equal(otlp_metrics__encode(om, m, OTLP_JSON, &out, &n), 0);
	buf__putc(&out, 0);
	assert_int_equal(n, 2);
	assert_non_null(strstr(
		out.p, "\"schemaUrl\":\"" OTLP_SCHEMA_URL
		       "\",\"metrics\":[{\"name\":\"duration\",\"description\":\"Help.\",\"unit\":"
		       "\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
		       "\"startTimeUnixNano\":\"5000000000\",\"timeUnixNano\":\"9000000000\","
		       "\"count\":\"2\",\"sum\":3.5,\"bucketCounts\":[\"0\",\"1\",\"1\",\"0\"],"
		       "\"explicitBounds\":[0.1,1,10],\"attributes\":[{\"key\":"
		       "\"http.response.status_code\",\"value\":{\"intValue\":\"200\"}},{\"key\":"
		       "\"http.route\",\"value\":{\"stringValue\":\"/a\"}}],\"min\":0.5,\"max\":3}"
		       "]}}]}]},"));
	assert_non_null(strstr(out.p, "\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":"
				      "\"9000000000\",\"asDouble\":\"NaN\"}]}"));
	j = cJSON_ParseWithOpts(out.p, NULL, true);
	assert_non_null(j);
	cJSON_Delete(j);
	buf__free(&out);
	metrics__put(m);
	otlp_metrics__free(om);
}

/* Both encodings say the same of all kinds; the order of members does not count. */
static void json_is_the_protobuf(void **state)
{
	static const double values[] = { 0, 1e-9, 0.5, 3, 1e9 };

	for (int exp = 0; exp < 2; exp++) {
		struct otlp_metrics *om = encoder(OTLP_CUMULATIVE, exp);
		struct metrics *m = histogram(9, values, 5);
		struct buf out[3] = { 0 };
		cJSON *j[2];
		uint32_t n;
		Request *r;

		point_of(m, "a.counter", METRIC_COUNTER, NULL, "/\xc3\"")->value = 0.1;
		point_of(m, "b.updown", METRIC_UPDOWN, NULL, NULL)->value = -4;
		point_of(m, "c.gauge", METRIC_GAUGE, NULL, NULL)->value = 1e-300;
		for (int e = 0; e < 2; e++) {
			assert_int_equal(
				otlp_metrics__encode(om, m, OTLP_PROTOBUF + e, &out[e], &n), 0);
			assert_int_equal(n, 4);
		}
		r = unpack(NULL, out[0].len, (uint8_t *)out[0].p);
		otlp_json__message(&out[2], &r->base);
		for (int i = 0; i < 2; i++) {
			buf__putc(&out[i + 1], 0);
			assert_non_null(j[i] = cJSON_ParseWithOpts(out[i + 1].p, NULL, true));
		}
		assert_true(cJSON_Compare(j[0], j[1], true));
		for (int i = 0; i < 3; i++)
			buf__free(&out[i]);
		cJSON_Delete(j[0]);
		cJSON_Delete(j[1]);
		release(r, NULL);
		metrics__put(m);
		otlp_metrics__free(om);
	}
}

/* ---- deltas --------------------------------------------------------------- */

/* Encodes a counter and says what is sent of it: from when, how much; -1: nothing. */
static double sent(struct otlp_metrics *om, struct metrics *m, uint64_t *from_s)
{
	Request *r = request_of(om, m);
	const Number *p;
	double value = -1;

	*from_s = 0;
	if (!r)
		return value;
	p = metric_at(r, 0, 0)->sum->data_points[0];
	*from_s = p->start_time_unix_nano / SEC;
	value = p->as_double;
	release(r, NULL);
	return value;
}

static void counters(void **state)
{
	static const struct {
		uint64_t now, start;
		double value, sent;
		uint64_t from;
		bool delivered;
	} rows[] = {
		{ 10, 5, 7, 7, 5, true },    /* new: whole */
		{ 20, 5, 9, 2, 10, true },   /* the difference */
		{ 30, 5, 9, -1, 0, true },   /* none */
		{ 40, 5, 10, 1, 30, false }, /* lost ... */
		{ 50, 5, 14, 5, 30,
		  false },                  /* ... and sent with the next one, as often as needed */
		{ 60, 5, 14, 5, 30, true }, /* */
		{ 70, 65, 3, 3, 65, true }, /* another start: whole */
		{ 80, 65, 1, 1, 70, true }, /* less, same start: whole, since we saw it last */
		{ 75, 65, 2.5, 1.5, 75, true }, /* the clock was set back */
		{ 90, 65, 2.75, 0.25, 75, true },
	};
	struct otlp_metrics *om = encoder(OTLP_DELTA, false);
	uint64_t from;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		double got = sent(om, counter(rows[i].now, rows[i].value, rows[i].start), &from);

		if (got != rows[i].sent || from != rows[i].from)
			fail_msg("row %zu: %g since %lu", i, got, (unsigned long)from);
		(rows[i].delivered ? otlp_metrics__commit : otlp_metrics__rollback)(om);
	}
	otlp_metrics__free(om);
}

static void vanished_series_begin_anew(void **state)
{
	struct otlp_metrics *om = encoder(OTLP_LOWMEMORY, false);
	struct metrics *empty = metrics__new(20 * SEC);
	uint64_t from;

	assert_true(sent(om, counter(10, 7, 5), &from) == 7);
	otlp_metrics__commit(om);
	assert_null(request_of(om, empty));
	otlp_metrics__commit(om);
	assert_true(sent(om, counter(30, 8, 5), &from) == 8);
	assert_int_equal(from, 5);
	otlp_metrics__free(om);
}

/* Equal but for one thing: these are different series. */
static void series_are_told_apart(void **state)
{
	struct otlp_metrics *om = encoder(OTLP_DELTA, false);
	Request *r;

	for (int round = 0; round < 2; round++) {
		struct metrics *m = metrics__new((10 + (uint64_t)round) * SEC);
		struct metric_resource *a = resource_of(m, "shop"), *b = resource_of(m, "shop"),
				       *c = resource_of(m, "shop");

		b->service_namespace = "eu";
		c->service_instance_id = "eu";
		/* In the other order the second time. */
		for (int i = 0; i < 6; i++) {
			int k = round ? 5 - i : i;
			struct metric_point *p =
				point_of(m, k == 5 ? "other" : "requests", METRIC_COUNTER,
					 k == 1   ? b
					 : k == 2 ? c
					 : k == 3 ? NULL
						  : a,
					 k == 4 ? "/b" : "/a");

			p->value = round ? 1000 + 100 * k + k + 1 : 1000 + 100 * k;
		}
		point_of(m, "up", METRIC_UPDOWN, NULL, NULL)->value = 12;
		r = request_of(om, m);
		otlp_metrics__commit(om);
		if (!round) {
			release(r, NULL);
			continue;
		}
		assert_int_equal(r->n_resource_metrics, 4);
		assert_true(metric_at(r, 0, 0)->sum->data_points[0]->as_double == 6);
		assert_string_equal(metric_at(r, 0, 0)->name, "other");
		assert_int_equal(metric_at(r, 0, 0)->sum->aggregation_temporality, 1);
		assert_true(metric_at(r, 0, 1)->sum->data_points[0]->as_double == 5);
		assert_true(metric_at(r, 0, 1)->sum->data_points[1]->as_double == 1);
		assert_true(metric_at(r, 1, 0)->sum->data_points[0]->as_double == 2);
		assert_true(metric_at(r, 2, 0)->sum->data_points[0]->as_double == 3);
		assert_true(metric_at(r, 3, 0)->sum->data_points[0]->as_double == 4);
		assert_true(metric_at(r, 3, 1)->sum->data_points[0]->as_double == 12);
		assert_int_equal(metric_at(r, 3, 1)->sum->aggregation_temporality, 2);
		release(r, NULL);
	}
	otlp_metrics__free(om);
}

static void explicit_deltas(void **state)
{
	static const double values[] = { 0.05, 100, 0.5, 0.05, 20 };
	struct otlp_metrics *om = encoder(OTLP_DELTA, false);
	const Explicit *e;
	Request *r;

	r = request_of(om, histogram(10, values, 2));
	e = metric_at(r, 0, 0)->histogram->data_points[0];
	assert_true(e->count == 2 && e->min == 0.05 && e->max == 100);
	release(r, NULL);
	otlp_metrics__commit(om);
	r = request_of(om, histogram(20, values, 5));
	e = metric_at(r, 0, 0)->histogram->data_points[0];
	assert_int_equal(metric_at(r, 0, 0)->histogram->aggregation_temporality, 1);
	assert_int_equal(e->start_time_unix_nano, 10 * SEC);
	assert_int_equal(e->count, 3);
	assert_true(fabs(e->sum - 20.55) < 1e-9);
	assert_int_equal(e->opt_min_case + e->opt_max_case, 0); /* of the difference: unknown */
	assert_memory_equal(e->bucket_counts, ((uint64_t[]){ 1, 1, 0, 1 }), 32);
	release(r, NULL);
	otlp_metrics__commit(om);
	assert_null(request_of(om, histogram(30, values, 5)));
	otlp_metrics__commit(om);
	r = request_of(om, histogram(40, values + 1, 4)); /* fewer: it began anew */
	e = metric_at(r, 0, 0)->histogram->data_points[0];
	assert_int_equal(e->start_time_unix_nano, 30 * SEC);
	assert_true(e->count == 4 && e->max == 100);
	release(r, NULL);
	otlp_metrics__free(om);
}

/* Bucket by bucket what a histogram of the later values alone has at that scale. */
static void check_exp(const Exponential *e, const double *values, size_t n)
{
	uint64_t seen = e->zero_count, want;
	size_t zeros = 0, at;

	assert_int_equal(e->count, n);
	for (size_t i = 0; i < n; i++)
		zeros += values[i] == 0;
	assert_int_equal(e->zero_count, zeros);
	for (at = 0; e->positive && at < e->positive->n_bucket_counts; at++) {
		want = 0;
		for (size_t i = 0; i < n; i++)
			want += values[i] > 0 && hist__exp_index(values[i], e->scale) ==
							 e->positive->offset + (int32_t)at;
		assert_int_equal(e->positive->bucket_counts[at], want);
		seen += want;
	}
	assert_int_equal(seen, n);
	if (!e->positive)
		return;
	assert_true(e->positive->bucket_counts[0] && e->positive->bucket_counts[at - 1]);
}

/* As the range grows the scale goes down between snapshots, by many steps at once. */
static void exponential_deltas(void **state)
{
	struct otlp_metrics *om = encoder(OTLP_DELTA, true);
	double values[600];
	uint32_t seed = 7;
	int scales = 0, last = 99;
	size_t from = 0;

	for (int i = 0; i < 600; i++) {
		seed = seed * 1664525 + 1013904223;
		values[i] = seed >> 28 == 3 ? 0
					    : ldexp(1 + (seed >> 8) / 16777216.0,
						    (int)(seed % 100 * (unsigned)i / 700) - i / 20);
	}
	for (size_t n = 1; n <= 600; n += n / 3 + 1) {
		Request *r = request_of(om, histogram(10 + n, values, n));
		const Exponential *e = metric_at(r, 0, 0)->exponential_histogram->data_points[0];

		check_exp(e, values + from, n - from);
		scales += e->scale != last;
		last = e->scale;
		release(r, NULL);
		if (n % 2)
			continue; /* not delivered: comes again with the next one */
		otlp_metrics__commit(om);
		from = n;
	}
	assert_true(scales > 3);
	otlp_metrics__free(om);
}

/* ---- limits --------------------------------------------------------------- */

static struct metrics *many(void)
{
	static const double values[] = { 0.5, 3 };
	struct metrics *m = metrics__new(9 * SEC);

	for (int i = 0; i < 5; i++) {
		struct metric_resource *r = resource_of(m, (char[]){ 's', (char)('0' + i), 0 });

		for (int k = 0; k < 12; k++) {
			char route[] = { '/', (char)('a' + k), 0 };

			point_of(m, "a", METRIC_COUNTER, r, route)->value = i * 12 + k;
			set_hist(m, point_of(m, "b", METRIC_HISTOGRAM, r, route), values, 2);
		}
	}
	return m;
}

/* Which of its points a request has: the values of the counters, how many histograms. */
struct tally {
	uint64_t values;
	uint32_t n, hists, requests;
};

static void tally_metric(struct tally *t, const Metric *metric)
{
	if (metric->histogram && *metric->name == 'b') {
		t->hists += metric->histogram->n_data_points;
		t->n += metric->histogram->n_data_points;
		return;
	}
	assert_string_equal(metric->name, "a");
	for (size_t i = 0; i < metric->sum->n_data_points; i++, t->n++)
		t->values |= 1ull << (int)metric->sum->data_points[i]->as_double;
}

static void tally_request(struct tally *t, struct buf *out)
{
	Request *r = unpack(NULL, out->len, (uint8_t *)out->p);

	assert_non_null(r);
	for (size_t i = 0; i < r->n_resource_metrics; i++) {
		assert_int_equal(*name_of(r, i), 's');
		for (size_t k = 0; k < r->resource_metrics[i]->scope_metrics[0]->n_metrics; k++)
			tally_metric(t, metric_at(r, i, k));
	}
	t->requests++;
	release(r, NULL);
}

/* Points are counted by what the JSON says of each. */
static void tally_json(struct tally *t, struct buf *out)
{
	cJSON *j;

	buf__putc(out, 0);
	j = cJSON_ParseWithOpts(out->p, NULL, true);
	assert_non_null(j);
	cJSON_Delete(j);
	for (const char *p = out->p; (p = strstr(p, "\"timeUnixNano\"")); p++)
		t->n++;
	t->requests++;
}

static struct tally all_requests(struct otlp_metrics *om, struct metrics *m, enum otlp_encoding e,
				 size_t max)
{
	struct tally t = { 0 };
	struct buf out = { 0 };
	uint32_t n, before;
	int err;

	do {
		buf__reset(&out);
		before = t.n;
		err = otlp_metrics__encode(om, m, e, &out, &n);
		assert_true((err == 0 || err == 1) && n && out.len <= max);
		(e == OTLP_JSON ? tally_json : tally_request)(&t, &out);
		assert_int_equal(t.n - before, n);
	} while (err == 1);
	buf__free(&out);
	return t;
}

/* Every point once, in requests that are whole and no longer than asked for. */
static void splits(void **state)
{
	struct metrics *m = many();

	for (size_t max = 700; max < 30000; max += 331) {
		struct otlp_metrics *om =
			otlp_metrics__new(&(struct otlp_metrics_config){ .max_bytes = max });
		struct tally t = all_requests(om, m, OTLP_PROTOBUF, max);

		assert_int_equal(t.n, 120);
		assert_int_equal(t.hists, 60);
		assert_int_equal(t.values, (1ull << 60) - 1);
		assert_true(max > 700 || t.requests > 12);
		assert_true(max < 29000 || t.requests == 1);
		otlp_metrics__free(om);
		om = otlp_metrics__new(&(struct otlp_metrics_config){ .max_bytes = 2 * max });
		assert_int_equal(all_requests(om, m, OTLP_JSON, 2 * max).n, 120);
		otlp_metrics__free(om);
	}
	metrics__put(m);
}

static void one_point_too_long(void **state)
{
	struct otlp_metrics *om =
		otlp_metrics__new(&(struct otlp_metrics_config){ .max_bytes = 150 });
	struct buf out = { 0 }, tight = { .max = 150 };
	struct metrics *m = many();
	uint32_t n;

	buf__puts(&out, "before");
	assert_int_equal(otlp_metrics__encode(om, m, OTLP_PROTOBUF, &out, &n), -EMSGSIZE);
	assert_int_equal(out.len, 6);
	assert_int_equal(n, 0);
	otlp_metrics__free(om);
	om = encoder(OTLP_CUMULATIVE, false);
	assert_int_equal(otlp_metrics__encode(om, m, OTLP_JSON, &tight, &n), -EMSGSIZE);
	assert_int_equal(tight.len + (size_t)tight.err, 0);
	otlp_metrics__free(om);
	buf__free(&out);
	buf__free(&tight);
	metrics__put(m);
}

/* What was handed out is not handed out again: what was not is lost. */
static void commit_before_the_end(void **state)
{
	struct otlp_metrics *om = otlp_metrics__new(
		&(struct otlp_metrics_config){ .max_bytes = 700, .temporality = OTLP_DELTA });
	struct metrics *m = many();
	struct buf out = { 0 };
	uint32_t n;

	assert_int_equal(otlp_metrics__encode(om, m, OTLP_PROTOBUF, &out, &n), 1);
	otlp_metrics__rollback(om);
	assert_int_equal(all_requests(om, m, OTLP_PROTOBUF, 700).n, 120);
	otlp_metrics__rollback(om);
	buf__reset(&out);
	assert_int_equal(otlp_metrics__encode(om, m, OTLP_PROTOBUF, &out, &n), 1);
	otlp_metrics__commit(om);
	buf__reset(&out);
	assert_int_equal(otlp_metrics__encode(om, m, OTLP_PROTOBUF, &out, &n), 0);
	assert_int_equal(n, 0);
	otlp_metrics__free(om);
	buf__free(&out);
	metrics__put(m);
}

/* Whichever allocation fails: nothing of it is sent, nothing is lost, nothing leaks. */
static void out_of_memory(void **state)
{
	static const double values[] = { 0.05, 100, 0.5, 0.05, 20 };
	uint64_t from;
	int err = -ENOMEM;

	for (long at = 0; err; at++) {
		struct otlp_metrics *om = encoder(OTLP_DELTA, at % 2);
		struct metrics *first = counter(10, 7, 5), *m = counter(20, 9, 5);
		struct buf out = { 0 };
		uint32_t n;

		set_hist(first, point_of(first, "h", METRIC_HISTOGRAM, NULL, NULL), values, 2);
		set_hist(m, point_of(m, "h", METRIC_HISTOGRAM, NULL, NULL), values, 5);
		assert_true(sent(om, first, &from) == 7);
		otlp_metrics__commit(om);
		failing_after = at;
		err = otlp_metrics__encode(om, m, OTLP_PROTOBUF, &out, &n);
		failing_after = -1;
		assert_true(err == 0 || (err == -ENOMEM && !out.len && !n));
		buf__free(&out);
		assert_true(sent(om, m, &from) == 2);
		otlp_metrics__free(om);
		assert_int_equal(failing_live, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(exponential),
		cmocka_unit_test(nothing_is_sent_of_nothing),
		cmocka_unit_test(json),
		cmocka_unit_test(json_is_the_protobuf),
		cmocka_unit_test(counters),
		cmocka_unit_test(vanished_series_begin_anew),
		cmocka_unit_test(series_are_told_apart),
		cmocka_unit_test(explicit_deltas),
		cmocka_unit_test(exponential_deltas),
		cmocka_unit_test(splits),
		cmocka_unit_test(one_point_too_long),
		cmocka_unit_test(commit_before_the_end),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
