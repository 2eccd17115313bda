// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Random traffic, and an oracle that writes down every request. */
#include "history_fixture.h"

enum { SERVICES = 5, ROUTES = 4, STATUSES = 3, SECONDS = 1511 };

static const char *const services[SERVICES] = { "cart", "mail", "pay", "shop", "web" };
static const char *const paths[ROUTES] = { "/", "/a/b", "/cart/items", "/stock/list" };
static const uint16_t statuses[STATUSES] = { 200, 302, 503 };

/* [second][service][route][status] */
static uint32_t written[SECONDS][SERVICES][ROUTES][STATUSES];

static struct fixture f;

static void random_second(uint32_t at, uint64_t most)
{
	uint64_t n = random_below(3) ? random_below(most) : 0;

	while (n--) {
		uint64_t s = random_below(SERVICES), r = random_below(ROUTES);
		uint64_t st = random_below(STATUSES);

		serve(&f, services[s], paths[r], statuses[st],
		      (uint64_t)(2000 * exp2((double)random_below(18000) / 1000)));
		written[at][s][r][st]++;
	}
}

static void random_traffic(uint32_t seconds, uint64_t most)
{
	uint32_t i;

	memset(written, 0, sizeof(written));
	for (i = 0; i < seconds; i++) {
		random_second(i, most);
		pass(&f);
	}
}

struct wanted {
	int service, route, status; /* -1: all */
};

static uint64_t oracle(const struct wanted *w, struct history_range r)
{
	uint64_t n = 0;
	uint32_t t;
	int a, b, c;

	for (t = r.from; t < r.to; t++) {
		if (t < BEGIN || t >= BEGIN + SECONDS)
			continue;
		for (a = 0; a < SERVICES; a++)
			for (b = 0; b < ROUTES; b++)
				for (c = 0; c < STATUSES; c++)
					if ((w->service < 0 || w->service == a) &&
					    (w->route < 0 || w->route == b) &&
					    (w->status < 0 || w->status == c))
						n += written[t - BEGIN][a][b][c];
	}
	return n;
}

static struct wanted random_wanted(void)
{
	return (struct wanted){ (int)random_below(SERVICES + 1) - 1,
				(int)random_below(ROUTES + 1) - 1,
				(int)random_below(STATUSES + 1) - 1 };
}

static struct history_filter filter_of(const struct wanted *w)
{
	static const char *const names[STATUSES] = { "200", "302", "503" };
	struct history_filter out = ALL;

	if (w->service >= 0)
		out.service = (struct history_match){ true, services[w->service] };
	if (w->route >= 0)
		out.route = (struct history_match){ true, paths[w->route] };
	out.status = w->status >= 0 ? names[w->status] : NULL;
	return out;
}

static struct history_range random_range(void)
{
	uint32_t from = BEGIN - 20 + (uint32_t)random_below(SECONDS);

	return (struct history_range){
		from, from + 1 + (uint32_t)random_below(random_below(2) ? 90 : 1600)
	};
}

static void check_row(const struct history_row *row, const struct wanted *w,
		      const struct history_rows *rows)
{
	uint64_t sum = 0, sparks = 0, errors = 0;
	struct wanted bad = *w;
	uint32_t i;

	for (i = 0; i < HISTORY_BUCKETS; i++)
		sum += row->dist.buckets[i];
	for (i = 0; i < rows->n_spark; i++) {
		sparks += row->spark_count[i];
		errors += row->spark_errors[i];
	}
	bad.status = 2;
	assert_int_equal(row->dist.count, oracle(w, rows->range));
	assert_int_equal(sum, row->dist.count);
	assert_int_equal(row->dist.errors,
			 w->status < 0 || w->status == 2 ? oracle(&bad, rows->range) : 0);
	if (!rows->n_spark)
		return;
	assert_int_equal(sparks, row->dist.count);
	assert_int_equal(errors, row->dist.errors);
	if (rows->range.from < state_of(f.h).fine.from || rows->spark_part % 10 == 0)
		return; /* a step of ten may be in two parts, and is counted in one */
	for (i = 0; i < rows->n_spark; i++) {
		uint32_t to = rows->range.to - (rows->n_spark - 1 - i) * rows->spark_part;
		uint32_t from = i ? to - rows->spark_part : rows->range.from;

		assert_int_equal(row->spark_count[i],
				 oracle(w, (struct history_range){ from, to }));
	}
}

