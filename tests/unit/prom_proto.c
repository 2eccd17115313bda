// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Protobuf exposition, read back with protobuf-c; native histograms against brute force. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prom_internal.h"
#include "exporters/prom_metrics.pb-c.h"

typedef Io__Prometheus__Client__MetricFamily Family;
typedef Io__Prometheus__Client__Histogram Histogram;

/* Cuts the next delimited message off and decodes it; NULL at the end. */
static Family *next_family(struct buf *b, size_t *at)
{
	size_t len = 0;
	Family *f;

	if (*at == b->len)
		return NULL;
	for (int shift = 0;; shift += 7) {
		len |= (size_t)(b->p[*at] & 0x7f) << shift;
		if (!(b->p[(*at)++] & 0x80))
			break;
	}
	assert_true(len <= b->len - *at);
	f = io__prometheus__client__metric_family__unpack(NULL, len, (uint8_t *)b->p + *at);
	assert_non_null(f);
	*at += len;
	return f;
}

static void done(Family *f)
{
	io__prometheus__client__metric_family__free_unpacked(f, NULL);
}

static void expect_label(const Family *f, size_t i, const char *name, const char *value)
{
	assert_true(i < f->metric[0]->n_label);
	assert_string_equal(f->metric[0]->label[i]->name, name);
	assert_string_equal(f->metric[0]->label[i]->value, value);
}

static struct buf written(struct metrics *m)
{
	struct buf out = { 0 };

	assert_true(metrics__ok(m));
	assert_int_equal(prom__write_with(m, PROM_PROTOBUF, PROM_NO_SCOPE, &out), 0);
	metrics__put(m);
	return out;
}

static void families(void **state)
{
	static const struct metric_attr attr = { .key = "k.x", .str = "a\xff\n" };
	struct metrics *m = metrics__new(0);
	struct metric_resource *r = metrics__resource(m);
	struct metric_family *f = metrics__family(m, "net.io", "By", "Help.", METRIC_COUNTER, 2);
	struct metric_point *p = metrics__point(m, f, 0, NULL);
	size_t at = 0;
	struct buf out;
	Family *got;

	r->service_name = "web";
	*p = (struct metric_point){ .resource = r,
				    .attrs = &attr,
				    .n_attrs = 1,
				    .value = 2.5,
				    .start_unix_ns = 1700000000123456789 };
	metrics__point(m, f, 0, NULL)->value = 3;
	f = metrics__family(m, "g", "1", "", METRIC_GAUGE, 1);
	metrics__point(m, f, 0, NULL)->value = -1;
	out = written(m);

	got = next_family(&out, &at);
	assert_string_equal(got->name, "target_info");
	assert_int_equal(got->type, IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE);
	assert_true(got->metric[0]->gauge->value == 1);
	expect_label(got, 0, "job", "web");
	done(got);

	got = next_family(&out, &at);
	assert_string_equal(got->name, "net_io_bytes_total");
	assert_string_equal(got->help, "Help.");
	assert_string_equal(got->unit, "bytes");
	assert_int_equal(got->type, IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER);
	assert_int_equal(got->n_metric, 2);
	assert_int_equal(got->metric[0]->n_label, 3);
	expect_label(got, 1, "service_name", "web");
	expect_label(got, 2, "k_x", "a\xef\xbf\xbd\n");
	assert_true(got->metric[0]->counter->value == 2.5);
	assert_int_equal(got->metric[0]->counter->created_timestamp->seconds, 1700000000);
	assert_int_equal(got->metric[0]->counter->created_timestamp->nanos, 123456789);
	assert_int_equal(got->metric[1]->n_label, 0);
	assert_null(got->metric[1]->counter->created_timestamp);
	done(got);

	got = next_family(&out, &at);
	assert_string_equal(got->name, "g_ratio");
	assert_null(got->help);
	assert_true(got->metric[0]->gauge->value == -1);
	done(got);
	assert_null(next_family(&out, &at));
	buf__free(&out);
}

/* The one histogram h, written and read back. */
static Family *round_trip(const struct metric_hist *h)
{
	struct metrics *m = metrics__new(0);
	struct metric_family *f = metrics__family(m, "h", "s", "", METRIC_HISTOGRAM, 1);
	struct buf out;
	size_t at = 0;
	Family *got;

	metrics__point(m, f, 0, NULL)->hist = *h;
	out = written(m);
	got = next_family(&out, &at);
	assert_int_equal(at, out.len);
	assert_int_equal(got->type, IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM);
	buf__free(&out);
	return got;
}

