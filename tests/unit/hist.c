// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hist.h"
#include "metrics.h"

static const double bounds[] = { 0.005, 0.01, 0.1, 1 };

static uint64_t rng_state;

static uint64_t rng(void) /* xorshift64 */
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static double random_double(void) /* any finite double > 0, subnormals too */
{
	uint64_t bits;
	double d;

	do {
		bits = rng() >> 1;
		memcpy(&d, &bits, sizeof(d));
	} while (!isfinite(d) || d == 0);
	return d;
}

/* ---- oracles for the index ------------------------------------------------ */

static int32_t by_log2l(double v, int scale)
{
	int e;
	long double m = frexpl(v, &e) * 2, at; /* in [1, 2): the exponent costs no precision */

	at = scale >= 0 ? ((long double)(e - 1) + log2l(m)) * (1 << scale)
			: ((long double)(e - 1) + log2l(m)) / (1 << -scale);
	return (int32_t)ceill(at) - 1;
}

enum { LIMBS = 64 * 256 / 32 };

struct big {
	uint32_t n, v[LIMBS];
};

static void square(struct big *x)
{
	static struct big r;
	uint64_t carry;
	uint32_t i, j;

	memset(&r, 0, sizeof(r));
	for (i = 0; i < x->n; i++) {
		for (j = 0, carry = 0; j < x->n; j++) {
			carry += r.v[i + j] + (uint64_t)x->v[i] * x->v[j];
			r.v[i + j] = (uint32_t)carry;
			carry >>= 32;
		}
		if (i + x->n < LIMBS)
			r.v[i + x->n] = (uint32_t)carry;
	}
	for (r.n = LIMBS; r.n > 1 && !r.v[r.n - 1];)
		r.n--;
	*x = r;
}

/* Exact: with v = x * 2^-52, x in [2^52, 2^53): log2(v) * 2^scale = log2(x^(2^scale)) - 52 *
 * 2^scale, and the integer part of a binary logarithm is a number of bits. */
static int32_t by_integers(double v, int scale)
{
	uint64_t x;
	struct big b;
	uint32_t bits;
	int e, i;

	x = (uint64_t)ldexp(frexp(v, &e), 53);
	e--;
	if (x == UINT64_C(1) << 52)
		return e * (1 << scale) - 1;
	b = (struct big){ .n = 2, .v = { (uint32_t)x, (uint32_t)(x >> 32) } };
	for (i = 0; i < scale; i++)
		square(&b);
	bits = 32 * b.n - (uint32_t)__builtin_clz(b.v[b.n - 1]);
	return e * (1 << scale) + (int32_t)bits - 1 - 52 * (1 << scale);
}