static int index_of(const char *const *names, int n, const char *name)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	fail_msg("no %s", name);
	return -1;
}

static void check_rows(struct history_range r, uint32_t n_spark)
{
	struct wanted w = random_wanted(), of_row;
	struct history_filter filter = filter_of(&w);
	enum history_group by = (enum history_group)random_below(3);
	struct history_rows *rows = history__rows(f.h, &filter, r, by, n_spark);
	uint64_t all = 0;
	size_t i;

	assert_non_null(rows);
	for (i = 0; i < rows->n; i++) {
		const struct history_row *row = &rows->v[i];

		of_row = w;
		of_row.service = index_of(services, SERVICES, row->name.service);
		if (by != HISTORY_BY_SERVICE) {
			of_row.route = index_of(paths, ROUTES, row->name.route);
			assert_string_equal(row->name.method, "GET");
			assert_string_equal(row->name.protocol, "http");
		}
		if (by == HISTORY_BY_STATUS)
			of_row.status = atoi(row->name.status) / 100 == 2   ? 0
					: atoi(row->name.status) / 100 == 3 ? 1
									    : 2;
		else
			assert_null(row->name.status);
		assert_string_equal(row->name.namespace, "ns");
		assert_null(row->name.peer);
		check_row(row, &of_row, rows);
		all += row->dist.count;
	}
	assert_int_equal(all, oracle(&w, rows->range));
	history_rows__free(rows);
}

static void check_points(struct history_range r)
{
	struct wanted w = random_wanted();
	struct history_filter filter = filter_of(&w);
	uint32_t points = 1 + (uint32_t)random_below(random_below(2) ? 30 : 1000), k;
	struct history_series *s = history__series(f.h, &filter, r, points);
	size_t i;

	assert_non_null(s);
	assert_true(s->n <= points);
	for (i = 0; i < s->n; i++) {
		const struct history_point *p = &s->v[i];
		struct history_range of = { p->from, p->from + s->step };
		uint64_t classes = 0;

		of.to = of.to < s->range.to ? of.to : s->range.to;
		assert_int_equal(p->from, s->range.from + i * s->step);
		assert_int_equal(p->dist.count, oracle(&w, of));
		for (k = 0; k < HISTORY_CLASS_CNT; k++)
			classes += p->classes[k];
		assert_int_equal(classes, p->dist.count);
		assert_int_equal(p->classes[HISTORY_CLASS_5XX], p->dist.errors);
	}
	if (s->n)
		assert_true(s->range.from + s->n * s->step >= s->range.to);
	history_series__free(s);
}

/* What is asked for is answered, as far as there is any. */
static void check_range(struct history_range r)
{
	struct history_rows *rows = history__rows(f.h, &ALL, r, HISTORY_BY_SERVICE, 0);
	struct history_state st = state_of(f.h);
	bool has_coarse = st.coarse.from < st.coarse.to && st.coarse.from < st.fine.from &&
			  st.fine.from != f.h->first_second;
	uint32_t first = has_coarse ? st.coarse.from : st.fine.from;

	if (rows->range.from == rows->range.to) {
		assert_true(r.to <= first || r.from >= st.fine.to);
	} else {
		assert_true(rows->range.from <= (r.from > first ? r.from : first));
		assert_true(rows->range.from + 10 > (r.from > first ? r.from : first));
		assert_true(rows->range.to >= (r.to < st.fine.to ? r.to : st.fine.to));
		assert_true(rows->range.to < r.to + 10);
	}
	history_rows__free(rows);
}

static void check_all(int rounds)
{
	while (rounds--) {
		struct history_range r = random_range();

		check_rows(r, 0);
		check_rows(r, 1 + (uint32_t)random_below(60));
		check_points(r);
		check_range(r);
	}
}