static void classic_and_native(void **state)
{
	static const double bounds[] = { 0.5, 2 };
	static const uint64_t counts[] = { 2, 1, 4 }, exp[] = { 1, 0, 0, 2, 0, 0, 0, 3 };
	struct metric_hist hist = {
		.count = 7,
		.sum = 9.5,
		.n_bounds = 2,
		.bounds = bounds,
		.counts = counts,
		.exp = { .scale = 2, .offset = -5, .n_counts = 8, .counts = exp, .zero_count = 1 }
	};
	static const int64_t deltas[] = { 1, -1, 0, 2, 1 };
	Family *f = round_trip(&hist);
	Histogram *h = f->metric[0]->histogram;

	assert_int_equal(h->sample_count, 7);
	assert_true(h->sample_sum == 9.5);
	assert_int_equal(h->n_bucket, 2);
	assert_int_equal(h->bucket[0]->cumulative_count, 2);
	assert_true(h->bucket[1]->upper_bound == 2);
	assert_int_equal(h->bucket[1]->cumulative_count, 3);
	assert_int_equal(h->schema, 2);
	assert_int_equal(h->zero_count, 1);
	assert_true(h->zero_threshold == ldexp(1, -128));
	assert_int_equal(h->n_positive_span, 2); /* a gap of two is bridged, of three is not */
	assert_int_equal(h->positive_span[0]->offset, -4);
	assert_int_equal(h->positive_span[0]->length, 4);
	assert_int_equal(h->positive_span[1]->offset, 3);
	assert_int_equal(h->positive_span[1]->length, 1);
	assert_int_equal(h->n_positive_delta, 5);
	assert_memory_equal(h->positive_delta, deltas, sizeof(deltas));
	done(f);
}

static void empty_is_still_native(void **state)
{
	Family *f = round_trip(&(struct metric_hist){ .exp.scale = 20 });
	Histogram *h = f->metric[0]->histogram;

	assert_true(h->has_schema);
	assert_int_equal(h->schema, 8);
	assert_int_equal(h->n_positive_span, 1);
	assert_int_equal(h->positive_span[0]->offset, 0);
	assert_int_equal(h->positive_span[0]->length, 0);
	assert_int_equal(h->n_positive_delta, 0);
	done(f);
}

/* No native part rather than one that Prometheus refuses. */
static void not_native(void **state)
{
	static const uint64_t one = 1;
	struct metric_exp cases[] = {
		{ .scale = -5, .n_counts = 1, .counts = &one },                 /* too coarse */
		{ .scale = 0, .n_counts = 1, .counts = &one, .zero_count = 1 }, /* adds up to 2 */
		{ .scale = 0 },                                                 /* adds up to 0 */
	};

	for (size_t i = 0; i < 3; i++) {
		Family *f = round_trip(&(struct metric_hist){ .count = 1, .exp = cases[i] });
		Histogram *h = f->metric[0]->histogram;

		assert_int_equal(h->sample_count, 1);
		assert_false(h->has_schema || h->has_zero_threshold || h->has_zero_count);
		assert_int_equal(h->n_positive_span, 0);
		done(f);
	}
}

/* ---- against brute force ---- */

enum { VALUES = 997, BUCKETS = 4096 };

static double upper_bound(int schema, int64_t index)
{
	return exp2((double)index * exp2(-schema));
}

/* How many values lie at or under the bound of each listed bucket, counted one by one. */
static void check_native(const Histogram *h, const double *v)
{
	uint64_t cumulative = h->zero_count;
	int64_t index = 0, count = 0;
	size_t listed = 0;

	for (size_t s = 0; s < h->n_positive_span; s++) {
		index += h->positive_span[s]->offset;
		for (uint32_t i = 0; i < h->positive_span[s]->length; i++, index++) {
			uint64_t expected = 0;

			assert_true(listed < h->n_positive_delta);
			count += h->positive_delta[listed++];
			assert_true(count >= 0);
			cumulative += count;
			for (int n = 0; n < VALUES; n++)
				expected += v[n] <= upper_bound(h->schema, index);
			assert_int_equal(cumulative, expected);
		}
	}
	assert_int_equal(listed, h->n_positive_delta);
	assert_int_equal(cumulative, h->sample_count);
}

