/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF side counts, read from the maps' own memory and not by system calls: during one
 * the kernel runs no perf tracepoint's program on that processor.
 */
#ifndef RED_LOADER_COUNTS_H
#define RED_LOADER_COUNTS_H

#include <stdint.h>

#include "redeye.h"

struct bpf_map;
struct loader_counts;

/* Of maps that are loaded: RED_HOOK__CNT of `stats` for each processor, RED_SHARES. NULL and
 * errno. */
struct loader_counts *loader_counts__new(const struct bpf_map *stats, const struct bpf_map *shares);
void loader_counts__free(struct loader_counts *c); /* accepts NULL */

/* One hook's, summed over the processors. */
void loader_counts__stat(const struct loader_counts *c, enum red_hook hook, struct red_stat *out);

/* Records that were refused because the share at `place` was used up; 0 for none of the places. */
uint64_t loader_counts__refused(const struct loader_counts *c, uint32_t place);

#endif /* RED_LOADER_COUNTS_H */