static void counts_are_those_that_were_put_in(void **state)
{
	struct history_state st;

	f = fixture_new(32 * MiB);
	random_traffic(SECONDS, 9);
	st = state_of(f.h);
	assert_int_equal(st.fine.to, BEGIN + SECONDS);
	assert_true(st.fine.from <= st.fine.to - HISTORY_FINE_CNT &&
		    st.fine.from > st.fine.to - HISTORY_FINE_CNT - 10);
	assert_int_equal(st.coarse.from, BEGIN - BEGIN % 10);
	assert_int_equal(count_of(f.h, &ALL, all_time()),
			 oracle(&(struct wanted){ -1, -1, -1 },
				(struct history_range){ BEGIN, BEGIN + SECONDS }));
	check_all(400);
	fixture_free(&f);
}

/* A megabyte: of a quarter of an hour a part is left, and what is left is right. */
static void a_past_that_is_cut_is_right(void **state)
{
	struct history_state st;
	uint32_t i;

	f = fixture_new(MiB);
	memset(written, 0, sizeof(written));
	for (i = 0; i < SECONDS; i++) {
		random_second(i, 1800);
		pass(&f);
		st = state_of(f.h);
		assert_true(st.bytes <= st.limit_bytes);
		if (i % 151 == 0)
			check_all(5);
	}
	assert_true(st.fine.from > st.fine.to - 800);
	assert_true(st.coarse.from < st.fine.from - 300);
	check_all(300);
	fixture_free(&f);
}

static void from_the_first_second_on(void **state)
{
	uint32_t i;

	f = fixture_new(8 * MiB);
	memset(written, 0, sizeof(written));
	assert_int_equal(count_of(f.h, &ALL, all_time()), 0);
	for (i = 0; i < 43; i++) {
		random_second(i, 9);
		pass(&f);
		check_all(10);
	}
	fixture_free(&f);
}

static void totals_are_those_of_metrics(void **state)
{
	struct history_rows *rows;
	uint32_t i;

	f = fixture_new(8 * MiB);
	for (i = 0; i < 7; i++)
		serve(&f, "shop", "/", 200, MS);
	pass(&f);
	serve(&f, "shop", "/", 503, 2 * MS);
	pass_seconds(&f, 3);
	rows = history__rows(f.h, &ALL, (struct history_range){ f.now - 2, f.now },
			     HISTORY_BY_SERVICE, 2);
	assert_int_equal(rows->n, 1); /* present, without traffic in the range */
	assert_int_equal(rows->v[0].dist.count, 0);
	assert_int_equal(rows->v[0].total_count, 8);
	assert_int_equal(rows->v[0].total_errors, 1);
	assert_int_equal(rows->v[0].last, BEGIN + 1);
	assert_int_equal(rows->v[0].spark_count[0], 0);
	assert_int_equal(rows->step, 1);
	history_rows__free(rows);
	fixture_free(&f);
}

static void sums_are_right(void **state)
{
	struct history_rows *rows;
	double sum = 0;
	int i;

	f = fixture_new(8 * MiB);
	for (i = 0; i < 3001; i++) {
		uint64_t ns = 1000 * (1 + random_below(3000000));

		serve(&f, "shop", "/", 200, ns);
		sum += (double)ns / 1e9;
		if (i % 3 == 0)
			pass(&f);
	}
	pass(&f);
	rows = history__rows(f.h, &ALL, all_time(), HISTORY_BY_SERVICE, 0);
	assert_true(fabs(rows->v[0].dist.sum - sum) < 1e-3);
	history_rows__free(rows);
	fixture_free(&f);
}

/* From a microsecond to an hour: more than 20 octaves, the scale of the series falls below ours. */
static void wide_latencies_keep_their_counts(void **state)
{
	struct history_rows *rows;
	uint64_t n = 0;
	int i;

	f = fixture_new(8 * MiB);
	for (i = 0; i < 4001; i++) {
		serve(&f, "shop", "/", 200,
		      (uint64_t)(1000 * exp2((double)random_below(1000 + 8 * (uint64_t)i) / 1000)));
		n++;
		if (i % 7 == 0) {
			pass(&f);
			rows = history__rows(f.h, &ALL, all_time(), HISTORY_BY_SERVICE, 0);
			assert_int_equal(rows->v[0].dist.count, n);
			history_rows__free(rows);
		}
	}
	fixture_free(&f);
}

