// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "metrics.h"

static void builds(void **state)
{
	struct metrics *m = metrics__new(42);
	struct metric_resource *r = metrics__resource(m);
	struct metric_family *f = metrics__family(m, "a.b", "s", "help", METRIC_GAUGE, 2);
	struct metric_attr *attrs;
	struct metric_point *p = metrics__point(m, f, 1, &attrs);

	assert_string_equal(r->service_name, "");
	attrs[0] = (struct metric_attr){ .key = "k", .type = ATTR_INT, .num = -7 };
	p->resource = r;
	p->value = 1.5;
	assert_non_null(metrics__point(m, f, 0, NULL));
	assert_null(metrics__point(m, f, 0, NULL)); /* used up, which is no failure */
	assert_true(metrics__ok(m));
	assert_int_equal(m->unix_ns, 42);
	assert_int_equal(m->n_families, 1);
	assert_int_equal(m->n_resources, 1);
	assert_ptr_equal(m->families, f);
	assert_int_equal(f->n_points, 2);
	assert_int_equal(f->points[0].attrs[0].num, -7);
	assert_int_equal(f->points[1].n_attrs, 0);
	metrics__put(m);
	metrics__put(NULL);
}

static void addresses_stay(void **state)
{
	struct metrics *m = metrics__new(0);
	struct metric_resource *first = metrics__resource(m);
	struct metric_family *f = metrics__family(m, "f", "", "", METRIC_GAUGE, 5000);
	size_t n = 0;

	first->service_name = metrics__strdup(m, "first!", 5);
	while (metrics__point(m, f, 3, NULL))
		n++;
	for (int i = 1; i < METRICS_MAX_RESOURCES; i++)
		assert_non_null(metrics__resource(m));
	assert_int_equal(n, 5000);
	assert_ptr_equal(first, m->resources);
	assert_string_equal(m->resources[0].service_name, "first");
	metrics__put(m);
}

static void allocations_are_zeroed_and_aligned(void **state)
{
	static const char zero[200000];
	struct metrics *m = metrics__new(0);

	for (size_t bytes = 1; bytes < sizeof(zero); bytes = bytes * 3 + 1) {
		char *p = metrics__alloc(m, bytes);

		assert_int_equal((uintptr_t)p % 8, 0);
		assert_memory_equal(p, zero, bytes);
		memset(p, 0xff, bytes);
	}
	assert_non_null(metrics__alloc(m, 0));
	assert_string_equal(metrics__strdup(m, "a\0b", 3), "a"); /* strings end at a NUL */
	metrics__put(m);
}

static void broken_stays_broken(void **state)
{
	struct metrics *m = metrics__new(0);
	struct metric_family *f = metrics__family(m, "f", "", "", METRIC_GAUGE, 8);

	assert_null(metrics__alloc(m, SIZE_MAX - 3));
	assert_false(metrics__ok(m));
	assert_null(metrics__alloc(m, 8));
	assert_null(metrics__strdup(m, "x", 1));
	assert_null(metrics__resource(m));
	assert_null(metrics__point(m, f, 0, NULL));
	assert_null(metrics__family(m, "g", "", "", METRIC_GAUGE, 1));
	assert_int_equal(m->n_families, 1);
	assert_int_equal(f->n_points, 0);
	metrics__put(m);
}

static void too_many_break_it(void **state)
{
	struct metrics *m = metrics__new(0);

	for (int i = 0; i < METRICS_MAX_FAMILIES; i++)
		assert_non_null(metrics__family(m, "f", "", "", METRIC_GAUGE, 0));
	assert_true(metrics__ok(m));
	assert_null(metrics__family(m, "f", "", "", METRIC_GAUGE, 0));
	assert_false(metrics__ok(m));
	metrics__put(m);
}

static void *take_and_drop(void *arg)
{
	for (int i = 0; i < 100003; i++)
		metrics__put(metrics__ref(arg));
	metrics__put(arg); /* the reference this thread was given */
	return NULL;
}

/* Whoever is last frees, once: the sanitizers see it otherwise. */
static void threads_share(void **state)
{
	struct metrics *m = metrics__new(0);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_drop, metrics__ref(m)),
				 0);
	metrics__put(m);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds),
		cmocka_unit_test(addresses_stay),
		cmocka_unit_test(allocations_are_zeroed_and_aligned),
		cmocka_unit_test(broken_stays_broken),
		cmocka_unit_test(too_many_break_it),
		cmocka_unit_test(threads_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
