// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <pthread.h>

#include "history_spans_fixture.h"
#include "loop.h"

static struct fixture f;

static int start(void **state)
{
	f = fixture_new(4 * MiB);
	return 0;
}

static int stop(void **state)
{
	fixture_free(&f);
	return 0;
}

static struct history_watch *watch(const struct history_span_filter *x, bool spans)
{
	struct history_watch *w = history__watch(f.h, x, spans);

	assert_non_null(w);
	return w;
}

static void offer(struct span s)
{
	history__span(f.h, &s);
}

/* All that was offered reaches the history's thread, which is us. */
static void hand_over(void)
{
	struct span_queue_stats st;

	history__tick(f.h, mono_ns() + 10 * SEC);
	do {
		history__take_spans(f.h, 0);
		span_queue__stats(f.h->queue, &st);
	} while (st.queued);
}

static struct history_spans *next(struct history_watch *w, uint64_t *lost, bool *tick)
{
	struct history_spans *got = NULL;

	assert_int_equal(history_watch__next(w, 0, &got, lost, tick), 0);
	assert_non_null(got);
	return got;
}

static void sees_what_it_asked_for(void **state)
{
	struct history_span_filter x = any_span();
	struct history_spans *got;
	struct history_watch *w;
	uint64_t lost, i;
	char path[8] = "ders";
	bool tick;

	x.text = path;
	x.names.service = (struct history_match){ true, "shop" };
	w = watch(&x, true);
	memset(path, 'x', 4); /* it has a copy */
	for (i = 1; i <= 97; i++)
		offer(span_at(i % 3 ? &shop : &web, 1, i, i, 0));
	hand_over();
	got = next(w, &lost, &tick);
	assert_int_equal(got->n, 65);
	assert_int_equal(lost, 0);
	assert_false(tick);
	assert_string_equal(got->v[0].service, "shop");
	assert_string_equal(got->v[0].namespace, "eu");
	assert_true(slice_eq(got->v[64].span.path, SLICE("/orders/7")));
	history_spans__free(got);
	got = next(w, &lost, &tick);
	assert_int_equal(got->n, 0);
	history_spans__free(got);
	history_watch__free(w);
	history_watch__free(NULL);
}

/* More than the store takes, and more than a watcher has room for: nothing is missing in the sum.
 */
static void all_are_looked_at_or_counted(void **state)
{
	struct history_span_filter x = any_span();
	struct history_watch *w = watch(&x, true);
	uint64_t i, lost, seen = 0;
	struct history_spans *got;
	bool tick;

	for (i = 1; i <= 30011; i++) {
		offer(span_at(&shop, 1, i, i, 0));
		if (i % 1009)
			continue;
		hand_over();
		got = next(w, &lost, &tick);
		seen += got->n + lost;
		history_spans__free(got);
	}
	hand_over();
	got = next(w, &lost, &tick);
	assert_int_equal(seen + got->n + lost, 30011);
	history_spans__free(got);
	assert_true(state_of(f.h).spans < 3000); /* what admission chose */
	assert_int_equal(state_of(f.h).spans + state_of(f.h).spans_left_out, 30011);
	history_watch__free(w);
}

static void a_full_queue_keeps_what_is_kept(void **state)
{
	struct history_span_filter x = any_span();
	struct history_watch *w = watch(&x, true);
	uint64_t i, lost, n = 20011;
	struct history_spans *got;
	uint64_t sum = 0;
	bool tick;

	for (i = 1; i <= n; i++)
		offer(span_at(&shop, 1, i, i, 0));
	assert_int_equal(f.h->queue_dropped, 0);
	hand_over();
	do {
		got = next(w, &lost, &tick);
		sum += got->n + lost;
		i = got->n;
		history_spans__free(got);
	} while (i);
	assert_int_equal(sum, n);
	assert_int_equal(f.h->queue_dropped, 0);
	assert_int_equal(state_of(f.h).spans + f.h->not_chosen, n);
	history_watch__free(w);
}

static void nobody_watches_spans_of_a_watch_of_ticks(void **state)
{
	struct history_span_filter x = any_span();
	struct history_watch *w = watch(&x, false);
	struct history_spans *got;
	uint64_t lost;
	bool tick;

	offer(span_at(&shop, 1, 1, 1, 0));
	hand_over();
	pass(&f);
	got = next(w, &lost, &tick);
	assert_int_equal(got->n, 0);
	assert_int_equal(lost, 0);
	assert_true(tick);
	history_spans__free(got);
	history_watch__free(w);
}

static void not_more_than_so_many(void **state)
{
	struct history_span_filter x = any_span();
	struct history_watch *w[HISTORY_WATCHES_MAX];
	uint64_t before = state_of(f.h).bytes;
	int i;

	for (i = 0; i < HISTORY_WATCHES_MAX; i++)
		w[i] = watch(&x, true);
	assert_true(state_of(f.h).bytes > before && state_of(f.h).bytes <= 4 * MiB);
	assert_null(history__watch(f.h, &x, true));
	assert_int_equal(errno, EBUSY);
	history_watch__free(w[3]);
	w[3] = watch(&x, false);
	for (i = 0; i < HISTORY_WATCHES_MAX; i++)
		history_watch__free(w[i]);
	assert_int_equal(state_of(f.h).bytes, before);
}

static void *wait_for_one(void *arg)
{
	struct history_spans *got;
	uint64_t lost;
	bool tick;
	int rc = history_watch__next(arg, 600000, &got, &lost, &tick);

	if (rc)
		return (void *)(intptr_t)rc;
	rc = (int)got->n;
	history_spans__free(got);
	return (void *)(intptr_t)rc;
}

static void wakes_up(void **state)
{
	struct history_span_filter x = any_span();
	struct history_watch *w = watch(&x, true);
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, wait_for_one, w), 0);
	offer(span_at(&shop, 1, 1, 1, 0));
	hand_over();
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t)result, 1);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_one, w), 0);
	history__shutdown(f.h);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t)result, -ESHUTDOWN);
	history_watch__free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sees_what_it_asked_for, start, stop),
		cmocka_unit_test_setup_teardown(all_are_looked_at_or_counted, start, stop),
		cmocka_unit_test_setup_teardown(a_full_queue_keeps_what_is_kept, start, stop),
		cmocka_unit_test_setup_teardown(nobody_watches_spans_of_a_watch_of_ticks, start,
						stop),
		cmocka_unit_test_setup_teardown(not_more_than_so_many, start, stop),
		cmocka_unit_test_setup_teardown(wakes_up, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
