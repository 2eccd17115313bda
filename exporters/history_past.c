// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What was counted between two moments, from values that only ever grow, or begin again.
 *
 * A series that begins again (it had expired and came back: another start, or a smaller count)
 * is as if it had been 0 at that moment: `fine` becomes 0 and the same is subtracted from
 * `coarse`, which may make it negative. All is modulo 2^32 or 2^64, so the difference of the
 * next ten seconds still has what was counted on both sides of the new beginning.
 *
 * When the scale of a series falls below that of our buckets, what was counted in fine buckets
 * comes in the middle ones of their groups from then on. The past is regrouped in the same way;
 * only at the two ends, where buckets are clamped, a count may still seem to have gone elsewhere.
 * settle() takes such a negative difference out of its neighbours: counts are exact always.
 */
#include "history_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Makes [from, to) part of p's window. */
static int cover(struct history *h, struct past *p, uint32_t from, uint32_t to)
{
	uint32_t lo = p->n && p->from < from ? p->from : from;
	uint32_t hi = p->n && (uint32_t)p->from + p->n > to ? (uint32_t)p->from + p->n : to;
	uint32_t *buckets;

	if (from >= to || (p->n && lo == p->from && hi - lo == p->n))
		return 0;
	buckets = room__alloc(h, ROOM_TABLES, (hi - lo) * sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	if (p->n)
		memcpy(buckets + (p->from - lo), p->buckets, p->n * sizeof(*buckets));
	room__free(h, ROOM_TABLES, p->buckets, p->n * sizeof(*buckets));
	p->buckets = buckets;
	p->from = (uint16_t)lo;
	p->n = (uint16_t)(hi - lo);
	return 0;
}

void past__free(struct history *h, struct past *p)
{
	room__free(h, ROOM_TABLES, p->buckets, p->n * sizeof(*p->buckets));
	*p = (struct past){ 0 };
}

/* Buckets of a snapshot's histogram. */
static void spread(const struct metric_hist *m, struct delta *d)
{
	uint32_t i, n = m->exp.n_counts, at;

	d->count = m->count;
	d->sum_us = m->sum > 0 ? (uint64_t)llround(m->sum * 1e6) : 0;
	d->from = n ? bucket__of(m->exp.offset, m->exp.scale) : 0;
	d->to = n ? bucket__of((int64_t)m->exp.offset + n - 1, m->exp.scale) + 1 : 0;
	if (m->exp.zero_count) {
		d->from = 0;
		d->to = d->to ? d->to : 1;
	}
	memset(d->buckets + d->from, 0, (d->to - d->from) * sizeof(d->buckets[0]));
	if (m->exp.zero_count)
		d->buckets[0] = (uint32_t)m->exp.zero_count;
	for (i = 0; i < n; i++) {
		at = bucket__of((int64_t)m->exp.offset + i, m->exp.scale);
		d->buckets[at] += (uint32_t)m->exp.counts[i];
	}
}

static int regroup(struct history *h, struct past *p, int scale)
{
	uint32_t moved[HISTORY_BUCKETS] = { 0 }, i, at;

	if (!p->n || cover(h, p, bucket__regroup(p->from, scale),
			   bucket__regroup(p->from + p->n - 1u, scale) + 1))
		return p->n ? -ENOMEM : 0;
	for (i = 0; i < p->n; i++) {
		at = bucket__regroup(p->from + i, scale);
		moved[at] += p->buckets[i];
	}
	memcpy(p->buckets, moved + p->from, p->n * sizeof(*p->buckets));
	return 0;
}

static void begin_again(struct history *h, struct hseries *s)
{
	struct past *fine = &s->past[FINE], *coarse = &s->past[COARSE];
	uint32_t i;

	coarse->count -= fine->count;
	coarse->sum_us -= fine->sum_us;
	for (i = 0; i < fine->n; i++)
		coarse->buckets[fine->from + i - coarse->from] -= fine->buckets[i];
	past__free(h, fine);
	s->scale = BUCKET_SCALE;
}

static bool began_again(const struct hseries *s)
{
	return s->start_unix_ns != s->now_start_unix_ns || s->now->count < s->past[FINE].count;
}

/* Negative counts out of those above, what is left of them out of those below. */
static void settle(struct delta *d)
{
	int64_t debt = 0, v;
	uint32_t i;

	for (i = d->from; i < d->to; i++) {
		v = (int32_t)d->buckets[i] + debt;
		debt = v < 0 ? v : 0;
		d->buckets[i] = v < 0 ? 0 : (uint32_t)v;
	}
	for (i = d->to; debt && i-- > d->from;) {
		v = d->buckets[i] + debt;
		debt = v < 0 ? v : 0;
		d->buckets[i] = v < 0 ? 0 : (uint32_t)v;
	}
}

/* *to takes the values of d, which becomes what is new in them. */
static void subtract(struct past *to, struct delta *d)
{
	uint64_t count = d->count, sum_us = d->sum_us;
	uint32_t i, was, now, hi = (uint32_t)to->from + to->n;

	for (i = to->from; i < hi; i++) {
		was = to->buckets[i - to->from];
		now = i >= d->from && i < d->to ? d->buckets[i] : 0;
		to->buckets[i - to->from] = now;
		d->buckets[i] = now - was;
	}
	if (to->n) {
		d->from = to->from;
		d->to = hi;
	}
	d->count = count - to->count;
	d->sum_us = sum_us - to->sum_us;
	to->count = count;
	to->sum_us = sum_us;
	settle(d);
}

int past__advance(struct history *h, struct hseries *s, struct delta *d)
{
	struct past *fine = &s->past[FINE], *coarse = &s->past[COARSE];
	int scale = s->now->exp.scale < BUCKET_SCALE ? s->now->exp.scale : BUCKET_SCALE;

	/* Room first: from here on nothing may fail. */
	if (fine->n && cover(h, coarse, fine->from, (uint32_t)fine->from + fine->n))
		return -ENOMEM;
	if (began_again(s))
		begin_again(h, s);
	s->start_unix_ns = s->now_start_unix_ns;
	if (scale < s->scale && s->now->exp.n_counts) {
		if (regroup(h, fine, scale) || regroup(h, coarse, scale))
			return -ENOMEM;
		s->scale = (int8_t)scale;
	}
	spread(s->now, d);
	if (cover(h, fine, d->from, d->to) || cover(h, coarse, d->from, d->to))
		return -ENOMEM;
	subtract(fine, d);
	return 0;
}

static void copy_out(const struct past *p, struct delta *d)
{
	d->count = p->count;
	d->sum_us = p->sum_us;
	d->from = p->from;
	d->to = (uint32_t)p->from + p->n;
	if (p->n)
		memcpy(d->buckets + d->from, p->buckets, p->n * sizeof(d->buckets[0]));
}

/* past__advance has made the room. */
void past__catch_up(struct hseries *s, struct delta *d)
{
	copy_out(&s->past[FINE], d);
	subtract(&s->past[COARSE], d);
}
