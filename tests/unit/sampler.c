// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <errno.h>

#include "sampler.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct slice NO_STATE;

/* splitmix64: the same sequence everywhere. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void put_u64(uint8_t *to, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(v >> 8 * (7 - i));
}

static void names_and_arguments(void **state)
{
	static const struct {
		const char *name, *arg;
		int err;
		bool parent_based;
		uint64_t threshold;
	} rows[] = {
		{ "always_on", NULL, 0, false, 0 },
		{ "always_on", "nonsense", 0, false, 0 },
		{ "always_off", NULL, 0, false, SAMPLER_NEVER },
		{ "parentbased_always_on", NULL, 0, true, 0 },
		{ "parentbased_always_off", "1", 0, true, SAMPLER_NEVER },
		{ "traceidratio", NULL, 0, false, 0 },
		{ "traceidratio", "", 0, false, 0 },
		{ "traceidratio", "1", 0, false, 0 },
		{ "traceidratio", "1.0", 0, false, 0 },
		{ "traceidratio", "0", 0, false, SAMPLER_NEVER },
		{ "traceidratio", "0.5", 0, false, 0x80000000000000 },
		{ "traceidratio", "0.25", 0, false, 0xc0000000000000 },
		{ "parentbased_traceidratio", "0.1", 0, true, 0xe6666666666666 },
		{ "parentbased_traceidratio", "1e-17", 0, true, 0xffffffffffffff },
		{ "parentbased_traceidratio", "1e-18", 0, true, SAMPLER_NEVER },
		{ "traceidratio", "1.01", -EINVAL, false, 0 },
		{ "traceidratio", "-0.1", -EINVAL, false, 0 },
		{ "traceidratio", "nan", -EINVAL, false, 0 },
		{ "traceidratio", "inf", -EINVAL, false, 0 },
		{ "traceidratio", "0.5x", -EINVAL, false, 0 },
		{ "traceidratio", "x", -EINVAL, false, 0 },
		{ "jaeger_remote", "1", -EINVAL, false, 0 },
		{ "", NULL, -EINVAL, false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sampler s;

		if (sampler__init(&s, rows[i].name, rows[i].arg) != rows[i].err)
			fail_msg("%s %s", rows[i].name, rows[i].arg);
		if (rows[i].err)
			continue;
		if (s.parent_based != rows[i].parent_based ||
		    sampler__threshold(&s) != rows[i].threshold)
			fail_msg("%s %s: %#lx", rows[i].name, rows[i].arg, s.threshold);
	}
}

static void parents_decide_for_those_who_ask_them(void **state)
{
	static const struct {
		const char *name;
		bool root, under_sampled, under_unsampled;
	} rows[] = {
		{ "always_on", true, true, true },
		{ "always_off", false, false, false },
		{ "traceidratio", false, false, false },
		{ "parentbased_always_on", true, true, false },
		{ "parentbased_always_off", false, true, false },
		{ "parentbased_traceidratio", false, true, false },
	};
	static const uint8_t low[16] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 0 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sampler s;

		assert_int_equal(sampler__init(&s, rows[i].name, "0.5"), 0);
		assert_int_equal(sampler__decide(&s, low, false, true, NO_STATE), rows[i].root);
		assert_int_equal(sampler__decide(&s, low, true, true, NO_STATE),
				 rows[i].under_sampled);
		assert_int_equal(sampler__decide(&s, low, true, false, NO_STATE),
				 rows[i].under_unsampled);
	}
}

static void randomness_is_the_last_seven_bytes(void **state)
{
	struct sampler s;
	uint8_t id[16];

	assert_int_equal(sampler__init(&s, "traceidratio", "0.1"), 0);
	memset(id, 0xff, 9);
	put_u64(id + 8, UINT64_C(0xffe6666666666665));
	assert_false(sampler__decide(&s, id, false, false, NO_STATE));
	put_u64(id + 8, UINT64_C(0x00e6666666666666));
	assert_true(sampler__decide(&s, id, false, false, NO_STATE));
}

/* The id alone would not be sampled. */
static void explicit_randomness_wins(void **state)
{
	static const struct {
		const char *tracestate;
		bool sampled;
	} rows[] = {
		{ "", false },
		{ "ot=rv:80000000000000", true },
		{ "ot=rv:7fffffffffffff", false },
		{ "a=1, ot=th:c;rv:ffffffffffffff ,b=2", true },
		{ "ot=rv:ffffffffffffff;th:c", true },
		{ "ot=xrv:ffffffffffffff", false },
		{ "ot=th:c;rv:fffffffffffff", false },
		{ "ot=rv:fffffffffffffff", false },
		{ "ot=rv:FFFFFFFFFFFFFF", false },
		{ "ot=rv:", false },
		{ "ot=th:c", false },
		{ "xot=rv:ffffffffffffff", false },
		{ "A=1,ot=rv:ffffffffffffff", false }, /* not parsed that far */
	};
	static const uint8_t id[16] = { 1 };
	struct sampler s;

	assert_int_equal(sampler__init(&s, "traceidratio", "0.5"), 0);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (sampler__decide(&s, id, false, false, slice_of(rows[i].tracestate)) !=
		    rows[i].sampled)
			fail_msg("'%s'", rows[i].tracestate);
}

/* Of ids that are spread evenly the ratio is met exactly. */
static void even_ids_give_the_ratio(void **state)
{
	static const struct {
		const char *ratio;
		int sampled;
	} rows[] = { { "1", 65536 },    { "0.5", 32768 }, { "0.25", 16384 },
		     { "0.125", 8192 }, { "0.1", 6553 },  { "0.0000152587890625", 1 },
		     { "0.00001", 0 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sampler s;
		int n = 0;

		assert_int_equal(sampler__init(&s, "traceidratio", rows[i].ratio), 0);
		for (uint64_t r = 0; r < 65536; r++) {
			uint8_t id[16] = { 1 };

			put_u64(id + 8, r << 40);
			n += sampler__decide(&s, id, false, false, NO_STATE);
		}
		assert_int_equal(n, rows[i].sampled);
	}
}

/* Counts from another implementation (exact fractions) on the same sequence. */
static void a_fixed_sequence_gives_known_counts(void **state)
{
	static const struct {
		const char *ratio;
		int sampled;
	} rows[] = {
		{ "1", 100003 }, { "0.5", 49836 }, { "0.25", 25017 }, { "0.1", 9936 },
		{ "0.01", 970 }, { "0.001", 94 },  { "0.00001", 1 },  { "0", 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t seed = 42;
		struct sampler s;
		int n = 0;

		assert_int_equal(sampler__init(&s, "parentbased_traceidratio", rows[i].ratio), 0);
		for (int k = 0; k < 100003; k++) {
			uint8_t id[16];

			put_u64(id, next_random(&seed));
			put_u64(id + 8, next_random(&seed));
			n += sampler__decide(&s, id, false, false, NO_STATE);
		}
		if (n != rows[i].sampled)
			fail_msg("%s: %d, not %d", rows[i].ratio, n, rows[i].sampled);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_arguments),
		cmocka_unit_test(parents_decide_for_those_who_ask_them),
		cmocka_unit_test(randomness_is_the_last_seven_bytes),
		cmocka_unit_test(explicit_randomness_wins),
		cmocka_unit_test(even_ids_give_the_ratio),
		cmocka_unit_test(a_fixed_sequence_gives_known_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
