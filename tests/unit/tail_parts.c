// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Limits, percentiles and routes, each by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "service.h"
#include "tail_internal.h"

#define MS     UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

static uint64_t random_state;

static uint32_t pick(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((random_state >> 32) * n >> 32);
}

/* ---- limits ---- */

/* Asked more often than it admits: one second's worth at once, then exactly its rate. */
static void the_limit_is_exact(void **state)
{
	static const struct {
		uint32_t per_s;
		uint64_t step_ns;
	} rows[] = { { 1, 1000003 },  { 3, 999 * MS / 10 }, { 7, 1 * MS },  { 7, 1000003 },
		     { 100, 999983 }, { 1009, 99991 },      { 999983, 997 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tail_limit *l = tail_limit__new(rows[i].per_s);
		uint64_t admitted = 0, t, asked = 0;

		for (t = 0; asked < 50021; t += rows[i].step_ns) {
			uint64_t may = rows[i].per_s * (SECOND + t) / SECOND;

			asked++;
			admitted += tail_limit__take(l, 5, 17 * SECOND + t);
			if (admitted != (asked < may ? asked : may))
				fail_msg("%u/s: %lu of %lu after %lu ns", rows[i].per_s, admitted,
					 asked, t);
		}
		tail_limit__free(l);
	}
}

static void unused_tokens_are_kept_for_a_second(void **state)
{
	struct tail_limit *l = tail_limit__new(4);
	int i, n;

	for (i = n = 0; i < 10; i++)
		n += tail_limit__take(l, 1, SECOND);
	assert_int_equal(n, 4);
	for (i = n = 0; i < 10; i++)
		n += tail_limit__take(l, 1, SECOND + SECOND / 2);
	assert_int_equal(n, 2);
	for (i = n = 0; i < 10; i++)
		n += tail_limit__take(l, 1, 1000 * SECOND);
	assert_int_equal(n, 4);
	assert_true(tail_limit__take(l, 1, 2000 * SECOND)); /* three are left */
	for (i = n = 0; i < 10; i++)
		n += tail_limit__take(l, 1, 3000 * SECOND);
	assert_int_equal(n, 4);
	tail_limit__free(l);
	tail_limit__free(NULL);
}

static void services_do_not_share_a_limit(void **state)
{
	struct tail_limit *l = tail_limit__new(2);
	uint32_t service;

	for (int round = 0; round < 3; round++)
		for (service = 1; service <= 4096; service++)
			assert_int_equal(tail_limit__take(l, service, SECOND), round < 2);
	tail_limit__free(l);
}

/* 2^10 times 2^54 is 2^64. */
static void a_long_pause_is_no_overflow(void **state)
{
	struct tail_limit *l = tail_limit__new(1024), *most = tail_limit__new(UINT32_MAX);

	for (int i = 0; i < 1024; i++)
		assert_true(tail_limit__take(l, 1, SECOND));
	assert_false(tail_limit__take(l, 1, SECOND));
	assert_true(tail_limit__take(l, 1, SECOND + (UINT64_C(1) << 54)));
	for (uint64_t t = SECOND; t < 100 * SECOND; t += SECOND)
		assert_true(tail_limit__take(most, 1, t));
	tail_limit__free(l);
	tail_limit__free(most);
}

/* ---- percentiles ---- */

/* The shortest time that is called slower. */
static uint64_t border(const struct tail_p99 *p)
{
	uint64_t low = 0, high = UINT64_MAX;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (tail_p99__is_below(p, mid))
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t any_duration(int shape)
{
	switch (shape) {
	case 0:
		return pick(100) * MS;
	case 1:
		return 100000 + (uint64_t)pick(1000) * pick(1000) * pick(1000);
	case 2:
		return pick(50) ? MS : 500 * MS; /* 2 % are slow: the p99 is among them */
	case 3:
		return pick(200) ? MS : 500 * MS; /* 0.5 % */
	default:
		return (uint64_t)1 << pick(64);
	}
}

/* After any number of observations: at most a hundredth is slower, and a bucket less
 * would be more than a hundredth. */
static void the_p99_is_that_of_all_observations(void **state)
{
	static uint64_t seen[TAIL_P99_DECAY];

	for (int shape = 0; shape < 5; shape++) {
		struct tail_p99 *p = calloc(1, sizeof(*p));
		uint32_t n = 0;

		while (n + 1 < TAIL_P99_DECAY) {
			uint64_t at, slower = 0, p99;

			seen[n++] = any_duration(shape);
			tail_p99__add(p, seen[n - 1]);
			if (n < TAIL_P99_MIN)
				assert_false(tail_p99__is_below(p, UINT64_MAX));
			if (n < TAIL_P99_MIN || (n % 997 && n > 150))
				continue;
			qsort(seen, n, sizeof(seen[0]), compare);
			p99 = seen[n - n / 100 - 1];
			at = border(p);
			for (uint32_t i = n; i-- && seen[i] >= at;)
				slower++;
			assert_true(slower <= n / 100);
			if (at != UINT64_MAX) /* the last bucket is open */
				assert_in_range(at, p99 + 1, p99 + p99 / 16 + 1024);
		}
		free(p);
	}
}

static void old_observations_are_forgotten(void **state)
{
	struct tail_p99 *p = calloc(1, sizeof(*p));
	int i;

	for (i = 0; i < 50000; i++)
		tail_p99__add(p, 900 * MS);
	assert_false(tail_p99__is_below(p, 900 * MS));
	for (i = 0; i < 100000; i++) {
		tail_p99__add(p, MS);
		assert_true(p->n < TAIL_P99_DECAY && p->above <= p->n / 100);
	}
	assert_true(tail_p99__is_below(p, 2 * MS));
	free(p);
}

/* ---- routes ---- */

static struct service *service;

static unsigned int see(struct tail_routes *rs, const char *method, const char *route, uint64_t ms,
			uint64_t now_ns)
{
	const struct span s = { .service = service,
				.method = method,
				.route = slice_of(route),
				.start_ns = 5,
				.end_ns = 5 + ms * MS };

	return tail_routes__see(rs, &s, now_ns);
}

static unsigned int see_call(struct tail_routes *rs, const char *method, uint64_t ms)
{
	const struct span_rpc rpc = { .system = "grpc" };
	const struct span s = { .service = service,
				.method = "POST",
				.route = slice_of(method),
				.start_ns = 5,
				.end_ns = 5 + ms * MS,
				.rpc = &rpc };

	return tail_routes__see(rs, &s, 1);
}

static void routes_are_new_five_times(void **state)
{
	struct tail_routes *rs = tail_routes__new(false, 1);
	struct service *first = service__get("a", NULL, NULL), *second = service__get("b", "", "");
	static const char *const methods[] = { "GET", "POST" };
	static const char *const routes[] = { "/", "/orders/{id}", "/orders/{id}/",
					      "/orders/{ie}" };

	for (int i = 0; i < 7; i++) {
		for (int k = 0; k < 16; k++) {
			service = k & 8 ? first : second;
			assert_int_equal(see(rs, methods[k & 1], routes[k / 2 & 3], 1, 1),
					 i < TAIL_ROUTE_FIRST ? TAIL_SEEN_NEW : 0);
		}
	}
	assert_int_equal(see(rs, "GET", "", 1, 1), 0); /* no route is no new route */
	assert_int_equal(see(rs, "PUT", NULL, 1, 1), 0);
	tail_routes__free(rs);
	tail_routes__free(NULL);
	service__put(first);
	service__put(second);
}

static void slowest_is_by_route(void **state)
{
	struct tail_routes *rs = tail_routes__new(true, 1);
	struct span client = { .kind = SPAN_CLIENT, .method = "GET", .end_ns = SECOND };
	int i;

	client.service = service = service__get("a", NULL, NULL);
	for (i = 0; i < 2 * TAIL_P99_MIN; i++) {
		assert_false(see(rs, "GET", "/fast", 1, 1) & TAIL_SEEN_SLOWEST);
		assert_false(see(rs, "GET", "/slow", 100, 1) & TAIL_SEEN_SLOWEST);
		assert_false(see(rs, "GET", "", 10, 1) & TAIL_SEEN_SLOWEST);
	}
	assert_int_equal(see(rs, "GET", "/fast", 2, 1), TAIL_SEEN_SLOWEST);
	assert_int_equal(see(rs, "GET", "/slow", 99, 1), 0);
	assert_int_equal(see(rs, "GET", "/slow", 120, 1), TAIL_SEEN_SLOWEST);
	assert_int_equal(see(rs, "GET", "", 12, 1), TAIL_SEEN_SLOWEST);
	assert_int_equal(see(rs, "POST", "/fast", 50, 1), TAIL_SEEN_NEW);
	assert_int_equal(tail_routes__see(rs, &client, 1), 0);
	tail_routes__free(rs);
	service__put(service);
}

/* A call's route is its method, as agg.c sets it. */
static void methods_of_calls_are_routes(void **state)
{
	struct tail_routes *rs = tail_routes__new(true, 1);
	int i;

	service = service__get("a", NULL, NULL);
	for (i = 0; i < 2 * TAIL_P99_MIN; i++) {
		unsigned int want = i < TAIL_ROUTE_FIRST ? TAIL_SEEN_NEW : 0;

		assert_int_equal(see_call(rs, "a.B/Fast", 1), want);
		assert_int_equal(see_call(rs, "a.B/Slow", 100), want);
		assert_int_equal(see_call(rs, "_OTHER", 10), 0);
		assert_int_equal(see_call(rs, "", 10), 0);
	}
	assert_int_equal(see_call(rs, "a.B/Fast", 2), TAIL_SEEN_SLOWEST);
	assert_int_equal(see_call(rs, "a.B/Slow", 99), 0);
	assert_int_equal(see_call(rs, "_OTHER", 12), TAIL_SEEN_SLOWEST);
	tail_routes__free(rs);
	service__put(service);
}

static unsigned int see_numbered(struct tail_routes *rs, unsigned int i, uint64_t now_ns)
{
	char route[32];

	snprintf(route, sizeof(route), "/r%u", i);
	return see(rs, "GET", route, 1, now_ns);
}

static void only_idle_routes_give_up_their_place(void **state)
{
	struct tail_routes *rs = tail_routes__new(false, 1);
	unsigned int i;

	service = service__get("a", NULL, NULL);
	for (i = 0; i < TAIL_ROUTES_MAX; i++)
		assert_int_equal(see_numbered(rs, i, 0), TAIL_SEEN_NEW);
	assert_int_equal(see_numbered(rs, i, TAIL_ROUTE_IDLE_NS - 1), TAIL_SEEN_LOST);
	for (i = 0; i < TAIL_ROUTE_FIRST; i++) /* known ones go on; this one is in use again */
		assert_int_equal(see_numbered(rs, 0, 1), i < 4 ? TAIL_SEEN_NEW : 0);
	for (i = 1; i < TAIL_ROUTES_MAX; i++)
		assert_int_equal(see_numbered(rs, TAIL_ROUTES_MAX + i, TAIL_ROUTE_IDLE_NS),
				 TAIL_SEEN_NEW);
	assert_int_equal(see_numbered(rs, 0, TAIL_ROUTE_IDLE_NS), 0);
	assert_int_equal(see_numbered(rs, 1, TAIL_ROUTE_IDLE_NS), TAIL_SEEN_LOST);
	tail_routes__free(rs);
	service__put(service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_is_exact),
		cmocka_unit_test(unused_tokens_are_kept_for_a_second),
		cmocka_unit_test(services_do_not_share_a_limit),
		cmocka_unit_test(a_long_pause_is_no_overflow),
		cmocka_unit_test(the_p99_is_that_of_all_observations),
		cmocka_unit_test(old_observations_are_forgotten),
		cmocka_unit_test(routes_are_new_five_times),
		cmocka_unit_test(slowest_is_by_route),
		cmocka_unit_test(methods_of_calls_are_routes),
		cmocka_unit_test(only_idle_routes_give_up_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
