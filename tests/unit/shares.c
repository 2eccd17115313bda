// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failing.h"
#include "agent/shares.c"
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef free

#include "metrics.h"

static uint32_t place(struct shares *sh, const char *name, const char *namespace,
		      const char *instance)
{
	struct service *s = service__get(name, namespace, instance);
	uint32_t at = shares__place(sh, s);

	service__put(s);
	return at;
}

static void a_service_has_one(void **state)
{
	struct shares *sh = shares__new();

	assert_int_equal(place(sh, "shop", "", ""), 1);
	assert_int_equal(place(sh, "stock", "", ""), 2);
	assert_int_equal(place(sh, "shop", "", "pod-1"), 1);
	assert_int_equal(place(sh, "shop", "eu", "pod-1"), 3);
	assert_int_equal(place(sh, "stock", "", ""), 2);
	assert_string_equal(shares__name(sh, 1), "shop");
	assert_string_equal(shares__name(sh, 3), "eu/shop");
	assert_string_equal(shares__name(sh, 0), "unknown");
	assert_string_equal(shares__name(sh, 4), "unknown");
	shares__free(sh);
}

static void more_than_there_are(void **state)
{
	struct shares *sh = shares__new();
	char name[16];
	uint32_t i, at;

	for (i = 1; i < RED_SHARES; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		assert_int_equal(place(sh, name, "", ""), i);
	}
	at = place(sh, "one-more", "", "");
	assert_in_range(at, 1, RED_SHARES - 1);
	assert_int_equal(place(sh, "one-more", "", ""), at);
	assert_int_equal(place(sh, "s1023", "", ""), 1023);
	shares__free(sh);
}

static void no_memory(void **state)
{
	long live = failing_live;
	struct shares *sh;

	failing_after = 0;
	assert_null(shares__new());
	failing_after = 1;
	sh = shares__new();
	assert_in_range(place(sh, "shop", "", ""), 1, RED_SHARES - 1);
	assert_string_equal(shares__name(sh, 1), "unknown");
	failing_after = -1;
	assert_int_equal(place(sh, "shop", "", ""), 1);
	shares__free(sh);
	assert_int_equal(failing_live, live);
}

static uint64_t refused(void *arg, uint32_t at)
{
	return ((uint64_t *)arg)[at];
}

static void only_what_was_refused(void **state)
{
	uint64_t n[RED_SHARES] = { [0] = 3, [2] = 50021 };
	struct metrics *m = metrics__new(1);
	struct self_builder b = { m, 1 };
	struct shares *sh = shares__new();
	const struct metric_point *p;

	place(sh, "shop", "", "");
	place(sh, "stock", "", "");
	shares__metrics(sh, refused, n, &b);
	shares__free(sh); /* the snapshot may live longer */
	assert_true(metrics__ok(m));
	assert_int_equal(m->families[0].n_points, 2);
	p = m->families[0].points;
	assert_string_equal(p[0].attrs[0].str, "unknown");
	assert_true(p[0].value == 3);
	assert_string_equal(p[1].attrs[0].str, "stock");
	assert_true(p[1].value == 50021);
	metrics__put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_has_one),
		cmocka_unit_test(more_than_there_are),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(only_what_was_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
