// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "query.h"

static void parts(void **state)
{
	struct buf b = { 0 };

	query__begin(&b, "/a");
	assert_string_equal(query__end(&b), "/a");
	query__begin(&b, "/a");
	query__text(&b, "none", NULL);
	query__text(&b, "route", "");
	query__text(&b, "q", "a b&c=d/\xc3\xa4?%\"\n");
	query__number(&b, "window", 60);
	query__number(&b, "min_duration", 0.0025);
	assert_string_equal(query__end(&b), "/a?route=&q=a%20b%26c%3Dd%2F%C3%A4%3F%25%22%0A&"
					    "window=60&min_duration=0.0025");
	buf__free(&b);
}

static void memory_that_is_short(void **state)
{
	struct buf b;

	buf__init(&b, 4);
	query__begin(&b, "/abc");
	assert_null(query__end(&b));
	buf__free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(memory_that_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
