// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which spans are kept, and when. */
#include "tail_fixture.h"

#define ERRORS                                                                                     \
	{                                                                                          \
		.keep_errors = true                                                                \
	}
#define SLOW                                                                                       \
	{                                                                                          \
		.keep_slow_ns = 1000 * MS                                                          \
	}
#define LIMIT(n)                                                                                   \
	{                                                                                          \
		.keep_errors = true, .limit_per_s = (n)                                            \
	}
#define SMALL                                                                                      \
	{                                                                                          \
		.keep_errors = true, .max_traces = 2                                               \
	}

static const struct {
	const char *name;
	struct tail_config c;
	const char *script, *kept, *stats;
} scenarios[] = {
	{ "no rule", { 0 }, "A+ A. As Ae Af A- @9999", "A2A4|", "not_sampled=2 head=1 forced=1" },
	{ "unwanted", ERRORS, "A+ A. A- @999 @1000", "||", "not_sampled=1" },
	{ "held", ERRORS, "A+ A. A- @999", "|", "held=1/1" },
	{ "still open", ERRORS, "A+ A+ A. A- @9999", "|", "held=1/1" },
	{ "sampled", ERRORS, "A+ A+ As A- As A-", "A1A2", "head=2" },
	{ "an error keeps what was before", ERRORS, "A+ A+ A. Ae A- A-", "A1A2", "error=2" },
	{ "and what comes after", ERRORS, "A+ A+ Ae A. A- A- @1000 A.", "A1A2|A3",
	  "error=1 follow=2" },
	{ "the next request within the grace", ERRORS, "A+ A. A- @900 A+ @1500 Ae A- @2500",
	  "||A1A2|", "error=2" },
	{ "the grace begins again", ERRORS, "A+ A. A- @900 A+ A. A- @1899 Ae", "||A1A2A3",
	  "error=3" },
	{ "an error after the trace was forgotten", ERRORS, "A+ A. A- @1000 A+ Ae A-", "|A2",
	  "not_sampled=1 error=1" },
	{ "a span without a begin", ERRORS, "@0 A. @999 Ae @1000", "||A1A2|", "error=2" },
	{ "and nothing else", ERRORS, "@0 A. @999 A. @1000", "|||", "not_sampled=2" },
	{ "ends without begins", ERRORS, "A- A+ A. A- A- @500 A- @1000", "||", "not_sampled=1" },
	{ "a trace without spans", ERRORS, "A+ A- A+ A+ A- A- @1", "|", "" },
	{ "two traces", ERRORS, "A+ B+ A. B. Be A- B- @1000", "B1B2|", "not_sampled=1 error=2" },
	{ "exactly as slow", SLOW, "A+ Al A- @1000", "|", "not_sampled=1" },
	{ "slower", SLOW, "A+ A. Am A- @1000", "A1A2|", "slow=2" },
	{ "errors are no rule", SLOW, "A+ Ae A- @1000", "|", "not_sampled=1" },
	{ "the first reason counts", ERRORS, "A+ Ae As Af A. A-", "A1A2A3A4",
	  "head=1 forced=1 error=1 follow=1" },

	{ "within the limit", LIMIT(1), "A+ A. Ae A- @999 @1000", "|A1A2|", "error=2" },
	{ "beyond the limit", LIMIT(1), "A+ As A- B+ Bs B- @1000", "A1|", "rate_limit=1 head=1" },
	{ "a service each", LIMIT(1), "A+ As A- N+ Ns N- @1000", "A1N1|", "head=2" },
	{ "almost a second later", LIMIT(1), "A+ As A- @999 B+ Bs B- @1000 @1999", "|A1||",
	  "rate_limit=1 head=1" },
	{ "a second later", LIMIT(1), "A+ As A- @1000 B+ Bs B- @2000", "A1|B1|", "head=2" },
	{ "the unwanted pay nothing", LIMIT(1), "A+ A. A- B+ Bs B- @1000", "B1|",
	  "not_sampled=1 head=1" },
	{ "nor the forced", LIMIT(1), "A+ Af A- B+ Bs B- C+ A. Cs Cf C- @1000", "A1A2C1C2B1|",
	  "head=1 forced=3 follow=1" },
	{ "late spans of the limited", LIMIT(1), "A+ As A- B+ Bs B- @1000 B. Be A.", "A1|A2",
	  "rate_limit=3 head=1 follow=1" },
	{ "until one is forced", LIMIT(1), "A+ As A- B+ Bs B- @1000 Bf B. Be", "A1|B2B3B4",
	  "rate_limit=1 head=1 forced=1 error=1 follow=1" },
	{ "a limit alone holds too",
	  { .limit_per_s = 1 },
	  "A+ As B+ Be @1 A- B- @1001",
	  "|A1|",
	  "not_sampled=1 head=1" },

	{ "too many traces", SMALL, "A+ A. B+ B. C+ C.", "", "not_sampled=1 early=1 held=2/2" },
	{ "the oldest by its beginning", SMALL, "A+ A. B+ B. A. C+ C. Be", "B1B2",
	  "not_sampled=2 error=2 early=1 held=1/1" },
	{ "it goes on alone", SMALL, "A+ A. B+ B. C+ C. A. @1 A- @1000 @1001", "|||",
	  "not_sampled=3 early=2 held=1/1" },
};

