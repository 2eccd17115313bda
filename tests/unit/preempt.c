// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether a kernel is preemptible, from what it says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "preempt.h"

#define DYNAMIC "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)"

static enum preempt is(const char *version, const char *debug, const char *cmdline,
		       const char *config)
{
	struct preempt_texts t = { version, debug, cmdline, config };

	return preempt__read(&t);
}

static void the_version_says_it(void **state)
{
	assert_int_equal(is("#1 SMP Debian 5.10.223-1 (2024-08-10)", "", "", ""), PREEMPT_NO);
	assert_int_equal(is("#1 SMP PREEMPT Tue Oct 1 2024", "", "", ""), PREEMPT_YES);
	assert_int_equal(is("#1 SMP PREEMPT_RT Debian 6.1.140-1", "", "", ""), PREEMPT_RT);
	assert_int_equal(is("#1 PREEMPT", "", "", ""), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "", "", ""), PREEMPT_UNKNOWN);
	assert_int_equal(is("#1 SMP PREEMPTED", "", "preempt=full", ""), PREEMPT_NO);
	assert_int_equal(is("", "", "", ""), PREEMPT_NO);
}

static void what_it_does_now_comes_first(void **state)
{
	assert_int_equal(is(DYNAMIC, "none voluntary (full)\n", "preempt=none", ""), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "none voluntary full (lazy)\n", "", ""), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "(none) voluntary full\n", "preempt=full", ""), PREEMPT_NO);
	assert_int_equal(is(DYNAMIC, "none (voluntary) full\n", "", "CONFIG_PREEMPT=y\n"),
			 PREEMPT_NO);
	assert_int_equal(is(DYNAMIC, "(undefined)\n", "preempt=full", ""), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "none (vol", "", ""), PREEMPT_UNKNOWN);
	/* One that is dynamic and does not say so. */
	assert_int_equal(is("#1 SMP PREEMPT", "(none) voluntary full\n", "", ""), PREEMPT_NO);
	assert_int_equal(is("#1 SMP PREEMPT_RT", "(none) voluntary full\n", "", ""), PREEMPT_RT);
}

static void then_how_it_was_started(void **state)
{
	assert_int_equal(is(DYNAMIC, "", "ro quiet preempt=full\n", ""), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "", "preempt=lazy ro", ""), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "", "preempt=voluntary", "CONFIG_PREEMPT=y\n"), PREEMPT_NO);
	assert_int_equal(is(DYNAMIC, "", "preempt=full preempt=none", ""), PREEMPT_NO);
	assert_int_equal(is(DYNAMIC, "", "preempt=full preempt=often", ""), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "", "xpreempt=full preempt= preempt", ""), PREEMPT_UNKNOWN);
	/* Where nothing is dynamic the kernel passes it over. */
	assert_int_equal(is("#1 SMP PREEMPT", "", "preempt=none", ""), PREEMPT_YES);
}

static void then_how_it_was_built(void **state)
{
	static const char build[] = "CONFIG_PREEMPT_BUILD=y\nCONFIG_PREEMPT_DYNAMIC=y\n";

	assert_int_equal(is(DYNAMIC, "", "quiet", build), PREEMPT_UNKNOWN);
	assert_int_equal(is(DYNAMIC, "", "", "CONFIG_PREEMPT_BUILD=y\nCONFIG_PREEMPT=y\n"),
			 PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "", "", "CONFIG_PREEMPT_LAZY=y\n"), PREEMPT_YES);
	assert_int_equal(is(DYNAMIC, "", "", "CONFIG_PREEMPT_VOLUNTARY=y\nCONFIG_PREEMPTION=y\n"),
			 PREEMPT_NO);
	assert_int_equal(is(DYNAMIC, "", "", "CONFIG_PREEMPT_NONE=y"), PREEMPT_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_says_it),
		cmocka_unit_test(what_it_does_now_comes_first),
		cmocka_unit_test(then_how_it_was_started),
		cmocka_unit_test(then_how_it_was_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