/* OTLP's bucket of v, by the definition: (base^i, base^(i+1)]. */
static int64_t otlp_index(int scale, double v)
{
	int64_t i = (int64_t)ceil(log2(v) * exp2(scale)) - 1;

	while (upper_bound(scale, i) >= v)
		i--;
	while (upper_bound(scale, i + 1) < v)
		i++;
	return i;
}

static struct metric_exp otlp_histogram(int scale, const double *v, uint64_t *counts)
{
	struct metric_exp e = { .scale = scale, .counts = counts };
	int64_t least = INT64_MAX;

	for (int n = 0; n < VALUES; n++) {
		if (v[n] > 0 && otlp_index(scale, v[n]) < least)
			least = otlp_index(scale, v[n]);
	}
	memset(counts, 0, BUCKETS * sizeof(*counts));
	e.offset = (int32_t)least;
	for (int n = 0; n < VALUES; n++) {
		int64_t i = v[n] > 0 ? otlp_index(scale, v[n]) - least : -1;

		assert_true(i < BUCKETS);
		if (i >= 0)
			counts[i]++;
		else
			e.zero_count++;
		if (i + 1 > e.n_counts)
			e.n_counts = (uint32_t)i + 1;
	}
	return e;
}

static void brute_force(void **state)
{
	static uint64_t counts[BUCKETS];
	static double v[VALUES];

	srand(7);
	for (int scale = -4; scale <= 14; scale++) {
		/* As wide as the buckets allow: fine scales see values close to one another. */
		double octaves = fmin(40, BUCKETS / exp2(scale) / 2);

		for (int n = 0; n < VALUES; n++)
			v[n] = exp2(octaves * (rand() / (double)RAND_MAX - 0.5));
		v[0] = v[1] = 0;
		for (int n = 2; n < 20 && n / 2 < octaves / 2; n++)
			v[n] = exp2(n / 2 * (n % 2 ? 1 : -1)); /* exactly on a bound */
		struct metric_hist hist = { .count = VALUES,
					    .exp = otlp_histogram(scale, v, counts) };
		Family *f = round_trip(&hist);

		assert_int_equal(f->metric[0]->histogram->schema, scale < 8 ? scale : 8);
		assert_int_equal(f->metric[0]->histogram->zero_count, 2);
		check_native(f->metric[0]->histogram, v);
		done(f);
	}
}

static void exemplars(void **state)
{
	static const double bounds[] = { 1, 2, 4 };
	static const uint64_t counts[] = { 0, 1, 0, 1 };
	static const struct metric_exemplar e[] = {
		{ .value = 1.5,
		  .unix_ns = 1700000000123456789,
		  .trace_id = { 0xab },
		  .span_id = { 1 } },
		{ .value = 9, .unix_ns = 5, .trace_id = { [15] = 0xcd } },
	};
	struct metric_hist h = { .count = 2,
				 .sum = 10.5,
				 .n_bounds = 3,
				 .bounds = bounds,
				 .counts = counts,
				 .n_exemplars = 2,
				 .exemplars = e };
	Family *got = round_trip(&h);
	const Io__Prometheus__Client__Histogram *out = got->metric[0]->histogram;

	assert_int_equal(out->n_bucket, 4);
	assert_null(out->bucket[0]->exemplar);
	assert_string_equal(out->bucket[1]->exemplar->label[0]->name, "trace_id");
	assert_string_equal(out->bucket[1]->exemplar->label[0]->value,
			    "ab000000000000000000000000000000");
	assert_string_equal(out->bucket[1]->exemplar->label[1]->value, "0100000000000000");
	assert_int_equal(out->bucket[1]->exemplar->timestamp->nanos, 123456789);
	assert_null(out->bucket[2]->exemplar);
	assert_true(out->bucket[3]->upper_bound == INFINITY);
	assert_int_equal(out->bucket[3]->cumulative_count, 2);
	assert_true(out->bucket[3]->exemplar->value == 9);
	done(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exemplars),          cmocka_unit_test(families),
		cmocka_unit_test(classic_and_native), cmocka_unit_test(empty_is_still_native),
		cmocka_unit_test(not_native),         cmocka_unit_test(brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
