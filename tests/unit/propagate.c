// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "options.h"
#include "propagate.h"

/* The kernel side samples a trace when the right-most 56 bits are not below. */
static void sampling(void **state)
{
	static const struct {
		char *name, *arg;
		bool parent;
		uint64_t threshold;
	} cases[] = {
		{ NULL, NULL, true, 0 },
		{ "always_on", NULL, false, 0 },
		{ "parentbased_always_on", NULL, true, 0 },
		{ "always_off", NULL, false, 1ull << 56 },
		{ "parentbased_always_off", NULL, true, 1ull << 56 },
		{ "traceidratio", NULL, false, 0 },
		{ "traceidratio", "0", false, 1ull << 56 },
		{ "traceidratio", "1", false, 0 },
		{ "traceidratio", "0.5", false, 1ull << 55 },
		{ "parentbased_traceidratio", "0.25", true, 3ull << 54 },
		{ "traceidratio", "7", false, 0 },
		{ "traceidratio", "-7", false, 1ull << 56 },
	};
	struct options o = {};
	uint64_t threshold;
	bool parent;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o.sampler = cases[i].name;
		o.sampler_arg = cases[i].arg;
		propagate__sampling(&o, &parent, &threshold);
		assert_int_equal(parent, cases[i].parent);
		assert_int_equal(threshold, cases[i].threshold);
	}
}

static void nothing(void **state)
{
	propagate__free(NULL);
	propagate__metrics(NULL, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sampling),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
