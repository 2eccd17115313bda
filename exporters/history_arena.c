// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "history_internal.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 32768

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(8) char data[];
};

struct result_arena *result_arena__new(void)
{
	return calloc(1, sizeof(struct result_arena));
}

void *result_arena__alloc(struct result_arena *a, size_t bytes)
{
	struct arena_block *b = a->blocks;
	void *p;

	bytes = (bytes + 7) & ~(size_t)7;
	if (!b || b->size - b->used < bytes) {
		size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		*b = (struct arena_block){ .next = a->blocks, .size = size };
		a->blocks = b;
	}
	p = b->data + b->used;
	b->used += bytes;
	return p;
}

const char *result_arena__text(struct result_arena *a, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *copy = n ? result_arena__alloc(a, n) : NULL;

	return copy ? memcpy(copy, s, n) : NULL;
}

void result_arena__free(struct result_arena *a)
{
	struct arena_block *b, *next;

	for (b = a ? a->blocks : NULL; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}
