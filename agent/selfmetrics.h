/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What redeye says of itself, "redeye.*": what was observed, what became of it,
 * what it cost. Listed in docs/metrics.md. */
#ifndef RED_SELFMETRICS_H
#define RED_SELFMETRICS_H

#include <stdint.h>

struct loader;
struct metrics;
struct pipeline;
struct procs;

/* loader may be NULL (replay): then nothing is said of the kernel side. */
void selfmetrics__add(struct metrics *m, struct pipeline *p, const struct procs *procs,
		      const struct loader *loader, uint64_t start_unix_ns);

#endif /* RED_SELFMETRICS_H */
