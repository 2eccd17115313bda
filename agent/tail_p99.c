// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An estimate of a route's p99 from a small histogram: microseconds (of 1,024 ns), equal
 * buckets up to 16, from there 16 for each power of two, the last one open (137 s). The
 * bucket of the p99 moves with each observation instead of being searched for; halving
 * all counts now and then forgets what was.
 */
#include "tail_internal.h"

static uint32_t p99_bucket(uint64_t ns)
{
	uint64_t us = ns >> 10;
	uint32_t octave;

	if (us < 1 << TAIL_P99_SUB)
		return (uint32_t)us;
	octave = 63 - (uint32_t)__builtin_clzll(us) - TAIL_P99_SUB; /* 0: 16 to 31 */
	if (octave >= TAIL_P99_OCTAVES - 1)
		return TAIL_P99_BUCKETS - 1;
	return (octave << TAIL_P99_SUB) + (uint32_t)(us >> octave);
}

/* Puts `at` back to where at most a hundredth is above it. */
static void adjust(struct tail_p99 *p)
{
	uint32_t may = p->n / 100;

	while (p->above > may)
		p->above -= p->counts[++p->at];
	while (p->at && p->above + p->counts[p->at] <= may)
		p->above += p->counts[p->at--];
}

static void decay(struct tail_p99 *p)
{
	uint32_t i;

	p->n = p->above = p->at = 0;
	for (i = 0; i < TAIL_P99_BUCKETS; i++) {
		p->counts[i] /= 2;
		p->n += p->counts[i];
	}
	p->above = p->n - p->counts[0];
	adjust(p);
}

bool tail_p99__is_below(const struct tail_p99 *p, uint64_t ns)
{
	return p->n >= TAIL_P99_MIN && p99_bucket(ns) > p->at;
}

void tail_p99__add(struct tail_p99 *p, uint64_t ns)
{
	uint32_t b = p99_bucket(ns);

	p->counts[b]++;
	p->n++;
	p->above += b > p->at;
	adjust(p);
	if (p->n >= TAIL_P99_DECAY)
		decay(p);
}
