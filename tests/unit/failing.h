/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory that runs out at a chosen allocation, for the sources that are included after
 * this header: a test includes the .c, whose symbols then go before the archive's.
 */
#ifndef RED_TEST_FAILING_H
#define RED_TEST_FAILING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long failing_after = -1; /* so many succeed; negative: all */
static long failing_live;       /* not yet freed */

static void *failing_realloc(void *old, size_t size)
{
	void *p = failing_after == 0 ? NULL : (realloc)(old, size);

	failing_after -= failing_after > 0;
	failing_live += p && !old;
	return p;
}

static inline void *failing_calloc(size_t n, size_t size)
{
	void *p = failing_realloc(NULL, n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

static inline char *failing_strdup(const char *s)
{
	char *p = failing_realloc(NULL, strlen(s) + 1);

	return p ? strcpy(p, s) : NULL;
}

static inline void failing_free(void *p)
{
	failing_live -= p != NULL;
	(free)(p);
}

#define malloc(size)    failing_realloc(NULL, size)
#define calloc(n, size) failing_calloc(n, size)
#define realloc(p, n)   failing_realloc(p, n)
#define strdup(s)       failing_strdup(s)
#define free(p)         failing_free(p)

#endif /* RED_TEST_FAILING_H */
