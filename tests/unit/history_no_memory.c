// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Queries whose every allocation fails in turn: an answer or NULL, and nothing is left behind. */
#include "failing.h"

#include "../../exporters/history_arena.c"
#include "../../exporters/history_record.c"

#define collect    collect_rows
#define copy_names copy_names_of_rows
#define on_row     on_row_of_rows
#define on_step    on_step_of_rows
#define same       same_of_rows
#include "../../exporters/history_rows.c"
#undef collect
#undef copy_names
#undef on_row
#undef on_step

#define collect collect_points
#include "../../exporters/history_points.c"
#undef collect

#define add_row add_edge_row
#include "../../exporters/history_edges.c"

#define wanted     wanted_span
#define service_of service_of_span
#include "../../exporters/history_traces.c"

#include "history_spans_fixture.h"

static struct fixture f;

static bool ask_rows(void)
{
	struct history_rows *r = history__rows(f.h, &ALL, all_time(), HISTORY_BY_STATUS, 5);

	history_rows__free(r);
	return r;
}

static bool ask_series(void)
{
	struct history_series *s = history__series(f.h, &ALL, all_time(), 100);

	history_series__free(s);
	return s;
}

static bool ask_edges(void)
{
	struct history_edges *e = history__edges(f.h, all_time());

	history_edges__free(e);
	return e;
}

static bool ask_traces(void)
{
	struct history_span_filter x = any_span();
	struct history_traces *t = history__traces(f.h, &x, HISTORY_NEWEST, 0, 100);

	history_traces__free(t);
	return t;
}

static bool ask_trace(void)
{
	static const uint8_t id[16] = { [15] = 1 };
	struct history_spans *s = history__trace(f.h, id);

	history_spans__free(s);
	return s;
}

static void each_fails_in_turn(bool (*ask)(void))
{
	long n = 0, live = failing_live;
	bool answered = false;

	for (; !answered; n++) {
		failing_after = n;
		answered = ask();
		assert_int_equal(failing_live, live);
	}
	failing_after = -1;
	assert_true(n > 3);
}

static void queries(void **state)
{
	uint32_t i;

	f = fixture_new(MiB);
	for (i = 1; i < 100; i++) {
		keep(f.h, span_at(i % 2 ? &shop : &web, 1, 1 + i % 7, i, i - 1));
		call(&f, "shop", "a.example", (uint16_t)i, 200);
		serve(&f, "shop", "/a", 200, MS);
		pass(&f);
	}
	each_fails_in_turn(ask_rows);
	each_fails_in_turn(ask_series);
	each_fails_in_turn(ask_edges);
	each_fails_in_turn(ask_traces);
	each_fails_in_turn(ask_trace);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(queries) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
