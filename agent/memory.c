// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "memory.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

void memory__init(void)
{
	mallopt(M_MMAP_THRESHOLD, MEMORY_LARGE);
	/* What is left at the heap's end must not be enough for one, or it goes there. */
	mallopt(M_TOP_PAD, MEMORY_LARGE / 2);
}

uint64_t memory__resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long total, resident = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(f);
	return (uint64_t)resident * getpagesize();
}

bool memory_guard__check(struct memory_guard *g)
{
	g->resident_bytes = memory__resident_bytes();
	/* What was freed may still count: hand it back before giving anything up. */
	if (g->resident_bytes > g->limit_bytes - g->limit_bytes / 10) {
		malloc_trim(0);
		g->resident_bytes = memory__resident_bytes();
	}
	if (!g->full && g->resident_bytes > g->limit_bytes) {
		g->full = true;
		g->full_cnt++;
	} else if (g->full && g->resident_bytes < g->limit_bytes - g->limit_bytes / 10) {
		g->full = false;
	}
	return g->full;
}

bool memory_guard__over(const struct memory_guard *g)
{
	return g->resident_bytes > g->limit_bytes;
}