static void test_index_known(void **state)
{
	static const struct {
		double v;
		int scale;
		int32_t index;
	} t[] = {
		{ 1, 0, -1 },
		{ 2, 0, 0 },
		{ 4, 0, 1 },
		{ 0.5, 0, -2 },
		{ 1.5, 0, 0 },
		{ 3, 0, 1 },
		{ 2, 1, 1 },
		{ 1.4142135623730950, 1, 0 },
		{ 1.5, 1, 1 },
		{ 1, 20, -1 },
		{ 2, 20, 1048575 },
		{ 4, 20, 2097151 },
		{ 16, -2, 0 },
		{ 17, -2, 1 },
		{ 1, -4, -1 },
		{ 65536, -4, 0 },
		{ 65537, -4, 1 },
		{ 1, -1, -1 },
		{ 0.25, -1, -2 },
		{ DBL_MIN, 0, -1023 },
		{ 0x1p-1074, 0, -1075 },
		{ DBL_MAX, 0, 1023 },
		{ DBL_MAX, -4, 63 },
		{ 0x1p-1074, -4, -68 },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(hist__exp_index(t[i].v, t[i].scale), t[i].index);
}

static void test_index_powers_of_two(void **state)
{
	int e, scale, index;

	for (e = -1074; e <= 1023; e++) {
		double v = ldexp(1, e);

		for (scale = 0; scale <= HIST_MAX_SCALE; scale++) {
			index = hist__exp_index(v, scale);
			assert_int_equal(index, e * (1 << scale) - 1);
			if (e > -1000) {
				assert_int_equal(hist__exp_index(nextafter(v, INFINITY), scale),
						 index + 1);
				assert_int_equal(hist__exp_index(nextafter(v, 0), scale), index);
			}
		}
		for (scale = HIST_MIN_SCALE; scale < 0; scale++)
			assert_int_equal(hist__exp_index(v, scale), by_log2l(v, scale));
	}
}

static void test_index_is_exact_at_every_border(void **state)
{
	int scale, k, i;

	for (scale = 1; scale <= 8; scale++) {
		for (k = 0; k<1 << scale; k += scale> 6 ? 3 : 1) {
			double v = exp2((double)k / (1 << scale));

			for (i = 0; i < 3; i++, v = nextafter(v, i == 1 ? 0 : INFINITY)) {
				if (v < 1)
					continue;
				assert_int_equal(hist__exp_index(v, scale), by_integers(v, scale));
				assert_int_equal(hist__exp_index(v * 0x1p-10, scale),
						 by_integers(v, scale) - 10 * (1 << scale));
			}
		}
	}
}

static void test_fine_index_around_borders(void **state)
{
	int i, scale;

	rng_state = 1;
	for (i = 0; i < 200000; i++) {
		double v;

		scale = 9 + (int)(rng() % 12);
		v = (double)exp2l((long double)(rng() % (1u << scale)) / (1 << scale));
		assert_int_equal(hist__exp_index(v, scale), by_log2l(v, scale));
		v = nextafter(v, 2);
		assert_int_equal(hist__exp_index(v, scale), by_log2l(v, scale));
	}
}

static void test_index_random(void **state)
{
	int i, scale;

	rng_state = 88172645463325252;
	for (i = 0; i < 100000; i++) {
		double v = random_double();

		for (scale = HIST_MIN_SCALE; scale <= HIST_MAX_SCALE; scale++)
			assert_int_equal(hist__exp_index(v, scale), by_log2l(v, scale));
	}
}

/* ---- recording ------------------------------------------------------------- */

static uint64_t exp_total(const struct metric_exp *e)
{
	uint64_t n = e->zero_count;
	uint32_t i;

	for (i = 0; i < e->n_counts; i++)
		n += e->counts[i];
	return n;
}

static void test_explicit_is_upper_inclusive(void **state)
{
	static const double values[] = { 0, 0.005, 0.0050001, 0.01, 0.1, 0.5, 1, 1.01, 1e9 };
	static const uint64_t want[] = { 2, 2, 1, 2, 2 };
	struct metrics *m = metrics__new(1);
	struct metric_hist out;
	struct hist h;
	size_t i;

	hist__init(&h, bounds, 4);
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(hist__record(&h, values[i]), 0);
	assert_int_equal(hist__export(&h, m, &out), 0);
	assert_int_equal(out.count, 9);
	assert_true(out.min == 0 && out.max == 1e9);
	assert_ptr_equal(out.bounds, bounds);
	assert_memory_equal(out.counts, want, sizeof(want));
	assert_int_equal(out.exp.zero_count, 1);
	assert_int_equal(exp_total(&out.exp), 9);
	metrics__put(m);
	hist__free(&h);
}

static void test_refuses_what_is_no_measurement(void **state)
{
	static const double bad[] = { -1, -0x1p-1074, INFINITY, -INFINITY, NAN };
	struct hist h;
	size_t i;

	hist__init(&h, bounds, 4);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hist__record(&h, bad[i]), -EINVAL);
	assert_int_equal(h.count, 0);
	assert_int_equal(h.n_few, 0);
	hist__free(&h);
}

static void test_empty_single_and_zero(void **state)
{
	struct metrics *m = metrics__new(1);
	struct metric_hist out;
	struct hist h;

	hist__init(&h, bounds, 4);
	assert_int_equal(hist__export(&h, m, &out), 0);
	assert_int_equal(out.count + out.exp.n_counts + out.exp.zero_count, 0);
	assert_int_equal(hist__record(&h, 0), 0);
	assert_int_equal(hist__export(&h, m, &out), 0);
	assert_int_equal(out.exp.n_counts, 0);
	assert_int_equal(out.exp.zero_count, 1);
	assert_int_equal(hist__record(&h, 2), 0);
	assert_int_equal(hist__export(&h, m, &out), 0);
	assert_int_equal(out.exp.scale, HIST_MAX_SCALE);
	assert_int_equal(out.exp.offset, (1 << 20) - 1);
	assert_int_equal(out.exp.n_counts, 1);
	assert_int_equal(out.exp.counts[0], 1);
	metrics__put(m);
	hist__free(&h);
}

