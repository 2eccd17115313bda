// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "history_fixture.h"
#include "hist.h"

static void bounds_are_an_eighth_of_an_octave_apart(void **state)
{
	uint32_t i;

	assert_true(fabs(history_bucket__bound(7) - 0x1p-19) < 1e-15);
	assert_true(fabs(history_bucket__bound(159) - 1) < 1e-12);
	assert_true(fabs(history_bucket__bound(255) - 4096) < 1e-9);
	for (i = 1; i < HISTORY_BUCKETS; i++)
		assert_true(fabs(history_bucket__bound(i) / history_bucket__bound(i - 1) -
				 exp2(1.0 / 8)) < 1e-12);
}

/* The bucket that the definition says. */
static uint32_t bucket_by_bounds(double v)
{
	uint32_t i = 0;

	while (i < HISTORY_BUCKETS - 1 && v > history_bucket__bound(i))
		i++;
	return i;
}

static void finer_scales_fall_into_them_exactly(void **state)
{
	int i, scale;

	for (i = 0; i < 20011; i++) {
		double v = exp2((double)random_below(40000) / 1000 - 22.0005);

		for (scale = BUCKET_SCALE; scale <= 20; scale++)
			assert_int_equal(bucket__of(hist__exp_index(v, scale), scale),
					 bucket_by_bounds(v));
	}
}

static void coarser_scales_in_the_middle(void **state)
{
	int64_t index;
	int scale;

	for (scale = -4; scale < BUCKET_SCALE; scale++) {
		int k = 1 << (BUCKET_SCALE - scale);

		for (index = -400; index < 400; index++) {
			uint32_t at = bucket__of(index, scale);

			if (index * k < BUCKET_FIRST ||
			    (index + 1) * k > BUCKET_FIRST + HISTORY_BUCKETS)
				continue;
			assert_int_equal(at, index * k + k / 2 - BUCKET_FIRST);
			assert_int_equal(
				bucket__regroup((uint32_t)(index * k - BUCKET_FIRST), scale), at);
			assert_int_equal(
				bucket__regroup((uint32_t)(index * k + k - 1 - BUCKET_FIRST),
						scale),
				at);
		}
	}
}

static void nothing_has_no_quantile(void **state)
{
	const struct history_dist d = { 0 };

	assert_true(isnan(history_dist__quantile(&d, 0.5)));
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void quantiles_are_near(void **state)
{
	static const double qs[] = { 0, 0.001, 0.5, 0.9, 0.95, 0.99, 1 };
	static struct history_dist d;
	static double v[10007];
	size_t i, n = sizeof(v) / sizeof(v[0]);

	for (i = 0; i < n; i++) {
		v[i] = 2e-6 * exp2((double)random_below(25000) / 1000);
		d.buckets[bucket_by_bounds(v[i])]++;
		d.count++;
	}
	qsort(v, n, sizeof(v[0]), by_value);
	for (i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
		size_t rank = (size_t)ceil(qs[i] * (double)n);
		double exact = v[rank ? rank - 1 : 0], got = history_dist__quantile(&d, qs[i]);

		assert_true(got / exact < exp2(1.0 / 16) + 1e-9);
		assert_true(exact / got < exp2(1.0 / 16) + 1e-9);
	}
}

static void sums_do_not_wrap(void **state)
{
	struct history_dist d = { .count = 3, .errors = 1, .sum = 0.5, .buckets = { 2, 1 } };
	struct history_dist full = { .count = UINT32_MAX, .buckets = { UINT32_MAX - 1 } };

	history_dist__add(&d, &full);
	assert_int_equal(d.count, UINT32_MAX + UINT64_C(3));
	assert_int_equal(d.errors, 1);
	assert_int_equal(d.buckets[0], UINT32_MAX);
	assert_int_equal(d.buckets[1], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_are_an_eighth_of_an_octave_apart),
		cmocka_unit_test(finer_scales_fall_into_them_exactly),
		cmocka_unit_test(coarser_scales_in_the_middle),
		cmocka_unit_test(nothing_has_no_quantile),
		cmocka_unit_test(quantiles_are_near),
		cmocka_unit_test(sums_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
