/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spans into an aggregation, and what its snapshots say. */
#ifndef RED_TEST_AGG_FIXTURE_H
#define RED_TEST_AGG_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agg.h"
#include "metrics.h"
#include "options.h"
#include "request.h"
#include "service.h"

#define SEC      UINT64_C(1000000000)
#define NOW_UNIX (UINT64_C(1800000000) * SEC)

static inline struct agg *agg_with(uint32_t limit, bool sizes)
{
	const struct agg_config c = { .cardinality_limit = limit,
				      .series_expiry_ns = 300 * SEC,
				      .body_size_metrics = sizes,
				      .learn_routes = true,
				      .max_routes = 100 };
	struct agg *agg = agg__new(&c);

	assert_non_null(agg);
	return agg;
}

static inline struct span server(const struct service *svc, const char *path, uint16_t status)
{
	return (struct span){ .kind = SPAN_SERVER,
			      .service = svc,
			      .start_ns = 10 * SEC,
			      .end_ns = 10 * SEC + 20000000,
			      .method = "GET",
			      .path = slice_of(path),
			      .scheme = "http",
			      .protocol_version = "1.1",
			      .status = status,
			      .error_type = status >= 500 ? "500" : NULL,
			      .request_body_bytes = 7,
			      .response_body_bytes = 300 };
}

static inline struct span client(const struct service *svc, const char *host, uint16_t port)
{
	struct span s = server(svc, "/x", 200);

	s.kind = SPAN_CLIENT;
	s.host = slice_of(host);
	s.host_port = port;
	return s;
}

static inline struct metrics *snapshot(struct agg *agg)
{
	struct metrics *m = metrics__new(NOW_UNIX);

	assert_int_equal(agg__snapshot(agg, m, NOW_UNIX, 100 * SEC), 0);
	assert_true(metrics__ok(m));
	return m;
}

static inline const struct metric_family *family(const struct metrics *m, const char *name)
{
	uint32_t i;

	for (i = 0; i < m->n_families; i++)
		if (!strcmp(m->families[i].name, name))
			return &m->families[i];
	return NULL;
}

/* "key=value,..." */
static inline const char *attrs(const struct metric_point *p)
{
	static char text[1024];
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < p->n_attrs; i++) {
		const struct metric_attr *a = &p->attrs[i];

		if (i)
			assert_true(strcmp(p->attrs[i - 1].key, a->key) < 0);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=", i ? "," : "", a->key);
		if (a->type == ATTR_STRING)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", a->str);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%d", (int)a->num);
	}
	text[n] = '\0';
	return text;
}

static inline uint64_t total(const struct metric_family *f)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; f && i < f->n_points; i++)
		n += f->points[i].hist.count;
	return n;
}

static inline struct agg_stats stats(const struct agg *agg)
{
	struct agg_stats st;

	agg__stats(agg, &st);
	return st;
}

#endif /* RED_TEST_AGG_FIXTURE_H */
