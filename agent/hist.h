/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One histogram of non-negative values: explicit buckets and a base-2
 * exponential histogram of the same measurements. See hist.c. Event loop only.
 */
#ifndef RED_HIST_H
#define RED_HIST_H

#include <stddef.h>
#include <stdint.h>

struct metrics;
struct metric_hist;

enum {
	HIST_MAX_BOUNDS = 15,
	HIST_FEW = 8,        /* distinct values that are kept as they are */
	HIST_EXP_SIZE = 160, /* buckets of the exponential part */
	HIST_MAX_SCALE = 20,
	HIST_MIN_SCALE = -4, /* where every finite double fits, see hist.c */
};

struct hist_few {
	double value;
	uint64_t count;
};

struct hist {
	uint64_t count;
	double sum, min, max;
	const double *bounds; /* upper-inclusive, ascending, static storage */
	uint32_t n_bounds;
	uint32_t n_few;
	struct hist_few *few;  /* as long as exp is NULL */
	uint64_t *exp;         /* HIST_EXP_SIZE counters; bucket i is at i mod HIST_EXP_SIZE */
	int32_t scale, lo, hi; /* of exp: buckets lo..hi are in use, hi - lo < HIST_EXP_SIZE */
	uint64_t zero_count;
	uint64_t counts[HIST_MAX_BOUNDS + 1]; /* n_bounds + 1 in use */
};

/* bounds stays the caller's and must live as long as every snapshot: make it static. */
void hist__init(struct hist *h, const double *bounds, uint32_t n_bounds);
void hist__free(struct hist *h); /* what h owns, not h; accepts a zeroed h */

/* -EINVAL for a value that is negative, infinite or not a number, -ENOMEM; then
 * nothing at all was recorded. Allocates at most five times in a histogram's life. */
int hist__record(struct hist *h, double value);

/* Everything *out points to but the bounds is m's. 0 or -ENOMEM. */
int hist__export(const struct hist *h, struct metrics *m, struct metric_hist *out);

size_t hist__bytes(const struct hist *h); /* on the heap, without *h itself */

/* The bucket of a finite value > 0: (2^(i/2^scale), 2^((i+1)/2^scale)]. */
int32_t hist__exp_index(double value, int scale);

#endif /* RED_HIST_H */