static void filters_choose(void **state)
{
	struct history_filter x = ALL;

	f = fixture_new(8 * MiB);
	serve(&f, "shop", "/", 200, MS);
	serve(&f, "shop", "/", 204, MS);
	serve(&f, "shop", "/", 500, MS);
	serve(&f, "shop", "/", 0, MS);
	call(&f, "shop", "db.example", 5432, 200);
	call(&f, "shop", "2001:db8::1", 80, 404);
	pass(&f);
	x.status = "2xx";
	assert_int_equal(count_of(f.h, &x, all_time()), 3);
	x.status = "204";
	assert_int_equal(count_of(f.h, &x, all_time()), 1);
	x.status = "error";
	assert_int_equal(count_of(f.h, &x, all_time()), 1);
	x.status = "none";
	assert_int_equal(count_of(f.h, &x, all_time()), 1);
	x.status = "OK";
	assert_int_equal(count_of(f.h, &x, all_time()), 0);
	x.status = NULL;
	x.kind = SPAN_CLIENT;
	assert_int_equal(count_of(f.h, &x, all_time()), 2);
	x.peer = (struct history_match){ true, "[2001:db8::1]:80" };
	assert_int_equal(count_of(f.h, &x, all_time()), 1);
	x.peer.text = NULL;
	assert_int_equal(count_of(f.h, &x, all_time()), 0);
	x.kind = -1;
	assert_int_equal(count_of(f.h, &x, all_time()), 4);
	x = ALL;
	x.namespace = (struct history_match){ true, "" };
	assert_int_equal(count_of(f.h, &x, all_time()), 0);
	x.namespace.text = "ns";
	assert_int_equal(count_of(f.h, &x, all_time()), 6);
	fixture_free(&f);
}

static void calls_by_their_names(void **state)
{
	struct span_rpc rpc = { .system = "grpc", .method = SLICE("a.B/C"), .status = "OK" };
	struct service *v = service__get("shop", "ns", NULL);
	struct history_filter x = ALL;
	struct history_series *points;
	struct history_rows *rows;
	struct span s;
	int i;

	f = fixture_new(8 * MiB);
	for (i = 0; i < 7; i++) {
		s = a_span(&f, v, "/a.B/C", 200, MS);
		rpc.status = i < 5 ? "OK" : i < 6 ? "NOT_FOUND" : NULL;
		s.rpc = &rpc;
		agg__span(f.agg, &s);
	}
	pass(&f);
	x.protocol = (struct history_match){ true, "grpc" };
	rows = history__rows(f.h, &x, all_time(), HISTORY_BY_STATUS, 0);
	assert_int_equal(rows->n, 3);
	for (i = 0; i < 3; i++) {
		assert_string_equal(rows->v[i].name.route, "a.B/C");
		assert_null(rows->v[i].name.method);
		assert_string_equal(rows->v[i].name.protocol, "grpc");
	}
	history_rows__free(rows);
	points = history__series(f.h, &x, all_time(), 1);
	assert_int_equal(points->v[0].classes[HISTORY_CLASS_OK], 5);
	assert_int_equal(points->v[0].classes[HISTORY_CLASS_ERROR], 1);
	assert_int_equal(points->v[0].classes[HISTORY_CLASS_NONE], 1);
	history_series__free(points);
	x.status = "NOT_FOUND";
	assert_int_equal(count_of(f.h, &x, all_time()), 1);
	service__put(v);
	fixture_free(&f);
}

static void what_overflowed(void **state)
{
	struct history_filter x = ALL;
	struct history_rows *rows;

	f = fixture_new(8 * MiB);
	agg__set_full(f.agg, true);
	serve(&f, "shop", "/", 200, MS);
	pass(&f);
	x.method = (struct history_match){ true, "_OVERFLOW" };
	rows = history__rows(f.h, &x, all_time(), HISTORY_BY_ROUTE, 0);
	assert_int_equal(rows->n, 1);
	assert_int_equal(rows->v[0].dist.count, 1);
	assert_null(rows->v[0].name.route);
	history_rows__free(rows);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_those_that_were_put_in),
		cmocka_unit_test(a_past_that_is_cut_is_right),
		cmocka_unit_test(from_the_first_second_on),
		cmocka_unit_test(totals_are_those_of_metrics),
		cmocka_unit_test(sums_are_right),
		cmocka_unit_test(wide_latencies_keep_their_counts),
		cmocka_unit_test(filters_choose),
		cmocka_unit_test(calls_by_their_names),
		cmocka_unit_test(what_overflowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
