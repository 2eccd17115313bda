/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A history without a thread, fed by a real aggregation, whose seconds pass when a test says so. */
#ifndef RED_TEST_HISTORY_H
#define RED_TEST_HISTORY_H

#include <arpa/inet.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg.h"
#include "history_internal.h"
#include "service.h"

#define SEC   UINT64_C(1000000000)
#define MS    UINT64_C(1000000)
#define BEGIN UINT32_C(1700000003) /* not a multiple of ten */
#define MiB   (UINT64_C(1) << 20)

#define OFFSET_NS (INT64_C(1699999000) * 1000000000) /* Unix less monotonic */

static const struct history_filter ALL = { .kind = -1 };

struct fixture {
	struct history *h;
	struct agg *agg;
	uint32_t now; /* the second that is under way */
};

static inline struct fixture fixture_new(uint64_t limit_bytes)
{
	const struct history_config c = { .limit_bytes = limit_bytes, .query = true };
	const struct agg_config ac = { .cardinality_limit = 4000,
				       .learn_routes = true,
				       .max_routes = 4000 };
	struct fixture f = { .h = history__bare(&c, BEGIN * SEC),
			     .agg = agg__new(&ac),
			     .now = BEGIN };

	assert_non_null(f.h);
	assert_non_null(f.agg);
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	agg__free(f->agg);
	history__free(f->h);
}

static inline uint64_t mono_at(uint32_t second)
{
	return (uint64_t)second * SEC - (uint64_t)OFFSET_NS;
}

/* The present second is over. */
static inline void pass(struct fixture *f)
{
	uint64_t at = (uint64_t)++f->now * SEC + 5 * MS;
	struct metrics *m = metrics__new(at);

	assert_int_equal(agg__snapshot(f->agg, m, at, at - (uint64_t)OFFSET_NS), 0);
	history__step(f->h, m, at);
	metrics__put(m);
}

static inline void pass_seconds(struct fixture *f, uint32_t n)
{
	while (n--)
		pass(f);
}

/* A server's span of the present second. */
static inline struct span a_span(const struct fixture *f, const struct service *service,
				 const char *path, uint16_t status, uint64_t duration_ns)
{
	uint64_t end = mono_at(f->now) + SEC / 2;

	return (struct span){
		.kind = SPAN_SERVER,
		.service = service,
		.start_ns = end - duration_ns,
		.end_ns = end,
		.method = "GET",
		.path = slice_of(path),
		.scheme = "http",
		.protocol_version = "1.1",
		.status = status,
		.error_type = status >= 500 ? "500" : NULL,
	};
}

static inline void serve(struct fixture *f, const char *service, const char *path, uint16_t status,
			 uint64_t duration_ns)
{
	struct service *v = service__get(service, "ns", NULL);
	struct span s = a_span(f, v, path, status, duration_ns);

	agg__span(f->agg, &s);
	service__put(v);
}

static inline void call(struct fixture *f, const char *service, const char *host, uint16_t port,
			uint16_t status)
{
	struct service *v = service__get(service, "ns", NULL);
	struct span s = a_span(f, v, "/", status, MS);

	s.kind = SPAN_CLIENT;
	s.host = slice_of(host);
	s.host_port = port;
	agg__span(f->agg, &s);
	service__put(v);
}

static inline struct history_state state_of(struct history *h)
{
	struct history_state st;

	history__state(h, &st);
	return st;
}

static inline struct history_range all_time(void)
{
	return (struct history_range){ 0, 0 };
}

/* What all rows have together. */
static inline uint64_t count_of(struct history *h, const struct history_filter *f,
				struct history_range r)
{
	struct history_rows *rows = history__rows(h, f, r, HISTORY_BY_ROUTE, 0);
	uint64_t n = 0;
	size_t i;

	assert_non_null(rows);
	for (i = 0; i < rows->n; i++)
		n += rows->v[i].dist.count;
	history_rows__free(rows);
	return n;
}

static inline uint64_t random_below(uint64_t n)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

#endif /* RED_TEST_HISTORY_H */
