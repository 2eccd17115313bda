// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A span is slow when it is among the slowest hundredth of its route in the last minutes.
 * Each ten seconds what was counted is added to a histogram of half octaves; it is halved when it
 * has more than twice of what is needed to go on, so the last minutes weigh most.
 */
#include "history_internal.h"

#include <math.h>
#include <string.h>

#include "service.h"

enum { KEEP = 20 * SLOW_MIN };

void slow__count(struct history *h, struct hroute *r, const struct delta *d)
{
	uint32_t i;

	if (!r->recent)
		r->recent = room__alloc(h, ROOM_TABLES, RECENT_BUCKETS * sizeof(*r->recent));
	if (!r->recent)
		return;
	for (i = d->from; i < d->to; i++)
		r->recent[i * RECENT_BUCKETS / HISTORY_BUCKETS] += d->buckets[i];
}

static uint64_t total(const struct hroute *r)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < RECENT_BUCKETS; i++)
		n += r->recent[i];
	return n;
}

void slow__settle(struct hroute *r)
{
	uint64_t n = r->recent ? total(r) : 0, above = 0;
	uint32_t i = RECENT_BUCKETS;

	r->slow_ns = 0;
	if (n < SLOW_MIN)
		return;
	while (i && above + r->recent[i - 1] <= n / 100)
		above += r->recent[--i];
	i = i * (HISTORY_BUCKETS / RECENT_BUCKETS);
	r->slow_ns = (uint64_t)(history_bucket__bound(i ? i - 1 : 0) * 1e9);
	for (; n > KEEP; n /= 2)
		for (i = 0; i < RECENT_BUCKETS; i++)
			r->recent[i] /= 2;
}

bool slow__is(const struct history *h, const struct span *s)
{
	struct history_name name;
	const struct hroute *r;
	char peer[320], route[512];

	span__name(s, s->service->name, s->service->namespace, peer, route, &name);
	r = hroute__find(h, &name);
	return r && r->slow_ns && s->end_ns > s->start_ns && s->end_ns - s->start_ns > r->slow_ns;
}
