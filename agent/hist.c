// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A histogram that can be exported in both forms that backends understand.
 *
 * Explicit buckets: the caller's bounds, upper-inclusive, one counter each.
 *
 * Exponential: the OpenTelemetry data model's base-2 histogram. At scale s,
 * bucket i counts values in (2^(i/2^s), 2^((i+1)/2^s)]. It starts at scale 20
 * and holds at most 160 buckets: when a value does not fit between lo and
 * hi = lo + 159, the scale goes down by the smallest k that makes it fit, and
 * buckets merge in groups of 2^k (index >> k, exact). The scale therefore
 * depends on the smallest and the largest value alone, not on their order.
 * Finite doubles span the exponents -1074..1023, which at scale -4 (16
 * exponents a bucket) are 132 buckets: the scale never falls below -4, which
 * is also the coarsest schema of Prometheus.
 *
 * Storage. Two different values already lie 80 to 160 buckets apart, because the
 * scale adapts to them: an array of buckets never is small. But most series of a
 * service are rare (one error, on one route) and see few values. So up to
 * HIST_FEW distinct values are kept as they are, with their counts, and turned
 * into buckets on export; the ninth allocates the 160 counters (1,280 bytes),
 * once. These are a ring addressed by index mod 160: the window lo..hi can grow
 * to either side without moving a counter.
 *
 * Index. Up to scale 8 it is exact for every double: the mantissa is compared
 * with a table of the 256 borders 2^(k/256), cut to 52 bits (a border that is
 * no power of two is irrational, so no double lies on it), and a coarser scale
 * is a shift of that index. `first` bounds the search to three compares. Above
 * scale 8, where only near-constant values stay, it is a logarithm: computed
 * again in long double when it falls within 2^-24 of a border, which leaves an
 * error only if a border is closer than 2^-43 of a bucket. Powers of two are
 * exact everywhere.
 *
 * Not supported: negative values (durations and sizes have none), merging two
 * histograms, a zero threshold other than 0, delta temporality.
 */
#include "hist.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

#define TABLE_SCALE   8
#define TABLE_SIZE    (1 << TABLE_SCALE)
#define MANTISSA_BITS 52
#define MANTISSA_MASK ((UINT64_C(1) << MANTISSA_BITS) - 1)

/* 1 + border[k]/2^52 <= 2^(k/256) < 1 + (border[k] + 1)/2^52; the last one ends a search. */
static uint64_t border[TABLE_SIZE + 1];
/* Least number of borders below a mantissa, by its first 8 bits. */
static uint8_t first[TABLE_SIZE];
static bool tables_ready;

static void make_tables(void)
{
	uint32_t j, k;

	for (k = 0; k < TABLE_SIZE; k++)
		border[k] = (uint64_t)ldexpl(exp2l((long double)k / TABLE_SIZE) - 1, MANTISSA_BITS);
	border[TABLE_SIZE] = UINT64_MAX;
	for (j = 0, k = 0; j < TABLE_SIZE; j++) {
		while ((uint64_t)j << (MANTISSA_BITS - TABLE_SCALE) > border[k])
			k++;
		first[j] = k;
	}
	tables_ready = true;
}

/* value = (1 + mantissa/2^52) * 2^exponent */
static void split(double value, int32_t *exponent, uint64_t *mantissa)
{
	int32_t bias = 1023;
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (!(bits >> MANTISSA_BITS)) { /* subnormal: scaled up, exactly */
		value *= 0x1p54;
		bias += 54;
		memcpy(&bits, &value, sizeof(bits));
	}
	*exponent = (int32_t)(bits >> MANTISSA_BITS) - bias;
	*mantissa = bits & MANTISSA_MASK;
}

static int32_t fine_index(int32_t exponent, uint64_t mantissa, int scale)
{
	double m = 1 + (double)mantissa * 0x1p-52;
	double steps = (double)(1 << scale);
	double at = log2(m) * steps;

	if (!mantissa)
		at = 0;
	else if (fabs(at - nearbyint(at)) < 0x1p-24)
		at = (double)ceill(log2l(m) * steps);
	return exponent * (1 << scale) + (int32_t)ceil(at) - 1;
}

int32_t hist__exp_index(double value, int scale)
{
	uint64_t mantissa;
	int32_t exponent;
	uint32_t k;

	if (!tables_ready)
		make_tables();
	split(value, &exponent, &mantissa);
	if (scale > TABLE_SCALE)
		return fine_index(exponent, mantissa, scale);
	k = first[mantissa >> (MANTISSA_BITS - TABLE_SCALE)];
	while (mantissa > border[k])
		k++;
	return (exponent * TABLE_SIZE + (int32_t)k - 1) >> (TABLE_SCALE - scale);
}

/* Indices are above -1.13e9 and below 1.08e9. */
static uint32_t slot(int32_t index)
{
	return ((uint32_t)index + UINT32_C(8000000) * HIST_EXP_SIZE) % HIST_EXP_SIZE;
}

static int shift_to_fit(int64_t lo, int64_t hi)
{
	int k = 0;

	while ((hi >> k) - (lo >> k) >= HIST_EXP_SIZE)
		k++;
	return k;
}

static void lower_scale(struct hist *h, int k)
{
	uint64_t merged[HIST_EXP_SIZE] = { 0 };
	int32_t i;

	for (i = h->lo; i <= h->hi; i++)
		merged[slot(i >> k)] += h->exp[slot(i)];
	memcpy(h->exp, merged, sizeof(merged));
	h->lo >>= k;
	h->hi >>= k;
	h->scale -= k;
}

