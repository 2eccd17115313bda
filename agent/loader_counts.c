// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader_counts.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct loader_counts {
	size_t n_stats; /* RED_HOOK__CNT for each processor */
	const struct red_stat *stats;
	const struct red_share *shares; /* RED_SHARES */
};

static size_t pages(size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static size_t stats_bytes(const struct loader_counts *c)
{
	return pages(c->n_stats * sizeof(*c->stats));
}

static size_t shares_bytes(void)
{
	return pages(RED_SHARES * sizeof(struct red_share));
}

static const void *map_memory(const struct bpf_map *map, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

struct loader_counts *loader_counts__new(const struct bpf_map *stats, const struct bpf_map *shares)
{
	struct loader_counts *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return NULL;
	c->n_stats = bpf_map__max_entries(stats);
	c->stats = map_memory(stats, stats_bytes(c));
	if (c->stats)
		c->shares = map_memory(shares, shares_bytes());
	if (c->shares)
		return c;
	err = errno;
	loader_counts__free(c);
	errno = err;
	return NULL;
}

void loader_counts__free(struct loader_counts *c)
{
	if (!c)
		return;
	if (c->stats)
		munmap((void *)c->stats, stats_bytes(c));
	if (c->shares)
		munmap((void *)c->shares, shares_bytes());
	free(c);
}

void loader_counts__stat(const struct loader_counts *c, enum red_hook hook, struct red_stat *out)
{
	const uint64_t *row;
	size_t at, i, w;

	memset(out, 0, sizeof(*out));
	for (at = hook; at < c->n_stats; at += RED_HOOK__CNT) {
		row = (const uint64_t *)&c->stats[at];
		for (i = 0, w = sizeof(*out) / 8; i < w; i++)
			((uint64_t *)out)[i] += __atomic_load_n(&row[i], __ATOMIC_RELAXED);
	}
}

uint64_t loader_counts__refused(const struct loader_counts *c, uint32_t place)
{
	if (place >= RED_SHARES)
		return 0;
	return __atomic_load_n((const uint64_t *)&c->shares[place].refused, __ATOMIC_RELAXED);
}
