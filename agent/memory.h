/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeping --memory-limit. Every table has its own bound; this is the bound on
 * their sum, by what the kernel says is resident. Event loop only.
 */
#ifndef RED_MEMORY_H
#define RED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_guard {
	uint64_t limit_bytes;
	uint64_t resident_bytes; /* at the last check */
	uint64_t full_cnt;       /* how often the limit was reached */
	bool full;
};

/* Blocks of this size and more come from the kernel and go back to it when they are freed;
 * malloc by itself would keep them sooner or later. */
#define MEMORY_LARGE ((size_t)128 * 1024)
void memory__init(void);

uint64_t memory__resident_bytes(void); /* of this process; 0 when it cannot be read */

/* Looks again. True while the limit is reached: until a tenth of it is free. */
bool memory_guard__check(struct memory_guard *g);
/* It is exceeded now: not only until a tenth is free. */
bool memory_guard__over(const struct memory_guard *g);

#endif /* RED_MEMORY_H */
