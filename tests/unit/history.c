// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Its life, with and without its thread; its limit; many readers. */
#include <errno.h>
#include <pthread.h>

#include "history_spans_fixture.h"
#include "loop.h"
#include "request.h"
#include "self_builder.h"

static void too_small_a_limit(void **state)
{
	const struct history_config c = { .limit_bytes = HISTORY_LIMIT_MIN - 1 };

	assert_null(history__new(&c));
	assert_int_equal(errno, EINVAL);
	history__free(NULL);
}

/* As much as comes from all sides, and every byte counted. */
static void churn(struct fixture *f, uint32_t seconds)
{
	static uint64_t trace = 1;
	char path[64], service[32];
	uint32_t i, k;

	for (i = 0; i < seconds; i++) {
		for (k = 0; k < 200; k++) {
			snprintf(service, sizeof(service), "s%u", (unsigned)random_below(10));
			snprintf(path, sizeof(path), "/part%c/sub%c", (int)('a' + random_below(20)),
				 (int)('a' + random_below(5)));
			serve(f, service, path, 200, 1000 + random_below(100 * MS));
			keep(f->h, span_at(&shop, i, trace, trace, 0));
			trace++;
		}
		pass(f);
		assert_true(room__used(f->h) <= f->h->limit);
	}
}

static void the_limit_is_kept(void **state)
{
	struct fixture f = fixture_new(MiB);

	churn(&f, 600);
	assert_true(state_of(f.h).fine.from > BEGIN); /* so it was reached */
	fixture_free(&f);
}

/* What was allocated is what was counted. */
static void nothing_is_left_in_the_end(void **state)
{
	struct fixture f = fixture_new(MiB);
	struct history *h = f.h;
	int i;

	churn(&f, 100);
	span_store__free(h);
	endpoints__free(h);
	hseries__forget_all(h);
	table_of__free(h, &h->series);
	table_of__free(h, &h->routes);
	table_of__free(h, &h->services);
	frames__clear(h, &h->frames[FINE]);
	frames__clear(h, &h->frames[COARSE]);
	room__free(h, ROOM_TABLES, h->admit.slots, ADMIT_SLOTS * sizeof(*h->admit.slots));
	room__free(h, ROOM_TABLES, h->admit.wanted, ADMIT_WANTED * sizeof(*h->admit.wanted));
	h->admit.slots = NULL;
	h->admit.wanted = NULL;
	for (i = 0; i < ROOM__CNT; i++)
		assert_int_equal(h->room[i], 0);
	fixture_free(&f);
}

static void shrink_at(struct history *h, uint64_t now_ns)
{
	history__shrink(h);
	history__settle_limit(h, now_ns);
}

static uint64_t limit_at(struct history *h, uint64_t now_ns)
{
	history__settle_limit(h, now_ns);
	return state_of(h).limit_bytes;
}

static void shrinks(void **state)
{
	struct fixture f = fixture_new(32 * MiB);
	struct history_state before, st;
	uint32_t i;

	churn(&f, 150);
	before = state_of(f.h);
	history__shrink(f.h);
	assert_int_equal(state_of(f.h).bytes, before.bytes); /* not on this thread */
	history__settle_limit(f.h, 0);
	st = state_of(f.h);
	assert_true(st.limit_bytes <= before.bytes / 2 || st.limit_bytes == f.h->limit_min);
	assert_true(st.bytes <= st.limit_bytes);
	for (i = 0; i < 5; i++) {
		shrink_at(f.h, i * SEC);
		churn(&f, 10);
	}
	st = state_of(f.h);
	assert_int_equal(st.limit_bytes, 4 * MiB); /* an eighth */
	/* What it says to have is right still. */
	assert_int_equal(count_of(f.h, &ALL, st.fine), 200 * (st.fine.to - st.fine.from));
	fixture_free(&f);
}

