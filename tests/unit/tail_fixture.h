/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tail decision as its tests play it: a trace is a letter, its spans are numbered. The
 * code under test is included, to fail its allocations and to count what it holds. */
#ifndef RED_TEST_TAIL_FIXTURE_H
#define RED_TEST_TAIL_FIXTURE_H

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

static inline const char *stats_text(const struct tail *t)
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif /* RED_TEST_TAIL_FIXTURE_H */