static void test_rare_series_are_small(void **state)
{
	struct hist h;
	int i;

	hist__init(&h, bounds, 4);
	for (i = 0; i < 1000; i++)
		assert_int_equal(hist__record(&h, 1 + i % HIST_FEW), 0);
	assert_true(hist__bytes(&h) <= 128);
	assert_int_equal(hist__record(&h, 100), 0);
	assert_int_equal(hist__bytes(&h), HIST_EXP_SIZE * 8);
	for (i = 0; i < 100000; i++)
		assert_int_equal(hist__record(&h, ldexp(1, i % 2000 - 1000)), 0);
	assert_int_equal(hist__bytes(&h), HIST_EXP_SIZE * 8);
	hist__free(&h);
}

/* The best scale at which lo..hi fit, by definition. */
static int best_scale(double min, double max)
{
	int s = HIST_MAX_SCALE;

	while ((int64_t)hist__exp_index(max, s) - hist__exp_index(min, s) >= HIST_EXP_SIZE)
		s--;
	return s;
}

/* Both forms of storage against a plain recount of all values at the final scale. */
static void check_against_recount(const double *v, int n)
{
	struct metrics *m = metrics__new(1);
	struct metric_hist out;
	double min = v[0], max = v[0], sum = 0;
	uint64_t want[HIST_EXP_SIZE] = { 0 };
	struct hist h;
	int i;

	hist__init(&h, bounds, 4);
	for (i = 0; i < n; i++) {
		assert_int_equal(hist__record(&h, v[i]), 0);
		min = v[i] < min ? v[i] : min;
		max = v[i] > max ? v[i] : max;
		sum += v[i];
	}
	assert_int_equal(hist__export(&h, m, &out), 0);
	assert_true(out.min == min && out.max == max && out.sum == sum);
	assert_int_equal(out.exp.scale, best_scale(min, max));
	assert_true(out.exp.scale >= HIST_MIN_SCALE);
	assert_int_equal(out.exp.offset, hist__exp_index(min, out.exp.scale));
	assert_true(out.exp.n_counts <= HIST_EXP_SIZE);
	for (i = 0; i < n; i++)
		want[hist__exp_index(v[i], out.exp.scale) - out.exp.offset]++;
	assert_memory_equal(out.exp.counts, want, out.exp.n_counts * sizeof(want[0]));
	assert_int_equal(exp_total(&out.exp), n);
	metrics__put(m);
	hist__free(&h);
}

static void test_random_sets(void **state)
{
	static double v[400];
	int round, i, n;

	rng_state = 2463534242;
	for (round = 0; round < 3000; round++) {
		double spread = ldexp(1, (int)(rng() % 40) - 30);

		n = 1 + (int)(rng() % (round % 3 ? 12 : 400));
		for (i = 0; i < n; i++)
			v[i] = round % 5 ? 1e-3 * (1 + spread * (double)(rng() % 1000))
					 : random_double() * 0x1p-2;
		for (i = 0; i < n; i++)
			v[i] = v[i] > 0 ? v[i] : 1;
		check_against_recount(v, n);
	}
}

static void test_extremes_fit(void **state)
{
	double v[2 + 2098];
	int e, n = 0;

	v[n++] = DBL_MAX / 4096; /* the sum stays finite */
	for (e = -1074; e <= 1000; e++)
		v[n++] = ldexp(1, e);
	check_against_recount(v, n);
	v[0] = 0x1p-1074;
	v[1] = DBL_MAX;
	check_against_recount(v, 2);
}

static void test_latencies_keep_scale_three(void **state)
{
	struct hist h;
	int i;

	hist__init(&h, bounds, 4);
	for (i = 0; i < 1000; i++)
		assert_int_equal(hist__record(&h, 1e-3 * pow(1e5, i / 999.0)), 0);
	assert_int_equal(h.scale, 3); /* 1 ms to 100 s: 4.3 % */
	hist__free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_known),
		cmocka_unit_test(test_index_powers_of_two),
		cmocka_unit_test(test_index_is_exact_at_every_border),
		cmocka_unit_test(test_fine_index_around_borders),
		cmocka_unit_test(test_index_random),
		cmocka_unit_test(test_explicit_is_upper_inclusive),
		cmocka_unit_test(test_refuses_what_is_no_measurement),
		cmocka_unit_test(test_empty_single_and_zero),
		cmocka_unit_test(test_rare_series_are_small),
		cmocka_unit_test(test_random_sets),
		cmocka_unit_test(test_extremes_fit),
		cmocka_unit_test(test_latencies_keep_scale_three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
