// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Includes the code under test, to fail its allocations and to count what it holds. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>

static unsigned int fail_in; /* the n-th allocation from now fails; 0: none */
static size_t live_bytes;

static bool fails(void)
{
	errno = ENOMEM;
	return fail_in && !--fail_in;
}

static void *counted(void *p)
{
	live_bytes += malloc_usable_size(p);
	return p;
}

static void *t_malloc(size_t n)
{
	return fails() ? NULL : counted(malloc(n));
}

static void *t_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(calloc(n, size));
}

static void t_free(void *p)
{
	live_bytes -= malloc_usable_size(p);
	free(p);
}

static void *t_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	live_bytes -= malloc_usable_size(p);
	return counted(realloc(p, n));
}

#define malloc  t_malloc
#define calloc  t_calloc
#define realloc t_realloc
#define free    t_free
#include "../../agent/span_batch.c"
#include "../../agent/tail.c"
#include "../../agent/tail_limit.c"
#include "../../agent/tail_p99.c"
#include "../../agent/tail_route.c"
#include "../../agent/tail_trace.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#define MS       UINT64_C(1000000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a trace is a letter, its spans are numbered ---- */

static struct service *services[2]; /* of traces A to M, N to Z */
static char kept[4096];
static unsigned int n_kept, n_spans[26];

static int set_up(void **state)
{
	services[0] = service__get("first", NULL, NULL);
	services[1] = service__get("second", NULL, NULL);
	fail_in = 0;
	n_kept = 0;
	kept[0] = 0;
	memset(n_spans, 0, sizeof(n_spans));
	assert_int_equal(live_bytes, 0);
	return 0;
}

/* Every test gives back what it took: memory, and references to services. */
static int tear_down(void **state)
{
	assert_int_equal(services[0]->refs, 1);
	assert_int_equal(services[1]->refs, 1);
	service__put(services[0]);
	service__put(services[1]);
	assert_int_equal(live_bytes, 0);
	return 0;
}

static void on_keep(void *arg, const struct span *s)
{
	size_t len = strlen(kept);

	assert_true(s->service->refs && s->service->id);
	assert_memory_equal(s->path.p, "/path", 5);
	n_kept++;
	snprintf(kept + len, sizeof(kept) - len, "%c%u", s->trace.trace_id[0],
		 (unsigned int)s->conn_id);
}

static struct tail *tail_of(struct tail_config c)
{
	c.grace_ns = c.grace_ns ?: 1000 * MS;
	c.max_bytes = c.max_bytes ?: 1 << 20;
	c.max_traces = c.max_traces ?: 100;
	c.keep = on_keep;
	return tail__new(&c);
}

static const uint8_t *id_of(char trace)
{
	static uint8_t id[16];

	id[0] = (uint8_t)trace;
	id[15] = 1;
	return id;
}

/* '.' plain, 's' sampled, 'f' forced, 'e' error, 'l' a second long, 'm' a little more. */
static void add_span(struct tail *t, char trace, char what, uint64_t now)
{
	char path[] = "/path";
	struct span s = {
		.kind = SPAN_SERVER,
		.service = services[trace >= 'N'],
		.method = "GET",
		.path = { path, 5 },
		.start_ns = now - 1,
		.end_ns = now,
		.error_type = what == 'e' ? "500" : NULL,
		.trace.forced = what == 'f',
		.conn_id = ++n_spans[trace - 'A'],
	};

	s.start_ns -= what == 'l' ? 1000 * MS - 1 : what == 'm' ? 1000 * MS : 0;
	memcpy(s.trace.trace_id, id_of(trace), 16);
	tail__span(t, &s, what == 's');
	memset(path, 'x', sizeof(path)); /* it was valid during the call */
}

/* "A+ A- Ae @1500": begin, end, a span, and a tick at a millisecond. */
static void play(struct tail *t, const char *script)
{
	uint64_t now = 5000 * MS;
	char *end;

	while (*script) {
		if (script[0] == '@') {
			now = 5000 * MS + strtoul(script + 1, &end, 10) * MS;
			script = end;
			tail__tick(t, now);
			strcat(kept, "|");
		} else {
			if (script[1] == '+')
				tail__begin(t, id_of(script[0]), now);
			else if (script[1] == '-')
				tail__end(t, id_of(script[0]), now);
			else
				add_span(t, script[0], script[1], now);
			script += 2;
		}
		script += *script == ' ';
	}
}

static const char *stats_text(const struct tail *t)
{
	static char text[512];
	struct tail_stats s;
	char *p = text;

	tail__stats(t, &s);
	*p = 0;
	for (int i = 0; i < TAIL_REASON__CNT; i++)
		if (s.spans[i])
			p += sprintf(p, "%s=%lu ", tail_reason_names[i], s.spans[i]);
	if (s.early_cnt)
		p += sprintf(p, "early=%lu ", s.early_cnt);
	if (s.held_spans)
		p += sprintf(p, "held=%lu/%u ", s.held_spans, s.held_traces);
	if (p > text)
		p[-1] = 0;
	return text;
}

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
	s.error_type = NULL;
	for (i = 1; i <= 3; i++) {
		memcpy(s.trace.trace_id, &i, sizeof(i));
		tail__span(t, &s, false);
	}
	assert_string_equal(stats_text(t), "error=4097 follow=2 held=1/1");
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

/* ---- bounds ---- */

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
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
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
		TEST(traces_that_never_end_stay_within_the_bounds),
		TEST(one_trace_alone_stays_within_the_bounds),
		TEST(a_span_beyond_all_room_is_decided_alone),
		TEST(anything_in_any_order),
		TEST(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