static void grows_again(void **state)
{
	struct fixture f = fixture_new(32 * MiB);
	uint64_t now = 1000 * SEC;
	uint32_t i;

	shrink_at(f.h, now);
	assert_int_equal(limit_at(f.h, now + 599 * SEC), 4 * MiB);
	shrink_at(f.h, now + 599 * SEC); /* to no less, and the time begins again */
	now += 599 * SEC;
	assert_int_equal(limit_at(f.h, now + 599 * SEC), 4 * MiB);
	for (i = 2; i <= 8; i++) {
		now += 600 * SEC;
		assert_int_equal(limit_at(f.h, now), i * 4 * MiB);
		assert_int_equal(limit_at(f.h, now + 599 * SEC), i * 4 * MiB);
	}
	assert_int_equal(limit_at(f.h, now + 6000 * SEC), 32 * MiB);
	f.h->limit = 31 * MiB;
	assert_int_equal(limit_at(f.h, now + 6000 * SEC), 32 * MiB); /* and no more */
	fixture_free(&f);
}

/* Short again each time that it has grown: the next time takes twice as long. */
static void grows_more_slowly(void **state)
{
	static const int seconds[] = { 600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 76800 };
	struct fixture f = fixture_new(32 * MiB);
	uint64_t now = 1000 * SEC;
	size_t i;

	shrink_at(f.h, now);
	for (i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		assert_int_equal(limit_at(f.h, now + (seconds[i] - 1) * SEC), 4 * MiB);
		now += seconds[i] * SEC;
		assert_int_equal(limit_at(f.h, now), 8 * MiB);
		shrink_at(f.h, now);
	}
	fixture_free(&f);
}

static void what_comes_back_is_used(void **state)
{
	struct fixture f = fixture_new(8 * MiB);
	uint64_t limit, used, spans;

	churn(&f, 50);
	shrink_at(f.h, 0);
	churn(&f, 50);
	limit = f.h->limit;
	used = room__used(f.h);
	spans = f.h->room[ROOM_SPANS];
	assert_int_equal(limit_at(f.h, 600 * SEC), limit + MiB);
	assert_int_equal(room__used(f.h), used); /* nothing at once */
	churn(&f, 50);
	assert_true(f.h->room[ROOM_SPANS] > spans);
	fixture_free(&f);
}

/* What series without room had counted until then is not of the second in which they get it. */
static void series_get_room_again(void **state)
{
	struct fixture f = fixture_new(8 * MiB);
	struct history_range r;

	shrink_at(f.h, 0);
	churn(&f, 50);
	assert_true(atomic_load(&f.h->series_left_out) > 0);
	assert_int_equal(limit_at(f.h, 600 * SEC), 2 * MiB);
	assert_int_equal(limit_at(f.h, 1200 * SEC), 3 * MiB);
	churn(&f, 1);
	assert_int_equal(atomic_load(&f.h->series_left_out), 0);
	r.from = state_of(f.h).fine.to;
	churn(&f, 20);
	r.to = state_of(f.h).fine.to;
	assert_int_equal(r.to - r.from, 20);
	assert_int_equal(count_of(f.h, &ALL, r), 200 * 20);
	fixture_free(&f);
}

/* No room but for names. */
static void forgets_all_at_worst(void **state)
{
	struct fixture f = fixture_new(16 * MiB);

	churn(&f, 50);
	f.h->limit_min = f.h->room[ROOM_TABLES] - MiB / 8;
	f.h->limit = f.h->limit_min;
	shrink_at(f.h, 0);
	assert_true(room__used(f.h) <= f.h->limit);
	assert_int_equal(state_of(f.h).series, 0);
	pass(&f);
	assert_int_equal(count_of(f.h, &ALL, all_time()), 0);
	fixture_free(&f);
}

static void begins_again(void **state)
{
	struct fixture f = fixture_new(8 * MiB);
	struct history_state st;

	churn(&f, 50);
	history__begin_again(f.h);
	churn(&f, 11); /* the first of these is where it begins */
	st = state_of(f.h);
	assert_int_equal(st.fine.to - st.fine.from, 10);
	assert_int_equal(count_of(f.h, &ALL, all_time()), 2000);
	fixture_free(&f);
}