static void scenarios_end_as_they_should(void **state)
{
	for (size_t i = 0; i < COUNT(scenarios); i++) {
		struct tail *t = tail_of(scenarios[i].c);

		kept[0] = 0;
		memset(n_spans, 0, sizeof(n_spans));
		play(t, scenarios[i].script);
		if (strcmp(kept, scenarios[i].kept) || strcmp(stats_text(t), scenarios[i].stats))
			fail_msg("%s: %s\nkept '%s', not '%s'\nstats '%s', not '%s'",
				 scenarios[i].name, scenarios[i].script, kept, scenarios[i].kept,
				 stats_text(t), scenarios[i].stats);
		tail__free(t);
	}
	tail__free(NULL);
}

/* ---- what scripts cannot say ---- */

static void tick_says_when(void **state)
{
	struct tail *t = tail_of((struct tail_config)ERRORS);

	assert_int_equal(tail__tick(t, 1), UINT64_MAX);
	tail__begin(t, id_of('A'), 10);
	add_span(t, 'A', '.', 10);
	assert_int_equal(tail__tick(t, 20), UINT64_MAX);
	tail__end(t, id_of('A'), 30);
	tail__begin(t, id_of('B'), 40);
	add_span(t, 'B', '.', 40);
	tail__end(t, id_of('B'), 25); /* time does not go back */
	tail__begin(t, id_of('C'), 45);
	tail__end(t, id_of('C'), 45); /* nothing to decide */
	assert_int_equal(tail__tick(t, 50), 30 + 1000 * MS);
	assert_int_equal(tail__tick(t, 30 + 1000 * MS), 40 + 1000 * MS);
	assert_int_equal(tail__tick(t, 40 + 1000 * MS), UINT64_MAX);
	assert_string_equal(stats_text(t), "not_sampled=2");
	tail__free(t);
	t = tail_of((struct tail_config){ 0 });
	assert_int_equal(tail__tick(t, 1), UINT64_MAX);
	tail__free(t);
}

static void the_end_of_time_is_no_overflow(void **state)
{
	struct tail *t = tail_of((struct tail_config)ERRORS);

	tail__begin(t, id_of('A'), UINT64_MAX - 5);
	add_span(t, 'A', '.', 10);
	tail__end(t, id_of('A'), UINT64_MAX - 5);
	assert_int_equal(tail__tick(t, UINT64_MAX - 1), UINT64_MAX);
	assert_string_equal(stats_text(t), "held=1/1");
	tail__free(t);
}

static void flush_decides_and_free_does_not(void **state)
{
	struct tail *t = tail_of((struct tail_config)LIMIT(5));

	play(t, "A+ A. As B+ B. C+ Cs C-");
	assert_string_equal(kept, "");
	tail__flush(t);
	assert_string_equal(kept, "A1A2C1");
	assert_string_equal(stats_text(t), "not_sampled=1 head=3");
	play(t, "A+ As D+ Ds");
	tail__free(t);
	assert_string_equal(kept, "A1A2C1A3");
}

