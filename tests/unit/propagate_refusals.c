// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many refusals of the kernel switch propagation off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "propagate_internal.h"
#include "redeye.h"

#define SEC 1000000000ull

static struct refusals r;
static struct propagate_counts c;

static int start(void **state)
{
	r = (struct refusals){ .since_ns = SEC };
	c = (struct propagate_counts){ 0 };
	return 0;
}

/* One each second, as many as are allowed in a minute. */
static void some_now_and_then_are_chance(void **state)
{
	int i;

	for (i = 1; i <= 3600; i++) {
		c.n[RED_PROP_HASH_FULL]++;
		c.n[RED_PROP_PUSH_FAILED] += i % 4 == 0;
		assert_null(refusals__look(&r, &c, SEC + i * SEC));
	}
}

static void many_at_once_are_not(void **state)
{
	c.n[RED_PROP_HASH_FULL] = 64;
	c.n[RED_PROP_PUSH_FAILED] = 16;
	assert_null(refusals__look(&r, &c, 2 * SEC));
	c.n[RED_PROP_HASH_FULL] = 65;
	assert_string_equal(refusals__look(&r, &c, 2 * SEC),
			    "too many connections, or the kernel refuses them");
	c.n[RED_PROP_PUSH_FAILED] = 17;
	assert_string_equal(refusals__look(&r, &c, 2 * SEC), "the kernel often refuses to insert");
}

/* Nobody looked for long: what came since counts once. */
static void late_is_not_never(void **state)
{
	c.n[RED_PROP_PUSH_FAILED] = 17;
	assert_non_null(refusals__look(&r, &c, 500 * SEC));
	assert_null(refusals__look(&r, &c, 501 * SEC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(some_now_and_then_are_chance, start),
		cmocka_unit_test_setup(many_at_once_are_not, start),
		cmocka_unit_test_setup(late_is_not_never, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
