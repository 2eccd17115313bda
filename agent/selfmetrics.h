/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What redeye says of itself, "redeye.*": what was observed, what became of it,
 * what it cost. Listed in docs/metrics.md. */
#ifndef RED_SELFMETRICS_H
#define RED_SELFMETRICS_H

#include <stdint.h>

struct httpd_stats;
struct loader;
struct memory_guard;
struct metrics;
struct pipeline;
struct procs;
struct self_builder;

/* loader and memory may be NULL (replay): then nothing is said of the kernel side
 * and of redeye's own cost. */
void selfmetrics__add(struct metrics *m, struct pipeline *p, const struct procs *procs,
		      const struct loader *loader, const struct memory_guard *memory,
		      uint64_t start_unix_ns);

/* ---- selfmetrics_http.c ---- */
void selfmetrics__http(struct self_builder *b, const struct httpd_stats *st);

#endif /* RED_SELFMETRICS_H */
