// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The threads that take probes off: who has nothing to do is not woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <sys/resource.h>

#include "prober_internal.h"

#define MAPPINGS 1009

static long switches(void)
{
	struct rusage r;

	assert_int_equal(getrusage(RUSAGE_SELF, &r), 0);
	return r.ru_nvcsw;
}

/* The worker holds them back and lets them go with each mapping that it looks at. */
static void mappings_wake_nobody(void **state)
{
	struct detacher d = { 0 };
	long before, after;
	int i;

	assert_int_equal(detacher__init(&d, 100), 0);
	before = switches();
	for (i = 0; i < MAPPINGS; i++) {
		detacher__hold(&d, true);
		detacher__hold(&d, false);
		sched_yield(); /* who was woken runs */
	}
	after = switches();
	detacher__fini(&d);
	/* Those that had not gone to sleep yet, and nothing that grows with the mappings. */
	assert_in_range(after - before, 0, 8 * PROBER_DETACHERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_wake_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