static void exp_add(struct hist *h, double value)
{
	int32_t i = hist__exp_index(value, h->scale);
	int32_t lo = i < h->lo ? i : h->lo;
	int32_t hi = i > h->hi ? i : h->hi;
	int k;

	if ((int64_t)hi - lo >= HIST_EXP_SIZE) {
		k = shift_to_fit(lo, hi);
		lower_scale(h, k);
		i >>= k;
		lo >>= k;
		hi >>= k;
	}
	h->lo = lo;
	h->hi = hi;
	h->exp[slot(i)]++;
}

/* Buckets, in `ring`, and their scale and range from the few values; none: an empty range. */
static void exp_of_few(const struct hist *h, uint64_t ring[HIST_EXP_SIZE], int32_t *scale,
		       int32_t *lo, int32_t *hi)
{
	int32_t index[HIST_FEW];
	uint32_t i;
	int k;

	*lo = 0;
	*hi = -1;
	for (i = 0; i < h->n_few; i++) {
		index[i] = hist__exp_index(h->few[i].value, HIST_MAX_SCALE);
		*lo = i == 0 || index[i] < *lo ? index[i] : *lo;
		*hi = i == 0 || index[i] > *hi ? index[i] : *hi;
	}
	k = shift_to_fit(*lo, *hi);
	for (i = 0; i < h->n_few; i++)
		ring[slot(index[i] >> k)] += h->few[i].count;
	*scale = HIST_MAX_SCALE - k;
	*lo >>= k;
	*hi >>= k;
}

static int leave_few(struct hist *h)
{
	uint64_t *ring = calloc(HIST_EXP_SIZE, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	exp_of_few(h, ring, &h->scale, &h->lo, &h->hi);
	free(h->few);
	h->few = NULL;
	h->n_few = 0;
	h->exp = ring;
	return 0;
}

static int few_add(struct hist *h, double value)
{
	struct hist_few *few;
	uint32_t i;

	for (i = 0; i < h->n_few; i++) {
		if (h->few[i].value == value) {
			h->few[i].count++;
			return 0;
		}
	}
	if (i == HIST_FEW)
		return -EOVERFLOW;
	if ((i & (i - 1)) == 0) { /* full at 0, 1, 2, 4 */
		few = realloc(h->few, (i ? 2 * i : 1) * sizeof(*few));
		if (!few)
			return -ENOMEM;
		h->few = few;
	}
	h->few[h->n_few++] = (struct hist_few){ value, 1 };
	return 0;
}

static int record_exp(struct hist *h, double value)
{
	int err;

	if (value == 0) {
		h->zero_count++;
		return 0;
	}
	if (!h->exp) {
		err = few_add(h, value);
		if (err != -EOVERFLOW)
			return err;
		err = leave_few(h);
		if (err)
			return err;
	}
	exp_add(h, value);
	return 0;
}

/* How many bounds are below the value. */
static uint32_t bucket(const struct hist *h, double value)
{
	uint32_t from = 0, n = h->n_bounds;

	while (n) {
		uint32_t half = n / 2;

		if (value > h->bounds[from + half]) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

int hist__record(struct hist *h, double value)
{
	int err;

	if (!(value >= 0 && value <= __DBL_MAX__))
		return -EINVAL;
	err = record_exp(h, value);
	if (err)
		return err;
	h->counts[bucket(h, value)]++;
	if (!h->count || value < h->min)
		h->min = value;
	if (!h->count || value > h->max)
		h->max = value;
	h->sum += value;
	h->count++;
	return 0;
}

static int export_exp(const struct hist *h, struct metrics *m, struct metric_exp *out)
{
	uint64_t few[HIST_EXP_SIZE] = { 0 }, *counts;
	const uint64_t *ring = few;
	int32_t scale = h->scale, lo = h->lo, hi = h->hi, i;

	if (h->exp)
		ring = h->exp;
	else
		exp_of_few(h, few, &scale, &lo, &hi);
	*out = (struct metric_exp){ .scale = scale, .offset = lo, .zero_count = h->zero_count };
	if (hi < lo)
		return 0;
	counts = metrics__alloc(m, (size_t)(hi - lo + 1) * sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	for (i = lo; i <= hi; i++)
		counts[i - lo] = ring[slot(i)];
	out->counts = counts;
	out->n_counts = hi - lo + 1;
	return 0;
}

int hist__export(const struct hist *h, struct metrics *m, struct metric_hist *out)
{
	size_t bytes = (h->n_bounds + 1) * sizeof(h->counts[0]);
	uint64_t *counts = metrics__alloc(m, bytes);

	if (!counts)
		return -ENOMEM;
	memcpy(counts, h->counts, bytes);
	*out = (struct metric_hist){
		.count = h->count,
		.sum = h->sum,
		.min = h->min,
		.max = h->max,
		.n_bounds = h->n_bounds,
		.bounds = h->bounds,
		.counts = counts,
	};
	return export_exp(h, m, &out->exp);
}

void hist__init(struct hist *h, const double *bounds, uint32_t n_bounds)
{
	*h = (struct hist){ .bounds = bounds, .n_bounds = n_bounds, .scale = HIST_MAX_SCALE };
}

void hist__free(struct hist *h)
{
	free(h->few);
	free(h->exp);
	h->few = NULL;
	h->exp = NULL;
}

size_t hist__bytes(const struct hist *h)
{
	uint32_t room = 0;

	if (h->exp)
		return HIST_EXP_SIZE * sizeof(*h->exp);
	if (h->n_few)
		for (room = 1; room < h->n_few;)
			room *= 2;
	return room * sizeof(*h->few);
}
