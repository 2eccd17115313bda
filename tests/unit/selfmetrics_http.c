// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "httpd.h"
#include "own_metrics.h"
#include "self_builder.h"
#include "selfmetrics.h"

static void all_is_told(void **state)
{
	const struct httpd_stats st = {
		.scrapes = { 2, 3, 5 }, .bytes = 7, .refused = 11, .errors = 13, .cut_off = 17
	};
	struct metrics *m = metrics__new(1);
	struct self_builder b = { m, 1 };

	selfmetrics__http(&b, &st);
	assert_true(metrics__ok(m));
	assert_true(own_total(m, "redeye.http.scrapes", "text", NULL) == 2);
	assert_true(own_total(m, "redeye.http.scrapes", "openmetrics", NULL) == 3);
	assert_true(own_total(m, "redeye.http.scrapes", "protobuf", NULL) == 5);
	assert_true(own_total(m, "redeye.http.sent", NULL, NULL) == 7);
	assert_true(own_total(m, "redeye.http.refused", NULL, NULL) == 11);
	assert_true(own_total(m, "redeye.http.errors", NULL, NULL) == 13);
	assert_true(own_total(m, "redeye.http.cut_off", NULL, NULL) == 17);
	metrics__put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
