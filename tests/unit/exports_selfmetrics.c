// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exporter.h"
#include "own_metrics.h"
#include "self_builder.h"
#include "sender.h"
#include "span_queue.h"

/* Each figure is another power of two: what is missing in a sum shows. */
static const struct span_queue_stats queue = {
	.added = 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10,
	.dropped = 1 << 11,
	.lost = 1 << 4,
	.queued = 1 << 5,
};
static const struct sender_stats from_queue = {
	.taken_items = 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10,
	.recovered_items = 8,
	.delivered_items = 1 << 6,
	.rejected_items = 1 << 7,
	.dropped_items[SENDER_DROP_CORRUPT] = 1 << 8,
	.dropped_items[SENDER_DROP_SPOOL_FULL] = 8,
	.memory_items = 1 << 9,
	.spool_items = 1 << 10,
	.failed_next = 3,
	.spool_damaged = 5,
	.spool_failed = 7,
	.spool_foreign = 11,
};
static const struct sender_stats alone = {
	.taken_items = 31,
	.recovered_items = 4,
	.delivered_items = 20,
	.spool_items = 15,
};

static struct metrics *told(void)
{
	const struct export_figures v[] = { { "traces", &queue, &from_queue },
					    { "metrics", NULL, &alone } };
	struct metrics *m = metrics__new(1);
	struct self_builder b = { m, 1 };

	exports__figures(&b, v, 2);
	assert_true(metrics__ok(m));
	return m;
}

/* Nothing is lost that no figure has, also after a restart, and of metrics. */
static void both_sides_are_equal(void **state)
{
	static const char *const signals[] = { "traces", "metrics" };
	static const double recovered[] = { 8, 4 };
	struct metrics *m = told();

	for (int i = 0; i < 2; i++) {
		const char *s = signals[i];
		double in = own_total(m, "redeye.export.items", s, NULL);

		assert_true(own_total(m, "redeye.export.recovered", s, NULL) == recovered[i]);
		assert_true(in + recovered[i] ==
			    own_total(m, "redeye.export.delivered", s, NULL) +
				    own_total(m, "redeye.export.dropped", s, NULL) +
				    own_total(m, "redeye.export.waiting", s, NULL));
	}
	assert_true(own_total(m, "redeye.export.items", "metrics", NULL) == 31);
	metrics__put(m);
}

static void errors_are_told(void **state)
{
	struct metrics *m = told();

	assert_true(own_total(m, "redeye.export.errors", "traces", "not_encoded") == 3);
	assert_true(own_total(m, "redeye.export.errors", "traces", "spool_damaged") == 5);
	assert_true(own_total(m, "redeye.export.errors", "traces", "spool_failed") == 7);
	assert_true(own_total(m, "redeye.export.errors", "traces", "spool_foreign") == 11);
	assert_true(own_total(m, "redeye.export.errors", "metrics", NULL) == 0);
	metrics__put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_are_equal),
		cmocka_unit_test(errors_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