static void requests_in_flight(void **state)
{
	struct fixture f = fixture_new(MiB);
	struct service *v = service__get("shop", "ns", NULL);
	struct request r = { .kind = SPAN_SERVER, .service = v, .method = "GET", .scheme = "http" };
	struct history_rows *rows;

	serve(&f, "shop", "/", 200, MS);
	agg__request_start(f.agg, &r);
	agg__request_start(f.agg, &r);
	pass(&f);
	rows = history__rows(f.h, &ALL, all_time(), HISTORY_BY_SERVICE, 0);
	assert_true(rows->v[0].in_flight == 2);
	history_rows__free(rows);
	agg__request_end(f.agg, &r);
	pass(&f);
	rows = history__rows(f.h, &ALL, all_time(), HISTORY_BY_SERVICE, 0);
	assert_true(rows->v[0].in_flight == 1);
	history_rows__free(rows);
	service__put(v);
	fixture_free(&f);
}

static void generations_tell_changes(void **state)
{
	struct fixture f = fixture_new(MiB);
	uint64_t g = state_of(f.h).generation;
	struct span s = span_at(&shop, 1, 1, 1, 0);

	assert_int_equal(state_of(f.h).generation, g);
	pass(&f);
	assert_true(state_of(f.h).generation != g);
	g = state_of(f.h).generation;
	history__span(f.h, &s);
	history__tick(f.h, mono_ns() + SEC);
	history__take_spans(f.h, 0);
	assert_true(state_of(f.h).generation != g);
	fixture_free(&f);
}

static double figure(const struct metrics *m, const char *name)
{
	double sum = 0;
	uint32_t i, k;

	for (i = 0; i < m->n_families; i++)
		for (k = 0; !strcmp(m->families[i].name, name) && k < m->families[i].n_points; k++)
			sum += m->families[i].points[k].value;
	return sum;
}

static void figures_of_its_own(void **state)
{
	struct fixture f = fixture_new(MiB);
	struct metrics *m = metrics__new(1);
	struct self_builder b = { m, 1 };
	uint32_t i;

	churn(&f, 3);
	for (i = 0; i < 5003; i++) {
		struct span s = span_at(&shop, 1, i + 1, 1, 0);

		history__span(f.h, &s);
	}
	history__selfmetrics(f.h, &b);
	assert_true(metrics__ok(m));
	assert_true(figure(m, "redeye.history.memory") == (double)room__used(f.h));
	assert_true(figure(m, "redeye.history.limit") == (double)MiB);
	assert_true(figure(m, "redeye.history.series") == state_of(f.h).series);
	assert_true(figure(m, "redeye.history.steps") == 3);
	assert_true(figure(m, "redeye.history.spans.offered") == 5003);
	assert_true(figure(m, "redeye.history.spans.left_out") ==
		    (double)state_of(f.h).spans_left_out);
	assert_true(figure(m, "redeye.history.spans.left_out") >= 5003 - 2 * ADMIT_ORDINARY - 200);
	metrics__put(m);
	fixture_free(&f);
}

/* ---- threads ------------------------------------------------------------------------------- */

static atomic_bool over;

/* All of what is read at once is of one moment: 3 requests a second, on three routes. */
static void *read_all(void *arg)
{
	struct history *h = arg;
	struct history_filter x = ALL;
	uint64_t wrong = 0;

	while (!atomic_load(&over)) {
		struct history_rows *r = history__rows(h, &x, all_time(), HISTORY_BY_ROUTE, 7);
		struct history_series *s = history__series(h, &x, all_time(), 50);
		struct history_span_filter sf = { .names = ALL };
		struct history_traces *t = history__traces(h, &sf, HISTORY_NEWEST, 0, 10);
		struct history_edges *e = history__edges(h, all_time());
		uint64_t sum = 0;
		size_t i;

		for (i = 0; i < r->n; i++)
			sum += r->v[i].dist.count;
		wrong += sum % 3 != 0;
		for (sum = i = 0; i < s->n; i++)
			sum += s->v[i].dist.count;
		wrong += sum % 3 != 0;
		for (i = 0; i < t->n; i++)
			history_spans__free(history__trace(h, t->v[i].trace_id));
		history_rows__free(r);
		history_series__free(s);
		history_traces__free(t);
		history_edges__free(e);
	}
	return (void *)(uintptr_t)wrong;
}

