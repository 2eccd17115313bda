// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Series that come, go and come again, and more of them than there is room for. */
#include "history_fixture.h"

static struct metrics *snapshot;
static struct metric_family *family;
static struct metric_resource *resource;

static void begin_snapshot(uint32_t at, uint32_t points)
{
	snapshot = metrics__new((uint64_t)at * SEC);
	family = metrics__family(snapshot, "http.server.request.duration", "s", "",
				 METRIC_HISTOGRAM, points);
	resource = metrics__resource(snapshot);
	resource->service_name = "shop";
}

static void point(const char *route, uint64_t start_unix_ns, uint64_t count)
{
	uint64_t *counts = metrics__alloc(snapshot, sizeof(*counts));
	struct metric_attr *a;
	struct metric_point *p = metrics__point(snapshot, family, 1, &a);

	*a = (struct metric_attr){ "http.route",
				   ATTR_STRING,
				   { .str = metrics__strdup(snapshot, route, strlen(route)) } };
	*counts = count;
	p->resource = resource;
	p->start_unix_ns = start_unix_ns;
	p->hist.count = count;
	p->hist.exp =
		(struct metric_exp){ .scale = 3, .offset = -80, .n_counts = 1, .counts = counts };
}

static void end_snapshot(struct history *h)
{
	history__step(h, snapshot, snapshot->unix_ns);
	metrics__put(snapshot);
}

static void step_with(struct history *h, uint32_t at, const char *route, uint64_t start_unix_ns,
		      uint64_t count)
{
	begin_snapshot(at, 1);
	if (count)
		point(route, start_unix_ns, count);
	end_snapshot(h);
}

static struct history *history(uint64_t limit)
{
	const struct history_config c = { .limit_bytes = limit };
	struct history *h = history__bare(&c, BEGIN * SEC);

	assert_non_null(h);
	return h;
}

static void what_was_before_is_no_news(void **state)
{
	struct history *h = history(MiB);

	step_with(h, BEGIN + 1, "/old", (BEGIN - 1000) * SEC, 1009);
	assert_int_equal(count_of(h, &ALL, all_time()), 0);
	step_with(h, BEGIN + 2, "/old", (BEGIN - 1000) * SEC, 1012);
	assert_int_equal(count_of(h, &ALL, all_time()), 3);
	step_with(h, BEGIN + 20, "/new", (BEGIN + 19) * SEC, 5);
	assert_int_equal(count_of(h, &ALL, all_time()), 8);
	history__free(h);
}

static void one_that_expired_and_came_again(void **state)
{
	struct history *h = history(MiB);

	step_with(h, BEGIN + 1, "/a", (BEGIN + 1) * SEC, 7);
	step_with(h, BEGIN + 2, "/a", 0, 0);
	assert_int_equal(state_of(h).series, 1);
	step_with(h, BEGIN + 30, "/a", (BEGIN + 29) * SEC, 11);
	assert_int_equal(count_of(h, &ALL, all_time()), 18);
	assert_int_equal(state_of(h).series, 1);
	history__free(h);
}

/* Its name stays as long as a frame has it, and its number is not another's. */
static void one_that_has_gone(void **state)
{
	struct history *h = history(MiB);
	struct history_rows *rows;
	uint32_t t;

	step_with(h, BEGIN + 1, "/a", (BEGIN + 1) * SEC, 7);
	for (t = BEGIN + 2; t < BEGIN + 1000; t++)
		step_with(h, t, "/b", (BEGIN + 2) * SEC, 1);
	rows = history__rows(h, &ALL, all_time(), HISTORY_BY_ROUTE, 0);
	assert_int_equal(rows->n, 2);
	assert_string_equal(rows->v[0].name.route, "/a");
	assert_int_equal(rows->v[0].dist.count, 7);
	assert_int_equal(rows->v[0].total_count, 0);
	history_rows__free(rows);
	rows = history__rows(h, &ALL, (struct history_range){ BEGIN + 900, BEGIN + 1000 },
			     HISTORY_BY_ROUTE, 0);
	assert_int_equal(rows->n, 1); /* neither present nor with traffic */
	history_rows__free(rows);
	for (; t < BEGIN + 21700; t++)
		step_with(h, t, "/b", (BEGIN + 2) * SEC, 1);
	assert_int_equal(state_of(h).series, 1);
	history__free(h);
}

static void nothing_is_lost_by_a_second_without_snapshot(void **state)
{
	struct history *h = history(MiB);

	step_with(h, BEGIN + 1, "/a", (BEGIN + 1) * SEC, 7);
	history__step(h, NULL, (BEGIN + 2) * SEC);
	step_with(h, BEGIN + 3, "/a", (BEGIN + 1) * SEC, 9);
	assert_int_equal(count_of(h, &ALL, all_time()), 9);
	assert_int_equal(count_of(h, &ALL, (struct history_range){ BEGIN + 1, BEGIN + 2 }), 0);
	assert_int_equal(count_of(h, &ALL, (struct history_range){ BEGIN + 2, BEGIN + 3 }), 2);
	history__free(h);
}