/* The one that began first pays, whichever ended first. */
static void the_first_service_of_a_trace_pays(void **state)
{
	struct tail *t = tail_of((struct tail_config)LIMIT(1));
	struct span s = { .service = services[1],
			  .method = "GET",
			  .path = SLICE("/path"),
			  .start_ns = 100,
			  .end_ns = 200 };

	memcpy(s.trace.trace_id, id_of('A'), 16);
	tail__span(t, &s, true);
	s.service = services[0]; /* ends last, began first: its root */
	s.start_ns = 90;
	tail__span(t, &s, true);
	memcpy(s.trace.trace_id, id_of('B'), 16); /* the other service still has its token */
	s.service = services[1];
	tail__span(t, &s, true);
	memcpy(s.trace.trace_id, id_of('C'), 16); /* the first one has not */
	s.service = services[0];
	tail__span(t, &s, true);
	tail__tick(t, 1000 * MS);
	assert_string_equal(kept, "A0A0B0");
	assert_string_equal(stats_text(t), "rate_limit=1 head=3");
	tail__free(t);
}

static void spans_without_an_id_stand_alone(void **state)
{
	static const uint8_t none[16];
	struct tail *t = tail_of((struct tail_config)LIMIT(2));
	struct span s = { .service = services[0], .method = "GET", .path = SLICE("/path") };

	tail__begin(t, none, 1);
	for (int i = 0; i < 3; i++)
		tail__span(t, &s, true);
	tail__span(t, &s, false);
	tail__end(t, none, 2);
	assert_string_equal(stats_text(t), "not_sampled=1 rate_limit=1 head=2");
	tail__free(t);
}

static void new_and_slowest_are_asked_for(void **state)
{
	const struct tail_config c = { .keep_slowest = true, .keep_new_routes = true };
	struct span s = { .service = services[0],
			  .method = "GET",
			  .path = SLICE("/path"),
			  .route = SLICE("/r/{id}"),
			  .end_ns = MS };
	struct tail *t = tail_of(c);

	for (int i = 0; i < 201; i++)
		tail__span(t, &s, false); /* its own trace each time */
	assert_string_equal(stats_text(t), "not_sampled=196 new_route=5");
	s.end_ns = 2 * MS;
	tail__span(t, &s, false);
	assert_string_equal(stats_text(t), "not_sampled=196 slowest=1 new_route=5");
	tail__free(t);
}

static void decisions_are_remembered_up_to_a_bound(void **state)
{
	struct tail *t = tail_of((struct tail_config)ERRORS);
	struct span s = {
		.service = services[0], .method = "GET", .path = SLICE("/path"), .error_type = "500"
	};
	uint32_t i;

	for (i = 1; i <= TAIL_DECISIONS_MAX + 1; i++) {
		memcpy(s.trace.trace_id, &i, sizeof(i));
		tail__span(t, &s, false);
		if (i == TAIL_DECISIONS_MAX) /* used again: the second one is the oldest now */
			tail__begin(t, (uint8_t[16]){ 1 }, 1);
	}
	assert_int_equal(n_kept, TAIL_DECISIONS_MAX + 1);
	s.error_type = NULL;
	for (i = 1; i <= 3; i++) {
		n_kept = 0;
		memcpy(s.trace.trace_id, &i, sizeof(i));
		tail__span(t, &s, false);
		assert_int_equal(n_kept, i != 2);
	}
	tail__free(t);
}

static void a_configuration_without_room_is_refused(void **state)
{
	struct tail_config c = { .keep_errors = true, .max_traces = 1, .keep = on_keep };

	assert_null(tail__new(&c));
	assert_int_equal(errno, EINVAL);
	c.max_bytes = 1;
	c.max_traces = 0;
	assert_null(tail__new(&c));
	c.keep_errors = false; /* nothing is held then */
	tail__free(tail__new(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(scenarios_end_as_they_should),
		TEST(tick_says_when),
		TEST(the_end_of_time_is_no_overflow),
		TEST(flush_decides_and_free_does_not),
		TEST(the_first_service_of_a_trace_pays),
		TEST(spans_without_an_id_stand_alone),
		TEST(new_and_slowest_are_asked_for),
		TEST(decisions_are_remembered_up_to_a_bound),
		TEST(a_configuration_without_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