static void many_readers(void **state)
{
	struct fixture f = fixture_new(MiB);
	pthread_t threads[3];
	uint32_t i, k;
	void *wrong;

	atomic_store(&over, false);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, f.h), 0);
	for (i = 0; i < 400; i++) {
		serve(&f, "shop", "/a", 200, MS);
		serve(&f, "shop", "/b", 200, MS);
		serve(&f, "web", "/c", 500, MS);
		for (k = 0; k < 20; k++) {
			struct span s = span_at(&shop, i, random_below(5000), k, 0);

			history__span(f.h, &s);
		}
		history__tick(f.h, mono_ns() + SEC);
		history__take_spans(f.h, 0);
		if (i % 100 == 99)
			shrink_at(f.h, 0);
		pass(&f);
	}
	atomic_store(&over, true);
	for (i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_int_equal((uintptr_t)wrong, 0);
	}
	fixture_free(&f);
}

struct source {
	struct agg *agg;
	pthread_mutex_t lock;
	atomic_uint asked;
	int err;
};

static int take_snapshot(void *arg, struct metrics **out)
{
	struct source *s = arg;

	atomic_fetch_add(&s->asked, 1);
	if (s->err)
		return s->err;
	*out = metrics__new(unix_ns());
	pthread_mutex_lock(&s->lock);
	agg__snapshot(s->agg, *out, unix_ns(), mono_ns());
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* The thread: a second passes by itself, with what was counted in it. */
static void its_own_thread(void **state)
{
	const struct agg_config ac = { .learn_routes = true, .max_routes = 10 };
	struct source source = { .agg = agg__new(&ac), .lock = PTHREAD_MUTEX_INITIALIZER };
	const struct history_config c = { MiB, false, false, take_snapshot, &source };
	struct history *h = history__new(&c);
	struct history_span_filter x = any_span();
	struct history_watch *w = history__watch(h, &x, true);
	struct service *v = service__get("shop", "ns", NULL);
	struct fixture f = { .now = (uint32_t)(unix_ns() / SEC) };
	struct span s = a_span(&f, v, "/", 200, MS);
	struct history_spans *got;
	uint64_t lost, seen = 0;
	bool tick = false;

	s.end_ns = mono_ns();
	s.start_ns = s.end_ns - MS;
	s.trace.trace_id[3] = 1;
	pthread_mutex_lock(&source.lock);
	agg__span(source.agg, &s);
	pthread_mutex_unlock(&source.lock);
	history__span(h, &s);
	history__tick(h, mono_ns() + SEC);
	while (!seen || count_of(h, &ALL, all_time()) != 1) {
		assert_int_equal(history_watch__next(w, 20000, &got, &lost, &tick), 0);
		assert_true(got->n || tick);
		seen += got->n;
		history_spans__free(got);
	}
	assert_int_equal(seen, 1);
	assert_true(atomic_load(&source.asked) > 0);
	assert_int_equal(state_of(h).spans, 1);
	history_watch__free(w);
	history__free(h);
	service__put(v);
	agg__free(source.agg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_small_a_limit),
		cmocka_unit_test(the_limit_is_kept),
		cmocka_unit_test(nothing_is_left_in_the_end),
		cmocka_unit_test(shrinks),
		cmocka_unit_test(grows_again),
		cmocka_unit_test(grows_more_slowly),
		cmocka_unit_test(what_comes_back_is_used),
		cmocka_unit_test(series_get_room_again),
		cmocka_unit_test(forgets_all_at_worst),
		cmocka_unit_test(begins_again),
		cmocka_unit_test(requests_in_flight),
		cmocka_unit_test(generations_tell_changes),
		cmocka_unit_test(figures_of_its_own),
		cmocka_unit_test(many_readers),
		cmocka_unit_test(its_own_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