static void a_clock_that_goes_back(void **state)
{
	struct history *h = history(MiB);

	step_with(h, BEGIN + 100, "/a", (BEGIN + 1) * SEC, 7);
	step_with(h, BEGIN + 98, "/a", (BEGIN + 1) * SEC, 8); /* a little: waited for */
	step_with(h, BEGIN + 100, "/a", (BEGIN + 1) * SEC, 8);
	assert_int_equal(state_of(h).fine.to, BEGIN + 100);
	assert_int_equal(count_of(h, &ALL, all_time()), 7);
	step_with(h, BEGIN + 101, "/a", (BEGIN + 1) * SEC, 9);
	assert_int_equal(state_of(h).fine.to, BEGIN + 101);
	assert_int_equal(count_of(h, &ALL, all_time()), 9);
	step_with(h, BEGIN + 50, "/a", (BEGIN + 1) * SEC, 14);
	assert_int_equal(state_of(h).fine.to, BEGIN + 50);
	assert_int_equal(count_of(h, &ALL, all_time()), 5);
	step_with(h, BEGIN + 70, "/a", (BEGIN + 1) * SEC, 15);
	assert_int_equal(count_of(h, &ALL, all_time()), 6);
	history__free(h);
}

/* n routes from `first` on, each counted `each` times since `start`. */
static void many(struct history *h, uint32_t at, uint32_t first, uint32_t n, uint64_t start_unix_ns,
		 uint64_t each)
{
	char route[32];
	uint32_t i;

	begin_snapshot(at, n);
	for (i = first; i < first + n; i++) {
		snprintf(route, sizeof(route), "/a/longer/route/%u", i);
		point(route, start_unix_ns, each);
	}
	end_snapshot(h);
	assert_true(room__used(h) <= h->limit);
}

static void those_without_room_are_left_out(void **state)
{
	struct history *h = history(MiB);
	uint64_t kept;

	many(h, BEGIN + 1, 0, 3000, (BEGIN + 1) * SEC, 1);
	kept = state_of(h).series;
	assert_true(kept > 100 && kept < 3000);
	assert_int_equal(h->series_left_out, 3000 - kept);
	assert_int_equal(count_of(h, &ALL, all_time()), kept);
	many(h, BEGIN + 2, 0, 3000, (BEGIN + 1) * SEC, 3);
	assert_int_equal(count_of(h, &ALL, all_time()), 3 * kept);
	/* The first go; others get their room, and what they counted without is no spike. */
	many(h, BEGIN + 3, 2000, 100, (BEGIN + 1) * SEC, 5);
	many(h, BEGIN + 4, 2000, 100, (BEGIN + 1) * SEC, 5);
	many(h, BEGIN + 5, 2000, 100, (BEGIN + 1) * SEC, 7);
	assert_int_equal(h->series_left_out, 0);
	assert_int_equal(count_of(h, &ALL, (struct history_range){ BEGIN + 4, BEGIN + 5 }), 200);
	history__free(h);
}

/* Names that come and go for ever: the past gets shorter, what is told of it stays right. */
static void the_oldest_that_have_gone_make_room(void **state)
{
	struct history *h = history(MiB);
	struct history_state st;
	uint32_t t;

	for (t = 1; t < 400; t++) {
		many(h, BEGIN + t, 20 * t, 20, (BEGIN + t) * SEC, 1);
		assert_int_equal(h->series_left_out, 0);
		st = state_of(h);
		assert_int_equal(count_of(h, &ALL, st.fine), 20 * (st.fine.to - st.fine.from));
		assert_int_equal(
			count_of(h, &ALL, (struct history_range){ st.fine.to - 1, st.fine.to }),
			20);
	}
	assert_true(st.fine.from > BEGIN);
	assert_true(st.fine.from < st.fine.to - 10);
	history__free(h);
}

static void numbers_are_used_again(void **state)
{
	struct history *h = history(MiB);
	struct node n[200] = { 0 };
	struct table_of t = { 0 };
	uint32_t i, k;

	for (i = 0; i < 200; i++) {
		n[i].hash = i % 7;
		assert_int_equal(table_of__add(h, &t, &n[i]), 0);
		assert_int_equal(n[i].id, i);
	}
	for (i = 3; i < 200; i += 5)
		table_of__remove(&t, &n[i]);
	for (i = 3; i < 200; i += 5) {
		assert_int_equal(table_of__add(h, &t, &n[i]), 0);
		assert_int_equal(n[i].id, i);
	}
	for (i = 0; i < 7; i++) {
		const struct node *at = table_of__first(&t, i);

		for (k = 0; at; at = at->next)
			k += at->hash == i;
		assert_int_equal(k, (200 - i + 6) / 7);
	}
	for (i = 200; i--;)
		table_of__remove(&t, &n[i]);
	assert_int_equal(t.n_ids, 0);
	table_of__free(h, &t);
	history__free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_before_is_no_news),
		cmocka_unit_test(one_that_expired_and_came_again),
		cmocka_unit_test(one_that_has_gone),
		cmocka_unit_test(nothing_is_lost_by_a_second_without_snapshot),
		cmocka_unit_test(a_clock_that_goes_back),
		cmocka_unit_test(those_without_room_are_left_out),
		cmocka_unit_test(the_oldest_that_have_gone_make_room),
		cmocka_unit_test(numbers_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
