// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "history_spans_fixture.h"

static struct admit_slot slots[ADMIT_SLOTS];
static uint64_t wanted[ADMIT_WANTED];
static struct admit a;

static int start(void **state)
{
	memset(slots, 0, sizeof(slots));
	memset(wanted, 0, sizeof(wanted));
	a = (struct admit){
		.seed = 4711, .second = 100, .rare_after = 10, .slots = slots, .wanted = wanted
	};
	return 0;
}

static struct span request(uint64_t trace, uint64_t series, uint64_t us)
{
	struct span s = span_at(&shop, 1, trace, 1, 0);

	s.series = series;
	s.end_ns = s.start_ns + us * 1000;
	return s;
}

static bool offer(uint64_t trace, uint64_t series, uint64_t us)
{
	struct span s = request(trace, series, us);

	return admit__span(&a, &s);
}

/* How many of n, each its own trace. */
static uint32_t taken_of(uint32_t n)
{
	static uint64_t trace;
	uint32_t taken = 0;

	while (n--)
		taken += offer(++trace, 3, 1000);
	return taken;
}

static void few_are_all_taken(void **state)
{
	uint32_t second;

	for (second = 101; second < 110; second++) {
		assert_int_equal(taken_of(397), 397);
		admit__second(&a, second);
	}
}

static void of_many_some_hundreds(void **state)
{
	uint32_t second, n;

	assert_true(taken_of(100003) <= 2 * ADMIT_ORDINARY + 2);
	for (second = 101; second < 110; second++) {
		admit__second(&a, second);
		n = taken_of(100003);
		assert_true(n > ADMIT_ORDINARY / 3 && n < ADMIT_ORDINARY * 3 / 2);
	}
	admit__second(&a, second);
	taken_of(100);
	admit__second(&a, second + 1);
	assert_int_equal(taken_of(397), 397);
}

/* The same are taken while the rate is: whole traces. */
static void traces_are_taken_whole(void **state)
{
	uint32_t second, t, taken = 0, others = 0;
	bool first[2003];

	taken_of(2003);
	for (second = 101; second < 104; second++) {
		admit__second(&a, second);
		for (t = 0; t < 2003; t++) {
			bool is = offer(1000000 + t, 3, 1000);

			taken += is;
			if (second == 102)
				first[t] = is;
			if (second == 103)
				others += is != first[t];
		}
	}
	assert_true(taken > 3 * ADMIT_ORDINARY / 3);
	assert_true(others <= 4); /* the slowest of each second */
}

/* So many that no ordinary one is taken any more this second. */
static void overwhelm(void)
{
	taken_of(1000003);
	admit__second(&a, a.second + 1);
	taken_of(1000003);
}

static void errors_and_what_belongs_to_them(void **state)
{
	struct span s;
	uint32_t i, taken = 0;

	overwhelm();
	for (i = 0; i < 1009; i++) {
		s = request(0x10000000 + i, 3, 10);
		s.error_type = "500";
		taken += admit__span(&a, &s);
		if (i == 0)
			assert_true(offer(0x10000000, 3, 10)); /* its parent, which ends later */
	}
	assert_true(taken >= ADMIT_ERRORS && taken < ADMIT_ERRORS + 20);
	assert_false(offer(0x10000000 + 1008, 3, 10));
}

static void the_slowest(void **state)
{
	overwhelm();
	assert_true(offer(0x20000001, 3, 5000));
	assert_false(offer(0x20000002, 3, 5000));
	assert_false(offer(0x20000003, 3, 4999));
	assert_true(offer(0x20000004, 3, 5001));
	admit__second(&a, a.second + 4);
	a.mask = UINT64_MAX;
	assert_false(offer(0x20000005, 3, 2300));
	assert_true(offer(0x20000006, 3, 2700)); /* the mark has gone down */
}

