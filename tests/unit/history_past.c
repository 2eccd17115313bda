// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "history_fixture.h"

static struct history *h;
static struct hseries s;
static uint64_t counts[300];
static struct metric_hist m;
static struct delta d;

static int start(void **state)
{
	const struct history_config c = { .limit_bytes = MiB };

	h = history__bare(&c, BEGIN * SEC);
	assert_non_null(h);
	memset(counts, 0, sizeof(counts));
	m = (struct metric_hist){ .exp = { .scale = 3, .counts = counts } };
	s = (struct hseries){ .scale = BUCKET_SCALE, .now = &m };
	return 0;
}

static int stop(void **state)
{
	past__free(h, &s.past[FINE]);
	past__free(h, &s.past[COARSE]);
	history__free(h);
	return 0;
}

/* Cumulative: n more in this bucket of ours. Only with scale 3. */
static void add(uint32_t bucket, uint64_t n)
{
	if (!m.exp.n_counts) {
		m.exp.offset = (int32_t)bucket + BUCKET_FIRST - 10;
		m.exp.n_counts = 200;
	}
	counts[(int32_t)bucket + BUCKET_FIRST - m.exp.offset] += n;
	m.count += n;
	m.sum += (double)n;
}

static uint32_t at(uint32_t bucket)
{
	return bucket >= d.from && bucket < d.to ? d.buckets[bucket] : 0;
}

static void expect(uint64_t count)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = d.from; i < d.to; i++)
		sum += d.buckets[i];
	assert_int_equal(d.count, count);
	assert_int_equal(sum, count);
}

static void advance(uint64_t count)
{
	assert_int_equal(past__advance(h, &s, &d), 0);
	expect(count);
}

static void what_was_added(void **state)
{
	add(50, 3);
	advance(3);
	assert_int_equal(at(50), 3);
	assert_int_equal(d.sum_us, 3000000);
	add(50, 1);
	add(90, 2);
	advance(3);
	assert_int_equal(at(50), 1);
	assert_int_equal(at(90), 2);
	advance(0);
	past__catch_up(&s, &d);
	expect(6);
	assert_int_equal(at(50), 4);
	past__catch_up(&s, &d);
	expect(0);
}

static void begin_anew(uint64_t start)
{
	memset(counts, 0, sizeof(counts));
	m.count = 0;
	m.sum = 0;
	s.now_start_unix_ns = start;
}

static void a_new_beginning_counts_wholly(void **state)
{
	add(50, 5);
	advance(5);
	past__catch_up(&s, &d);
	add(50, 2);
	advance(2);
	begin_anew(7); /* with more than before, in another bucket */
	add(60, 9);
	advance(9);
	assert_int_equal(at(60), 9);
	assert_int_equal(at(50), 0);
	past__catch_up(&s, &d); /* of both sides of it */
	expect(11);
	assert_int_equal(at(50), 2);
	assert_int_equal(at(60), 9);
	assert_int_equal(d.sum_us, 11000000);
}

static void a_smaller_count_is_a_new_beginning(void **state)
{
	add(50, 5);
	advance(5);
	begin_anew(0);
	add(50, 4);
	advance(4);
	past__catch_up(&s, &d);
	expect(9);
	assert_int_equal(at(50), 9);
}

static void zeros_are_the_shortest(void **state)
{
	m.exp.zero_count = m.count = 4;
	advance(4);
	assert_int_equal(at(0), 4);
	add(255, 1);
	advance(1);
	assert_int_equal(at(255), 1);
}

/* Scale 3, then 2: buckets 2 k and 2 k + 1 of ours become one. */
static void a_coarser_scale_moves_nothing(void **state)
{
	uint32_t b = 80; /* index -80 at scale 3 */

	add(b, 3);
	add(b + 1, 4);
	add(b + 10, 5);
	advance(12);
	memset(counts, 0, sizeof(counts));
	m.exp.scale = 2;
	m.exp.offset = ((int32_t)b + BUCKET_FIRST) >> 1;
	m.exp.n_counts = 6;
	counts[0] = 7;
	counts[5] = 5 + 2;
	m.count += 2;
	advance(2);
	assert_int_equal(at(b + 11), 2);
	assert_int_equal(at(b + 1), 0);
	past__catch_up(&s, &d);
	expect(14);
	assert_int_equal(at(b + 1), 7);
	assert_int_equal(at(b + 11), 7);
}

static void counts_beyond_32_bits(void **state)
{
	add(50, UINT64_C(0xfffffffff0));
	assert_int_equal(past__advance(h, &s, &d), 0);
	add(50, 77);
	advance(77);
	assert_int_equal(at(50), 77);
}

static void no_room_changes_nothing(void **state)
{
	uint64_t was = h->limit;

	add(50, 3);
	h->limit = 0;
	assert_int_equal(past__advance(h, &s, &d), -ENOMEM);
	h->limit = was;
	advance(3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_added, start, stop),
		cmocka_unit_test_setup_teardown(a_new_beginning_counts_wholly, start, stop),
		cmocka_unit_test_setup_teardown(a_smaller_count_is_a_new_beginning, start, stop),
		cmocka_unit_test_setup_teardown(zeros_are_the_shortest, start, stop),
		cmocka_unit_test_setup_teardown(a_coarser_scale_moves_nothing, start, stop),
		cmocka_unit_test_setup_teardown(counts_beyond_32_bits, start, stop),
		cmocka_unit_test_setup_teardown(no_room_changes_nothing, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
