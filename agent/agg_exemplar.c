// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Exemplars: for each bucket of a duration the latest request whose trace is kept
 * (OpenTelemetry metrics SDK, AlignedHistogramBucketExemplarReservoir). Only series
 * with kept traces have room for them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agg_internal.h"
#include "metrics.h"

static uint32_t bucket_of(const struct hist *h, double value)
{
	uint32_t i = 0;

	while (i < h->n_bounds && value > h->bounds[i])
		i++;
	return i;
}

static uint32_t buckets(const struct series *s)
{
	return s->parts[PART_DURATION].n_bounds + 1;
}

void agg__exemplar(struct agg *agg, const struct span *s)
{
	struct series *series = series__find(agg, s->series);
	uint64_t ns = s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0;
	struct exemplar *e;

	if (!series)
		return;
	if (!series->exemplars && !agg->full)
		series->exemplars = calloc(buckets(series), sizeof(*series->exemplars));
	if (!series->exemplars)
		return;
	e = &series->exemplars[bucket_of(&series->parts[PART_DURATION], (double)ns / 1e9)];
	e->value = (double)ns / 1e9;
	e->end_ns = s->end_ns;
	e->unix_ns = 0;
	memcpy(e->trace_id, s->trace.trace_id, sizeof(e->trace_id));
	memcpy(e->span_id, s->trace.span_id, sizeof(e->span_id));
}

int exemplars__export(struct series *s, struct metrics *m, struct metric_hist *out,
		      uint64_t unix_minus_mono_ns)
{
	uint32_t n = s->exemplars ? buckets(s) : 0, i;
	struct metric_exemplar *to;

	if (!n)
		return 0;
	to = metrics__alloc(m, n * sizeof(*to));
	if (!to)
		return -ENOMEM;
	out->exemplars = to;
	for (i = 0; i < n; i++) {
		struct exemplar *e = &s->exemplars[i];

		if (!e->end_ns)
			continue;
		if (!e->unix_ns)
			e->unix_ns = e->end_ns + unix_minus_mono_ns;
		to->value = e->value;
		to->unix_ns = e->unix_ns;
		memcpy(to->trace_id, e->trace_id, sizeof(to->trace_id));
		memcpy(to->span_id, e->span_id, sizeof(to->span_id));
		to++;
		out->n_exemplars++;
	}
	return 0;
}

size_t exemplars__bytes(const struct series *s)
{
	return s->exemplars ? buckets(s) * sizeof(*s->exemplars) : 0;
}
