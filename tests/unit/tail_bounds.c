// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whatever comes, memory stays within its limits and every span is accounted for. */
#include "tail_fixture.h"

static uint64_t random_state = 1;

static uint32_t pick(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % n;
}

/* Whatever happens: all spans are accounted for, within the limits. */
static void check_bounds(const struct tail *t, uint64_t came)
{
	struct tail_stats s;
	uint64_t sum, n = 0;
	int i;

	tail__stats(t, &s);
	for (i = 0, sum = s.held_spans; i < TAIL_REASON__CNT; i++) {
		sum += s.spans[i];
		n += tail_reason__keeps(i) ? s.spans[i] : 0;
	}
	assert_int_equal(sum, came);
	assert_int_equal(n, n_kept);
	assert_true(s.held_bytes <= t->cfg.max_bytes);
	assert_true(s.held_traces <= t->cfg.max_traces);
	assert_true(!s.held_spans == !s.held_bytes);
}

static void traces_that_never_end_stay_within_the_bounds(void **state)
{
	const struct tail_config c = { .keep_errors = true,
				       .max_traces = 1009,
				       .max_bytes = 1 << 20 };
	struct span s = { .service = services[0], .method = "GET", .path = SLICE("/path") };
	struct tail *t = tail_of(c);
	size_t empty = live_bytes, most = 0;
	uint32_t i;

	for (i = 1; i <= 100003; i++) {
		memcpy(s.trace.trace_id, &i, sizeof(i));
		tail__begin(t, s.trace.trace_id, i);
		for (uint32_t k = i % 4; k--;)
			tail__span(t, &s, false);
		most = live_bytes > most ? live_bytes : most;
	}
	assert_in_range(most - empty, c.max_bytes / 2, c.max_bytes + 1009 * 16 * sizeof(void *));
	check_bounds(t, i / 4 * 6);
	tail__flush(t);
	assert_int_equal(t->stats.spans[TAIL_NOT_SAMPLED], i / 4 * 6);
	tail__free(t);
}

/* One trace id for all, as of a client that never makes a new one. */
static void one_trace_alone_stays_within_the_bounds(void **state)
{
	const struct tail_config c = { .keep_errors = true, .max_bytes = 100000 };
	struct span s = { .service = services[0], .method = "GET", .path = SLICE("/path") };
	struct tail *t = tail_of(c);
	size_t empty = live_bytes;

	memcpy(s.trace.trace_id, id_of('A'), 16);
	for (int i = 0; i < 10007; i++) {
		tail__begin(t, s.trace.trace_id, i);
		tail__span(t, &s, false);
		assert_true(live_bytes - empty <= 2 * c.max_bytes);
	}
	check_bounds(t, 10007);
	tail__flush(t);
	assert_true(live_bytes - empty <= KEEP_SPANS * sizeof(struct span *));
	tail__free(t);
}

static void a_span_beyond_all_room_is_decided_alone(void **state)
{
	struct tail *t = tail_of((struct tail_config){ .limit_per_s = 9, .max_bytes = 10 });

	play(t, "A+ As B+ B. @0 A. B- A-");
	assert_string_equal(kept, "A1|A2");
	assert_string_equal(stats_text(t), "not_sampled=1 head=1 follow=1 early=2");
	tail__free(t);
}

/* A few traces, little room, and in every round another allocation fails. */
static void anything_in_any_order(void **state)
{
	static const char whats[] = "....sfe.lm";

	for (unsigned int round = 0; round < 2003; round++) {
		struct tail_config c = { .keep_errors = pick(2),
					 .keep_slowest = pick(2),
					 .keep_new_routes = pick(2),
					 .keep_slow_ns = pick(2) * MS,
					 .limit_per_s = pick(3),
					 .grace_ns = 5,
					 .max_traces = 1 + pick(8),
					 .max_bytes = 1000 + pick(9000) };
		uint64_t now = 5000 * MS, came = 0;
		struct tail *t;

		fail_in = n_kept = 0;
		t = tail_of(c);
		fail_in = round % 3 ? 0 : 1 + pick(40);
		for (int i = 0; i < 300; i++, now += pick(2)) {
			char trace = (char)('A' + pick(16));

			kept[0] = 0;
			switch (pick(4)) {
			case 0:
				tail__begin(t, id_of(trace), now);
				break;
			case 1:
				tail__end(t, id_of(trace), now);
				break;
			case 2:
				came++;
				add_span(t, trace, whats[pick(sizeof(whats) - 1)], now);
				break;
			default:
				assert_true(tail__tick(t, now) > now);
			}
			check_bounds(t, came);
		}
		kept[0] = 0;
		if (pick(2))
			tail__flush(t);
		tail__free(t);
	}
}

/* What is created, and then what is held, with each allocation failing in turn. */
static void no_memory(void **state)
{
	const struct tail_config c = { .keep_errors = true,
				       .keep_slowest = true,
				       .limit_per_s = 9 };
	struct tail *t = NULL;
	unsigned int i;

	for (i = 1; !t; i++) {
		fail_in = i;
		errno = 0;
		t = tail_of(c);
		assert_true(t || errno == ENOMEM);
	}
	assert_int_equal(i, 7); /* five allocations, and one that was not there */
	tail__free(t);
	for (i = 1; i < 20; i++) {
		fail_in = 0;
		n_kept = 0;
		t = tail_of(c);
		fail_in = i;
		play(t, "A+ A. A. B+ B. Be A. A. A. Ae A- B- @1000 B. A.");
		check_bounds(t, 10);
		assert_true(i > 11 || t->stats.early_cnt + t->stats.lost_routes_cnt == 1);
		tail__free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(traces_that_never_end_stay_within_the_bounds),
		TEST(one_trace_alone_stays_within_the_bounds),
		TEST(a_span_beyond_all_room_is_decided_alone),
		TEST(anything_in_any_order),
		TEST(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