static void series_that_are_rare(void **state)
{
	uint32_t i, taken = 0;

	overwhelm();
	for (i = 0; i < 97; i++)
		taken += offer(0x30000000 + i, (uint64_t)(i + 10) << 32 | (i + 10), 10);
	assert_int_equal(taken, 97); /* new ones */
	for (taken = i = 0; i < 97; i++)
		taken += offer(0x31000000 + i, (uint64_t)(i + 10) << 32 | (i + 10), 10);
	assert_int_equal(taken, 0);
	for (i = 0; i < 11; i++)
		admit__second(&a, a.second + 1);
	a.mask = UINT64_MAX;
	for (taken = i = 0; i < 97; i++)
		taken += offer(0x32000000 + i, (uint64_t)(i + 10) << 32 | (i + 10), 1);
	assert_int_equal(taken, 97);
}

/* Two that share a place have one each, and leave others what is for those that are rare. */
static void busy_ones_of_one_set(void **state)
{
	uint32_t i, taken = 0;

	overwhelm();
	admit__second(&a, a.second + 1);
	a.mask = UINT64_MAX;
	for (i = 0; i < 1000; i++)
		taken += offer(0x50000000 + i, UINT64_C(1) << 32 << i % 2 | 5, 10);
	assert_int_equal(taken, 2);
	assert_true(offer(0x51000000, UINT64_C(3) << 32 | 9, 10));
}

/* Nor do more than it has places for: one a second is taken for rare. */
static void busy_ones_of_a_full_set(void **state)
{
	uint32_t second, i;

	overwhelm();
	for (second = 0; second < 3; second++) {
		admit__second(&a, a.second + 1);
		a.mask = UINT64_MAX;
		for (i = 0; i < 1000; i++)
			offer(0x52000000 + second * 1000 + i, (i % 5 + 1ull) << 32 | 4, 10);
		assert_int_equal(a.rare, second ? 1 : 4);
	}
}

/* Also in a second whose number is that of one without any. */
static void a_free_place_is_taken_at_once(void **state)
{
	admit__second(&a, 256);
	a.mask = UINT64_MAX;
	assert_true(offer(0x54000000, UINT64_C(1) << 32 | 4, 10));
}

static bool offer_of_set(uint64_t trace, uint64_t k, uint64_t us)
{
	a.mask = UINT64_MAX;
	return offer(trace, k << 32 | 4, us);
}

static void the_oldest_of_a_set_goes(void **state)
{
	uint32_t k;

	assert_true(offer_of_set(0x60000001, 1, 10));
	admit__second(&a, a.second + 1);
	for (k = 2; k <= 4; k++)
		assert_true(offer_of_set(0x60000000 + k, k, 10));
	admit__second(&a, a.second + 1);
	assert_true(offer_of_set(0x60000005, 5, 10));
	for (k = 2; k <= 5; k++)
		assert_false(offer_of_set(0x61000000 + k, k, 1));
	admit__second(&a, a.second + 1);
	assert_true(offer_of_set(0x61000001, 1, 1));
}

/* Ten thousand series: all get their turn. */
static void the_while_gets_longer(void **state)
{
	enum { SERIES = 3001 };
	static bool seen[SERIES];
	uint32_t second, i, n = 0;

	for (second = 0; second < 200; second++) {
		admit__second(&a, a.second + 1);
		a.mask = UINT64_MAX;
		for (i = 0; i < SERIES; i++) {
			uint32_t k = (i + second * 7) % SERIES;

			if (!offer(0x40000000 + second * 10000 + i, (uint64_t)k << 32 | k, 10) ||
			    seen[k])
				continue;
			seen[k] = true;
			n++;
		}
	}
	assert_int_equal(n, SERIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(few_are_all_taken, start),
		cmocka_unit_test_setup(of_many_some_hundreds, start),
		cmocka_unit_test_setup(traces_are_taken_whole, start),
		cmocka_unit_test_setup(errors_and_what_belongs_to_them, start),
		cmocka_unit_test_setup(the_slowest, start),
		cmocka_unit_test_setup(series_that_are_rare, start),
		cmocka_unit_test_setup(busy_ones_of_one_set, start),
		cmocka_unit_test_setup(busy_ones_of_a_full_set, start),
		cmocka_unit_test_setup(a_free_place_is_taken_at_once, start),
		cmocka_unit_test_setup(the_oldest_of_a_set_goes, start),
		cmocka_unit_test_setup(the_while_gets_longer, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
