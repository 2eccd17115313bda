// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One set of buckets for all durations: those of an exponential histogram of scale 3, from
 * 2^-20 s to 2^12 s, and what is below and above in the first and the last. A finer
 * histogram falls into them exactly. Of a coarser one (a series whose shortest and longest
 * request are more than 2^20 apart) a bucket covers two or more of ours and is counted in
 * the middle of them.
 */
#include "history_internal.h"

#include <math.h>

double history_bucket__bound(uint32_t i)
{
	return exp2((double)((int32_t)i + BUCKET_FIRST + 1) / (1 << BUCKET_SCALE));
}

static uint32_t clamp(int64_t index)
{
	int64_t i = index - BUCKET_FIRST;

	return i < 0 ? 0 : i >= HISTORY_BUCKETS ? HISTORY_BUCKETS - 1 : (uint32_t)i;
}

uint32_t bucket__of(int64_t index, int scale)
{
	int shift = BUCKET_SCALE - scale;

	if (shift <= 0)
		return clamp(index >> -shift);
	return clamp(index * (1 << shift) + (1 << (shift - 1)));
}

uint32_t bucket__regroup(uint32_t bucket, int scale)
{
	return bucket__of(((int64_t)bucket + BUCKET_FIRST) >> (BUCKET_SCALE - scale), scale);
}

double history_dist__quantile(const struct history_dist *d, double q)
{
	uint64_t sum = 0, rank = (uint64_t)ceil(q * (double)d->count);
	uint32_t i, last = 0;

	if (!d->count)
		return NAN;
	rank = rank ? rank : 1;
	for (i = 0; i < HISTORY_BUCKETS && sum < rank; i++) {
		sum += d->buckets[i];
		last = d->buckets[i] ? i : last;
	}
	return history_bucket__bound(last) * exp2(-0.5 / (1 << BUCKET_SCALE));
}
