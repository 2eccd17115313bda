// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the options of before are while new ones are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../agent/cmd_run.c"

static void those_before_stay_as_they_are(void **state)
{
	static const char *const exes[] = { "/opt/a", "/opt/b", "/opt/c", "/opt/d" };
	char *argv[] = { "run", "--exe", NULL };
	struct command c = { .argc = 3, .argv = argv };
	const struct options *before = NULL, *now;

	for (size_t i = 0; i < sizeof(exes) / sizeof(exes[0]); i++) {
		argv[2] = (char *)exes[i];
		now = reload(&c);
		assert_non_null(now);
		assert_string_equal(now->include.exes.v[0], exes[i]);
		if (before)
			assert_string_equal(before->include.exes.v[0], exes[i - 1]);
		before = now;
	}
	argv[1] = "--there-is-no-such-option";
	assert_null(reload(&c));
	assert_string_equal(before->include.exes.v[0], "/opt/d");
	options__free(&c.reloaded[0]);
	options__free(&c.reloaded[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_before_stay_as_they_are),
	};

	log__init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
