// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nearest.h"

static void the_closest_within_two_edits_is_found(void **state)
{
	static const char *const words[] = { "port", "exe", "pid", "max-routes", "ring-size" };
	static const struct {
		const char *word, *best;
	} cases[] = {
		{ "port", "port" },
		{ "prot", "port" },
		{ "por", "port" },
		{ "ports", "port" },
		{ "sport", "port" },
		{ "max_routes", "max-routes" },
		{ "maxroute", "max-routes" },
		{ "maxrout", NULL },
		{ "ringsize", "ring-size" },
		{ "x", NULL },
		{ "ex", "exe" },
		{ "", NULL },
		{ "pie", "pid" },
		{ "frobnicate", NULL },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nearest n = { .word = cases[i].word };

		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			nearest__try(&n, words[j]);
		if (cases[i].best)
			assert_string_equal(n.best, cases[i].best);
		else
			assert_null(n.best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_closest_within_two_edits_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
